"""A folder of policy files, read and checked together: policies, catalogue, calendar."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from gate.core.calendar.calendar import Calendar
from gate.core.calendar.file import read_calendar
from gate.core.catalogue.catalogue import OWNERS, Catalogue
from gate.core.catalogue.file import read_catalogue
from gate.core.policy.set import GroupsNeeded, Policies, read_policies
from gate.core.yaml.fields import did_you_mean
from gate.core.yaml.reader import clip
from gate.errors import Fault, Invalid

CATALOGUE_FILE = "catalog.yaml"
CALENDAR_FILE = "calendar.yaml"
FILES_MAX = 100
FAULTS_SAID_MAX = 3
"""How many faults stand in the one-line message; all of them are in `faults`."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Bundle:
    """Three parts that agree with each other.

    A file that is absent says nothing: nobody is known, nothing is frozen.
    """

    policies: Policies
    catalogue: Catalogue
    calendar: Calendar


def read_bundle(files: Mapping[str, str]) -> Bundle:
    """Read `name -> text`.

    Raises `Invalid` with every fault that was found, each with `file:line:column` where it has one.
    """
    if len(files) > FILES_MAX:
        raise Invalid(f"found {len(files)} files, at most {FILES_MAX} are allowed")
    faults: list[Fault] = []
    catalogue = _read_catalogue(files, faults)
    calendar = _read(faults, lambda: _read_calendar(files, catalogue))
    policies = _read(faults, lambda: read_policies(files))
    if policies is not None and catalogue is not None:
        faults.extend(_unfilled(policies, catalogue))
    if policies is None or catalogue is None or calendar is None or faults:
        said = "; ".join(f"{fault.where}: {fault.detail}" for fault in faults[:FAULTS_SAID_MAX])
        more = (
            f"; and {len(faults) - FAULTS_SAID_MAX} more" if len(faults) > FAULTS_SAID_MAX else ""
        )
        raise Invalid(said + more, faults=faults)
    return Bundle(policies, catalogue, calendar)


def _read_catalogue(files: Mapping[str, str], faults: list[Fault]) -> Catalogue | None:
    if CATALOGUE_FILE not in files:
        return Catalogue()
    return _read(faults, lambda: read_catalogue(files[CATALOGUE_FILE], CATALOGUE_FILE))


def _read_calendar(files: Mapping[str, str], catalogue: Catalogue | None) -> Calendar:
    """Of a catalogue that cannot be read no name is known to be wrong."""
    if CALENDAR_FILE not in files:
        return Calendar()
    return read_calendar(files[CALENDAR_FILE], CALENDAR_FILE, catalogue)


def _read(faults: list[Fault], read: Callable[[], _T]) -> _T | None:
    """What was read, or None with the faults taken down: one broken file does not hide the faults
    of another.
    """
    try:
        return read()
    except Invalid as error:
        faults.extend(error.faults or (Fault(error.detail, ""),))
        return None


def _unfilled(policies: Policies, catalogue: Catalogue) -> Iterator[Fault]:
    """A review that nobody can give would keep a change waiting for ever."""
    for needed in policies.needs:
        unknown = list(_unknown(needed, catalogue))
        yield from unknown or _too_few(needed, catalogue)


def _unknown(needed: GroupsNeeded, catalogue: Catalogue) -> Iterator[Fault]:
    for group, place in zip(needed.groups, needed.places, strict=True):
        if group != OWNERS and group not in catalogue.groups:
            meant = (
                did_you_mean(group, catalogue.groups)
                or f"; add it in {CATALOGUE_FILE}, or name another"
            )
            yield Fault(
                f"{needed.key}: found {clip(group)}, which is no group of the catalogue{meant}",
                str(place),
            )


def _too_few(needed: GroupsNeeded, catalogue: Catalogue) -> Iterator[Fault]:
    named = [group for group in needed.groups if group != OWNERS]
    if OWNERS in needed.groups or any(catalogue.groups[group].sso for group in named):
        return  # how many these are is not known here
    people = {person for group in named for person in catalogue.members(group)}
    if len(people) < needed.count:
        has = f"{' and '.join(named)} {'has' if len(named) == 1 else 'have'} {len(people)} people"
        detail = (
            f"{needed.key}: {has}, but {needed.count} are needed; add people in {CATALOGUE_FILE}"
        )
        yield Fault(detail, str(needed.place))
