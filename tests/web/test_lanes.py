"""Windows as bars: every day of a window has its piece, and no two pieces share a lane."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from gate.flow.answers.calendar import WindowAnswer
from gate.web.lanes import LANES_MAX, Lanes, of_week

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 11, 23)
WEEK = [MONDAY + timedelta(days=number) for number in range(7)]
HOURS = st.integers(-24 * 10, 24 * 17)


def window(
    begins: datetime, ends: datetime | None, reason: str = "Quiet", *, stop: bool = False
) -> WindowAnswer:
    """One window, given in the zone of the calendar."""
    return WindowAnswer(
        id=reason,
        reason=reason,
        stop=stop,
        begins=begins.astimezone(UTC),
        ends=ends and ends.astimezone(UTC),
        services=(),
        environments=(),
    )


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    """An instant of November 2026 in Berlin."""
    return datetime(2026, 11, 1, hour, minute, tzinfo=BERLIN) + timedelta(days=day - 1)


def drawn(*windows: WindowAnswer) -> list[Lanes]:
    """The week from 23 to 29 November."""
    return of_week(WEEK, windows, BERLIN)


def labels(lanes: list[Lanes]) -> list[list[str]]:
    """What is written on each day's bars where they begin in this week."""
    return [[one.label for one in day.pieces if one and one.leads] for day in lanes]


def test_a_bar_lies_on_its_days_alone_and_says_its_hours() -> None:
    lanes = drawn(window(at(25, 16), at(27, 8, 30)))

    assert [len(day.pieces) for day in lanes] == [0, 0, 1, 1, 1, 0, 0]
    assert labels(lanes)[2] == ["16:00 Quiet until Fri 08:30"]
    pieces = [one for day in lanes for one in day.pieces if one]
    assert [(one.begins, one.ends, one.leads, one.days) for one in pieces] == [
        (True, False, True, 3),
        (False, False, False, 3),
        (False, True, False, 3),
    ]


def test_what_lasts_until_midnight_is_not_on_the_day_that_begins_then() -> None:
    lanes = drawn(window(at(24), at(26)))

    assert [len(day.pieces) for day in lanes] == [0, 1, 1, 0, 0, 0, 0]
    assert labels(lanes)[1] == ["Quiet"]


def test_where_only_the_last_day_is_in_the_week_its_hour_stands_in_front() -> None:
    lanes = drawn(window(at(20, 16), at(23, 8)))

    assert labels(lanes)[0] == ["until 08:00: Quiet"]


def test_what_goes_on_from_week_to_week_is_named_again_and_has_no_ends_here() -> None:
    lanes = drawn(window(at(20, 16), None, "Stopped", stop=True))

    pieces = [one for day in lanes for one in day.pieces if one]
    assert len(pieces) == 7
    assert {(one.begins, one.ends, one.stop) for one in pieces} == {(False, False, True)}
    assert labels(lanes)[0] == ["Stopped"]


def test_other_weeks_have_nothing_of_it() -> None:
    assert drawn(window(at(16), at(23)), window(at(30), at(30, 5))) == [Lanes([], 0)] * 7


def test_a_lane_is_used_again_and_an_empty_one_above_stays_empty() -> None:
    lanes = drawn(
        window(at(23), at(25), "A"), window(at(24), at(27), "B"), window(at(26), at(28), "C")
    )

    assert [[one.label if one else None for one in day.pieces] for day in lanes] == [
        ["A"], ["A", "B"], [None, "B"], ["C", "B"], ["C"], [], [],
    ]  # fmt: skip


def test_of_very_many_windows_the_rest_is_counted() -> None:
    lanes = drawn(*(window(at(24), at(25), str(number)) for number in range(LANES_MAX + 3)))

    assert [(len(day.pieces), day.more) for day in lanes][1] == (LANES_MAX, 3)
    assert sum(day.more for day in lanes) == 3


@given(st.lists(st.tuples(HOURS, st.integers(1, 24 * 12), st.booleans()), max_size=9))
def test_every_day_shows_or_counts_exactly_the_windows_that_touch_it(
    given_: list[tuple[int, int, bool]],
) -> None:
    start = datetime(2026, 11, 23, tzinfo=BERLIN).astimezone(UTC)
    windows = [
        window(
            start + timedelta(hours=begins),
            None if open_ended else start + timedelta(hours=begins + lasts),
            str(number),
        )
        for number, (begins, lasts, open_ended) in enumerate(given_)
    ]
    midnights = [datetime(day.year, day.month, day.day, tzinfo=BERLIN) for day in WEEK]
    midnights.append(midnights[-1] + timedelta(days=1))

    lanes = drawn(*windows)

    for (begins, ends), day in zip(pairwise(midnights), lanes, strict=True):
        touching = [
            one for one in windows if one.begins < ends and (one.ends is None or one.ends > begins)
        ]
        assert sum(one is not None for one in day.pieces) + day.more == len(touching)
    for before, after in pairwise(lanes):
        for lane, piece in enumerate(after.pieces):
            if piece and not piece.leads and lane < len(before.pieces):
                earlier = before.pieces[lane]
                assert earlier is not None
                assert earlier.label == piece.label
