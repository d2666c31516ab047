"""The change schedule as other programs read it."""

from datetime import UTC, datetime
from typing import Any

import icalendar
import pytest

from gate.api.formats.icalendar import written
from gate.flow.answers.calendar import WindowAnswer

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def window(**different: Any) -> WindowAnswer:
    """One row of a schedule."""
    usual: dict[str, Any] = {
        "id": "frz_1",
        "reason": "Year-end",
        "stop": False,
        "begins": datetime(2026, 12, 20, tzinfo=UTC),
        "ends": datetime(2027, 1, 2, tzinfo=UTC),
        "services": (),
        "environments": (),
    }
    return WindowAnswer(**usual | different)


def events(*windows: WindowAnswer) -> list[Any]:
    """What a program reads."""
    return list(icalendar.Calendar.from_ical(written(list(windows), NOW)).walk("VEVENT"))


def test_a_window_is_an_event_with_its_reason_and_scope() -> None:
    (event,) = events(window(services=("web",), environments=("production",)))

    assert (str(event["SUMMARY"]), str(event["DESCRIPTION"])) == (
        "Frozen: Year-end",
        "web, production",
    )
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (
        datetime(2026, 12, 20, tzinfo=UTC),
        datetime(2027, 1, 2, tzinfo=UTC),
    )


def test_a_stopped_line_has_no_end() -> None:
    (event,) = events(window(stop=True, ends=None))

    assert str(event["SUMMARY"]) == "Line stopped: Year-end"
    assert "DTEND" not in event


@pytest.mark.parametrize(
    "reason", ["a;b,c\\d", "two\nlines\r\nEND:VEVENT", "ä" * 200, "END:VCALENDAR", "👍" * 60]
)
def test_no_reason_breaks_the_file(reason: str) -> None:
    content = written([window(reason=reason)], NOW)

    (event,) = icalendar.Calendar.from_ical(content).walk("VEVENT")
    assert str(event["SUMMARY"]) == f"Frozen: {reason}".replace("\r\n", "\n")
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))


def test_occurrences_of_one_window_are_events_of_their_own() -> None:
    next_year = window(
        begins=datetime(2027, 12, 20, tzinfo=UTC), ends=datetime(2028, 1, 2, tzinfo=UTC)
    )

    found = events(window(), next_year)

    assert len({str(event["UID"]) for event in found}) == 2
