"""Clients who ask several replicas at once, whatever happens to these meanwhile.

Each operation is in the history before it is sent. One without an answer is sent again with the
same key, to any replica, until there is an answer.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import httpx
from sqlalchemy import Connection, select

from gate.ledger.checkpoint import Checkpoint, open_checkpoint
from gate.ledger.format import read_entry
from gate.ledger.note import VerifierKey
from gate.ledger.tree import hash_leaf
from gate.storage.tables.schema import changes, ledger_entries
from tests.api.served import COMMIT, IMAGE, request
from tests.faults.checker import Entry, Recorded
from tests.faults.history import Act, Answer, Journal, Operation

ASKED_AGAIN_MAX = 600
"""How often one operation is sent at most."""

SERVICES = ("web", "checkout", "ledger", "search")
"""Each client deploys one of them, because a place has one deployment at a time."""

PEOPLE = ("ada", "ben", "chloe", "dmitri")
_ACTS_ON_A_PENDING_CHANGE = 6
_REPEATED_SHARE = 0.3
_NO = 400
_SERVERS_FAULT = 500
_TOO_MANY = 429


@dataclass(frozen=True, slots=True)
class Tokens:
    """Of a pipeline for all services, and of people."""

    pipeline: str
    people: Mapping[str, str]


@dataclass(slots=True)
class Load:
    """What all clients share. `pause_seconds` lies between two requests of one operation."""

    replicas: Sequence[httpx.AsyncClient]
    tokens: Tokens
    journal: Journal
    dice: random.Random
    pause_seconds: float = 0.0
    notes: list[bytes] = field(default_factory=list)
    asked: int = 0
    unanswered: int = 0
    given_up: int = 0
    stopped: bool = False
    _numbers: "count[int]" = field(default_factory=count)

    async def run(self, *, clients: int, stories: int) -> None:
        """Have so many clients live through so many changes each, or until it is stopped."""
        async with asyncio.TaskGroup() as all_clients:
            for number in range(clients):
                all_clients.create_task(self._client(number, stories))

    async def ask(
        self, operation: Operation, token: str, method: str, path: str, body: object = None
    ) -> Answer | None:
        """Ask until there is an answer; None after too many requests without one."""
        self.journal.invoke(operation)
        self.asked += 1
        for _ in range(ASKED_AGAIN_MAX):
            answer = await self._once(operation, token, method, path, body)
            if answer is not None:
                self.journal.answered(operation, answer)
                return answer
            self.unanswered += 1
            await asyncio.sleep(self.pause_seconds)
        self.given_up += 1
        return None

    async def look(self) -> None:
        """Keep the newest head of the log, as anybody is served it."""
        with_token = {"authorization": f"Bearer {self.tokens.pipeline}"}
        try:
            found = await self.dice.choice(self.replicas).get(
                "/v1/ledger/checkpoint", headers=with_token
            )
        except httpx.TransportError:
            return
        if found.status_code == httpx.codes.OK:
            self.notes.append(found.content)

    async def _client(self, number: int, stories: int) -> None:
        service = SERVICES[number % len(SERVICES)]
        for _ in range(stories):
            if self.stopped:
                return
            place = f"{self.dice.getrandbits(64):016x}"
            waits = number % 2 == 0
            change = await self.create(place, service, waits=waits)
            if change.get("state") == "pending":
                await self._decide(change, place)
            elif change.get("state") == "approved":
                await self._deploy(change, place)
            if change:
                await self._read(change["id"], place)
            await self.look()

    async def create(self, run: str, service: str, *, waits: bool) -> dict[str, Any]:
        """Ask for a change, sometimes twice, and return it; it waits for people, or passes."""
        body = request(run, service=service, commit=_commit(run))
        if waits:
            body |= {"environment": "production", "facts": {}}
        key = f"key-{run}"
        for _ in range(2 if self.dice.random() < _REPEATED_SHARE else 1):
            operation = self._operation(Act.CREATE, "pipeline", run, key=key)
            answer = await self.ask(operation, self.tokens.pipeline, "POST", "/v1/changes", body)
            if answer is None or not answer.is_yes:
                return {}
        made: dict[str, Any] = httpx.Response(200, text=answer.body).json() if answer else {}
        return made

    async def _decide(self, change: dict[str, Any], run: str) -> None:
        """People act on a change that waits, all at once, and others read it meanwhile."""
        acts = self.dice.choices(
            (Act.APPROVE, Act.REJECT, Act.CANCEL, Act.READ),
            weights=(5, 1, 1, 2),
            k=_ACTS_ON_A_PENDING_CHANGE,
        )
        people = self.dice.choices(PEOPLE, k=len(acts))
        await asyncio.gather(
            *(self.act(act, who, change, run) for act, who in zip(acts, people, strict=True))
        )
        if self.dice.random() < _REPEATED_SHARE:
            await self.act(Act.CANCEL, "pipeline", change, run)

    async def act(self, act: Act, who: str, change: dict[str, Any], run: str) -> None:
        """Have somebody decide about a change, cancel it, or look at it."""
        if act is Act.READ:
            await self._read(change["id"], run)
            return
        token = self.tokens.people.get(who, self.tokens.pipeline)
        body = {"comment": "looked at it"}
        if act is not Act.CANCEL:
            body["subject_digest"] = change["subject_digest"]
        name = {Act.APPROVE: "approvals", Act.REJECT: "rejections", Act.CANCEL: "cancellation"}[act]
        operation = self._operation(act, who, run, change=change["id"])
        await self.ask(operation, token, "POST", f"/v1/changes/{change['id']}/{name}", body)

    async def admit(self, change: dict[str, Any], run: str, as_run: str = "") -> bool:
        """Ask for the admission of a change of this run, maybe as another run; whether it was
        given.
        """
        body = {
            "commit": _commit(run),
            "artifacts": [IMAGE],
            "environment": "staging",
            "run": {"id": as_run or run},
        }
        operation = self._operation(Act.ADMIT, "pipeline", as_run or run, change=change["id"])
        path = f"/v1/changes/{change['id']}/admission"
        answer = await self.ask(operation, self.tokens.pipeline, "POST", path, body)
        return answer is not None and answer.is_yes

    async def close(self, change: dict[str, Any], run: str) -> None:
        """Report that the deployment has ended well."""
        operation = self._operation(Act.CLOSE, "pipeline", run, change=change["id"])
        body = {"run": {"id": run}, "result": "successful"}
        path = f"/v1/changes/{change['id']}/closure"
        await self.ask(operation, self.tokens.pipeline, "POST", path, body)

    async def _deploy(self, change: dict[str, Any], run: str) -> None:
        """The run and another one want to be admitted at once; the first one closes."""
        runs = ("", f"{run}-other", "")
        given = await asyncio.gather(*(self.admit(change, run, as_run) for as_run in runs))
        await self._read(change["id"], run)
        if any(given):
            await self.close(change, run)

    async def _read(self, change: str, run: str) -> None:
        operation = self._operation(Act.READ, "pipeline", run, change=change)
        await self.ask(operation, self.tokens.pipeline, "GET", f"/v1/changes/{change}")

    def _operation(self, act: Act, who: str, run: str, **fields: str) -> Operation:
        return replace(Operation(f"o{next(self._numbers)}", act, who, run), **fields)  # type: ignore[arg-type] # its fields that are texts

    async def _once(
        self, operation: Operation, token: str, method: str, path: str, body: object
    ) -> Answer | None:
        headers = {"authorization": f"Bearer {token}"}
        if operation.key:
            headers["idempotency-key"] = f'"{operation.key}"'
        client = self.dice.choice(self.replicas)
        try:
            found = await client.request(method, path, json=body, headers=headers)
        except httpx.TransportError as error:
            self.journal.unanswered(operation, repr(error))
            return None
        if found.status_code >= _SERVERS_FAULT or found.status_code == _TOO_MANY:
            self.journal.unanswered(operation, f"{found.status_code} {found.text}")
            return None
        said = found.json() if found.status_code < _NO else {}
        return Answer(
            found.status_code,
            found.text,
            str(said.get("id", operation.change)),
            str(said.get("state", "")),
            replayed=found.headers.get("idempotent-replayed") == "true",
        )


def recorded(conn: Connection, notes: Sequence[bytes], key: VerifierKey) -> Recorded:
    """Return what the database has, and the heads that clients were served."""
    runs: dict[str, list[str]] = {}
    states: dict[str, str] = {}
    for identity, state, run in conn.execute(
        select(changes.c.id, changes.c.state, changes.c.run_id)
    ):
        states[identity] = state.value
        runs.setdefault(run, []).append(identity)
    entries, leaves = [], {}
    table = ledger_entries.c
    rows = conn.execute(select(table.kind, table.change_id, table.index, table.body))
    for kind, change, index, body in rows:
        fields = read_entry(bytes(body)).fields
        run = fields.get("run")
        # A run is written as its id, attempt and step.
        run_id = str(run[0]) if isinstance(run, list) else ""
        number = int(str(fields.get("number", 1)))
        entries.append(Entry(kind, change or "", index, run_id, number))
        if index is not None:
            leaves[index] = hash_leaf(bytes(body))
    return Recorded(
        states, runs, entries, [leaves[index] for index in sorted(leaves)], heads_of(notes, key)
    )


def heads_of(notes: Sequence[bytes], key: VerifierKey) -> list[Checkpoint]:
    """Return the heads of these notes, each once, after verifying their signatures."""
    return [open_checkpoint(note, [key]) for note in sorted(set(notes))]


def _commit(run: str) -> str:
    """Another commit for each run: what was rejected once is not asked for again."""
    return run + COMMIT[len(run) :]
