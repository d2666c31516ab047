"""Reads a folder of policy files and checks them together: policies, catalogue and calendar."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias, TypeVar

from gate.core.calendar.calendar import Calendar
from gate.core.calendar.file import read_calendar
from gate.core.catalogue.catalogue import OWNERS, Catalogue
from gate.core.catalogue.file import read_catalogue
from gate.core.facts import Facts
from gate.core.policy.policy import Policy
from gate.core.policy.set import GroupsNeeded, Policies, read_policies
from gate.core.yaml.fields import FAULTS_MAX, did_you_mean
from gate.core.yaml.reader import clip
from gate.errors import Fault, Invalid

CATALOGUE_FILE = "catalog.yaml"
CALENDAR_FILE = "calendar.yaml"
FILES_MAX = 100
PLACES_MAX = 20_000
"""The most places of a catalogue, each a service in an environment, for which it is looked up which
policies apply there. A file of a few kilobytes can describe millions."""

FAULTS_SAID_MAX = 3
"""How many faults the one-line message contains; all of them are in `faults`."""

_T = TypeVar("_T")
_Place: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Bundle:
    """Policies, catalogue and calendar that agree with each other.

    Without a catalogue nobody is known, and without a calendar nothing is frozen.
    """

    policies: Policies
    catalogue: Catalogue
    calendar: Calendar
    # Faults that matter only once the gate enforces where it only observes now.
    warnings: tuple[Fault, ...] = ()


def read_bundle(files: Mapping[str, str]) -> Bundle:
    """Read the files, which are given as text by name.

    Raises `Invalid` with every fault, each with `file:line:column` if it has one. A review that
    nobody can give is a fault, because a change would wait for ever. Where the gate only observes
    no change waits, so there it is a warning.
    """
    if len(files) > FILES_MAX:
        raise Invalid(f"found {len(files)} files, at most {FILES_MAX} are allowed")
    faults: list[Fault] = []
    catalogue = _read_catalogue(files, faults)
    calendar = _read(faults, lambda: _read_calendar(files, catalogue))
    policies = _read(faults, lambda: read_policies(files))
    warnings: list[Fault] = []
    if policies is not None and catalogue is not None:
        observed = _only_observed(policies, catalogue)
        for needed in policies.needs:
            found = warnings if needed.policy in observed else faults
            # Each fault may take milliseconds, and one file can have thousands of them.
            found.extend(islice(_unfilled(needed, catalogue), max(FAULTS_MAX - len(found), 0)))
    if policies is None or catalogue is None or calendar is None or faults:
        raise Invalid(
            _joined([f"{fault.where}: {fault.detail}" for fault in faults]), faults=faults
        )
    return Bundle(policies, catalogue, calendar, tuple(warnings))


def without_people(error: Invalid) -> str:
    """Return what is wrong with the files, for a record that cannot be erased.

    Of faults in the catalogue only the place is named, because their text may quote the name,
    address or login of a person.
    """
    return (
        _joined([f"{fault.where}: {_impersonal(fault)}" for fault in error.faults]) or error.detail
    )


def _impersonal(fault: Fault) -> str:
    is_of_people = fault.where.startswith(f"{CATALOGUE_FILE}:")
    if is_of_people:
        return "the catalogue cannot be understood here; `gate policy check` says why"
    return fault.detail


def _joined(faults: Sequence[str]) -> str:
    more = f"; and {len(faults) - FAULTS_SAID_MAX} more" if len(faults) > FAULTS_SAID_MAX else ""
    return "; ".join(faults[:FAULTS_SAID_MAX]) + more


def _read_catalogue(files: Mapping[str, str], faults: list[Fault]) -> Catalogue | None:
    if CATALOGUE_FILE not in files:
        return Catalogue()
    return _read(faults, lambda: read_catalogue(files[CATALOGUE_FILE], CATALOGUE_FILE))


def _read_calendar(files: Mapping[str, str], catalogue: Catalogue | None) -> Calendar:
    """Read the calendar. Without a readable catalogue its names are not checked."""
    if CALENDAR_FILE not in files:
        return Calendar()
    return read_calendar(files[CALENDAR_FILE], CALENDAR_FILE, catalogue)


def _read(faults: list[Fault], read: Callable[[], _T]) -> _T | None:
    """Return what `read` returns, or None after adding its faults to `faults`.

    So one broken file does not hide the faults of another.
    """
    try:
        return read()
    except Invalid as error:
        faults.extend(error.faults or (Fault(error.detail, ""),))
        return None


def _only_observed(policies: Policies, catalogue: Catalogue) -> frozenset[str]:
    """Return the names of the policies that may apply somewhere, but only where the gate observes.

    Of a catalogue with more than `PLACES_MAX` places it returns none, as if the gate enforced.
    """
    if not any(service.observing for service in catalogue.services.values()):
        return frozenset()
    places = list(islice(_places(catalogue), PLACES_MAX + 1))
    if len(places) > PLACES_MAX:
        return frozenset()
    return frozenset(
        policy.name for policy in policies.all if _is_only_observed(policy, catalogue, places)
    )


def _places(catalogue: Catalogue) -> Iterator[_Place]:
    for service in catalogue.services.values():
        listed = service.environments
        for environment in catalogue.environments if listed is None else listed:
            yield service.name, environment


def _is_only_observed(policy: Policy, catalogue: Catalogue, places: Sequence[_Place]) -> bool:
    applies = False
    for place in places:
        if _may_apply(policy, catalogue.facts(*place)):
            if not catalogue.observes(*place):
                return False
            applies = True
    return applies


def _may_apply(policy: Policy, facts: Facts) -> bool:
    values = {name: fact.value for name, fact in facts.items()}
    return policy.applies_to is None or policy.applies_to.check(values) is not False


def _unfilled(needed: GroupsNeeded, catalogue: Catalogue) -> Iterator[Fault]:
    """Yield a fault for groups that do not exist or have fewer people than a policy needs."""
    unknown = False
    for fault in _unknown(needed, catalogue):
        unknown = True
        yield fault
    if not unknown:
        yield from _too_few(needed, catalogue)


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
        # The number of their members is unknown here.
        return
    people = {person for group in named for person in catalogue.members(group)}
    if len(people) < needed.count:
        has = f"{' and '.join(named)} {'has' if len(named) == 1 else 'have'} {len(people)} people"
        detail = (
            f"{needed.key}: {has}, but {needed.count} are needed; add people in {CATALOGUE_FILE}"
        )
        yield Fault(detail, str(needed.place))
