"""A11: many people approve, reject and cancel one change at once on two servers; it ends once, and
everybody is told the same.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
from sqlalchemy import Connection, select

from gate.flow.caller import Role
from gate.flow.signing import KEY_FILE
from gate.storage.tables import schema
from tests.api.served import Served, request, served

CALLS = 50
PEOPLE = ("ada", "ben", "chloe", "dmitri", "emeka", "hana", "lena")
ACTS = ("approvals", "rejections", "cancellation")
OF_ACT = {
    "approvals": {"pending", "approved"},
    "rejections": {"rejected"},
    "cancellation": {"canceled"},
}
"""The states that a yes to each of them may show."""

FINAL = frozenset({"rejected", "canceled"})
ENDINGS = {"rejected": "rejection", "canceled": "cancellation"}


@dataclass(slots=True)
class Race:
    """What became of all rounds."""

    ended: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)


@asynccontextmanager
async def two_servers(url: str, folder: Path) -> AsyncIterator[tuple[Served, Served]]:
    """On one database, with one key."""
    second = folder / "second"
    second.mkdir()
    by_token: dict[str, Any] = {"token_approvals": "on"}  # so that one client can be everybody
    async with (
        served(url, folder, **by_token) as one,
        served(url, second, signing_key_file=folder / KEY_FILE, **by_token) as other,
    ):
        yield one, other


async def race(url: str, folder: Path, rounds: int, seed: str) -> Race:
    """So many rounds, each with a change of its own."""
    result, generator = Race(), random.Random(seed)  # noqa: S311 - who comes first is no secret
    async with two_servers(url, folder) as servers:
        pipeline = await servers[0].token(Role.PIPELINE, "web")
        tokens = {who: await servers[0].token(person=who) for who in PEOPLE}
        async with _Clients(servers) as clients:
            for number in range(rounds):
                # a commit of its own: what people rejected once stays rejected, and would not race
                # again
                asked = request(
                    f"race-{number}",
                    environment="production",
                    commit=f"{number + 1:040x}",
                    facts={},
                )
                made = await clients.post(0, "/v1/changes", pipeline, asked)
                assert made.json()["state"] == "pending", made.text
                await _round(clients, made.json(), pipeline, tokens, generator, result)
                result.violations += await servers[0].gate.store.read(
                    _contradicts, made.json()["id"]
                )
    return result


async def _round(
    clients: "_Clients",
    change: dict[str, Any],
    pipeline: str,
    tokens: dict[str, str],
    generator: random.Random,
    result: Race,
) -> None:
    path, digest = f"/v1/changes/{change['id']}", change["subject_digest"]
    acts = [
        (act, tokens[generator.choice(PEOPLE)])
        for act in generator.choices(ACTS, weights=(8, 1, 1), k=CALLS - 2)
    ]
    acts += [("cancellation", pipeline), ("rejections", tokens[generator.choice(PEOPLE)])]
    generator.shuffle(acts)
    answers = await asyncio.gather(
        *(
            clients.post(generator.randrange(2), f"{path}/{act}", token, _body(act, digest))
            for act, token in acts
        )
    )
    states = [(await clients.get(server, path, pipeline)).json()["state"] for server in (0, 1)]
    result.ended[states[0]] += 1
    result.statuses.update(answer.status_code for answer in answers)
    result.violations += [
        f"{change['id']}: {what}" for what in _disagreements(states, acts, answers)
    ]


def _body(act: str, digest: str) -> dict[str, str]:
    return (
        {"comment": "not now"}
        if act == "cancellation"
        else {"subject_digest": digest, "comment": "looked at it"}
    )


def _disagreements(
    states: list[str], acts: list[tuple[str, str]], answers: list[httpx.Response]
) -> Iterator[str]:
    final = states[0]
    if states[1] != final or final not in FINAL:
        yield f"the servers say {states}"
    for (act, _), answer in zip(acts, answers, strict=True):
        body = answer.json()
        if answer.status_code == httpx.codes.OK:
            if body["state"] not in OF_ACT[act] | {final} or (
                body["state"] in FINAL and body["state"] != final
            ):
                yield f"a yes to {act} shows {body['state']}, it ended {final}"
        elif answer.status_code == httpx.codes.CONFLICT:
            others = FINAL - {final}
            if any(f"is {other}" in body["detail"] for other in others):
                yield f"a no to {act} says {body['detail']}, it ended {final}"
        elif (
            answer.status_code != httpx.codes.FORBIDDEN
        ):  # some are in no group that the change asks for
            yield f"{act} was answered {answer.status_code} {body}"


def _contradicts(conn: Connection, change: str) -> list[str]:
    """The ledger tells of one ending, which is the one in the database; nobody approved twice."""
    entries = schema.ledger_entries
    answers_seen = Counter(
        conn.execute(select(entries.c.kind).where(entries.c.change_id == change)).scalars()
    )
    state = str(
        conn.execute(select(schema.changes.c.state).where(schema.changes.c.id == change)).scalar()
    )
    ends = {
        kind: answers_seen[kind]
        for kind in (*ENDINGS.values(), "expiry", "closure")
        if answers_seen[kind]
    }
    wrong = (
        []
        if ends == {ENDINGS[state]: 1}
        else [f"{change}: it is {state}, the ledger tells of {ends}"]
    )
    people = list(
        conn.execute(
            select(schema.approvals.c.person).where(
                schema.approvals.c.change_id == change, ~schema.approvals.c.rejected
            )
        ).scalars()
    )
    return (
        wrong
        if len(people) == len(set(people))
        else [*wrong, f"{change}: somebody approved twice: {sorted(people)}"]
    )


class _Clients:
    """One client a server, whoever asks."""

    def __init__(self, servers: tuple[Served, Served]) -> None:
        self._clients = [one.anybody() for one in servers]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for one in self._clients:
            await one.aclose()

    async def post(
        self, server: int, path: str, token: str, body: dict[str, Any]
    ) -> httpx.Response:
        return await self._clients[server].post(
            path, json=body, headers={"Authorization": f"Bearer {token}"}
        )

    async def get(self, server: int, path: str, token: str) -> httpx.Response:
        return await self._clients[server].get(path, headers={"Authorization": f"Bearer {token}"})
