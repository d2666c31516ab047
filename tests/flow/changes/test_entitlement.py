"""What a page offers to somebody, the command accepts from them; what it does not offer, the command
refuses.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from gate.core.change import Result
from gate.errors import GateError
from gate.flow.answers.story import MayAnswer
from gate.flow.caller import BySession, ByToken, Person, Role
from gate.flow.changes import cancel, post_review, review
from gate.flow.commands import FreezeCommand, OverrideCommand, PostReviewCommand, ReviewCommand
from gate.flow.policies import freezes
from gate.flow.queries.queue import QueueFilters, Tab, queue
from gate.flow.queries.story import story
from gate.flow.queries.waiting_list import WaitingList
from tests.builders import Wire, make_person
from tests.flow.reviewers import approve, emergency, large, override, person, reject
from tests.flow.shop import ADA, Shop, make_files, open_shop

pytestmark = pytest.mark.anyio

Build: TypeAlias = Callable[[Shop], Awaitable[Wire]]

PEOPLE = {
    **{name: person(name) for name in ("ada", "ben", "chloe", "farida", "kofi")},
    "the author": person("ivan"),
    "a token of ben": make_person("ben", "release-managers", proof=ByToken("tok")),
    "ada, an auditor by now": make_person("ada", role=Role.AUDITOR),
    "nobody known": make_person("zoe"),
}
ACTS = [
    one.name for one in fields(MayAnswer) if one.name not in {"own", "approved"}
]  # these two say why
REFUSALS = {"not_allowed", "separation_of_duties", "state_conflict", "expired"}
STRICT = {
    "review": "[{from_band: low, approvals: 2, by: [release-managers, owners]}]",
    "requirements": "[{id: kept, title: Nothing is lost, require: [diff.lines_deleted < 100], "
    "otherwise: reject}]",
    "parallel": "allow",
}


def calendar(override_by: str) -> str:
    """A window that is open today, for one service."""
    days = (datetime.now(UTC) + timedelta(days=number) for number in (-1, 1))
    begins, ends = (f"{day:%Y-%m-%dT%H:%M}" for day in days)
    return (
        "time_zone: UTC\nfreezes:\n  - {id: closed, reason: Closed, services: [ledger], "
        f"override_by: [{override_by}], begins: {begins}, ends: {ends}}}\n"
    )


FILES = make_files(calendar("on-call"), **STRICT)
OTHER_GROUPS = make_files(calendar("team-web"), **STRICT)


class Letters:
    """One change after the other, each of a commit and a run of its own."""

    def __init__(self) -> None:
        self._given = 0

    def __call__(self) -> str:
        """The next one."""
        self._given += 1
        return f"{self._given:x}"


letters = Letters()


async def pending(shop: Shop, **different: Any) -> Wire:
    """Two have to look at it."""
    return await shop.submit(large(letters(), authors=("ivan@example.com",), **different))


async def halfway(shop: Shop) -> Wire:
    """One of the two has approved it."""
    change = await pending(shop)
    await approve(shop, change, "ada")
    return change


async def approved(shop: Shop, **different: Any) -> Wire:
    """Both have."""
    change = await pending(shop, **different)
    await approve(shop, change, "ada")
    return await approve(shop, change, "farida")


async def automatic(shop: Shop) -> Wire:
    """Nobody was asked."""
    return await shop.submit(letters(), authors=("ivan@example.com",))


async def rejected(shop: Shop) -> Wire:
    """A person said no."""
    change = await pending(shop)
    return await reject(shop, change, "farida")


async def lifted(shop: Shop) -> Wire:
    """And another one that it may be asked for anew."""
    change = await rejected(shop)
    await override(shop, change, "ben")
    return change


async def refused_by_policy(shop: Shop) -> Wire:
    """No person said anything."""
    claims = {**large("a").claims, "diff.lines_deleted": 200}
    return await shop.submit(
        large(letters(), authors=("ivan@example.com",))._replace(claims=claims)
    )


async def deploying(shop: Shop) -> Wire:
    """Past every word."""
    change = await approved(shop)
    await shop.admit(change)
    return change


async def failed(shop: Shop) -> Wire:
    """Somebody should look back on it."""
    return await shop.close(await deploying(shop), Result.UNSUCCESSFUL)


async def looked_back(shop: Shop) -> Wire:
    """And has."""
    change = await failed(shop)
    await post_review.hold_review(shop.gate, change["id"], FINDINGS, person("ben"))
    return change


async def successful(shop: Shop) -> Wire:
    """Nobody owes anything."""
    return await shop.close(await deploying(shop))


async def canceled(shop: Shop) -> Wire:
    """Withdrawn."""
    change = await pending(shop)
    await cancel.cancel(shop.gate, change["id"], "", ADA)
    return change


async def expired(shop: Shop) -> Wire:
    """Nobody looked at it for a day."""
    change = await pending(shop)
    await shop.let_pass_hours(25)
    return change


async def urgent(shop: Shop) -> Wire:
    """An emergency that was admitted, and leaves a debt."""
    change = await shop.submit(emergency(letters(), authors=("ivan@example.com",)))
    change = await approve(shop, change, "chloe")
    await shop.admit(change)
    return change


async def held(shop: Shop) -> Wire:
    """The calendar's window is open."""
    return await pending(shop, service="ledger")


async def held_for_others(shop: Shop) -> Wire:
    """The calendar has named others since, and nobody has decided on the change again."""
    await shop.adopt(FILES)
    change = await approved(shop, service="ledger")
    await shop.adopt(OTHER_GROUPS)
    return change


async def overridden(shop: Shop) -> Wire:
    """The window is open, and does not hold the change."""
    change = await held(shop)
    await override(shop, change, "chloe", window="closed")
    return change


async def stopped(shop: Shop) -> Wire:
    """The line is stopped."""
    await stop(shop)
    return await pending(shop)


async def running_again(shop: Shop) -> Wire:
    """The line was stopped, and the row of the change says so still."""
    declared = await stop(shop)
    change = await pending(shop)
    await freezes.lift(shop.gate, declared, ADA)
    return change


async def stop(shop: Shop) -> str:
    """Nothing goes to production any more."""
    command = FreezeCommand("fire", stop=True, environments=("production",))
    return (await freezes.add(shop.gate, command, ADA)).id


STATES: tuple[Build, ...] = (
    *(pending, halfway, approved, automatic, rejected, lifted, refused_by_policy),
    *(deploying, successful, failed, looked_back, canceled, expired, urgent),
    *(held, held_for_others, overridden, stopped, running_again),
)
FINDINGS = PostReviewCommand("The index was missing.", "Check the plan of a query.")


async def done(shop: Shop, now: Wire, act: str, by: Person) -> str | None:
    """What the command answers about a change as it is now: None, or the name of its refusal."""
    gate, name = shop.gate, now["id"]
    said = ReviewCommand(now["subject_digest"], "so be it")
    hold = now["hold"] or {"window": "closed", "stop": False}
    window = None if hold["stop"] else hold["window"]
    commands: dict[str, Callable[[], Awaitable[object]]] = {
        "approve": lambda: review.approve(gate, name, said, by),
        "reject": lambda: review.reject(gate, name, said, by),
        "take_back": lambda: review.take_back(gate, name, by),
        "override": lambda: review.override(
            gate, name, OverrideCommand("so be it", window, stop=hold["stop"]), by
        ),
        "lift": lambda: review.override(gate, name, OverrideCommand("so be it"), by),
        "cancel": lambda: cancel.cancel(gate, name, "", by),
        "look_back": lambda: post_review.hold_review(gate, name, FINDINGS, by),
    }
    try:
        await commands[act]()
    except GateError as error:
        return error.problem
    return None


async def needs(shop: Shop, change: Wire, by: Person) -> bool:
    """Whether the queue offers the change to them."""
    waiting_list = WaitingList(shop.gate)
    found = await asyncio.gather(  # what is read at once shares a turn of the database
        *(queue(shop.gate, waiting_list, QueueFilters(tab), by) for tab in Tab)
    )
    shown = [one for part in found for one in part.items if one.id == change["id"]]
    return any(one.needs_me for one in shown)


async def acts_of(shop: Shop, change: Wire) -> int:
    """How often the ledger tells of something that was done with it."""
    return sum(one.kind.value != "refusal" for one in await shop.entries(change=change))


@pytest.mark.slow
@pytest.mark.parametrize("build", STATES)
async def test_the_page_offers_what_the_command_accepts_and_nothing_else(
    sqlite_url: str, tmp_path: Path, build: Build
) -> None:
    async with open_shop(sqlite_url, tmp_path, FILES) as shop:
        change = await build(shop)
        before, now = await acts_of(shop, change), await shop.read(change)
        for name, by in PEOPLE.items():
            may = (await story(shop.gate, change["id"], by)).may
            if isinstance(by.proof, BySession) and await needs(shop, change, by):
                assert may.approve, name
            for act in (one for one in ACTS if not getattr(may, one)):
                problem = await done(shop, now, act, by)
                # what was done before may be said again, and does nothing
                if problem is None:
                    assert await acts_of(shop, change) == before, (name, act)
                else:
                    assert problem in REFUSALS, (name, act)
            for act in (one for one in ACTS if getattr(may, one)):
                another = await shop.read(await build(shop))
                assert await done(shop, another, act, by) is None, (name, act)
