"""The law of separation of duties: the excluded only grow, and whoever is excluded at the moment of
an act is refused at it.

Histories on two servers with one database. People are named by requests, by tokens of other actors,
by pushes, and by a catalogue that learns and forgets, in whatever order; then they act. The gate
stands beside a model of who may decide.
"""

import asyncio
import base64
import json
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from hypothesis import Phase, given, settings

from gate.core.change import Run
from gate.core.messages.host_reports import Pushed, kind_of, write
from gate.errors import GateError
from gate.flow.changes import cancel, review
from gate.flow.commands import FreezeCommand, OverrideCommand, ReviewCommand
from gate.flow.policies import freezes
from gate.flow.webhooks import code_hosts
from gate.storage.messages.inbox import Claimed
from tests import postgres
from tests.builders import Wire, commit_of, key_of
from tests.flow.histories import HISTORIES, Step
from tests.flow.naming import GROUPS, NEEDED, REPOSITORY, Life, asked, files, job, login, who
from tests.flow.shop import ADA, Shop, open_shop

DUTIES = "separation_of_duties"
LETTERS = "abcdef"
WAITING = {"pending", "approved"}


@dataclass(slots=True)
class _Place:
    """One place, two servers, and the model of each change."""

    servers: Sequence[Shop]
    lives: list[Life] = field(default_factory=list)
    at_home: set[str] = field(default_factory=set)  # whom the catalogue knows at home
    stopped: str | None = None
    runs: int = 0

    async def happen(self, step: Step) -> None:
        """Take one step, then look at everything."""
        waiting = [one for one in self.lives if one.seen["state"] in WAITING]
        if len(waiting) < 2 and len(self.lives) < len(LETTERS):
            waiting.append(await self.submit(step))
        one = (waiting or self.lives)[step.which % len(waiting or self.lives)]
        await self.look(one)
        acts: dict[str, Callable[[Step, Life], Awaitable[None]]] = {
            "approve": self.approve,
            "whoever acted turns out to have taken part": self.turn_out,
            "admit": self.admit,
            "ask again": self.ask_again,
            "begin anew": self.begin_anew,
            "the catalogue learns or forgets": self.learn,
            "override": self.override,
            "push": self.push,
            "work": self.work,
            "the catalogue forgets everybody": self.forget,
            "the line goes on": self.go_on,
            "reject and lift": self.reject_and_lift,
        }
        await acts[step.kind](step, one)
        await asyncio.gather(*map(self.hold, self.lives))  # their reads share a turn

    async def look(self, one: Life) -> Wire:
        """As it is now. An approval that stands has not lapsed, and so may count."""
        one.seen = await self.servers[0].read(one.seen["id"])
        if one.seen["decision"]["number"] != one.decided:  # a decision keeps whom it excluded
            one.decided = one.seen["decision"]["number"]
            self.acted(one)
        one.approvers = {
            key_of(given["person"])
            for given in one.seen["approvals"]["given"]
            if not given["lapsed"]
        }
        return one.seen

    async def hold(self, one: Life) -> None:
        """What is true of every change at any time."""
        now = await self.look(one)
        excluded = one.excluded(self.at_home)
        assert excluded <= set(map(key_of, now["approvals"]["excluded"]))
        if now["state"] == "pending":
            missing = sum(entry["missing"] for entry in now["approvals"]["required"])
            assert missing == NEEDED - len(one.approvers - excluded)

    def acted(self, one: Life) -> set[str]:
        """Who is excluded at this act, and stays so whatever the catalogue forgets."""
        one.kept = one.excluded(self.at_home)
        return one.kept

    # Who is named

    async def submit(self, step: Step) -> Life:
        letter = LETTERS[len(self.lives)]
        names, run = [step.named(step.persons[0])], Run(letter)
        seen = await self.servers[step.server].submit(
            asked(letter, run, names), by=job(run, "github:zoe", commit_of(letter))
        )
        self.lives.append(Life(letter, run, seen, {*names}))
        await self.look(self.lives[-1])
        return self.lives[-1]

    async def ask_again(self, step: Step, one: Life) -> None:
        """The same run, or a new attempt of it that somebody else started."""
        await self.ask(step, one, [step.named(step.persons[1])], step.actor, step.attempts)

    async def ask(
        self, step: Step, one: Life, authors: list[str], actor: str, attempts: int
    ) -> None:
        if one.seen["state"] not in WAITING:
            return
        one.run = replace(one.run, attempt=one.run.attempt + attempts)
        by = job(one.run, actor, commit_of(one.letter))
        again = await self.servers[step.server].submit(asked(one.letter, one.run, authors), by=by)
        assert again["id"] == one.seen["id"]
        one.names |= {*authors, actor}
        await self.look(one)

    async def begin_anew(self, step: Step, one: Life) -> None:
        """It is withdrawn, and its run is started again by somebody else who names nobody."""
        if one.seen["state"] not in WAITING:
            return
        shop, commit = self.servers[step.server], commit_of(one.letter)
        await cancel.cancel(shop.gate, one.seen["id"], "", job(one.run, "github:zoe", commit))
        run = replace(one.run, attempt=one.run.attempt + 1)
        again = await shop.submit(asked(one.letter, run, ()), by=job(run, "github:zoe", commit))
        anew = Life(one.letter, run, again, {"github:zoe"})
        if again["state"] != "rejected":  # by whoever lifted that before, and is excluded by now
            anew.names, anew.kept = one.names | anew.names, self.acted(one)
        self.lives[self.lives.index(one)] = anew

    async def push(self, step: Step, one: Life) -> None:
        await self.pushed(step, one, step.persons[0])

    async def pushed(self, step: Step, one: Life, person: str) -> None:
        """A webhook says who brought the commit there."""
        found = Pushed(REPOSITORY.issuer, REPOSITORY.id, (commit_of(one.letter),), login(person))
        delivery = Claimed(
            "github", person, kind_of(found), "github", datetime.now(UTC), write(found), 1
        )
        await code_hosts.keep_pusher(self.servers[step.server].gate, found)
        await code_hosts.work(self.servers[step.server].gate, delivery)
        one.names.add(login(person))

    async def learn(self, step: Step, one: Life) -> None:
        _ = one
        await self.know_at_home(self.at_home ^ {step.persons[0]})

    async def forget(self, step: Step, one: Life) -> None:
        _ = step, one
        await self.know_at_home(set())

    async def know_at_home(self, people: set[str]) -> None:
        self.at_home = people
        await self.servers[0].adopt(files(sorted(people)))

    async def turn_out(self, step: Step, one: Life) -> None:
        """Somebody whose word was taken is named, at home as often as not; then the catalogue knows
        whose home it is.
        """
        acted = sorted(one.approvers | one.overriders)
        if not acted:
            return
        person = acted[step.attempts * -1]
        match step.how:
            case "author":
                await self.ask(step, one, [step.named(person)], "github:zoe", 0)
            case "actor":
                await self.ask(step, one, [], login(person), 1)
            case "push":
                await self.pushed(step, one, person)
            case _:
                await self.admitted(step, one, login(person), 1)
        await self.know_at_home(self.at_home | {person})

    # Who acts

    async def approve(self, step: Step, one: Life) -> None:
        for person in step.persons:
            before, excluded = await self.look(one), self.acted(one)
            command = ReviewCommand(before["subject_digest"])
            _, problem = await answer(
                review.approve(self.servers[step.server].gate, one.seen["id"], command, who(person))
            )
            assert problem == (
                DUTIES
                if person in excluded
                else None
                if before["state"] == "pending"
                else "state_conflict"
            )

    async def override(self, step: Step, one: Life) -> None:
        """A stopped line shall not hold it; as often as not one that was stopped just now."""
        if self.stopped is None and step.attempts:
            self.stopped = (
                await freezes.add(
                    self.servers[step.server].gate, FreezeCommand("fire", stop=True), ADA
                )
            ).id
        person, excluded = step.persons[0], self.acted(one)
        waits = one.seen["state"] in WAITING and self.stopped is not None
        _, problem = await answer(
            review.override(
                self.servers[step.server].gate,
                one.seen["id"],
                OverrideCommand("go", stop=True),
                who(person),
            )
        )
        if GROUPS[person] != "release-managers":
            assert problem == "not_allowed"
        else:
            assert problem == (
                DUTIES if person in excluded else None if waits else "state_conflict"
            )
            one.overriders |= {person} if problem is None else set()
        await self.look(one)
        if not step.by_zoe:  # and now has it admitted
            await self.know_at_home(self.at_home | {person})
            await self.admitted(step, one, login(person), 1)

    async def admit(self, step: Step, one: Life) -> None:
        await self.admitted(step, one, step.actor, step.attempts)

    async def admitted(self, step: Step, one: Life, actor: str, attempts: int) -> None:
        """Whoever's token admits is excluded too, before anything is counted."""
        before = one.seen
        one.names |= {actor}
        excluded = self.acted(one)
        run = replace(one.run, attempt=one.run.attempt + attempts)
        by = job(run, actor, commit_of(one.letter))
        envelope, problem = await answer(self.servers[step.server].admit(before, by, run=run))
        may = len(one.approvers - excluded) >= NEEDED and (
            self.stopped is None or bool(one.overriders - excluded)
        )
        if before["state"] != "approved":
            assert envelope is None or before["state"] == "deploying"
        elif envelope is None:
            assert not may or problem in {"stale_decision", "conflict"}
        else:
            assert may
            assert (
                set(
                    map(
                        key_of,
                        json.loads(base64.b64decode(envelope["payload"]))["predicate"]["approvers"],
                    )
                )
                == one.approvers - excluded
            )

    async def reject_and_lift(self, step: Step, one: Life) -> None:
        """The commit is asked for by another run: it begins anew only by the word of somebody who
        has no part in either.
        """
        if one.seen["state"] != "pending":
            return
        gate, (rejecter, lifter, *_) = self.servers[step.server].gate, step.persons
        await review.reject(
            gate, one.seen["id"], ReviewCommand(one.seen["subject_digest"], "no"), who(rejecter)
        )
        excluded = self.acted(one)
        _, problem = await answer(
            review.override(gate, one.seen["id"], OverrideCommand("yes"), who(lifter))
        )
        assert problem == (DUTIES if lifter in excluded else None)
        if step.attempts:
            await self.know_at_home(self.at_home | {lifter})
        self.runs += 1
        run, actor = Run(f"anew-{self.runs}"), login(lifter) if step.attempts else "github:zoe"
        asking = await self.servers[step.server].submit(
            asked(one.letter, run, ()), by=job(run, actor, commit_of(one.letter))
        )
        theirs = Life(one.letter, run, asking, {actor}).excluded(self.at_home)
        if problem is None and lifter not in theirs | one.excluded(self.at_home):
            assert asking["id"] != one.seen["id"]
            self.lives[self.lives.index(one)] = Life(one.letter, run, asking, {actor})
        else:
            assert (asking["id"], asking["state"]) == (one.seen["id"], "rejected")
            one.names |= {actor}

    # What happens beside

    async def work(self, step: Step, one: Life) -> None:
        """A round of the worker: what is pending is decided again, and the ledger names whoever was
        learnt since.
        """
        shop = self.servers[step.server]
        await shop.gate.rulebooks.refresh()
        await shop.round()
        await self.look(one)
        if one.seen["state"] == "pending":
            self.acted(one)
            entry = (await shop.entries("decision", one.seen))[-1]
            assert entry.fields["excluded"] == one.seen["approvals"]["excluded"]

    async def go_on(self, step: Step, one: Life) -> None:
        _ = one
        if self.stopped is not None:
            await freezes.lift(self.servers[step.server].gate, self.stopped, ADA)
            self.stopped = None


async def answer(act: Awaitable[Any]) -> tuple[Any, str | None]:
    """The answer, or the name of the refusal."""
    try:
        return await act, None
    except GateError as error:
        return None, error.problem


def uphold(database: Callable[[], AbstractContextManager[str]], examples: int) -> None:
    """Many histories, the same in every run. One that fails is not shortened: it would take minutes."""

    async def lived(url: str, folder: Path, history: list[Step]) -> None:
        async with (
            open_shop(url, folder, files(())) as one,
            open_shop(url, folder, files(())) as other,
        ):
            place = _Place((one, other))
            for step in history:
                await place.happen(step)

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
    )
    @given(history=HISTORIES)
    def law(history: list[Step]) -> None:
        with database() as url, tempfile.TemporaryDirectory() as folder:
            asyncio.run(lived(url, Path(folder), history))

    law()


@pytest.mark.slow
def test_a1_the_excluded_only_grow_and_are_refused_on_sqlite(sqlite_template: Path) -> None:
    @contextmanager
    def database() -> Iterator[str]:
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{copy(sqlite_template, folder)}"

    uphold(database, examples=15)


def test_a1_the_excluded_only_grow_and_are_refused_on_postgres(
    postgres_cluster: postgres.Cluster,
) -> None:
    uphold(lambda: postgres.database(postgres_cluster), examples=3)
