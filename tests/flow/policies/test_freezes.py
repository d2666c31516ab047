"""Nothing may be deployed now: windows of the calendar and of people, and the stopped line."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from gate.core.change import Emergency
from gate.errors import Conflict, Invalid, NotAllowed, NotFound
from gate.flow.caller import Person
from gate.flow.changes import review
from gate.flow.changes.evaluate import evaluate_change
from gate.flow.commands import FreezeCommand, OverrideCommand, PersonCommand
from gate.flow.identity import people
from gate.flow.policies import freezes
from gate.flow.queries import calendar, look
from gate.storage.policies import freezes as freezes_table
from tests.builders import Wire, commit_of, make_change, make_person
from tests.flow.shop import ADA, ADMIN, PIPELINE, Shop, as_json, make_files, open_shop, policy_text

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


def window(hours: float = 2, **different: Any) -> FreezeCommand:
    """A window that begins now."""
    return FreezeCommand("Year-end closing", ends=datetime.now(UTC) + hours * HOUR, **different)


STOP = FreezeCommand("The data centre burns", stop=True)


def calendar_text(begins: datetime, hours: int, **more: str) -> str:
    """A calendar with one window."""
    keys = {
        "id": "closing",
        "reason": "Closing",
        "begins": f"{begins:%Y-%m-%dT%H:%M}",
        "lasts": f"{hours}h",
        **more,
    }
    return (
        "time_zone: UTC\nfreezes:\n  - "
        f"{{{', '.join(f'{key}: {value}' for key, value in keys.items())}}}\n"
    )


@pytest.mark.parametrize(
    ("command", "words"),
    [
        pytest.param(FreezeCommand("x"), "a window needs its end", id="a window without an end"),
        pytest.param(
            FreezeCommand("x", stop=True, ends=datetime.now(UTC) + HOUR),
            "a stopped line has no end",
            id="a stop with an end",
        ),
        pytest.param(window(-1), "the window is over already", id="a window of yesterday"),
        pytest.param(
            window(1, begins=datetime.now(UTC) + 2 * HOUR),
            "ends before it begins",
            id="the wrong way round",
        ),
        pytest.param(
            window(services=("checkout",) * 1_600),
            "at most 12000 are allowed",
            id="more names than an entry holds",
        ),
    ],
)
async def test_a_window_that_cannot_be_is_refused(
    small_shop: Shop, command: FreezeCommand, words: str
) -> None:
    before = await small_shop.entries()

    with pytest.raises(Invalid, match=words):
        await freezes.add(small_shop.gate, command, ADA)

    assert await small_shop.entries() == before


async def test_more_windows_than_a_decision_reads_are_refused_and_the_line_can_still_be_stopped(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freezes_table, "OPEN_MAX", 2)
    first = as_json(await freezes.add(small_shop.gate, window(), ADA))
    await freezes.add(small_shop.gate, window(), ADA)

    with pytest.raises(Invalid, match="2 windows are not over yet, at most 2 are allowed"):
        await freezes.add(small_shop.gate, window(), ADA)

    assert as_json(await freezes.add(small_shop.gate, STOP, ADA))["stop"] is True
    await freezes.lift(small_shop.gate, first["id"], ADA)
    assert as_json(await freezes.add(small_shop.gate, window(), ADA))["id"]


async def test_a61_nobody_hides_a_freeze_behind_stopped_lines(
    sqlite_url: str, tmp_path: Path
) -> None:
    own = replace(STOP, services=("web",))
    async with open_shop(sqlite_url, tmp_path, make_files(emergency=BY_OWNERS)) as shop:
        await freezes.add(shop.gate, window(services=("checkout",)), ADA)
        lena = member("lena", "team-web")
        for _ in range(freezes_table.STOPS_OF_ONE_MAX):
            await freezes.add(shop.gate, own, lena)

        with pytest.raises(Invalid, match="lines that nobody has lifted, at most 20 are allowed"):
            await freezes.add(shop.gate, own, lena)

        assert (await shop.submit("a"))["hold"]["reason"] == "Year-end closing"
        assert as_json(await freezes.add(shop.gate, STOP, ADA))["stop"] is True


async def test_whom_another_server_has_just_shut_out_lifts_and_overrides_nothing(
    shop: Shop,
) -> None:
    """This server has let ada in by what it knew a moment ago: she has her groups still."""
    made = as_json(await freezes.add(shop.gate, STOP, ADA))
    waiting = await shop.submit("a")
    await people.change(shop.gate, ADA.id, PersonCommand(disabled=True), ADMIN)

    with pytest.raises(NotAllowed, match="you are not in this group"):
        await freezes.lift(shop.gate, made["id"], ADA)
    with pytest.raises(NotAllowed, match="is overridden by release-managers"):
        await review.override(shop.gate, waiting["id"], OverrideCommand("go", stop=True), ADA)

    with pytest.raises(Conflict) as refused:
        await shop.admit(await shop.read(waiting))
    assert refused.value.problem in {"frozen", "not_approved"}


def member(who: str, *groups: str) -> Person:
    """Somebody of these groups."""
    return make_person(who, *groups)


OVERRIDDEN_BY_WEB = calendar_text(datetime(2040, 1, 1, tzinfo=UTC), 1, override_by="[team-web]")
BY_OWNERS = "{by: [on-call, owners], approvals: 1, valid_for: 1h, review_within: 72h}"


@pytest.mark.parametrize(
    ("by", "command"),
    [
        pytest.param(member("kofi"), STOP, id="in no group"),
        pytest.param(
            member("kofi", "team-payments", "platform"), STOP, id="in groups that nothing names"
        ),
        pytest.param(member("chloe", "on-call"), window(), id="who decides emergencies, a window"),
        pytest.param(member("farida", "team-payments"), STOP, id="owners, of everything"),
        pytest.param(
            member("farida", "team-payments"),
            replace(STOP, services=("checkout", "web")),
            id="owners, of one of two services",
        ),
        pytest.param(
            member("farida", "team-payments"),
            replace(STOP, services=("unheard-of",)),
            id="owners, of what nobody knows",
        ),
    ],
)
async def test_who_is_not_named_neither_freezes_nor_stops(
    sqlite_url: str, tmp_path: Path, by: Person, command: FreezeCommand
) -> None:
    async with open_shop(
        sqlite_url, tmp_path, make_files(OVERRIDDEN_BY_WEB, emergency=BY_OWNERS)
    ) as shop:
        with pytest.raises(NotAllowed, match="you are in none of these groups"):
            await freezes.add(shop.gate, command, by)

        assert await shop.entries("freeze") == []


@pytest.mark.parametrize(
    ("by", "command"),
    [
        pytest.param(ADA, STOP, id="a release manager stops"),
        pytest.param(ADA, window(), id="a release manager freezes"),
        pytest.param(member("kofi", "team-web"), window(), id="whom a window names, a window"),
        pytest.param(member("kofi", "team-web"), STOP, id="whom a window names, a stop"),
        pytest.param(member("chloe", "on-call"), STOP, id="who decides emergencies"),
        pytest.param(
            member("farida", "team-payments"),
            replace(STOP, services=("checkout", "ledger")),
            id="owners of all that is named",
        ),
    ],
)
async def test_who_is_named_does(
    sqlite_url: str, tmp_path: Path, by: Person, command: FreezeCommand
) -> None:
    async with open_shop(
        sqlite_url, tmp_path, make_files(OVERRIDDEN_BY_WEB, emergency=BY_OWNERS)
    ) as shop:
        made = as_json(await freezes.add(shop.gate, command, by))

        (entry,) = await shop.entries("freeze")
        assert (entry.fields["window"], entry.fields["by"], made["stop"]) == (
            made["id"],
            by.caller,
            command.stop,
        )


async def test_a_policy_that_decides_nothing_names_nobody(sqlite_url: str, tmp_path: Path) -> None:
    quiet = "{by: [release-managers], approvals: 1, valid_for: 1h, review_within: 72h}"
    files = make_files(emergency=quiet, staging=policy_text("staging", "staging", mode="evaluate"))
    async with open_shop(sqlite_url, tmp_path, files) as shop:
        with pytest.raises(NotAllowed):
            await freezes.add(shop.gate, STOP, member("chloe", "on-call"))


@pytest.mark.parametrize("command", [STOP, window()], ids=["a stopped line", "a window"])
async def test_only_a_release_manager_lifts(small_shop: Shop, command: FreezeCommand) -> None:
    made = as_json(await freezes.add(small_shop.gate, command, ADA))
    others = (member("chloe", "on-call"), member("hana", "platform"), member("zoe"))

    for by in others:
        with pytest.raises(NotAllowed, match="release-managers may lift"):
            await freezes.lift(small_shop.gate, made["id"], by)

    assert [one.id for one in await freezes.not_over(small_shop.gate)] == [made["id"]]


async def test_what_is_not_there_or_lifted_already_is_not_lifted(small_shop: Shop) -> None:
    made = as_json(await freezes.add(small_shop.gate, window(), ADA))
    await freezes.lift(small_shop.gate, made["id"], ADA)

    with pytest.raises(Conflict, match="lifted before"):
        await freezes.lift(small_shop.gate, made["id"], ADA)
    with pytest.raises(NotFound, match="changed in the file"):
        await freezes.lift(small_shop.gate, "closing", ADA)


async def test_a_small_change_waits_for_the_end_of_a_window(shop: Shop) -> None:
    made = as_json(await freezes.add(shop.gate, window(), ADA))

    change = await shop.submit("a")

    assert (change["state"], change["expires_at"]) == ("pending", None)
    assert change["hold"] == {
        "window": made["id"],
        "reason": "Year-end closing",
        "until": made["ends"],
        "lifted_by": ["release-managers"],
        "stop": False,
    }
    assert change == await shop.read(change)


@pytest.mark.parametrize(
    ("command", "state"),
    [
        pytest.param(window(environments=("production",)), "pending", id="its environment"),
        pytest.param(
            window(environments=("prod",)), "pending", id="its environment by another name"
        ),
        pytest.param(window(environments=("staging",)), "approved", id="another environment"),
        pytest.param(window(services=("checkout", "web")), "pending", id="its service"),
        pytest.param(window(services=("web",)), "approved", id="another service"),
        pytest.param(window(begins=datetime.now(UTC) + HOUR), "approved", id="not yet"),
    ],
)
async def test_a_window_reaches_what_it_names(
    small_shop: Shop, command: FreezeCommand, state: str
) -> None:
    await freezes.add(small_shop.gate, command, ADA)

    assert (await small_shop.submit("a"))["state"] == state


async def test_a_window_of_the_calendar_holds_as_well(sqlite_url: str, tmp_path: Path) -> None:
    begins = datetime.now(UTC) - HOUR
    files = make_files(calendar_text(begins, 3, tiers="[production]", override_by="[on-call]"))
    async with open_shop(sqlite_url, tmp_path, files) as shop:
        change = await shop.submit("a")
        elsewhere = await shop.submit("a", environment="staging")

        assert (
            change["hold"]["window"],
            change["hold"]["reason"],
            change["hold"]["lifted_by"],
        ) == ("closing", "Closing", ["on-call"])
        assert elsewhere["state"] == "approved"


async def test_a_hold_lasts_until_all_that_touches_it_is_over(
    sqlite_url: str, tmp_path: Path
) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    async with open_shop(sqlite_url, tmp_path, make_files(calendar_text(now - HOUR, 3))) as shop:
        await freezes.add(
            shop.gate, FreezeCommand("More", begins=now + HOUR, ends=now + 9 * HOUR), ADA
        )

        assert (await shop.submit("a"))["hold"]["until"] == f"{now + 9 * HOUR:%Y-%m-%dT%H:%M:%SZ}"


async def test_an_evaluation_says_why_it_would_be_held(small_shop: Shop) -> None:

    await freezes.add(small_shop.gate, window(), ADA)

    assert (
        as_json(await evaluate_change(small_shop.gate, make_change("a"), PIPELINE))["hold"][
            "reason"
        ]
        == "Year-end closing"
    )


async def rolled_out(shop: Shop) -> None:
    """First a, then b."""
    await shop.deploy("a")
    await shop.deploy("b", base=commit_of("a"))


async def test_a_rollback_passes_a_freeze(shop: Shop) -> None:
    await rolled_out(shop)
    await freezes.add(shop.gate, window(), ADA)

    back = await shop.submit("a", run=None, base=commit_of("b"))

    assert (back["state"], back["standard_change"]) == ("approved", "rollback")
    assert (await shop.admit(back | {"run": {"id": "r", "attempt": 1, "step": ""}}))["payload"]


async def test_nothing_passes_a_stopped_line(shop: Shop) -> None:
    await rolled_out(shop)
    await freezes.add(shop.gate, STOP, ADA)

    asked = [
        await shop.submit("a", run=None, base=commit_of("b")),
        await shop.submit("c", base=commit_of("b")),
        await shop.submit("d", emergency=Emergency("fire", "INC-1"), base=commit_of("b")),
    ]

    assert {
        (change["state"], change["hold"]["stop"], change["reasons"][0]["because"])
        for change in asked
    } == {("pending", True, "the line is stopped until somebody lifts it: The data centre burns")}


async def test_an_emergency_is_not_held_by_a_freeze(small_shop: Shop) -> None:
    await freezes.add(small_shop.gate, window(), ADA)

    change = await small_shop.submit("a", emergency=Emergency("fire", "INC-1"))

    assert (change["state"], change["hold"], change["route"]) == ("pending", None, "emergency")


# What follows


async def test_the_time_of_a_pending_change_stands_still_while_it_is_held(shop: Shop) -> None:
    change = await shop.submit("a", claims={})
    await shop.let_pass_hours(23)
    made = as_json(await freezes.add(shop.gate, window(100), ADA))
    await shop.round()
    held = await shop.read(change)

    await shop.let_pass_hours(48)
    await shop.round()
    still_held = await shop.read(change)
    await freezes.lift(shop.gate, made["id"], ADA)
    await shop.round()
    free = await shop.read(change)

    assert (held["state"], held["expires_at"]) == ("pending", None)
    assert (still_held["state"], still_held["hold"]["window"]) == ("pending", made["id"])
    left = datetime.fromisoformat(free["expires_at"]) - shop.gate.clock()
    assert (free["state"], free["hold"]) == ("pending", None)
    assert timedelta(minutes=58) < left < timedelta(minutes=61)


@pytest.mark.parametrize("way", ["its end", "lifted"])
async def test_what_only_a_hold_stopped_is_approved_when_that_is_over(shop: Shop, way: str) -> None:
    made = as_json(await freezes.add(shop.gate, window(2), ADA))
    change = await shop.submit("a")
    await shop.round()
    assert (await shop.read(change))["decision"]["number"] == 1

    if way == "lifted":
        await freezes.lift(shop.gate, made["id"], ADA)
    else:
        await shop.let_pass_hours(2.1)
    await shop.round()

    now = await shop.read(change)
    assert (now["state"], now["hold"], now["decision"]["number"]) == ("approved", None, 2)
    assert (await shop.admit(now))["payload"]


async def test_a_window_that_is_opened_holds_what_is_pending_from_now_on(small_shop: Shop) -> None:
    change = await small_shop.submit("a", claims={})
    made = as_json(await freezes.add(small_shop.gate, window(), ADA))

    await small_shop.round()

    assert (await small_shop.read(change))["hold"]["window"] == made["id"]


async def test_a_longer_window_prolongs_a_hold_by_another_decision(small_shop: Shop) -> None:
    await freezes.add(small_shop.gate, window(1), ADA)
    change = await small_shop.submit("a")
    longer = as_json(await freezes.add(small_shop.gate, window(9), ADA))

    await small_shop.round()

    now = await small_shop.read(change)
    assert (now["hold"]["window"], now["hold"]["until"], now["decision"]["number"]) == (
        longer["id"],
        longer["ends"],
        2,
    )
    await small_shop.let_pass_hours(1.5)
    await small_shop.round()
    assert (await small_shop.read(change))["state"] == "pending"
    await small_shop.let_pass_hours(8)
    await small_shop.round()
    assert (await small_shop.read(change))["state"] == "approved"


async def test_a_change_that_is_approved_already_meets_the_freeze_at_its_admission(
    shop: Shop,
) -> None:
    change = await shop.submit("a")
    made = as_json(await freezes.add(shop.gate, window(), ADA))
    await shop.round()

    with pytest.raises(
        Conflict,
        match=rf"frozen until [^:]*:\d\d UTC: {made['reason']} \(by Ada Ekberg\); .*ask release-managers",
    ) as refused:
        await shop.admit(change)
    await freezes.lift(shop.gate, made["id"], ADA)

    assert refused.value.problem == "frozen"
    assert (await shop.admit(change))["payload"]


async def test_a_stopped_line_meets_every_admission(shop: Shop) -> None:
    await rolled_out(shop)
    back = await shop.submit("a", run=None, base=commit_of("b"))
    await freezes.add(shop.gate, STOP, ADA)

    with pytest.raises(Conflict, match="the line is stopped") as refused:
        await shop.admit(back | {"run": {"id": "r", "attempt": 1, "step": ""}})

    assert refused.value.problem == "frozen"


# Shown and recorded


async def test_windows_stand_in_the_ledger_without_their_reason(shop: Shop) -> None:
    made = as_json(await freezes.add(shop.gate, window(environments=("prod",)), ADA))
    await freezes.lift(shop.gate, made["id"], ADA)

    added, lifted = await shop.entries("freeze")
    said = dict(added.fields)
    reason = said.pop("reason")
    assert said == {
        "window": made["id"],
        "action": "added",
        "by": ADA.caller,
        "stop": False,
        "begins": made["begins"],
        "ends": made["ends"],
        "services": [],
        "environments": ["production"],
    }
    assert "Year-end" not in reason
    assert dict(lifted.fields) == {**said, "reason": reason, "action": "lifted"}


async def test_the_list_of_windows_shows_reasons_and_what_was_lifted(small_shop: Shop) -> None:
    first = as_json(await freezes.add(small_shop.gate, window(), ADA))
    second = as_json(await freezes.add(small_shop.gate, STOP, ADA))
    lifted = as_json(await freezes.lift(small_shop.gate, first["id"], ADA))

    items = as_json(await freezes.listing(small_shop.gate, ADMIN))["items"]

    assert {item["id"]: item for item in items} == {first["id"]: lifted, second["id"]: second}
    assert lifted["reason"] == "Year-end closing"
    assert datetime.fromisoformat(lifted["ends"]) < datetime.fromisoformat(first["ends"])


async def test_the_place_and_the_schedule_say_when_it_opens(small_shop: Shop) -> None:
    made = as_json(await freezes.add(small_shop.gate, window(), ADA))

    place = as_json(await look.place(small_shop.gate, "checkout", "prod", PIPELINE))
    schedule = as_json(await calendar.schedule(small_shop.gate, None, None, "checkout", "prod"))

    assert (place["hold"]["window"], place["hold"]["reason"], place["next_opening"]) == (
        made["id"],
        "Year-end closing",
        made["ends"],
    )
    assert (schedule["items"], schedule["next_opening"]) == ([made], made["ends"])


async def test_a_stopped_line_has_no_opening(small_shop: Shop) -> None:
    await freezes.add(small_shop.gate, STOP, ADA)

    place = as_json(await look.place(small_shop.gate, "checkout", "production", PIPELINE))

    assert (place["hold"]["stop"], place["hold"]["until"], place["next_opening"]) == (
        True,
        None,
        None,
    )


async def test_the_first_answer_is_the_one_that_is_replayed_whatever_the_reason(
    small_shop: Shop,
) -> None:
    made = as_json(await freezes.add(small_shop.gate, window(), ADA))

    answer: Wire = orjson.loads((await small_shop.ask(make_change("a"))).body)

    assert answer["hold"]["reason"] == made["reason"]
