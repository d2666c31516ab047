"""Everything about one change for whoever has to decide on it."""

from datetime import timedelta

import pytest

from gate.core.change import Result
from gate.errors import NotFound
from gate.flow.caller import Role
from gate.flow.changes import review
from gate.flow.commands import FreezeCommand, OverrideCommand, ReviewCommand
from gate.flow.policies import freezes
from gate.flow.queries.story import story
from tests.builders import Wire, key_of, make_person, person_id
from tests.flow.shop import ADA, Shop, as_json

pytestmark = pytest.mark.anyio

LARGE = {
    "diff.lines_added": 220,
    "diff.lines_deleted": 1,
    "diff.files": ("a.py",),
    "diff.files_changed": 1,
}
FARIDA = make_person("farida", "team-payments")
AUDITOR = make_person("kofi", role=Role.AUDITOR)


def kinds(found: Wire) -> list[str]:
    """What happened, in order."""
    return [event["kind"] for event in found["timeline"]]


async def test_there_is_no_story_of_what_is_not_there(shop: Shop) -> None:
    with pytest.raises(NotFound):
        await story(shop.gate, "chg_" + "0" * 26, ADA)


async def test_it_says_who_may_approve_who_may_not_and_why(shop: Shop) -> None:
    change = await shop.submit(
        "a",
        claims=LARGE,
        authors=("farida@example.com", "zoe@example.com"),
        requested_by="ivan@example.com",
    )

    found = as_json(await story(shop.gate, change["id"], ADA))

    assert [(one["id"], one["why"]) for one in found["people"]["excluded"]] == [
        (person_id("farida"), ["wrote a part of it"]),
        (person_id("ivan"), ["requested it"]),
    ]
    (entry,) = found["people"]["required"]
    assert (entry["count"], entry["missing"]) == (1, 1)
    assert {
        key_of(person["id"]): person["excluded"]
        for group in entry["by"]
        for person in group["people"]
    } == {
        "ada": False,
        "ben": False,
        "farida": True,
        "ivan": True,
    }


async def test_it_says_what_the_viewer_may_do(shop: Shop) -> None:
    change = await shop.submit("a", claims=LARGE, authors=("farida@example.com",))
    may = {
        who: as_json(await story(shop.gate, change["id"], by))["may"]
        for who, by in (("ada", ADA), ("farida", FARIDA), ("auditor", AUDITOR))
    }

    assert {who: (one["approve"], one["own"]) for who, one in may.items()} == {
        "ada": (True, False),
        "farida": (False, True),
        "auditor": (False, False),
    }


async def test_it_tells_what_happened_in_order_with_what_was_said(shop: Shop) -> None:
    change = await shop.submit("a", claims=LARGE)
    await review.approve(
        shop.gate, change["id"], ReviewCommand(change["subject_digest"], "Looked at it."), ADA
    )
    await shop.admit(change)
    await shop.close(change, Result.UNSUCCESSFUL)

    found = as_json(await story(shop.gate, change["id"], ADA))

    assert kinds(found) == ["decision", "approval", "admission", "closure"]
    assert (found["timeline"][1]["by"], found["timeline"][1]["comment"]) == (
        "Ada Ekberg",
        "Looked at it.",
    )
    assert found["timeline"][3]["result"] == "unsuccessful"
    assert found["may"]["approve"] is False


async def test_a_lifted_rejection_is_told_as_one(shop: Shop) -> None:
    change = await shop.submit("a", claims=LARGE)
    await review.reject(
        shop.gate, change["id"], ReviewCommand(change["subject_digest"], "Not now."), ADA
    )
    assert as_json(await story(shop.gate, change["id"], ADA))["may"]["lift"] is True
    await review.override(shop.gate, change["id"], OverrideCommand("It may."), ADA)

    found = as_json(await story(shop.gate, change["id"], ADA))

    assert kinds(found) == ["decision", "rejection", "override"]
    assert found["timeline"][2]["window"] == "rejection"


async def test_an_overridden_window_is_named_by_its_reason(shop: Shop) -> None:
    ends = shop.gate.clock() + timedelta(days=1)
    window = await freezes.add(shop.gate, FreezeCommand("The index moves", ends=ends), ADA)
    change = await shop.submit("a", claims=LARGE)
    command = OverrideCommand("The shop is closed.", window=window.id)
    await review.override(shop.gate, change["id"], command, ADA)

    found = as_json(await story(shop.gate, change["id"], ADA))

    (override,) = (one for one in found["timeline"] if one["kind"] == "override")
    assert (override["window"], override["title"]) == (window.id, "The index moves")


async def test_it_shows_what_went_before_in_the_same_place_alone(shop: Shop) -> None:
    await shop.deploy("a", title="Before")
    await shop.deploy("b", title="Elsewhere", service="web")
    change = await shop.submit("c", claims=LARGE)

    found = as_json(await story(shop.gate, change["id"], ADA))

    assert [(one["title"], one["closed"]["result"]) for one in found["previous"]] == [
        ("Before", "successful")
    ]


async def test_it_says_what_stands_against_it_and_what_would_make_it_standard(shop: Shop) -> None:
    change = await shop.submit("a", claims=LARGE)

    found = as_json(await story(shop.gate, change["id"], ADA))

    assert "220 lines added; 200 or more gives 30 points" in [
        one["because"] for one in found["against"]
    ]
    assert [one["rule"] for one in found["standard"]] == ["everyday", "rollback"]
    assert found["standard"][0]["because"] == "220 lines added; needed: fewer than 100 lines added"


async def test_e26_a_timeline_that_is_cut_says_so(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = await shop.deploy("a")
    whole = await story(shop.gate, change["id"], ADA)
    count = len(whole.timeline)
    monkeypatch.setattr("gate.flow.queries.story.EVENTS_SHOWN", count - 1)

    cut = await story(shop.gate, change["id"], ADA)

    assert (whole.earlier_events, cut.earlier_events) == (False, True)
    assert cut.timeline == whole.timeline[1:]


async def test_it_says_how_often_the_like_was_done_here_and_how_that_ended(shop: Shop) -> None:
    first = await shop.deploy("a", Result.UNSUCCESSFUL)
    await shop.let_pass_hours(30)
    second = await shop.deploy("b", Result.SUCCESSFUL)
    third = await shop.submit("c", claims=LARGE)

    before, after = [
        as_json(await story(shop.gate, one["id"], ADA))["repeatability"] for one in (first, second)
    ]
    waiting = as_json(await story(shop.gate, third["id"], ADA))["repeatability"]

    # What the decision knew, and not what came later; the link leads to the newest other one.
    assert (before["changes"], before["failures"], before["last"]) == (0, None, second["id"])
    assert after == {
        "kinds": ["source"],
        "changes": 1,
        "failures": 1,
        "days_since_last": 1,
        "last": None,
        "last_failed": True,
        "changes_last_24h": 0,
        "lines_last_24h": 0,
    }
    # The diff of the third was not measured from what runs, so nobody knows what it is like.
    assert (waiting["kinds"], waiting["changes"], waiting["last"]) == ([], None, None)
    assert waiting["changes_last_24h"] == 1
