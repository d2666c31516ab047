"""Lives of changes that a gate really decides, one after the other, as pipelines and a person ask:
the pattern of which `copies.py` makes many.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from benchmarks.requests import submit_body
from benchmarks.surroundings import SERVICES
from gate.app import create_app
from gate.config import Settings
from gate.flow.caller import BySession, Person, Role
from gate.flow.changes.review import approve
from gate.flow.commands import ReviewCommand, TokenCommand
from gate.flow.identity.tokens import make_token
from gate.flow.rulebooks import current_catalogue
from gate.flow.signing import make_key
from gate.storage.identity.tokens import Maker

BASE_URL = "http://gate.example.com"
LIVES = 200
MARKED_FROM = 100_000_000
"""A marker has nine digits in all copies, so that a text keeps its length."""

REVIEWER, GROUP = "ben", "release-managers"
HOURS = 40
"""The commits are so old at most: the lead times are as many."""

_BY = "benchmark"
_KINDS = 10
_WITHDRAWN, _REVIEWED, _FAILED = range(3)
"""Which of ten; the other seven are approved by rules and succeed."""


def settings(folder: Path, url: str, policies: Path) -> Settings:
    """A gate with a key of its own in this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    key = folder / "gate.key"
    if not key.exists():
        make_key(key, BASE_URL)
    given: dict[str, Any] = {
        "database_url": url,
        "policies": policies,
        "base_url": BASE_URL,
        "signing_key_file": key,
        "rate_limit": 0,
    }
    return Settings.read({}, **given)


@asynccontextmanager
async def running(given: Settings) -> AsyncIterator[FastAPI]:
    """The whole service in this process, its worker too."""
    app = create_app(given)
    async with app.router.lifespan_context(app):
        yield app


def client(app: FastAPI, token: str = "", **options: Any) -> httpx.AsyncClient:
    """Somebody with this token who asks over HTTP."""
    if token:
        options["headers"] = {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url=BASE_URL, timeout=120, **options)


async def token_of(app: FastAPI, role: Role) -> str:
    """A new token of this role."""
    store = app.state.attached.gate.store
    made = await store.write(make_token, TokenCommand(role), None, Maker(_BY))
    return str(made.text)


async def live(app: FastAPI, lives: int = LIVES) -> None:
    """Ask, deploy and close; of ten changes one is withdrawn, one fails, one waits for a person
    first.
    """
    async with client(app, await token_of(app, Role.PIPELINE)) as http:
        for number in range(lives):
            await _live(app, http, number)


async def wait_for_people(app: FastAPI, changes: int) -> str:
    """Ask for changes of which each waits for a person, and goes on waiting; the id of the last."""
    async with client(app, await token_of(app, Role.PIPELINE)) as http:
        made = [
            await _asked(http, "/v1/changes", body(LIVES + number, reviewed=False))
            for number in range(changes)
        ]
    return str(made[-1]["id"])


def marker(number: int) -> str:
    """A word that stands in one life alone."""
    return f"m{MARKED_FROM + number}"


def body(number: int, *, reviewed: bool = True) -> dict[str, Any]:
    """A submit; every life has its own commit, title and run."""
    asked: dict[str, Any] = submit_body(SERVICES[number % len(SERVICES)], marker(number))
    asked["commit"] = sha256(marker(number).encode()).hexdigest()[:40]
    asked["title"] = f"Show the delivery date in the basket {marker(number)}"
    asked["facts"]["change"]["age_hours"] = number % HOURS
    asked["facts"]["reviews"]["changes_requested"] = 0 if reviewed else 1
    return asked


async def _live(app: FastAPI, http: httpx.AsyncClient, number: int) -> None:
    kind = number % _KINDS
    asked = body(number, reviewed=kind != _REVIEWED)
    change = await _asked(http, "/v1/changes", asked, key=marker(number))
    path = f"/v1/changes/{change['id']}"
    if kind == _WITHDRAWN:
        await _asked(http, f"{path}/cancellation", {"comment": f"Not now {marker(number)}"})
        return
    if kind == _REVIEWED:
        await _approve(app, change, number)
    about = {name: asked[name] for name in ("commit", "artifacts", "environment", "run")}
    await _asked(http, f"{path}/admission", about)
    ended = {
        "run": asked["run"],
        "result": "unsuccessful" if kind == _FAILED else "successful",
        "notes": f"Deployed {marker(number)}",
    }
    await _asked(http, f"{path}/closure", ended)


async def _approve(app: FastAPI, change: dict[str, Any], number: int) -> None:
    gate = app.state.attached.gate
    reviewer = await gate.store.read(lambda conn: current_catalogue(conn).person_keyed(REVIEWER))
    if reviewer is None:
        raise RuntimeError(f"the catalogue of the benchmark lacks {REVIEWER}")
    person = Person(reviewer, frozenset({GROUP}), BySession(_BY))
    said = ReviewCommand(change["subject_digest"], f"Read {marker(number)}")
    await approve(gate, change["id"], said, person)


async def _asked(
    http: httpx.AsyncClient, path: str, asked: dict[str, Any], key: str = ""
) -> dict[str, Any]:
    headers = {"Idempotency-Key": f'"{key}"'} if key else {}
    answer = await http.post(path, json=asked, headers=headers)
    if not answer.is_success:
        raise RuntimeError(f"{path} answered {answer.status_code}: {answer.text[:300]}")
    found: dict[str, Any] = answer.json()
    return found
