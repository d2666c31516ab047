"""The life of a change from its entries alone: what may not follow is found, at the entry that
tells it.
"""

from operator import itemgetter
from typing import Any

import pytest

from gate.core.canonical import digest
from gate.ledger.export import Faults, read_export
from gate.ledger.lives import LifeCheck
from gate.ledger.shares import Share
from tests.ledger.exports import (
    OTHER_DIGEST,
    REVISIONS,
    administration,
    admission,
    approval,
    closure,
    decision,
    entry,
    export_of,
    faults_of,
    passing,
    registration,
)

ADMINISTRATION = len(administration())
EXPIRED, CANCELED = entry("expiry", "chg_1", state="approved"), entry("cancellation", "chg_1")
LONG = [f"per_{number:03}" for number in range(60)]
Entry = dict[str, Any]


def verified(*entries: Entry) -> list[tuple[int, str]]:
    """The faults of these entries behind those of the house; places are counted from the first of
    them.
    """
    lines = export_of([*administration(), *entries])
    found = faults_of(lines)
    assert by_shares(lines, 3) == by_shares(lines, 1)
    return [(index - ADMINISTRATION, what) for index, what in found]


def by_shares(lines: list[bytes], of: int) -> list[tuple[int, str]]:
    """What so many judges find, each of whom judges some of the changes."""
    found: list[tuple[int, str]] = []
    for number in range(of):
        faults = Faults()
        read_export(lines, (LifeCheck(faults, Share(number, of)),), faults)
        found += [fault for fault in faults if fault not in found]
    return sorted(found, key=itemgetter(0))


@pytest.mark.parametrize(
    ("place", "says", "entries"),
    [
        pytest.param(
            1, "separation of duties", [decision(), approval("per_author")], id="an author approves"
        ),
        pytest.param(
            2,
            "separation of duties",
            [decision(), decision(number=2, excluded=["per_ben"]), approval("per_ben", number=2)],
            id="somebody approves whom a later decision names",
        ),
        pytest.param(
            2,
            "separation of duties",
            [decision(), decision(number=2, excluded=None), approval("per_author", number=2)],
            id="somebody approves whom only an earlier decision named",
        ),
        pytest.param(
            3,
            "part in it",
            [
                decision(),
                approval("per_ben"),
                decision(number=2, carries=[1], excluded=["per_ben"]),
                admission("per_ben"),
            ],
            id="an approval counts of somebody who was named since",
        ),
        pytest.param(
            1,
            "separation of duties",
            [decision(), approval("per_ben", excluded=["per_author", "per_ben"])],
            id="somebody approves whom the very entry names",
        ),
        pytest.param(
            2,
            "separation of duties",
            [
                decision(),
                approval("per_ben", excluded=["per_author", "per_chloe"]),
                entry("override", "chg_1", by="per_chloe", window="year-end"),
            ],
            id="somebody overrides whom the entry of another act named",
        ),
        pytest.param(
            2,
            "part in it",
            [decision(), approval("per_ben"), admission("per_ben", excluded=["per_ben"])],
            id="an approval counts of somebody whom the admission names",
        ),
        pytest.param(
            1,
            "another digest|digests differ",
            [decision(), approval(subject_digest=OTHER_DIGEST)],
            id="another digest",
        ),
        pytest.param(
            2,
            "in force is 2",
            [decision(), decision(number=2), approval()],
            id="an approval of what is no longer in force",
        ),
        pytest.param(
            1,
            "nobody was asked",
            [passing(), approval()],
            id="an approval of what passed by itself",
        ),
        pytest.param(
            2,
            "rejected already",
            [decision(), approval(kind="rejection"), approval()],
            id="an approval after the rejection",
        ),
        pytest.param(
            1, "1 more are needed", [decision(), admission()], id="admitted without approval"
        ),
        pytest.param(
            2,
            "1 more are needed",
            [decision(required=[[["a"], 2]]), approval(), admission("per_ben")],
            id="one of two approvals",
        ),
        pytest.param(
            3,
            "1 more are needed",
            [
                decision(required=[[["a"], 1], [["b"], 1]]),
                approval("per_ben"),
                approval("per_cy"),
                admission("per_ben", "per_cy"),
            ],
            id="two approvals for one entry of two",
        ),
        pytest.param(
            2,
            "gave none that counts",
            [decision(), approval("per_ben"), admission("per_cy")],
            id="an approver who never approved",
        ),
        pytest.param(
            3,
            "gave none that counts",
            [decision(), approval(), approval(kind="lapse"), admission("per_ben")],
            id="an approval that lapsed",
        ),
        pytest.param(
            3,
            "gave none that counts",
            [
                decision(),
                approval(),
                approval(kind="lapse", taken_back=True),
                admission("per_ben"),
            ],
            id="an approval that was taken back",
        ),
        pytest.param(
            3,
            "taken back, and it was deploying already",
            [
                decision(),
                approval(),
                admission("per_ben"),
                approval(kind="lapse", taken_back=True),
            ],
            id="an approval that is taken back after the admission",
        ),
        pytest.param(
            3,
            "gave none that counts",
            [decision(), approval(), decision(number=2), admission("per_ben")],
            id="an approval of a decision that is not carried",
        ),
        pytest.param(
            1,
            "lapses that nobody gave",
            [decision(), approval(kind="lapse")],
            id="a lapse of nothing",
        ),
        pytest.param(2, "second time", [passing(), admission(), admission()], id="admitted twice"),
        pytest.param(
            1,
            "rejected already",
            [passing(outcome="rejected"), admission()],
            id="admitted although rejected",
        ),
        pytest.param(
            2, "expired already", [passing(), EXPIRED, admission()], id="admitted after expiry"
        ),
        pytest.param(
            2,
            "canceled already",
            [passing(), CANCELED, admission()],
            id="admitted after cancellation",
        ),
        pytest.param(
            1,
            "good until",
            [passing(), admission(valid_until="2026-01-31T11:59:59.999999Z")],
            id="admitted too late",
        ),
        pytest.param(
            1,
            "another digest",
            [passing(), admission(subject_digest=OTHER_DIGEST)],
            id="another subject is admitted",
        ),
        pytest.param(
            1,
            "another digest or policy",
            [passing(), admission(policy_revision="x" * 64)],
            id="admitted by another policy",
        ),
        pytest.param(
            1,
            "was observed",
            [passing(route="observed"), admission()],
            id="what was observed is admitted as if approved",
        ),
        pytest.param(
            1,
            "was decided",
            [decision(), admission(observed=True)],
            id="what was decided is admitted as if observed",
        ),
        pytest.param(1, "never admitted", [passing(), closure()], id="closed without admission"),
        pytest.param(
            2,
            "never was",
            [passing(), admission(), closure(matched=False)],
            id="an admission that is denied afterwards",
        ),
        pytest.param(
            3,
            "no worse",
            [passing(), admission(), closure("unsuccessful"), closure("successful")],
            id="a failure that is improved",
        ),
        pytest.param(
            3,
            "no worse",
            [passing(), admission(), closure(), closure()],
            id="closed twice the same",
        ),
        pytest.param(
            2,
            "closed|deploying already|successful",
            [passing(), admission(), CANCELED],
            id="withdrawn while it deploys",
        ),
        pytest.param(2, "expired already", [passing(), EXPIRED, CANCELED], id="two ends"),
        pytest.param(
            1,
            "rejected already",
            [passing(outcome="rejected"), decision(number=2)],
            id="decided again after the end",
        ),
        pytest.param(
            1, "follows decision 1", [decision(), decision(number=3)], id="a decision is left out"
        ),
        pytest.param(
            0, "follows decision 0", [decision(number=2)], id="the first decision is left out"
        ),
        pytest.param(0, "no decision was recorded", [approval()], id="an approval of nothing"),
        pytest.param(
            0,
            "not in force",
            [passing(policy_revision="x" * 64)],
            id="decided by policies that are not in force",
        ),
        pytest.param(
            0,
            "not in force",
            [passing(catalogue_revision="x" * 64)],
            id="decided by another catalogue",
        ),
        pytest.param(
            0,
            "never registered",
            [entry("activation", part="policies", revision="x" * 64, before=REVISIONS["policies"])],
            id="unregistered policies",
        ),
        pytest.param(
            0,
            "others than those",
            [entry("activation", part="policies", revision=REVISIONS["policies"])],
            id="an activation that skips one",
        ),
        pytest.param(
            1,
            "separation of duties",
            [decision(), entry("override", "chg_1", by="per_author", window="w")],
            id="an author overrides",
        ),
        pytest.param(
            1,
            "which was waiting",
            [decision(), entry("override", "chg_1", by="per_x", window="rejection")],
            id="a lift of no rejection",
        ),
        pytest.param(
            3,
            "reviews chg_1 afterwards",
            [
                decision(),
                approval(),
                admission("per_ben"),
                entry("post_review", "chg_1", by="per_ben"),
            ],
            id="an approver looks back",
        ),
        pytest.param(
            0,
            "no entry as the gate writes",
            [decision(outcome=None)],
            id="a decision without outcome",
        ),
        pytest.param(
            0,
            "no entry as the gate writes",
            [entry("decision", "chg_1", number=1)],
            id="a decision with nothing in it",
        ),
    ],
)
def test_what_cannot_follow_is_found_where_it_is_told(
    place: int, says: str, entries: list[Entry]
) -> None:
    found = verified(*entries)

    assert found, "nothing was found"
    assert found[0][0] == place
    assert any(word in found[0][1] for word in says.split("|")), found


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([passing(), admission(), closure()], id="passed by itself"),
        pytest.param(
            [decision(), approval(), admission("per_ben"), closure("unsuccessful")],
            id="one approval",
        ),
        pytest.param(
            [
                passing(),
                admission(),
                closure(),
                closure("successful_issues"),
                closure("rolled_back"),
            ],
            id="worse and worse",
        ),
        pytest.param(
            [decision(), approval(), decision(number=2, carries=[1]), admission("per_ben")],
            id="an approval that is carried",
        ),
        pytest.param(
            [
                decision(),
                approval(),
                decision(number=2, subject_digest=OTHER_DIGEST),
                approval(kind="lapse"),
                approval(number=2, subject_digest=OTHER_DIGEST),
                admission("per_ben", subject_digest=OTHER_DIGEST),
            ],
            id="approved anew after a lapse",
        ),
        pytest.param(
            [
                decision(required=[[["a"], 1], [["b"], 1]]),
                approval("per_ben"),
                approval("per_cy"),
                admission(approvers=[["per_ben", 1], ["per_cy", 0]]),
            ],
            id="two entries",
        ),
        pytest.param(
            [
                decision(),
                approval(kind="rejection"),
                entry("override", "chg_1", by="per_x", window="rejection"),
            ],
            id="a lifted rejection",
        ),
        pytest.param(
            [
                decision(),
                entry("override", "chg_1", by="per_x", window="freeze"),
                entry("expiry", "chg_1", state="pending"),
            ],
            id="expired",
        ),
        pytest.param(
            [passing(outcome="rejected"), closure(matched=False)],
            id="deployed all the same, and reported",
        ),
        pytest.param(
            [passing(), decision(number=2), approval(number=2), admission("per_ben")],
            id="stale, and decided by people",
        ),
        pytest.param(
            [decision(route="observed"), admission(observed=True), closure()], id="observed"
        ),
        pytest.param(
            [
                passing(),
                entry("refusal", "chg_1", problem="consumed", operation="admission"),
                entry("freeze", window="w", action="x"),
            ],
            id="refused",
        ),
        pytest.param(
            [
                passing("chg_1"),
                passing("chg_2"),
                admission(change="chg_2"),
                admission(change="chg_1"),
            ],
            id="two changes",
        ),
    ],
)
def test_what_may_follow_passes(entries: list[Entry]) -> None:
    assert verified(*entries) == []


def long_decision(**fields: Any) -> Entry:
    """A decision that names more people than its entry has room for: the record has them."""
    beyond = {"names": len(LONG), "sha256": digest(b'["' + '","'.join(LONG).encode() + b'"]')}
    return decision(people=LONG, excluded=None, **{"excluded_beyond": beyond, **fields})


def test_people_whom_only_the_record_has_room_for_are_left_out_too() -> None:
    assert verified(long_decision(), approval("per_ben"), admission("per_ben")) == []

    (found,) = verified(long_decision(), approval("per_059"))
    assert found[0] == 1
    assert "separation of duties" in found[1]


def test_a_list_in_the_record_that_is_not_the_one_of_the_entry_is_found() -> None:
    (found,) = verified(long_decision(excluded_beyond={"names": 60, "sha256": "0" * 64}))

    assert found == (
        0,
        "the list of excluded in the record is not the one that its entry has the digest of",
    )


def test_nobody_is_left_out_of_a_change_by_another_one() -> None:
    other = decision("chg_2", excluded=["per_ben"])

    assert verified(other, decision(), approval("per_ben"), admission("per_ben")) == []


def test_a_second_life_that_an_object_hides_is_found_by_several_judges_too() -> None:
    """`a` stands before `change`, so that whoever looks for the word finds another change first."""
    hidden = {"a": {"change": "chg_2"}}
    first = [passing("chg_1"), admission(change="chg_1")]
    lines = export_of([*administration(), *first, *({**one, **hidden} for one in first)])

    found = by_shares(lines, 2)
    assert found == by_shares(lines, 1)
    assert [index - ADMINISTRATION for index, _ in found] == [2, 2, 3]


def test_an_activation_that_an_object_hides_is_for_all_judges() -> None:
    other = "f" * 64
    activation = entry("activation", part="calendar", revision=other, before=REVISIONS["calendar"])
    put = [registration("calendar", other), {**activation, "a": {"change": "chg_1"}}]
    lines = export_of([*administration(), *put, passing("chg_1"), passing("chg_2")])

    found = by_shares(lines, 2)
    assert found == by_shares(lines, 1)
    assert [index - ADMINISTRATION for index, _ in found] == [2, 3]
