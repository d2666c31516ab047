"""Every page begins with whether production is open: nothing shut may be said to be open."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gate.core.change import Emergency
from gate.flow.answers.status import EnvironmentStatus, StatusAnswer
from gate.flow.caller import Person
from gate.flow.commands import FreezeCommand
from gate.flow.policies import freezes
from gate.flow.queries.status import status
from gate.flow.queries.waiting_list import WaitingList
from tests.builders import make_change, make_person
from tests.flow.shop import ADA, Shop, make_files, open_shop, policy_text

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)
CHLOE = make_person("chloe", "on-call")
KOFI = make_person("kofi", "team-web")
LARGE = {"diff.lines_added": 220, "diff.files": ("a.py",), "diff.files_changed": 1}


async def seen(shop: Shop, by: Person = ADA) -> StatusAnswer:
    """As the strip gets it."""
    return await status(shop.gate, WaitingList(shop.gate), by)


async def production(shop: Shop) -> EnvironmentStatus:
    """The one environment of the tier production."""
    (one,) = (await seen(shop)).production
    return one


def window(**different: object) -> FreezeCommand:
    """For an hour from now."""
    return FreezeCommand("Closing", ends=datetime.now(UTC) + HOUR, **different)  # type: ignore[arg-type]  # a test names what it differs in


async def test_without_a_window_production_is_open(small_shop: Shop) -> None:
    one = await production(small_shop)

    assert (one.name, one.frozen, one.stopped, one.held) == ("production", 0, 0, 0)
    assert (one.open_at, one.freezes_at) == (None, None)


async def test_a_window_for_everything_freezes_every_service_until_its_end(shop: Shop) -> None:
    made = await freezes.add(shop.gate, window(), ADA)
    await shop.submit("a", claims=LARGE)

    one = await production(shop)

    assert one.frozen == one.services > 1
    assert (one.reason, one.open_at, one.held) == ("Closing", made.ends, 1)


async def test_a_window_for_one_service_leaves_the_others_open(small_shop: Shop) -> None:
    await freezes.add(small_shop.gate, window(services=("web",)), ADA)

    one = await production(small_shop)

    assert (one.frozen, one.services > 1) == (1, True)


async def test_a_window_of_another_environment_is_not_of_production(small_shop: Shop) -> None:
    await freezes.add(small_shop.gate, window(environments=("staging",)), ADA)

    assert (await production(small_shop)).frozen == 0


async def test_a_window_to_come_says_when_it_begins(small_shop: Shop) -> None:
    begins = (datetime.now(UTC) + HOUR).replace(microsecond=0)
    await freezes.add(
        small_shop.gate, FreezeCommand("Closing", begins=begins, ends=begins + HOUR), ADA
    )

    one = await production(small_shop)

    assert (one.frozen, one.freezes_at, one.freezes_because) == (0, begins, "Closing")


async def test_what_is_frozen_until_then_is_not_said_to_freeze(small_shop: Shop) -> None:
    begins = (datetime.now(UTC) + HOUR / 2).replace(microsecond=0)
    within = FreezeCommand("Inside", begins=begins, ends=begins + HOUR, services=("web",))
    await freezes.add(small_shop.gate, window(services=("web",)), ADA)
    await freezes.add(small_shop.gate, within, ADA)

    one = await production(small_shop)

    assert (one.frozen, one.freezes_at) == (1, None)


async def test_a_stopped_line_says_who_stopped_it_and_nothing_is_frozen(small_shop: Shop) -> None:
    await freezes.add(small_shop.gate, FreezeCommand("Fire", stop=True), ADA)

    found = await seen(small_shop)

    assert [(one.by, one.reason) for one in found.stops] == [("Ada Ekberg", "Fire")]
    assert [(one.stopped == one.services, one.frozen) for one in found.production] == [(True, 0)]


@pytest.mark.parametrize(
    ("by", "may"),
    [
        pytest.param(ADA, (True, True, True), id="a release manager"),
        pytest.param(CHLOE, (False, True, False), id="who decides emergencies"),
        pytest.param(KOFI, (False, False, False), id="somebody else"),
    ],
)
async def test_only_acts_are_offered_that_are_allowed(
    small_shop: Shop, by: Person, may: tuple[bool, bool, bool]
) -> None:
    found = await seen(small_shop, by)

    assert (found.may_freeze, found.may_stop, found.may_lift) == may


async def test_owners_who_decide_emergencies_are_offered_to_stop(
    sqlite_url: str, tmp_path: Path
) -> None:
    owners = "{by: [owners], approvals: 1, valid_for: 1h, review_within: 72h}"
    staging = policy_text("staging", "staging", parallel="allow", emergency=owners)
    files = make_files(staging=staging, emergency=owners)
    async with open_shop(sqlite_url, tmp_path, files) as shop:
        offered = [(await seen(shop, by)).may_stop for by in (KOFI, CHLOE)]

    assert offered == [True, False]


async def test_emergencies_are_where_the_viewer_finds_them(shop: Shop) -> None:
    asked = Emergency("It burns", "INC-1")
    await shop.submit(make_change(commit="a" * 40, emergency=asked, environment="production"))

    places = [(await seen(shop, by)).emergencies_in for by in (CHLOE, KOFI)]

    assert (await seen(shop)).emergencies == 1
    assert places == ["mine", "others"]
