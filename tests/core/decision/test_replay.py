"""A decision follows from its record and its policies alone; whatever was changed in one of them
afterwards shows as a difference.
"""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.decision import record as records
from gate.core.decision.decide import Case, People, decide
from gate.core.decision.record import Record, Revisions
from gate.core.decision.replay import Replay, ReplayedBy, replay
from gate.core.facts import Fact, Origin
from gate.core.policy.policy import Policy
from gate.core.policy.set import NO_POLICIES, Policies, read_policies
from tests.core.decision.test_record import AT, SMALLEST
from tests.core.policy_texts import FACTS as SEEN_FACTS
from tests.core.policy_texts import policies, policy_text

STANDARD = (
    "standard_changes: [{id: small, title: Small, owner: o, authorised_by: [a],"
    " when: [diff.lines_added < 100], up_to: low, earn: none}]"
)
SHOP = read_policies({"small.yaml": policy_text("trust_claims: [diff]", STANDARD)})


def recorded(by: Policies = SHOP, lines: int = 12, **case: Any) -> Record:
    """A decision by these policies, as it is recorded."""
    facts = {"diff.lines_added": Fact(lines, Origin.CLAIMED)}
    decided = Case(facts, AT, people=People(named=True), **case)
    subject = SMALLEST.subject
    return SMALLEST._replace(
        case=decided,
        revisions=Revisions(by.revision, "c", "k"),
        decision=decide(by, decided),
        subject_digest=records.subject_digest(subject, SMALLEST.asked.planned, by.revision, facts),
    )


def replayed(content: bytes, by: Policies | None = SHOP) -> Replay:
    return replay(content, lambda _: by)


def altered(act: Callable[[dict[str, Any]], None], record: Record | None = None) -> bytes:
    """The bytes of a record in which somebody changed something."""
    document = orjson.loads(records.write(record or recorded()))
    act(document)
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def put(*path: str | int, value: Any) -> Callable[[dict[str, Any]], None]:
    """Change what stands at the end of this path."""

    def act(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return act


@pytest.mark.parametrize(
    ("act", "said"),
    [
        pytest.param(put("decision", "outcome", value="rejected"), "outcome", id="the outcome"),
        pytest.param(put("decision", "score", value=7), "score", id="the score"),
        pytest.param(put("decision", "band", value=3), "band", id="the band"),
        pytest.param(put("decision", "standard_change", value="big"), "standard_change", id="why"),
        pytest.param(
            put("decision", "findings", 1, 4, value=0),
            "rule size: points",
            id="the points of a rule",
        ),
        pytest.param(
            put("decision", "findings", 1, 3, value=None),
            "rule size: holds",
            id="what a rule found",
        ),
        pytest.param(
            lambda one: one["decision"]["findings"].reverse(), "order", id="the order of reasons"
        ),
        pytest.param(
            lambda one: one["decision"]["findings"].pop(), "not recorded as a reason", id="one less"
        ),
        pytest.param(
            put("case", "facts", "diff.lines_added", value=[500, "claimed"]),
            "outcome",
            id="a fact that would have stopped it",
        ),
        pytest.param(
            put("case", "facts", "diff.lines_added", value=[13, "claimed"]),
            "subject_digest",
            id="a fact that changes nothing but what people were shown",
        ),
        pytest.param(put("case", "emergency", value=True), "outcome", id="an emergency"),
        pytest.param(put("case", "rejection", value="chg_9"), "outcome", id="a rejection"),
        pytest.param(put("subject", "commit", value="b" * 40), "subject_digest", id="the commit"),
    ],
)
def test_what_was_changed_in_a_record_is_a_difference(
    act: Callable[[dict[str, Any]], None], said: str
) -> None:
    found = replayed(altered(act))

    assert any(said in difference for difference in found.differences), found.differences


def test_a_decision_is_the_same_again() -> None:
    record = recorded()
    found = replayed(records.write(record))

    assert found == Replay(ReplayedBy.DECIDED_AGAIN, record, record.decision, ())


@given(policies(), SEEN_FACTS, st.booleans())
def test_every_decision_is_the_same_again(
    policy: Policy,
    seen: dict[str, Fact],
    emergency: bool,  # noqa: FBT001 - drawn
) -> None:
    together = Policies((policy,), "r")
    case = Case(seen, AT, emergency=emergency, people=People(named=True))
    record = SMALLEST._replace(
        case=case,
        decision=decide(together, case),
        revisions=Revisions("r", "", ""),
        subject_digest=records.subject_digest(
            SMALLEST.subject, SMALLEST.asked.planned, "r", case.facts
        ),
    )

    found = replayed(records.write(record), together)

    assert (found.recomputed, found.differences) == (record.decision, ())


def test_policies_that_are_not_those_of_the_decision_do_not_decide_it() -> None:
    other = read_policies({"small.yaml": policy_text("trust_claims: [diff]")})
    content = records.write(recorded())

    assert "have the revision" in replayed(content, other).differences[0]
    assert "are not here" in replayed(content, None).differences[0]
    assert replayed(content, other).recomputed is replayed(content, None).recomputed is None


def test_a_decision_before_any_policy_is_made_again_too() -> None:
    record = recorded(NO_POLICIES)._replace(revisions=Revisions("", "", ""))
    record = record._replace(
        subject_digest=records.subject_digest(
            record.subject, record.asked.planned, "", record.case.facts
        )
    )

    assert replayed(records.write(record), NO_POLICIES).differences == ()


# A record of another version: what it took a case to mean is not known here.


def older(act: Callable[[dict[str, Any]], None] = lambda _: None, lines: int = 12) -> Replay:
    def aged(document: dict[str, Any]) -> None:
        document["v"] = 0
        del document["case"]
        act(document)

    return replayed(altered(aged, recorded(lines=lines)), None)


@pytest.mark.parametrize("lines", [12, 500])
def test_an_older_record_is_checked_by_the_reasons_it_states(lines: int) -> None:
    assert older(lines=lines) == Replay(ReplayedBy.STATED_REASONS, None, None, ())


@pytest.mark.parametrize(
    ("act", "said"),
    [
        pytest.param(put("decision", "score", value=0), "score is 0", id="the score"),
        pytest.param(put("decision", "findings", 0, 3, value=False), "approved", id="no reason"),
        pytest.param(put("decision", "outcome", value="pending"), "pending", id="the outcome"),
        pytest.param(put("decision", value=None), "cannot be read", id="no decision at all"),
    ],
)
def test_an_older_record_whose_reasons_do_not_carry_it_is_found(
    act: Callable[[dict[str, Any]], None], said: str
) -> None:
    assert said in older(act).differences[0]


@given(st.binary(max_size=40))
def test_bytes_that_are_no_record_are_said_to_be_none(content: bytes) -> None:
    assert replayed(content).differences
