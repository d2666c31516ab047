"""Deployments that nobody approved, that were only observed, that never ended, or that went past
the gate.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, exists, func, select

from gate.core.change import State
from gate.core.decision.values import ChangeType, Outcome, Route
from gate.storage.audit.within import Within
from gate.storage.database.values import each
from gate.storage.incidents.sightings import Missing
from gate.storage.tables.columns import equals
from gate.storage.tables.schema import changes, closures, overrides
from gate.storage.tables.schema_hooks import deployments_seen

_C, _S = changes.c, deployments_seen.c
_PAST = _S.missing != Missing.APPROVAL.value
"""Selects sightings of deployments that went past the gate. A deployment that the gate did not
approve and that failed is left out, because the gate most likely stopped it."""


class Unapproved(NamedTuple):
    """A deployment to production that no policy and no person approved, and how it got there."""

    at: datetime
    how: str
    service: str | None
    environment: str
    commit: str | None
    change: str | None
    seen_by: str | None


class Observed(NamedTuple):
    """A deployment that an observing gate let through."""

    at: datetime
    change: str
    service: str
    environment: str
    commit: str
    would: Outcome | None
    result: str | None


class Unadmitted(NamedTuple):
    """A deployment that another system saw and that no admission explains."""

    first_at: datetime
    at: datetime
    source: str
    missing: str
    service: str | None
    environment: str
    commit: str | None
    repository_id: int | None
    result: str | None


class Unclosed(NamedTuple):
    """An admission whose end nobody reported."""

    admitted_at: datetime
    close_by: datetime | None
    change: str
    service: str
    environment: str
    commit: str
    run: str | None


class Bypass(NamedTuple):
    """The share of deployments to one place that bypassed the policy.

    A change that was both an emergency and overridden counts once in `bypassed`.
    """

    service: str | None
    environment: str | None
    deployments: int
    unadmitted: int
    overridden: int
    emergencies: int
    observed: int
    bypassed: int
    rate: float


def unapproved(conn: Connection, within: Within, harmless: Collection[str]) -> Iterator[Unapproved]:
    """Yield unapproved deployments to every environment that is not known to be harmless."""
    for one in observed(conn, within):
        if one.environment not in harmless:
            yield Unapproved(
                one.at, "observed", one.service, one.environment, one.commit, one.change, None
            )
    never = (
        select(closures.c.at, _C.service, _C.environment, _C.commit_sha, _C.id)
        .join(changes, _C.id == closures.c.change_id)
        .where(closures.c.matched.is_(False), *within.at(closures.c.at), *within.place())
    )
    for at, service, environment, commit, change in conn.execute(never):
        if environment not in harmless:
            yield Unapproved(at, "closed unadmitted", service, environment, commit, change, None)
    for seen in unadmitted(conn, within):
        if seen.environment not in harmless:
            place = (seen.service, seen.environment, seen.commit)
            yield Unapproved(seen.at, "past the gate", *place, None, seen.source)


def observed(conn: Connection, within: Within) -> Iterator[Observed]:
    """Yield admitted changes of the route `observed`."""
    columns = (_C.admitted_at, _C.id, _C.service, _C.environment, _C.commit_sha, _C.would)
    query = select(*columns, _C.result).where(*_admitted(within), equals(_C.route, Route.OBSERVED))
    return each(conn, Observed, query)


def unadmitted(conn: Connection, within: Within) -> Iterator[Unadmitted]:
    """Yield the deployments past the gate that were last seen in this time."""
    columns = (_S.first_at, _S.at, _S.source, _S.missing, _S.service, _S.environment)
    query = select(*columns, _S.commit_sha, _S.repository_id, _S.result).where(
        _PAST, *within.at(_S.at), *within.here(_S.service, _S.environment)
    )
    return each(conn, Unadmitted, query)


def unclosed(conn: Connection, within: Within, now: datetime) -> Iterator[Unclosed]:
    """Yield changes that were admitted in this time and should have been closed by now."""
    columns = (_C.admitted_at, _C.close_by, _C.id, _C.service, _C.environment, _C.commit_sha)
    query = select(*columns, _C.run_id).where(
        *_admitted(within), equals(_C.state, State.DEPLOYING), _C.close_by <= now
    )
    return each(conn, Unclosed, query)


def bypass(conn: Connection, within: Within) -> Iterator[Bypass]:
    """Yield one row for all places together, and then one for each place."""
    overridden = exists().where(overrides.c.change_id == _C.id)
    observing, emergency = _C.route == Route.OBSERVED, _C.type == ChangeType.EMERGENCY
    counted = {
        "deployments": None,
        "overridden": overridden,
        "emergencies": emergency,
        "observed": observing,
        "round": overridden | emergency | observing,
    }
    counts: dict[tuple[str | None, str], Counter[str]] = {}
    for name, condition in counted.items():
        for place, count in _by_place(conn, within, condition):
            counts.setdefault(place, Counter())[name] = count
    past = (
        select(_S.service, _S.environment, func.count())
        .where(_PAST, *within.at(_S.at), *within.here(_S.service, _S.environment))
        .group_by(_S.service, _S.environment)
    )
    for service, environment, count in conn.execute(past):
        counts.setdefault((service, environment), Counter())["unadmitted"] = count
    whole: Counter[str] = Counter()
    for found in counts.values():
        whole.update(found)
    yield _bypass(None, None, whole)
    for service, environment in sorted(counts, key=lambda place: (place[0] or "", place[1])):
        yield _bypass(service, environment, counts[service, environment])


def _bypass(service: str | None, environment: str | None, found: Counter[str]) -> Bypass:
    deployments = found["deployments"] + found["unadmitted"]
    bypassed = found["round"] + found["unadmitted"]
    return Bypass(
        service=service,
        environment=environment,
        deployments=deployments,
        unadmitted=found["unadmitted"],
        overridden=found["overridden"],
        emergencies=found["emergencies"],
        observed=found["observed"],
        bypassed=bypassed,
        rate=round(bypassed / deployments, 4) if deployments else 0.0,
    )


def _by_place(
    conn: Connection, within: Within, condition: ColumnElement[bool] | None
) -> Iterator[tuple[tuple[str | None, str], int]]:
    """Yield the number of admitted changes of each place that fulfil the condition, or of all
    without one.
    """
    wanted = [*_admitted(within), *([] if condition is None else [condition])]
    query: Any = (
        select(_C.service, _C.environment, func.count())
        .where(*wanted)
        .group_by(_C.service, _C.environment)
    )
    for service, environment, count in conn.execute(query):
        yield (service, environment), count


def _admitted(within: Within) -> list[ColumnElement[bool]]:
    return [*within.at(_C.admitted_at), *within.place()]
