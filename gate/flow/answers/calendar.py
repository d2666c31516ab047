"""Answers about the change schedule: windows, changes that name a time, and the next opening."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from gate.core.change import State
from gate.flow.answers.parts import Unknown


@dataclass(frozen=True)
class WindowAnswer:
    """A freeze window from the calendar or declared by a person, or a stopped line."""

    id: str
    reason: str
    stop: bool
    begins: datetime
    ends: datetime | None
    services: tuple[str, ...]
    environments: tuple[str, ...]


@dataclass(frozen=True)
class ScheduleAnswer:
    """The windows of a time, and the next opening.

    If `more` is true, some windows may be left out: ask for fewer days, or for one place.
    """

    items: tuple[WindowAnswer, ...]
    more: bool
    unknown: Unknown
    next_opening: datetime | None


@dataclass(frozen=True)
class ReachedWindow(WindowAnswer):
    """A window with its whole reach, and the groups whose override lifts it."""

    reach: Mapping[str, object]
    override_by: tuple[str, ...]


@dataclass(frozen=True)
class EffectAnswer:
    """The effect that a window would have now, in numbers of changes.

    `holds` would be held newly, of which `approved` are approved already. `held` are held by
    something else before. `excused` would pass a freeze, as emergencies and certain standard
    changes do. `deploying` would go on.
    """

    holds: int
    approved: int
    held: int
    excused: int
    deploying: int


@dataclass(frozen=True)
class PlannedAnswer:
    """A change that names a time, with the windows and the other changes that collide with it."""

    change: str
    title: str
    service: str
    environment: str
    state: State
    begins: datetime
    ends: datetime
    frozen_by: tuple[str, ...]
    in_the_way: tuple[str, ...]


@dataclass(frozen=True)
class DeployedDay:
    """Deployments that were admitted on one day, UTC, and how many of them failed."""

    day: date
    deployments: int
    failed: int


@dataclass(frozen=True)
class PlannerAnswer(ScheduleAnswer):
    """The schedule for people. If `more_planned` is true, some of `planned` are left out.

    `deployed` lists the days on which something ended in one of the `counted` environments.
    """

    open: tuple[ReachedWindow, ...]
    planned: tuple[PlannedAnswer, ...]
    more_planned: bool
    deployed: tuple[DeployedDay, ...]
    counted: tuple[str, ...]
    time_zone: str
    services: tuple[str, ...]
    environments: tuple[str, ...]
    begins: datetime
    ends: datetime
    at: datetime
