"""The bytes of a decision: read back they are the same decision, and there is only one way to write
them.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from gate.core.change import Artifact, Assessment, Planned, Repository, Run, Subject
from gate.core.decision import record as records
from gate.core.decision.asked import RequestDetails
from gate.core.decision.decide import Case, People, decide
from gate.core.decision.guards import InTheWay
from gate.core.decision.record import Record, Revisions
from gate.core.decision.standard import StandardStatus
from gate.core.decision.values import (
    Band,
    ChangeType,
    Contradiction,
    Decision,
    Finding,
    FindingKind,
    Hold,
    Outcome,
    Required,
    Route,
    Terms,
    WouldBe,
)
from gate.core.facts import FACTS, INTEGER_MAX, Fact, FactType, Origin
from gate.core.policy.policy import Policy
from gate.core.policy.set import Policies
from tests.core.policy_texts import FACTS as SEEN_FACTS
from tests.core.policy_texts import policies

TEXT = st.text(
    st.characters(exclude_categories=["Cs"]), max_size=12
)  # half a pair of surrogates never gets past the wire
NAME = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_./", min_size=1, max_size=12)
WHOLE = st.integers(-INTEGER_MAX, INTEGER_MAX)
COUNT = st.integers(0, INTEGER_MAX)
INSTANT = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone stands beside it
VALUE = COUNT | TEXT | st.booleans()
HOLD = st.builds(
    Hold, TEXT, TEXT, st.none() | INSTANT, st.lists(TEXT, max_size=2).map(tuple), st.booleans()
)
PAIRS = st.lists(st.tuples(NAME, TEXT), max_size=2).map(tuple)
VALUES: dict[FactType, st.SearchStrategy[Any]] = {
    FactType.BOOLEAN: st.booleans(),
    FactType.INTEGER: COUNT,
    FactType.DECIMAL: COUNT,
    FactType.TEXT: TEXT,
    FactType.TEXTS: st.lists(TEXT, max_size=3).map(tuple),
}


def texts(most: int = 2) -> st.SearchStrategy[tuple[str, ...]]:
    """Some texts."""
    return st.lists(TEXT, max_size=most).map(tuple)


def facts() -> st.SearchStrategy[dict[str, Fact]]:
    """Facts of the table and labels, each with a value of its type."""
    known = st.sampled_from(sorted(FACTS)).flatmap(
        lambda name: st.tuples(
            st.just(name), st.builds(Fact, VALUES[FACTS[name].type], st.sampled_from(list(Origin)))
        )
    )
    labels = st.tuples(
        NAME.map("labels.{}".format), st.builds(Fact, TEXT, st.sampled_from(list(Origin)))
    )
    return st.lists(known | labels, max_size=6).map(dict)


FINDING = st.builds(
    Finding,
    st.sampled_from(list(FindingKind)),
    NAME,
    TEXT,
    st.none() | st.booleans(),
    st.integers(-100, 100),
    texts(),
    st.none() | COUNT,
    PAIRS,
)
REQUIRED = st.lists(st.builds(Required, texts(), st.integers(0, 9)), max_size=2).map(tuple)
WOULD_BE = st.builds(
    WouldBe,
    st.sampled_from(list(Outcome)),
    st.sampled_from(list(ChangeType)),
    st.sampled_from(list(Route)),
    REQUIRED,
    st.none() | HOLD,
)
DECISION: st.SearchStrategy[Decision] = st.builds(
    Decision,
    outcome=st.sampled_from(list(Outcome)),
    type=st.sampled_from(list(ChangeType)),
    route=st.sampled_from(list(Route)),
    score=WHOLE,
    band=st.sampled_from(list(Band)),
    policy=st.none() | NAME,
    findings=st.lists(FINDING, max_size=3).map(tuple),
    standard_change=st.none() | NAME,
    matched_standard_changes=texts(),
    required=REQUIRED,
    hold=st.none() | HOLD,
    excused=st.booleans(),
    terms=st.builds(Terms, COUNT, COUNT, COUNT, st.booleans()),
    shadows=st.just(()),
    observed=st.none() | WOULD_BE,
)
CASE = st.builds(
    Case,
    facts=facts(),
    at=INSTANT,
    emergency=st.booleans(),
    people=st.builds(People, texts(), st.booleans(), st.booleans(), st.booleans()),
    contradictions=st.lists(
        st.builds(Contradiction, NAME, COUNT | TEXT | st.booleans(), COUNT | TEXT | st.booleans()),
        max_size=2,
    ).map(tuple),
    holds=st.lists(HOLD, max_size=2).map(tuple),
    in_flight=COUNT,
    deploying=COUNT,
    in_the_way=st.lists(st.builds(InTheWay, TEXT, st.booleans()), max_size=2).map(tuple),
    overdue_reviews=COUNT,
    rejection=st.none() | TEXT,
    standard_statuses=st.dictionaries(
        NAME, st.builds(StandardStatus, st.booleans(), st.booleans(), TEXT), max_size=2
    ),
    notes=st.lists(FINDING, max_size=2).map(tuple),
    observing=st.booleans(),
)
SUBJECT = st.builds(
    Subject,
    repository=st.none() | st.tuples(TEXT, COUNT),
    commit=TEXT,
    digests=texts(),
    service=TEXT,
    environment=TEXT,
    emergency=st.booleans(),
)
PLANNED = st.builds(Planned, st.none() | INSTANT, st.none() | INSTANT)
ASKED = st.builds(
    RequestDetails,
    base=st.none() | TEXT,
    ref=st.none() | TEXT,
    repository=st.none() | st.builds(Repository, TEXT, COUNT, TEXT),
    artifacts=st.lists(st.builds(Artifact, TEXT, TEXT), max_size=2).map(tuple),
    run=st.none() | st.builds(Run, TEXT, COUNT, TEXT, TEXT),
    requested_by=TEXT,
    authors=texts(),
    title=TEXT,
    description=TEXT,
    impact=TEXT,
    rollback_plan=TEXT,
    test_plan=TEXT,
    assessment=st.builds(Assessment, TEXT, TEXT, TEXT, TEXT, TEXT),
    emergency_reason=TEXT,
    emergency_incident=TEXT,
    planned=PLANNED,
    remediates=st.none() | TEXT,
)
RECORDS = st.builds(
    Record,
    change=NAME,
    number=st.integers(1, 1_000),
    at=INSTANT,
    subject=SUBJECT,
    asked=ASKED,
    revisions=st.builds(Revisions, TEXT, TEXT, TEXT),
    case=CASE,
    decision=st.builds(
        Decision._replace, DECISION, shadows=st.lists(DECISION, max_size=2).map(tuple)
    ),
    subject_digest=NAME,
    carries=st.lists(st.integers(1, 1_000), max_size=3).map(tuple),
)

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
SMALLEST = Record(
    change="chg_1",
    number=1,
    at=AT,
    subject=Subject(None, "a" * 40, (), "checkout", "production", emergency=False),
    asked=RequestDetails(),
    revisions=Revisions("", "", ""),
    case=Case({}, AT),
    decision=Decision(Outcome.PENDING, ChangeType.NORMAL, Route.REVIEW, 0, Band.LOW, None, ()),
    subject_digest="",
)


@pytest.mark.slow
@given(RECORDS)
@example(SMALLEST)
def test_what_is_written_is_read_back_as_it_was_and_its_bytes_are_rfc_8785(record: Record) -> None:
    # Both are asked of one record, because making one up takes far longer than either.
    content = records.write(record)

    assert records.read(content) == record
    assert content == rfc8785.dumps(orjson.loads(content))


@given(ASKED, st.none() | HOLD)
def test_what_stands_in_the_row_of_a_change_is_read_back_as_it_was(
    asked: RequestDetails, hold: Hold | None
) -> None:
    assert records.read_asked(records.write_asked(asked)) == asked
    assert records.read_hold(records.write_hold(hold)) == hold


@given(policies(), SEEN_FACTS, st.booleans())
def test_a_record_is_decided_again_as_it_was(
    policy: Policy,
    seen: dict[str, Fact],
    emergency: bool,  # noqa: FBT001 - drawn
) -> None:
    together = Policies((policy,), "r")
    case = Case(seen, AT, emergency=emergency, people=People(named=True))
    record = SMALLEST._replace(case=case, decision=decide(together, case))

    again = records.read(records.write(record))

    assert decide(together, again.case) == again.decision == record.decision


# The digest that an approval names


def digest(**different: Any) -> str:
    """Of a small subject with one thing different."""
    fields: dict[str, Any] = {
        "subject": SMALLEST.subject,
        "planned": Planned(),
        "policy_revision": "r",
        "facts": {"diff.lines_added": Fact(5, Origin.CLAIMED)},
    }
    return records.subject_digest(**fields | different)


def subject(**different: Any) -> Subject:
    """The small one with one thing different."""
    return SMALLEST.subject._replace(**different)


@pytest.mark.parametrize(
    "different",
    [
        pytest.param({"subject": subject(commit="b" * 40)}, id="commit"),
        pytest.param({"subject": subject(repository=("i", 1))}, id="repository"),
        pytest.param({"subject": subject(digests=("sha256:1",))}, id="artifact"),
        pytest.param({"subject": subject(service="checkout2")}, id="service"),
        pytest.param({"subject": subject(environment="production-eu")}, id="environment"),
        pytest.param({"subject": subject(emergency=True)}, id="emergency"),
        pytest.param({"planned": Planned(AT, None)}, id="planned start"),
        pytest.param({"planned": Planned(None, AT)}, id="planned end"),
        pytest.param({"policy_revision": "s"}, id="policies"),
        pytest.param({"facts": {}}, id="a fact less"),
        pytest.param(
            {"facts": {"diff.lines_added": Fact(6, Origin.CLAIMED)}}, id="the value of a fact"
        ),
        pytest.param(
            {"facts": {"diff.lines_added": Fact(5, Origin.VERIFIED)}}, id="the origin of a fact"
        ),
    ],
)
def test_a_digest_is_of_everything_that_an_approval_is_given_for(different: dict[str, Any]) -> None:
    assert digest(**different) != digest()


def test_a_digest_does_not_ask_in_which_order_or_zone() -> None:
    many = {
        "diff.lines_added": Fact(5, Origin.CLAIMED),
        "author.known": Fact(value=True, origin=Origin.VERIFIED),
    }
    elsewhere = AT.astimezone(tz=None) + timedelta(0)

    assert digest(facts=many) == digest(facts=dict(reversed(many.items())))
    assert digest(planned=Planned(AT, None)) == digest(planned=Planned(elsewhere, None))
