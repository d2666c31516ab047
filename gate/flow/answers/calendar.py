"""The change schedule: windows, changes that name a time, and when it is open again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from gate.core.change import State
from gate.flow.answers.parts import Unknown


@dataclass(frozen=True)
class WindowAnswer:
    """A freeze window, from the calendar or made by a person, or the stopped line."""

    id: str
    reason: str
    stop: bool
    begins: datetime
    ends: datetime | None
    services: tuple[str, ...]
    environments: tuple[str, ...]


@dataclass(frozen=True)
class ScheduleAnswer:
    """Frozen times, and when the next opening is.

    `more`: some may be left out; ask for fewer days, or for a place.
    """

    items: tuple[WindowAnswer, ...]
    more: bool
    unknown: Unknown
    next_opening: datetime | None


@dataclass(frozen=True)
class ReachedWindow(WindowAnswer):
    """A window with its whole reach, and whose override lifts it."""

    reach: Mapping[str, object]
    override_by: tuple[str, ...]


@dataclass(frozen=True)
class EffectAnswer:
    """What a window would do now: it `holds` so many changes, of which so many are `approved`.

    So many more are `held` already by something else, so many pass a freeze all the same
    (`excused`: emergencies, and standard changes that may), and so many `deploying` go on.
    """

    holds: int
    approved: int
    held: int
    excused: int
    deploying: int


@dataclass(frozen=True)
class PlannedAnswer:
    """A change that names a time, with the windows and the changes in its way."""

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
    """The schedule for people. Of `planned` some may be left out: `more_planned`.

    `deployed` has the days on which something ended in one of `counted` environments.
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
