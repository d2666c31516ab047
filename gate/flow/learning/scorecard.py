"""The scorecard: flow, quality, stability and customer of each place, each figure with the time
before and its changes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from gate.core.catalogue.catalogue import Catalogue
from gate.core.change import State
from gate.core.days import Days
from gate.core.decision.places import unknown_names
from gate.core.delivery import percentile
from gate.core.facts import DECIMAL_UNIT
from gate.core.learning.scorecard import Pace, verdict
from gate.flow.answers.delivery import (
    CardAnswer,
    FlowAnswer,
    MovedMeasureAnswer,
    QualityAnswer,
    ScoreAnswer,
    ScorecardAnswer,
    StabilityAnswer,
    spread,
)
from gate.flow.gate import Gate
from gate.flow.learning.measures import measure_answer
from gate.flow.queries.times import days_of
from gate.storage.figures import delivery, measures, scorecard
from gate.storage.figures.delivery import Place
from gate.storage.figures.measures import Measure
from gate.storage.figures.outcomes import LEAD, RECOVERY
from gate.storage.figures.places import PlaceInTime
from gate.storage.figures.scorecard import DeployedChange, ReviewedChange

DAYS_DEFAULT = 30
DAYS_MAX = 366

CARDS_MAX = 30
CHANGES_NAMED_MAX = 20
"""The most changes that a figure names; the log and the list of changes have all of them."""

AVAILABILITY = "availability"
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class ScorecardQuery:
    """The places of the scorecard. Without a name these are all places with deployments."""

    service: str | None = None
    environment: str | None = None
    owner: str | None = None
    begins: datetime | None = None
    ends: datetime | None = None


async def cards(gate: Gate, query: ScorecardQuery) -> ScorecardAnswer:
    """Return the scorecard. It counts whole days in UTC, as `/v1/delivery` does.

    Raises `Invalid` for a time that is empty or too long.
    """
    catalogue = (await gate.rulebooks.current()).catalogue
    now = gate.clock()
    days = days_of(query, now, usual_days=DAYS_DEFAULT, days_max=DAYS_MAX)
    return await gate.store.read_slowly(_read, catalogue, query, days, now)


def _read(
    conn: Connection,
    catalogue: Catalogue,
    query: ScorecardQuery,
    days: Days,
    now: datetime,
) -> ScorecardAnswer:
    named = list(_places(conn, catalogue, query, days.before.begins))
    named_environment = query.environment and catalogue.environment_named(query.environment)
    return ScorecardAnswer(
        unknown=unknown_names(catalogue, query.service, named_environment),
        from_=days.begins_at,
        to=days.ends_at,
        before=days.before.begins_at,
        cards=tuple(card(conn, catalogue, place, days, now) for place in named[:CARDS_MAX]),
        more=len(named) > CARDS_MAX,
    )


def _places(
    conn: Connection, catalogue: Catalogue, query: ScorecardQuery, since_day: int
) -> Iterable[tuple[str, str]]:
    """Return the places that were asked for, those with most deployments first."""
    environment = query.environment and catalogue.environment_named(query.environment)
    service = query.service and catalogue.service_named(query.service)
    if service and environment:
        return [(service, environment)]
    found = scorecard.places(conn, since_day, scorecard.LOOKED_AT_MAX)
    return [
        (one, where)
        for one, where in found
        if service in (None, one)
        and environment in (None, where)
        and (query.owner is None or query.owner in (catalogue.owners_of(one) or ()))
    ]


@dataclass(frozen=True, slots=True)
class _Seen:
    """The data about one place in one time."""

    pace: Pace
    lead_n: int
    recovery_n: int
    rework: int
    failed: int
    deployed: Sequence[DeployedChange]
    reviewed: Sequence[ReviewedChange]
    incidents: dict[str, tuple[str, ...]]

    @property
    def waiting_share(self) -> float | None:
        """The part of the lead time that lay before the last approval."""
        known = [
            (one.lead_seconds, (one.settled_at - one.submitted_at) / _SECOND)
            for one in self.deployed
            if one.lead_seconds is not None and one.settled_at is not None
        ]
        whole = sum(lead for lead, _ in known)
        return min(sum(waited for _, waited in known) / whole, 1.0) if whole else None

    @property
    def answered(self) -> list[ReviewedChange]:
        """The reviews that people ended by a decision, not by expiry or cancellation."""
        silent = {State.PENDING, State.EXPIRED, State.CANCELED}
        return [one for one in self.reviewed if one.state not in silent]

    @property
    def refused(self) -> list[str]:
        """The answered changes that people rejected."""
        return [one.id for one in self.answered if one.state is State.REJECTED]

    @property
    def waited_seconds(self) -> list[int]:
        """The duration of each answered review, shortest first."""
        return sorted(
            int((one.settled_at - one.submitted_at) / _SECOND)
            for one in self.answered
            if one.settled_at is not None
        )


def _seen(conn: Connection, place: Place) -> _Seen:
    days = place.days
    here = PlaceInTime(place.service, place.environment, days.begins_at, days.ends_at)
    deployments, failed, rework = delivery.totals(conn, place)
    lead = delivery.times(conn, place, LEAD)
    recovery = delivery.times(conn, place, RECOVERY)
    incidents = scorecard.incidents_of(conn, here)
    pace = Pace(
        deployments=deployments,
        days=days.length,
        lead_seconds=percentile(lead, 0.5),
        fail_rate=_share(failed, deployments),
        incidents=len(incidents),
        recovery_seconds=percentile(recovery, 0.5),
    )
    return _Seen(
        pace,
        lead_n=sum(lead.values()),
        recovery_n=sum(recovery.values()),
        rework=rework,
        failed=failed,
        deployed=scorecard.deployed(conn, here),
        reviewed=scorecard.reviewed(conn, here),
        incidents=incidents,
    )


def card(
    conn: Connection,
    catalogue: Catalogue,
    named: tuple[str, str],
    days: Days,
    now: datetime,
) -> CardAnswer:
    """Return the card of one service in one environment, beside as many days before."""
    service, environment = named
    seen = _seen(conn, Place(service, environment, days))
    before = _seen(conn, Place(service, environment, days.before))
    sent = _measures(conn, service, environment, days)
    return CardAnswer(
        service=service,
        environment=environment,
        owners=catalogue.owners_of(service) or (),
        verdict=verdict(before.pace, seen.pace),
        flow=_flow(seen, before, scorecard.waiting(conn, service, environment), now),
        quality=_quality(seen, before),
        stability=_stability(seen, before, sent),
        customer=tuple(one for one in sent if one.name != AVAILABILITY),
    )


def _flow(
    seen: _Seen, before: _Seen, waiting: Sequence[tuple[str, datetime]], now: datetime
) -> FlowAnswer:
    deployed = seen.deployed
    oldest = int((now - waiting[0][1]) / _SECOND) if waiting else None
    usual = spread(seen.waited_seconds + before.waited_seconds).p90
    return FlowAnswer(
        change_lead_time_seconds=_score(
            seen.pace.lead_seconds,
            before.pace.lead_seconds,
            seen.lead_n,
            [one.id for one in deployed if one.lead_seconds is not None],
        ),
        waiting_share=_score(
            _rounded(seen.waiting_share),
            _rounded(before.waiting_share),
            sum(one.lead_seconds is not None for one in deployed),
            [one.id for one in deployed if one.settled_at != one.submitted_at],
        ),
        deployments_per_day=_score(
            _rounded(seen.pace.deployments / seen.pace.days),
            _rounded(before.pace.deployments / before.pace.days),
            seen.pace.deployments,
            [one.id for one in deployed],
        ),
        oldest_waiting_seconds=_score(
            oldest, usual, len(waiting), [change for change, _ in waiting]
        ),
    )


def _quality(seen: _Seen, before: _Seen) -> QualityAnswer:
    answered, answered_before = seen.answered, before.answered
    return QualityAnswer(
        change_fail_rate=_score(
            seen.pace.fail_rate,
            before.pace.fail_rate,
            seen.pace.deployments,
            [one.id for one in seen.deployed if one.failed],
        ),
        deployment_rework_rate=_score(
            _share(seen.rework, seen.pace.deployments),
            _share(before.rework, before.pace.deployments),
            seen.pace.deployments,
            [one.id for one in seen.deployed if one.reworked],
        ),
        reviews_that_changed=_score(
            _share(len(seen.refused), len(answered)),
            _share(len(before.refused), len(answered_before)),
            len(answered),
            seen.refused,
        ),
    )


def _stability(seen: _Seen, before: _Seen, sent: Sequence[MovedMeasureAnswer]) -> StabilityAnswer:
    blamed = [change for changes in seen.incidents.values() for change in changes]
    return StabilityAnswer(
        incidents=_score(len(seen.incidents), len(before.incidents), len(seen.incidents), blamed),
        failed_deployment_recovery_time_seconds=_score(
            seen.pace.recovery_seconds,
            before.pace.recovery_seconds,
            seen.recovery_n,
            [one.id for one in seen.deployed if one.recovery_seconds is not None],
        ),
        availability=next((one for one in sent if one.name == AVAILABILITY), None),
    )


def _measures(
    conn: Connection, service: str, environment: str, days: Days
) -> list[MovedMeasureAnswer]:
    """Return the newest value of every measure of the time, with the newest one before it."""
    earlier = {
        (one.name, one.environment): one
        for one in measures.newest(conn, service, environment, ends=days.begins_at)
    }
    return [
        _moved(one, earlier.get((one.name, one.environment)))
        for one in measures.newest(conn, service, environment, ends=days.ends_at)
        if one.at >= days.begins_at
    ]


def _moved(one: Measure, before: Measure | None) -> MovedMeasureAnswer:
    value = None if before is None else before.value / DECIMAL_UNIT
    return MovedMeasureAnswer(**vars(measure_answer(one)), before=value)


def _score(
    value: float | None, before: float | None, n: int, changes: Sequence[str]
) -> ScoreAnswer:
    return ScoreAnswer(value, before, n, tuple(dict.fromkeys(changes))[:CHANGES_NAMED_MAX])


def _share(part: int, whole: int) -> float | None:
    return _rounded(part / whole) if whole else None


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
