"""FedRAMP's significant change notifications: whom a change owes a notice, and by which day.

A policy says which changes are of a class: a rule, or a standard change, that names the control
`fedramp:SCN-TRF` or `fedramp:SCN-ADP`. Where it holds the change is of that class. Where it is
unknown whether it holds the change is, too, because a notice too many harms nobody.

The duties are those of the significant change notification rules: adaptive SCN-ADP-NTF;
transformative SCN-TRF-NIP, -NFP, -NAF, -NAV and -UPD; for an emergency nothing is due in advance
(SCN-CSO-EMG). Routine recurring changes owe none (SCN-RTR-NNR), and a change of the whole
offering's class needs a new assessment and no notice, so neither has a control here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from gate.core.calendar.business_days import (
    business_days_after,
    business_days_before,
    local_day,
)
from gate.core.calendar.calendar import Calendar
from gate.core.decision.values import Finding, FindingKind
from gate.core.policy.policy import Policy


class NoticeClass(StrEnum):
    """A class of changes that owes notices; the later one owes more."""

    ADAPTIVE = "adaptive"
    TRANSFORMATIVE = "transformative"


CONTROLS: Mapping[str, NoticeClass] = MappingProxyType(
    {
        "fedramp:SCN-ADP": NoticeClass.ADAPTIVE,
        "fedramp:SCN-TRF": NoticeClass.TRANSFORMATIVE,
    }
)
_ORDER = tuple(NoticeClass)


class CountedFrom(StrEnum):
    """The day from which the business days of a duty are counted."""

    START = "start"
    FINISH = "finish"
    # When verification ends is known to those who verify, and not to the gate.
    VERIFICATION = "verification"


class Duty(NamedTuple):
    """One notice: which requirement asks for it, and how many business days before the start, or
    after the finish, it is due.
    """

    id: str
    requirement: str
    counted_from: CountedFrom
    days: int
    words: str


DUTIES: Mapping[NoticeClass, tuple[Duty, ...]] = MappingProxyType(
    {
        NoticeClass.ADAPTIVE: (
            Duty("after-finishing", "SCN-ADP-NTF", CountedFrom.FINISH, 10, "that it is finished"),
        ),
        NoticeClass.TRANSFORMATIVE: (
            Duty("initial-plans", "SCN-TRF-NIP", CountedFrom.START, 30, "of initial plans"),
            Duty("final-plans", "SCN-TRF-NFP", CountedFrom.START, 10, "of final plans"),
            Duty("after-finishing", "SCN-TRF-NAF", CountedFrom.FINISH, 5, "that it is finished"),
            Duty(
                "after-verification",
                "SCN-TRF-NAV",
                CountedFrom.VERIFICATION,
                5,
                "that it is verified",
            ),
            Duty(
                "documentation",
                "SCN-TRF-UPD",
                CountedFrom.FINISH,
                30,
                "by updated service documentation",
            ),
        ),
    }
)


class Status(StrEnum):
    """The status of a duty."""

    # Nobody can say yet by when: it has not finished, or nobody said when it was verified.
    OPEN = "open"
    DUE = "due"
    OVERDUE = "overdue"
    GIVEN = "given"
    # Given after the last day.
    LATE = "late"
    # It never began, or it began in an emergency.
    NOT_NEEDED = "not_needed"


class Times(NamedTuple):
    """When a change begins and ends, as far as that is known."""

    planned_start: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    # It ended without having been started.
    never: bool = False
    emergency: bool = False


@dataclass(frozen=True, slots=True)
class Owed:
    """A duty of one change.

    `due` is the last day for it, in the calendar's zone; None is not known yet, or nothing is due.
    """

    duty: Duty
    due: date | None
    given_at: datetime | None
    status: Status


class Classified(NamedTuple):
    """A class, and the findings by which a change is of it."""

    notice: NoticeClass
    because: tuple[Finding, ...]


def classified(policy: Policy | None, findings: Iterable[Finding]) -> Classified | None:
    """Return the class of a change, or None. Of two classes it is the one that owes more."""
    if policy is None:
        return None
    named = classes_of(policy)
    found = [one for one in findings if (one.kind, one.rule) in named and one.holds is not False]
    if not found:
        return None
    notice = max((named[one.kind, one.rule] for one in found), key=_ORDER.index)
    return Classified(notice, tuple(one for one in found if named[one.kind, one.rule] is notice))


def classes_of(policy: Policy) -> Mapping[tuple[FindingKind, str], NoticeClass]:
    """Return the class that each entry of the policy puts a change in."""
    entries = [(FindingKind.RULE, one.id, one.grounds) for one in policy.rules]
    entries += [
        (FindingKind.STANDARD_CHANGE, one.id, one.grounds) for one in policy.standard_changes
    ]
    found = {}
    for kind, name, grounds in entries:
        classes = [CONTROLS[one] for one in grounds.control if one in CONTROLS]
        if classes:
            found[kind, name] = max(classes, key=_ORDER.index)
    return found


def owed(
    notice: NoticeClass,
    times: Times,
    given: Mapping[str, datetime],
    calendar: Calendar,
    now: datetime,
) -> tuple[Owed, ...]:
    """Return every duty of a class, with its last day and how it stands at this instant."""
    return tuple(_owed(duty, times, given.get(duty.id), calendar, now) for duty in DUTIES[notice])


def _owed(
    duty: Duty, times: Times, given_at: datetime | None, calendar: Calendar, now: datetime
) -> Owed:
    if times.never or (times.emergency and duty.counted_from is CountedFrom.START):
        status = Status.NOT_NEEDED if given_at is None else Status.GIVEN
        return Owed(duty, None, given_at, status)
    due = _due(duty, times, calendar, now)
    if given_at is not None:
        late = due is not None and local_day(calendar, given_at) > due
        return Owed(duty, due, given_at, Status.LATE if late else Status.GIVEN)
    if due is None:
        return Owed(duty, None, None, Status.OPEN)
    overdue = local_day(calendar, now) > due
    return Owed(duty, due, None, Status.OVERDUE if overdue else Status.DUE)


def _due(duty: Duty, times: Times, calendar: Calendar, now: datetime) -> date | None:
    match duty.counted_from:
        case CountedFrom.START:
            # Without a plan it may start at any moment, which is the worst case.
            starts = times.started_at or times.planned_start or now
            return business_days_before(calendar, local_day(calendar, starts), duty.days)
        case CountedFrom.FINISH:
            if times.finished_at is None:
                return None
            finished = local_day(calendar, times.finished_at)
            return business_days_after(calendar, finished, duty.days)
        case CountedFrom.VERIFICATION:
            return None
