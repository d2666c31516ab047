"""Values in the words of a page."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from gate.api.models.queries import ActKind
from gate.web import words
from gate.web.log import KINDS
from gate.web.render import linked

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_instants_are_said_in_utc_wherever_they_are_from() -> None:
    assert (
        words.instant(datetime.fromisoformat("2026-11-23T13:05:59+01:00"))
        == "23 Nov 2026, 12:05 UTC"
    )
    assert (
        words.ago(NOW - timedelta(hours=1), NOW),
        words.left(NOW + timedelta(seconds=30), NOW),
        words.ago(None, NOW),
    ) == ("1 h", "30 s", "")


@pytest.mark.parametrize(
    ("address", "followed"),
    [
        ("https://ci.example.com/1", True),
        ("http://127.0.0.1/1", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//evil.example.com", False),
        ("https://", False),
        ("https://[", False),
        ("", False),
        (None, False),
    ],
)
def test_only_an_address_of_the_web_is_a_link(address: str | None, followed: bool) -> None:  # noqa: FBT001 - a column of the table
    assert (words.link(address) is not None) is followed


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (
            {"kind": "decision", "number": 2, "outcome": "pending", "type": "normal"},
            "Decision 2: pending, normal change",
        ),
        ({"kind": "approval"}, "Approved"),
        ({"kind": "override", "window": "rejection"}, "Rejection lifted"),
        ({"kind": "override", "window": "year-end"}, "Hold overridden: year-end"),
        (
            {"kind": "override", "window": "frz_1", "title": "The index moves"},
            "Hold overridden: The index moves",
        ),
        ({"kind": "closure", "result": "rolled_back"}, "Closed: rolled back"),
        (
            {"kind": "closure", "result": "successful_issues"},
            "Closed: successful, with issues",
        ),
        (
            {"kind": "closure", "result": "successful", "matched": False},
            "Reported successful, without an admission",
        ),
        ({"kind": "cancellation", "superseded_by": "chg_1"}, "Canceled, superseded by chg_1"),
        ({"kind": "cancellation"}, "Canceled"),
        (
            {"kind": "refusal", "operation": "approval", "problem": "separation_of_duties"},
            "Refused: approval (separation of duties)",
        ),
        (
            {"kind": "standard_change", "title": "Everyday", "action": "suspended"},
            "Standard change “Everyday” suspended",
        ),
        ({"kind": "link", "incident": "PD-8", "action": "linked"}, "Tied to incident PD-8"),
        (
            {"kind": "link", "incident": "PD-8", "action": "found_better"},
            "Tied to incident PD-8 for a better reason",
        ),
        ({"kind": "something_new"}, "Something new"),
    ],
)
def test_an_entry_of_the_ledger_is_said_in_a_few_words(event: dict[str, object], said: str) -> None:
    assert words.event(event) == said


@pytest.mark.parametrize(
    ("message", "whole"),
    [
        ("you may not", "You may not."),
        ("Ready?", "Ready?"),
        ("Stop.", "Stop."),
        ("chg_1 is deploying here", "The change chg_1 is deploying here."),
    ],
)
def test_a_message_is_shown_as_a_whole_sentence(message: str, whole: str) -> None:
    assert words.sentence(message) == whole


def test_an_instant_in_a_reason_is_a_time_that_the_script_can_read() -> None:
    shown = linked("frozen until 30 Nov 2026, 07:00 UTC: <b>")

    assert shown == (
        'frozen until <time datetime="2026-11-30T07:00:00+00:00">30 Nov 2026, 07:00 UTC</time>'
        ": &lt;b&gt;"
    )
    assert linked("until 31 Feb 2026, 07:00 UTC") == "until 31 Feb 2026, 07:00 UTC"


def test_every_act_of_people_has_a_word_in_the_list_of_the_log() -> None:
    # The key and the epochs of the ledger are no acts of people.
    assert set(get_args(ActKind)) - {"key", "epoch"} == set(KINDS)
