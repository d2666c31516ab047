"""A change's life, whatever is asked in whatever order: the gate beside the model."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import copy
from typing import Any, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gate.core.change import Change, Emergency, Result, Run, State
from gate.errors import GateError
from gate.flow.changes import cancel, review
from gate.flow.commands import FreezeCommand, OverrideCommand, ReviewCommand
from gate.flow.policies import freezes
from tests import postgres, scratch
from tests.builders import SMALL, Wire, commit_of, make_change
from tests.flow.ledger.exported import faults_of, settle
from tests.flow.life import (
    DECIDED,
    GOOD,
    GROUPS,
    KINDS,
    LAWS,
    NEEDED,
    SEVERAL,
    WAITING,
    Life,
    make_laws,
    who,
)
from tests.flow.shop import ADA, PIPELINE, Shop, open_shop


class _Place(RuleBasedStateMachine):
    """One place where changes are asked for, beside the model of each."""

    changes = st.runner().flatmap(
        lambda place: st.sampled_from([one for one in place.lives for _ in range(one.weight)])
    )
    asked = st.runner().flatmap(
        lambda place: st.sampled_from([one for one in place.lives for _ in range(one.urgency)])
    )
    people = st.sampled_from(["ada", "ada", "ben", "farida", "chloe", "lena", "kofi"])
    some = precondition(lambda self: bool(self.lives))

    def __init__(self, database: Callable[[], AbstractContextManager[str]]) -> None:
        super().__init__()
        self.lives: list[Life] = []
        self.hours = self.endings = (
            0  # endings: what may have changed what runs here, or where a change goes
        )
        self.stopped: str | None = None
        self.closing, self.runner, self.shops = ExitStack(), asyncio.Runner(), AsyncExitStack()
        url, folder = (
            self.closing.enter_context(database()),
            Path(self.closing.enter_context(tempfile.TemporaryDirectory(dir=scratch.root()))),
        )
        self.shop: Shop = self.run(
            self.shops.enter_async_context(open_shop(url, folder, make_laws("usual")))
        )

    def teardown(self) -> None:
        self.run(settle(self.shop))
        assert (
            self.run(faults_of(self.shop)) == []
        )  # whatever was done, a stranger finds its ledger in order
        self.run(self.shops.aclose())
        self.runner.close()
        self.closing.close()

    def run(self, act: Awaitable[Any]) -> Any:
        async def whole() -> Any:
            return await act

        # the runner's own `run` takes over SIGINT each time, which costs more than most acts
        return self.runner.get_loop().run_until_complete(whole())

    def answer(self, act: Awaitable[Any]) -> tuple[Any, str | None]:
        """The answer, or the name of the refusal."""
        try:
            return self.run(act), None
        except GateError as error:
            return None, error.problem

    def problem(self, act: Awaitable[Any]) -> str | None:
        return self.answer(act)[1]

    def look(self, allowed: Mapping[Life, Collection[State]] | None = None) -> None:
        """Every change is where the model has it, or where it allows it to be."""
        for one, now in zip(self.lives, self.run(self.seen()), strict=True):
            one.follow(now, (allowed or {}).get(one, {one.state}), self.hours, self.endings)

    async def seen(self) -> list[Wire]:
        """Every change as it is now. They are asked for at once, because each wake-up of a thread
        of the database takes as long as a read.
        """
        return await asyncio.gather(*(self.shop.read(one.seen["id"]) for one in self.lives))

    def born(self, change: Change, seen: Wire) -> None:
        assert State(seen["state"]) in DECIDED
        assert (seen["state"] == "pending") == (seen["route"] != "automatic")
        self.lives.append(Life(change, seen, self.hours, self.endings))
        self.lives[-1].learn(seen)

    @precondition(lambda self: len(self.lives) < 6)  # letters
    @rule(requester=st.sampled_from(["zoe", "ada", "farida", "chloe"]), kind=st.sampled_from(KINDS))
    def submit(self, requester: str, kind: str) -> None:
        change = make_change(
            "abcdef"[len(self.lives)],
            requested_by=f"{requester}@example.com",
            claims=SMALL if kind == "small" else {**SMALL, "diff.lines_added": 300},
            emergency=Emergency("fire", "INC-1") if kind == "emergency" else None,
            base=next(
                (one.change.commit for one in reversed(self.lives) if one.state is State.CLOSED),
                None,
            ),
        )
        self.born(change, self.run(self.shop.submit(change)))

    @some
    @rule(one=changes, attempts=st.integers(0, 1))
    def submit_again(self, one: Life, attempts: int) -> None:
        """The same run joins what waits, and begins anew what is over; what people rejected stays
        rejected.
        """
        same = [other for other in self.lives if other.change.commit == one.change.commit]
        last = same[-1]
        no = [
            other
            for other in same
            if other.rejected_by_person and "rejection" not in other.overridden
        ]
        refused = {other.seen["id"] for other in no[-1:] if not last.change.emergency}
        run = last.change.run or Run("")
        change = last.change._replace(run=replace(run, attempt=run.attempt + attempts))
        known, now = {other.seen["id"] for other in self.lives}, self.run(self.shop.submit(change))
        joins = attempts == 0 or last.state in WAITING
        if now["id"] not in refused:  # a rollback is asked for anew
            assert now["id"] == last.seen["id"] if joins else now["id"] not in known
        assert not refused or now["id"] in refused or any(other.succeeded for other in same)
        over: dict[Life, Collection[State]] = {}
        if (
            last.state is State.DEPLOYING and now["id"] not in known
        ):  # whatever it deployed, nobody has reported
            last.result, over = Result.UNSUCCESSFUL, {last: {State.CLOSED}}
        last.change = (
            change if now["id"] == last.seen["id"] and last.state in WAITING else last.change
        )
        self.look({**{other: DECIDED for other in same if other.state is State.PENDING}, **over})
        if now["id"] not in known:
            self.born(change, now)

    @some
    @rule(one=asked, several=st.sampled_from(SEVERAL), first=st.booleans())
    def approve(self, one: Life, several: tuple[str, ...], first: bool) -> None:  # noqa: FBT001 - Hypothesis names what it draws
        digest = one.digests[0 if first else -1]
        for person in several:
            expected = one.unentitled(person) or one.own(person) or one.not_shown(digest)
            assert (
                self.problem(
                    review.approve(
                        self.shop.gate, one.seen["id"], ReviewCommand(digest), who(person)
                    )
                )
                == expected
            )
            if expected is None:
                one.approvers.add(person)
            self.look(
                {one: {State.APPROVED}} if expected is None and len(one.approvers) == NEEDED else {}
            )

    @some
    @rule(one=changes, person=st.sampled_from(["ben", "lena", "kofi"]), first=st.booleans())
    def reject(self, one: Life, person: str, first: bool) -> None:  # noqa: FBT001 - the same
        digest = one.digests[0 if first else -1]
        expected = one.unentitled(person) or one.not_shown(digest)
        assert (
            self.problem(
                review.reject(self.shop.gate, one.seen["id"], ReviewCommand(digest), who(person))
            )
            == expected
        )
        one.rejected_by_person |= expected is None
        self.look({one: {State.REJECTED}} if expected is None else {})

    @some
    @rule(one=changes, person=people, stop=st.booleans())
    def override(self, one: Life, person: str, stop: bool) -> None:  # noqa: FBT001 - the same
        """The stopped line no longer holds it, or its rejection is lifted."""
        if stop:
            entitled = None if GROUPS[person] == "release-managers" else "not_allowed"
            possible = self.stopped is not None and one.state in WAITING
        else:
            entitled, possible = one.may_not_lift(person), one.rejected_by_person
        expected = entitled or one.own(person) or (None if possible else "state_conflict")
        assert (
            self.problem(
                review.override(
                    self.shop.gate,
                    one.seen["id"],
                    OverrideCommand("so be it", stop=stop),
                    who(person),
                )
            )
            == expected
        )
        if expected is None:
            one.overridden.add((self.stopped or "") if stop else "rejection")
        self.look({one: DECIDED} if one.state is State.PENDING else {})

    @some
    @rule(one=changes, how=st.sampled_from([*["its own run"] * 5, "another run", "another commit"]))
    def admit(self, one: Life, how: str) -> None:
        different: dict[str, dict[str, Any]] = {
            "another run": {"run": Run("other")},
            "another commit": {"commit": commit_of("9")},
        }
        envelope, problem = self.answer(self.shop.admit(one.seen, **different.get(how, {})))
        assert problem in self.admissions(one, how)
        if one.since == self.hours:  # a test that moves the past moves what the envelope says of it
            assert envelope in (None, one.envelope or envelope)
        if envelope is None or one.envelope is not None:
            self.look({one: DECIDED} if problem == "stale_decision" else {})
        else:
            one.envelope, one.by = envelope, how
            self.endings += 1  # what was to be put back, or what is there, may be another one now
            self.look(
                {one: {State.DEPLOYING}}
                | {other: self.aside(other, one) for other in self.lives if other is not one}
            )

    def admissions(self, one: Life, how: str) -> set[str | None]:
        """What an admission may be answered; None is the envelope."""
        if how == "another commit":
            return {"subject_mismatch"}
        if one.state is State.DEPLOYING:
            return {None if how == one.by else "consumed"}
        if one.state is not State.APPROVED:
            return {
                "expired"
                if one.state is State.EXPIRED
                else "not_approved"
                if one.state in DECIDED
                else "state_conflict"
            }
        if self.stopped and self.stopped not in one.overridden:
            return {"frozen"}
        conflicts: set[str | None] = {
            "conflict" for other in self.lives if other.state is State.DEPLOYING
        }
        return {None, *conflicts} | ({"stale_decision"} if one.endings != self.endings else set())

    def aside(self, other: Life, admitted: Life) -> set[State]:
        """What was asked for before is withdrawn, unless it is an emergency or goes back; going
        back ends what deploys.
        """
        went_well = {one.change.commit for one in self.lives if one.succeeded}
        if other.state is State.DEPLOYING and admitted.change.commit in went_well:
            return {State.DEPLOYING, State.CLOSED}
        if (
            other.state not in WAITING
            or other.change.emergency
            or self.lives.index(other) > self.lives.index(admitted)
        ):
            return {other.state}
        return (
            {State.CANCELED, other.state} if other.change.commit in went_well else {State.CANCELED}
        )

    @some
    @rule(one=changes, result=st.sampled_from(Result))
    def close(self, one: Life, result: Result) -> None:
        """A later report may only make it worse; one about what was never admitted changes
        nothing.
        """
        if one.state in {State.DEPLOYING, State.CLOSED}:
            one.result = max(one.result or result, result, key=list(Result).index)
            one.succeeded |= one.result in GOOD
            self.endings += 1
        assert self.problem(self.shop.close(one.seen, result)) is None
        self.look({one: {State.CLOSED}} if one.state is State.DEPLOYING else {})

    @some
    @rule(one=changes, owner=st.booleans())
    def cancel(self, one: Life, owner: bool) -> None:  # noqa: FBT001 - the same
        expected = (
            "not_allowed"
            if not owner
            else None
            if one.state in {*WAITING, State.CANCELED}
            else "state_conflict"
        )
        assert (
            self.problem(
                cancel.cancel(
                    self.shop.gate, one.seen["id"], "", PIPELINE if owner else who("kofi")
                )
            )
            == expected
        )
        self.look({one: {State.CANCELED}} if expected is None else {})

    @rule(hours=st.sampled_from([1, 1, 3, 20]))
    def time_passes(self, hours: int) -> None:
        self.run(self.shop.let_pass_hours(hours))
        self.hours += hours
        self.look()

    @rule()
    def work(self) -> None:
        """A round of the worker: what waits is decided again, what is over is written down."""
        self.run(self.shop.round())
        self.look({one: DECIDED for one in self.lives if one.state is State.PENDING})

    @rule(laws=st.sampled_from([*LAWS, *["usual", "size is worse"] * 2]))
    def adopt(self, laws: str) -> None:
        self.run(self.shop.adopt(make_laws(laws)))
        self.look()
        self.work()

    @rule()
    def stop_or_start_the_line(self) -> None:
        if self.stopped is None:
            stop = freezes.add(self.shop.gate, FreezeCommand("fire", stop=True), ADA)
            self.stopped = self.run(stop).id
        else:
            self.run(freezes.lift(self.shop.gate, self.stopped, ADA))
            self.stopped = None
        self.look()

    @invariant()
    def the_ledger_agrees(self) -> None:
        """One end each, one admission of what was admitted, approvals of what was shown by who
        may.
        """
        entries = self.run(self.shop.entries())
        for one in self.lives:
            one.compare([entry for entry in entries if entry.change == one.seen["id"]])


def live(database: Callable[[], AbstractContextManager[str]], examples: int) -> None:
    """Many lives, the same in every run."""
    bounds = settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        derandomize=True,
        database=None,
    )
    machine = cast(
        "type[_Place]", partial(_Place, database)
    )  # a factory will do, its type says less
    run_state_machine_as_test(machine, settings=bounds)


@pytest.mark.slow
def test_a_life_on_sqlite(sqlite_template: Path) -> None:
    @contextmanager
    def database() -> Iterator[str]:
        with tempfile.TemporaryDirectory(dir=scratch.root()) as folder:
            yield f"sqlite:///{copy(sqlite_template, folder)}"

    live(database, examples=35)


def test_a_life_on_postgres(postgres_cluster: postgres.Cluster) -> None:
    live(lambda: postgres.database(postgres_cluster), examples=3)
