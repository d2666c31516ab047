"""A folder of policy files, read and checked together: policies, catalogue, calendar."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from gate.core.calendar.calendar import Calendar
from gate.core.calendar.file import read_calendar
from gate.core.catalogue.catalogue import OWNERS, Catalogue
from gate.core.catalogue.file import read_catalogue
from gate.core.policy.set import GroupsNeeded, Policies, groups_needed, read_policies
from gate.errors import Fault, Invalid

CATALOGUE_FILE = "catalog.yaml"
CALENDAR_FILE = "calendar.yaml"
FILES_MAX = 100
FAULTS_SAID_MAX = 3
"""How many faults stand in the one-line message; all of them are in `faults`."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Bundle:
    """Three parts that agree with each other. A file that is absent says nothing: nobody is known, nothing is frozen."""

    policies: Policies
    catalogue: Catalogue
    calendar: Calendar


def read_bundle(files: Mapping[str, str]) -> Bundle:
    """Read `name -> text`. Raises `Invalid` with every fault that was found, each with `file:line:column` where it has one."""
    if len(files) > FILES_MAX:
        raise Invalid(f"found {len(files)} files, at most {FILES_MAX} are allowed")
    faults: list[Fault] = []
    catalogue = _read(faults, Catalogue(), lambda: read_catalogue(files[CATALOGUE_FILE], CATALOGUE_FILE), given=CATALOGUE_FILE in files)
    calendar = _read(
        faults, Calendar(), lambda: read_calendar(files[CALENDAR_FILE], CALENDAR_FILE, catalogue), given=CALENDAR_FILE in files
    )
    policies = _read(faults, None, lambda: read_policies(files), given=True)
    if policies is not None and not faults:
        faults.extend(_unfilled(policies, catalogue))
    if policies is None or faults:
        said = "; ".join(f"{fault.where}: {fault.detail}" for fault in faults[:FAULTS_SAID_MAX])
        more = f"; and {len(faults) - FAULTS_SAID_MAX} more" if len(faults) > FAULTS_SAID_MAX else ""
        raise Invalid(said + more, faults=faults)
    return Bundle(policies, catalogue, calendar)


def _read(faults: list[Fault], absent: _T, read: Callable[[], _T], *, given: bool) -> _T:
    """What was read, or `absent` with the faults taken down: one broken file does not hide the faults of another."""
    if not given:
        return absent
    try:
        return read()
    except Invalid as error:
        faults.extend(error.faults or (Fault(error.detail, ""),))
        return absent


def _unfilled(policies: Policies, catalogue: Catalogue) -> Iterator[Fault]:
    """A review that nobody can give would keep a change waiting for ever."""
    for policy in policies.all:
        for needed in groups_needed(policy):
            yield from _lacking(needed, catalogue)


def _lacking(needed: GroupsNeeded, catalogue: Catalogue) -> Iterator[Fault]:
    named = [group for group in needed.groups if group != OWNERS]
    for group in named:
        if group not in catalogue.groups:
            yield Fault(f"group {group} is not in {CATALOGUE_FILE}; add it there, or name another", needed.where)
            return
    if OWNERS in needed.groups or any(catalogue.groups[group].sso for group in named):
        return  # how many these are is not known here
    people = {person for group in named for person in catalogue.members(group)}
    if len(people) < needed.count:
        found = f"{' and '.join(named)} {'has' if len(named) == 1 else 'have'} {len(people)} people"
        yield Fault(f"{found}, but {needed.count} are needed; add people in {CATALOGUE_FILE}", needed.where)
