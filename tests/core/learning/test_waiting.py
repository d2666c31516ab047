"""For whom a change waited: nobody is charged with time after they had answered."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.decision.quorum import missing
from gate.core.decision.values import Required
from gate.core.learning.waiting import CountedApproval, seconds_by_group

ENDED = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MANAGERS = Required(("release-managers",), 1)
OWNERS = Required(("team-payments",), 1)
EITHER = Required(("release-managers", "team-payments"), 2)


def word(person: str, group: str, hours_ago: float) -> CountedApproval:
    """An approval that was given so long before the end."""
    return CountedApproval(person, {group}, ENDED - HOUR * hours_ago)


@pytest.mark.parametrize(
    ("required", "words", "found"),
    [
        pytest.param((MANAGERS,), [], {"release-managers": 4}, id="nobody answered"),
        pytest.param(
            (MANAGERS, OWNERS),
            [word("farida", "team-payments", 3), word("ada", "release-managers", 0)],
            {"release-managers": 4, "team-payments": 1},
            id="the owners answered within an hour",
        ),
        pytest.param(
            (EITHER,),
            [word("farida", "team-payments", 3)],
            {"release-managers": 4, "team-payments": 4},
            id="one of two leaves both waiting",
        ),
        pytest.param(
            (MANAGERS,),
            [word("kofi", "team-web", 3)],
            {"release-managers": 4},
            id="who is not asked ends no waiting",
        ),
        pytest.param(
            (OWNERS, Required(("team-payments", "release-managers"), 1)),
            [word("farida", "team-payments", 3), word("ada", "release-managers", 1)],
            {"team-payments": 3, "release-managers": 3},
            id="asked twice, a group waits until its last place is filled",
        ),
        pytest.param((), [], {}, id="nobody was asked"),
    ],
)
def test_a_group_is_waited_for_until_it_has_answered(
    required: tuple[Required, ...], words: list[CountedApproval], found: dict[str, int]
) -> None:
    seconds = seconds_by_group(required, words, waited=4 * HOUR, ended_at=ENDED)

    assert seconds == {group: hours * 3_600 for group, hours in found.items()}


GROUPS = st.sampled_from("abcd")
ENTRIES = st.lists(
    st.builds(
        Required, st.lists(GROUPS, min_size=1, max_size=3, unique=True).map(tuple), st.just(1)
    ),
    max_size=3,
).map(tuple)
WORDS = st.lists(
    st.builds(
        CountedApproval,
        st.sampled_from("stuvw"),
        st.sets(GROUPS, min_size=1),
        st.integers(0, 10).map(lambda hours: ENDED - HOUR * hours),
    ),
    max_size=5,
    unique_by=lambda one: one.person,
)


@given(ENTRIES, WORDS, st.integers(0, 10))
def test_every_group_that_is_asked_is_named_once_and_never_with_more_than_all(
    required: tuple[Required, ...], words: list[CountedApproval], hours: int
) -> None:
    waited = HOUR * hours
    found = seconds_by_group(required, words, waited=waited, ended_at=ENDED)

    assert set(found) == {group for entry in required for group in entry.by}
    assert all(0 <= seconds <= waited // timedelta(seconds=1) for seconds in found.values())
    lacking = missing(required, {one.person: one.groups for one in words})
    for entry, places in zip(required, lacking, strict=True):
        if places:
            assert {found[group] for group in entry.by} == {waited // timedelta(seconds=1)}
