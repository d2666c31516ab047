"""Who must approve: by band, by group, and never nobody."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.decision.approvals import LAST_RESORT, needed, raised_to_two
from gate.core.decision.values import Band, Required
from tests.core.policy_texts import make_policy

REVIEW = (
    "review: [{from_band: low, approvals: 1, by: [release-managers, owners]}, {from_band: high, "
    "approvals: 2, by: [owners]}, {from_band: critical, approvals: 1, by: [change-authority]}, "
    "{from_band: critical, approvals: 1, by: [owners]}]"
)
EMERGENCY = "emergency: {by: [on-call, owners], approvals: 2, valid_for: 1h, review_within: 72h}"
POLICY = make_policy(REVIEW, EMERGENCY)
OWNERS = ("team-payments",)


@pytest.mark.parametrize(
    ("band", "required"),
    [
        (Band.LOW, (Required(("release-managers", "team-payments"), 1),)),
        (Band.MODERATE, (Required(("release-managers", "team-payments"), 1),)),
        (Band.HIGH, (Required(("team-payments",), 2),)),
        (Band.CRITICAL, (Required(("change-authority",), 1), Required(("team-payments",), 1))),
    ],
)
def test_the_entries_of_the_highest_band_that_is_reached_apply(
    band: Band, required: tuple[Required, ...]
) -> None:
    assert needed(POLICY, band, owners=OWNERS, emergency=False) == required


@pytest.mark.parametrize("band", list(Band))
def test_an_emergency_asks_the_people_on_call_whatever_its_band(band: Band) -> None:
    assert needed(POLICY, band, owners=OWNERS, emergency=True) == (
        Required(("on-call", "team-payments"), 2),
    )


def test_without_a_rule_for_emergencies_they_are_reviewed_like_others() -> None:
    policy = replace(POLICY, emergency=None)

    assert needed(policy, Band.LOW, owners=OWNERS, emergency=True) == (
        Required(("release-managers", "team-payments"), 1),
    )


@pytest.mark.parametrize("owners", [(), ("release-managers",)])
def test_what_nobody_owns_is_owned_by_the_release_managers_and_a_group_counts_once(
    owners: tuple[str, ...],
) -> None:
    assert needed(POLICY, Band.LOW, owners=owners, emergency=False) == (
        Required(("release-managers",), 1),
    )


@pytest.mark.parametrize("emergency", [False, True])
def test_where_no_entry_applies_two_release_managers_decide(emergency: bool) -> None:  # noqa: FBT001 - a column of the table
    policy = replace(POLICY, review=(), emergency=None)

    assert (
        needed(policy, Band.LOW, owners=OWNERS, emergency=emergency)
        == LAST_RESORT
        == (Required(("release-managers",), 2),)
    )


@pytest.mark.parametrize(
    ("counts", "raised"),
    [
        ((1,), (2,)),
        ((2,), (2,)),
        ((3,), (3,)),
        ((1, 1), (1, 1)),
        ((0,), (2,)),
        ((0, 1), (1, 1)),
        ((0, 0), (2, 0)),
    ],
)
def test_two_people_are_needed_of_all_entries_together(
    counts: tuple[int, ...], raised: tuple[int, ...]
) -> None:
    required = tuple(Required((f"group-{number}",), count) for number, count in enumerate(counts))

    assert tuple(entry.count for entry in raised_to_two(required)) == raised


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4))
def test_raising_never_asks_for_less_and_never_for_less_than_two(counts: list[int]) -> None:
    required = tuple(Required(("g",), count) for count in counts)

    raised = [entry.count for entry in raised_to_two(required)]

    assert sum(raised) == max(2, sum(counts))
    assert all(after >= before for before, after in zip(counts, raised, strict=True))
