"""A window or a stopped line that opens becomes the hold of everything that waits in its reach, and
lets it go again (B12).
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.core.change import Emergency, Planned, Run
from gate.errors import Conflict, Unavailable
from gate.flow.changes import held as held_module
from gate.flow.changes.held import LOOKED_AT_AGAIN_SECONDS, Holds
from gate.flow.commands import FreezeCommand
from gate.flow.policies import freezes
from gate.flow.queries import look
from gate.storage.changes import holds as holds_table
from gate.storage.database.tx import Tx
from gate.storage.tables.schema import changes as table
from gate.storage.tables.schema import overrides
from tests.builders import SMALL, Wire, commit_of
from tests.flow.reviewers import approve, large, override
from tests.flow.shop import ADA, PIPELINE, Shop, as_json, make_files, open_shop

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)
STOP = FreezeCommand("The data centre burns", stop=True)
CHECKED = "[{id: checked, title: Checked, require: [checks.failed == 0], otherwise: review}]"


def closed_now() -> str:
    """A calendar by which everything is closed today."""
    begins, ends = (f"{datetime.now(UTC) + days * 24 * HOUR:%Y-%m-%dT%H:%M}" for days in (-1, 1))
    return (
        f"time_zone: UTC\nfreezes:\n  - {{id: closed, reason: Closed, begins: {begins}, ends: "
        f"{ends}}}\n"
    )


def window(begins: float = 0, ends: float = 2, **different: object) -> FreezeCommand:
    """A window in hours from now; one that begins at 0 is open."""
    now = datetime.now(UTC)
    command = FreezeCommand(
        "Year-end closing", begins=now + begins * HOUR if begins else None, ends=now + ends * HOUR
    )
    return replace(command, **different)  # type: ignore[arg-type] # fields of the ask


async def waiting(shop: Shop) -> dict[str, Wire]:
    """One change of each kind that waits, each for a service of its own."""
    return {
        "automatic": await shop.submit("a"),
        "by people": await approve(shop, await shop.submit(large("b", service="ledger")), "farida"),
        "pending": await shop.submit(large("c", service="web")),
    }


async def follow(shop: Shop) -> int:
    """One turn of a server that has just started."""
    return await Holds(shop.gate).turn()


def left(change: Wire, shop: Shop) -> timedelta:
    """How long an approval is still good for."""
    return datetime.fromisoformat(change["valid_until"]) - shop.gate.clock()


@pytest.mark.parametrize("command", [window(), STOP], ids=["a window", "a stop"])
async def test_b12_what_opens_after_the_decision_holds_everything_that_waits(
    shop: Shop, command: FreezeCommand
) -> None:
    found = await waiting(shop)
    made = as_json(await freezes.add(shop.gate, command, ADA))

    await follow(shop)

    now = {name: await shop.read(change) for name, change in found.items()}
    assert {name: (one["state"], one["hold"]["window"]) for name, one in now.items()} == {
        "automatic": ("approved", made["id"]),
        "by people": ("approved", made["id"]),
        "pending": ("pending", made["id"]),
    }
    assert {(one["valid_until"], one["expires_at"]) for one in now.values()} == {(None, None)}
    assert (
        as_json(await look.place(shop.gate, "checkout", "production", PIPELINE))["hold"]["window"]
        == made["id"]
    )
    for name in ("automatic", "by people"):
        with pytest.raises(Conflict, match=r"frozen until|the line is stopped"):
            await shop.admit(now[name])


async def test_b12_a_window_opens_by_itself_when_its_time_has_come(shop: Shop) -> None:
    change = await shop.submit("a")
    made = as_json(await freezes.add(shop.gate, window(2, 3), ADA))
    follower = Holds(shop.gate)
    await follower.turn()
    before = await shop.read(change)

    await shop.let_pass_hours(2.5)
    held = (await follower.turn(), await shop.read(change))
    await shop.let_pass_hours(1)
    free = (await follower.turn(), await shop.read(change))

    assert before["hold"] is None
    assert (held[0], held[1]["hold"]["window"], held[1]["hold"]["until"] is not None) == (
        1,
        made["id"],
        True,
    )
    assert (free[0], free[1]["state"], free[1]["hold"]) == (1, "approved", None)
    assert (
        timedelta(minutes=89) < left(free[1], shop) <= timedelta(minutes=90)
    )  # 2.5 of 4 hours were gone when it was held


async def test_b12_windows_of_another_calendar_hold_what_was_approved_before(shop: Shop) -> None:
    change = await shop.submit("a")
    follower = Holds(shop.gate)
    await follower.turn()

    await shop.adopt(make_files(closed_now()))
    await follower.turn()
    held = await shop.read(change)
    await shop.adopt(make_files())
    await follower.turn()

    assert (held["state"], held["hold"]["window"], held["hold"]["reason"]) == (
        "approved",
        "closed",
        "Closed",
    )
    assert (await shop.read(change))["hold"] is None


async def test_b12_an_approval_of_a_held_change_is_good_from_the_end_of_the_hold_on(
    shop: Shop,
) -> None:
    change = await shop.submit(large())
    made = as_json(await freezes.add(shop.gate, window(0, 9), ADA))  # and nobody has looked since

    approved = await approve(shop, change, "farida")
    await shop.let_pass_hours(8)
    await freezes.lift(shop.gate, made["id"], ADA)
    await follow(shop)

    free = await shop.read(change)
    assert (approved["state"], approved["hold"]["window"], approved["valid_until"]) == (
        "approved",
        made["id"],
        None,
    )
    assert (free["state"], free["hold"]) == ("approved", None)
    assert timedelta(hours=3, minutes=59) < left(free, shop) <= timedelta(hours=4)


async def test_b12_the_time_of_an_approval_does_not_run_before_its_planned_start(
    small_shop: Shop,
) -> None:
    begins = datetime.now(UTC) + 3 * HOUR
    change = await small_shop.submit("a", planned=Planned(begins, None))
    made = as_json(await freezes.add(small_shop.gate, window(), ADA))
    await follow(small_shop)
    await small_shop.let_pass_hours(1)
    await freezes.lift(small_shop.gate, made["id"], ADA)

    await follow(small_shop)

    free = await small_shop.read(change)
    assert (
        timedelta(hours=5, minutes=59) < left(free, small_shop) <= timedelta(hours=6)
    )  # two until it begins, and four then


async def test_b12_an_approved_change_may_pass_by_an_override_and_others_may_not(
    shop: Shop,
) -> None:
    change, other = await shop.submit("a"), await shop.submit("b", service="web")
    made = as_json(await freezes.add(shop.gate, window(), ADA))
    await follow(shop)

    passed = await override(shop, change, "ben", window=made["id"])
    again = await follow(shop)

    assert (passed["state"], passed["hold"], passed["valid_until"] is not None, again) == (
        "approved",
        None,
        True,
        0,
    )
    assert (await shop.read(other))["hold"]["window"] == made["id"]
    assert (await shop.admit(passed))["payload"]


async def test_b12_the_next_occurrence_of_an_overridden_window_holds_again(
    small_shop: Shop,
) -> None:
    now = datetime.now(UTC)
    daily = (
        f"time_zone: UTC\nfreezes:\n  - {{id: daily, reason: Daily, lasts: 2h, rrule: FREQ=DAILY, "
        f"begins: {now - 49 * HOUR:%Y-%m-%dT%H:%M}}}\n"
    )
    await small_shop.adopt(make_files(daily))
    change = await override(small_shop, await small_shop.submit("a"), "ben", window="daily")
    await small_shop.gate.store.write(said_a_day_before)

    await follow(small_shop)
    held = await small_shop.read(change)
    with pytest.raises(Conflict, match=r"frozen until .* UTC: Daily; wait, or ask"):
        await small_shop.admit(change)
    again = await override(small_shop, change, "ben", window="daily")

    assert (change["state"], change["hold"], held["hold"]["window"]) == ("approved", None, "daily")
    assert (again["hold"], len(await small_shop.entries("override"))) == (None, 2)
    assert (await small_shop.admit(again))["payload"]


def said_a_day_before(tx: Tx) -> None:
    """As if what was overridden had been another occurrence."""
    earlier = overrides.c.at - 24 * HOUR // timedelta(microseconds=1)
    tx.conn.execute(overrides.update().values(at=earlier))


async def test_b12_of_two_windows_the_one_that_was_not_overridden_holds_on(shop: Shop) -> None:
    change = await shop.submit("a")
    first, second = [
        as_json(await freezes.add(shop.gate, window(0, hours), ADA)) for hours in (9, 5)
    ]
    await follow(shop)
    held = await shop.read(change)

    still = await override(shop, change, "ben", window=first["id"])
    free = await override(shop, change, "ben", window=second["id"])

    assert (held["hold"]["window"], held["hold"]["until"]) == (first["id"], first["ends"])
    assert (still["hold"]["window"], still["hold"]["until"], still["valid_until"]) == (
        second["id"],
        second["ends"],
        None,
    )
    assert (free["hold"], free["valid_until"] is not None) == (None, True)


async def going_back(shop: Shop) -> Wire:
    """A rollback that passes by itself, also during a freeze."""
    await shop.deploy("a")
    await shop.deploy("b", base=commit_of("a"))
    return await shop.submit("a", run=None, base=commit_of("b"))


async def test_b12_a_window_holds_neither_what_may_pass_it_nor_an_emergency_and_a_stop_holds_both(
    shop: Shop,
) -> None:
    back = await going_back(shop)
    urgent = await shop.submit("e", service="web", emergency=Emergency("fire", "INC-1"))
    await freezes.add(shop.gate, window(), ADA)
    await follow(shop)
    free = [(await shop.read(change))["hold"] for change in (back, urgent)]

    await freezes.add(shop.gate, STOP, ADA)
    await follow(shop)

    assert free == [None, None]
    assert [(await shop.read(change))["hold"]["stop"] for change in (back, urgent)] == [True, True]


async def test_b12_what_may_pass_a_window_passes_it_also_when_people_approved_it(
    shop: Shop,
) -> None:
    await shop.adopt(requirements=CHECKED)
    for letter in "ab":
        await shop.deploy(
            letter,
            base=commit_of("a") if letter == "b" else None,
            claims={**SMALL, "checks.failed": 0},
        )
    back = await approve(
        shop, await shop.submit("a", run=Run("back"), base=commit_of("b")), "farida"
    )
    await freezes.add(shop.gate, window(), ADA)

    await follow(shop)

    now = await shop.read(back)
    assert (now["state"], now["route"], now["hold"]) == ("approved", "review", None)
    assert (await shop.admit(now))["payload"]


async def test_b12_a_pending_change_is_held_at_once_also_between_two_decisions(
    small_shop: Shop,
) -> None:
    change = await small_shop.submit(large())
    assert small_shop.gate.pauses.begin(change["id"])  # it was decided a moment ago
    made = as_json(await freezes.add(small_shop.gate, window(), ADA))
    await follow(small_shop)
    await small_shop.worker().changes()

    held = await small_shop.read(change)
    assert (held["hold"]["window"], held["expires_at"], held["decision"]["number"]) == (
        made["id"],
        None,
        1,
    )
    await small_shop.let_pass_hours(30)
    await freezes.lift(small_shop.gate, made["id"], ADA)
    await follow(small_shop)
    await small_shop.worker().changes()

    free = await small_shop.read(change)
    assert (free["state"], free["hold"], free["expires_at"] is not None) == ("pending", None, True)


async def test_b12_the_admission_does_not_wait_for_whoever_looks(shop: Shop) -> None:
    change = await shop.submit("a")
    made = as_json(await freezes.add(shop.gate, window(), ADA))
    with pytest.raises(Conflict, match="frozen until"):
        await shop.admit(change)
    await follow(shop)
    await freezes.lift(shop.gate, made["id"], ADA)

    assert (await shop.read(change))["hold"]["window"] == made["id"]
    assert (await shop.admit(change))["payload"]


# How it is followed


async def test_a_decision_that_saw_no_window_is_found_afterwards(small_shop: Shop) -> None:
    made = as_json(await freezes.add(small_shop.gate, window(), ADA))
    follower = Holds(small_shop.gate)
    await follower.turn()
    change = await small_shop.submit(large())
    await small_shop.gate.store.write(forget_hold, change["id"])

    found = await follower.turn()

    assert (
        found,
        (await small_shop.read(change))["hold"]["window"],
        LOOKED_AT_AGAIN_SECONDS > 10,
    ) == (1, made["id"], True)


def forget_hold(tx: Tx, change: str) -> None:
    """As if the decision had been gathered before the window opened, and recorded after everybody
    had looked.
    """
    tx.conn.execute(
        table.update()
        .where(table.c.id == change)
        .values(hold=None, time_left=None, expires_at=table.c.submitted_at + 10**11)
    )


async def test_nothing_is_looked_at_where_nothing_opened(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = Holds(small_shop.gate)
    await follower.turn()
    long_ago(follower)
    monkeypatch.setattr(holds_table, "kept_holds", None)  # to ask for it would fail

    assert await follower.turn() == 0


async def test_a_turn_in_which_all_rows_are_right_is_one_query(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for letter, service in (("a", "checkout"), ("b", "ledger"), ("c", "web")):
        await small_shop.submit(letter, service=service)
    # To look at a single place would fail: that takes two queries for each of them.
    monkeypatch.setattr(holds_table, "held_otherwise", None)

    assert await follow(small_shop) == 0


async def test_a_turn_that_fails_is_tried_again(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = await small_shop.submit("a")
    await freezes.add(small_shop.gate, window(), ADA)
    follower = Holds(small_shop.gate)

    def gone(*_: object, **__: object) -> None:
        raise Unavailable("the database does not write")

    with monkeypatch.context() as patched:
        patched.setattr(held_module, "_put_right", gone)
        with pytest.raises(Unavailable):
            await follower.turn()
    long_ago(follower)

    assert await follower.turn() == 1
    assert (await small_shop.read(change))["hold"] is not None


def long_ago(follower: Holds) -> None:
    """As if the windows had been as they are for a long time."""
    follower._until = 0  # noqa: SLF001 - it is measured by the real clock, and no test waits for it


async def test_two_servers_that_look_at_once_hold_each_change_once(shop: Shop) -> None:
    found = [
        await shop.submit(letter, service=service)
        for letter, service in (("a", "checkout"), ("b", "ledger"), ("c", "web"))
    ]
    await freezes.add(shop.gate, window(), ADA)
    await shop.let_pass_hours(1)

    done = await asyncio.gather(*(follow(shop) for _ in range(4)))
    await shop.let_pass_hours(1.5)
    await follow(shop)

    assert sum(done) == len(found)
    for change in found:
        assert (
            timedelta(hours=2, minutes=59)
            < left(await shop.read(change), shop)
            <= timedelta(hours=3)
        )


async def test_more_than_are_done_at_once_are_held(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_module, "AT_ONCE", 2)
    found = [await small_shop.submit(large(letter)) for letter in "abcde"]
    await override(
        small_shop,
        found[1],
        "ben",
        window=as_json(await freezes.add(small_shop.gate, window(), ADA))["id"],
    )

    done = await follow(small_shop)

    assert done == 4
    assert [(await small_shop.read(change))["hold"] is None for change in found] == [
        False,
        True,
        False,
        False,
        False,
    ]


# The law


STEPS = st.lists(
    st.sampled_from(["pass 1 h", "pass 1 h", "freeze", "stop", "lift", "override"]),
    min_size=3,
    max_size=12,
)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(steps=STEPS)
def test_b12_the_time_of_an_approval_is_the_time_in_which_nothing_held_it(
    sqlite_template: Path, steps: Sequence[str]
) -> None:
    with ExitStack() as closing, asyncio.Runner() as runner:
        folder = Path(closing.enter_context(TemporaryDirectory()))
        copy(sqlite_template, folder / "gate.sqlite")
        runner.run(lived(f"sqlite:///{folder / 'gate.sqlite'}", folder, steps))


async def lived(url: str, folder: Path, steps: Sequence[str]) -> None:
    """An approval of four hours, whatever opens and ends meanwhile."""
    async with AsyncExitStack() as stack:
        shop = await stack.enter_async_context(open_shop(url, folder))
        change = await shop.submit("a")
        used, declared, overridden = timedelta(0), list[Wire](), set[str]()
        for step in steps:
            holding = [one for one in declared if one["id"] not in overridden]
            if step == "pass 1 h":
                await shop.let_pass_hours(1)
                used += timedelta(0) if holding else HOUR
            elif step in {"freeze", "stop"}:
                ask = window(0, 90) if step == "freeze" else STOP
                declared.append(as_json(await freezes.add(shop.gate, ask, ADA)))
            elif step == "lift" and declared:
                await freezes.lift(shop.gate, declared.pop()["id"], ADA)
            elif step == "override" and holding and used < 4 * HOUR:
                what = {"stop": True} if holding[0]["stop"] else {"window": holding[0]["id"]}
                await override(shop, change, "ben", **what)
                overridden |= (
                    {one["id"] for one in declared if one["stop"]}
                    if holding[0]["stop"]
                    else {holding[0]["id"]}
                )
            await shop.round()

            now = await shop.read(change)
            held = [one["id"] for one in declared if one["id"] not in overridden]
            if used >= 4 * HOUR:
                assert now["state"] == "expired"
                return
            assert (now["state"], bool(now["hold"])) == ("approved", bool(held))
            assert now["hold"] is None or now["hold"]["window"] in held
            assert now["hold"] is not None or abs(left(now, shop) - (4 * HOUR - used)) < timedelta(
                minutes=1
            )
