"""The catalogue: the environments, services, groups and people of the organisation."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from gate.core.catalogue.links import LinkName, Links
from gate.core.change import Repository
from gate.core.facts import Fact, Origin

OWNERS = "owners"
"""The name that stands for the groups which own the service, where a policy names approvers."""

OWNERS_OF_LAST_RESORT = "release-managers"
"""The group that owns every service which nobody else owns."""

PROVIDER_ISSUERS: Mapping[str, str] = {
    "github": "https://token.actions.githubusercontent.com",
    "gitlab": "https://gitlab.com",
}
"""The issuer of each provider, because a repository may be given by provider."""


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment. `names` are other names that tokens and hooks may have for it."""

    name: str
    tier: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """A service. `environments` None means all of them, `tier` None means that it is unknown.

    In the environments of `observing` the gate only observes: it records what it would have
    decided, and holds nobody up.
    """

    name: str
    owners: tuple[str, ...] = ()
    tier: int | None = None
    environments: tuple[str, ...] | None = None
    depends_on: tuple[str, ...] = ()
    repositories: tuple[Repository, ...] = ()
    alerts_count_from: str | None = None
    observing: tuple[str, ...] = ()
    links: Links = field(default_factory=dict)

    def deploys_to(self, environment: str) -> bool:
        """Return whether the catalogue lets the service be in this environment at all."""
        return self.environments is None or environment in self.environments


@dataclass(frozen=True, slots=True)
class Group:
    """A group. `sso` names groups of the identity provider; the catalogue cannot know
    their size.
    """

    name: str
    people: tuple[str, ...] = ()
    sso: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """One person with all identities.

    `key` is the name in the file, and `id` the name everywhere else. The catalogue in force gives
    each person a random id, because a key may later be given to somebody else. In a file that is
    not in force the id is the key.
    """

    id: str
    name: str = ""
    emails: tuple[str, ...] = ()
    github: tuple[str, ...] = ()
    gitlab: tuple[str, ...] = ()
    slack: str | None = None
    key: str = ""
    # Ids that they had before they left and came back.
    former: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name of the person for readers, or the key if there is no name."""
        return self.name or self.key or self.id


ERASED = "(erased)"
"""The text in place of an erased name, address, login or key; it names nobody."""

PRODUCTION = "production"
"""The tier of the environments that customers use."""

OBSERVE = "observe"
"""The word in `gate` of a service for an environment in which the gate only observes."""

_Index: TypeAlias = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`catalog.yaml` as values.

    `revision` is empty until storage has salted the names (`catalog_record.revision`).
    """

    environments: Mapping[str, Environment] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    revision: str = ""
    _named: dict[str, str] = field(init=False, compare=False, repr=False)
    _groups_of: _Index = field(init=False, compare=False, repr=False)
    _services_of: dict[tuple[str, int], tuple[str, ...]] = field(
        init=False, compare=False, repr=False
    )
    # Computed once for a service and environment. The answer never changes, so sharing it is safe.
    _facts: dict[tuple[str, str], dict[str, Fact]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def __post_init__(self) -> None:
        named = {name: place.name for place in self.environments.values() for name in place.names}
        # The own name of an environment comes before the second name of another one.
        named.update({name: name for name in self.environments})
        object.__setattr__(self, "_named", named)
        object.__setattr__(self, "_groups_of", _turned_round(self.groups.values()))
        object.__setattr__(self, "_services_of", _by_repository(self.services.values()))

    def environment_named(self, asked: str) -> str:
        """Return the own name of an environment, or the given text if the catalogue does not know
        it.

        Names are compared exactly, upper and lower case too.
        """
        return self._named.get(asked, asked)

    def service_named(self, said: str) -> str:
        """Return the service that another system means, which may write it with blanks and
        capitals.

        It is the given text itself if no service fits, or several do.
        """
        if said in self.services:
            return said
        wanted = _as_word(said)
        fitting = [name for name in self.services if _as_word(name) == wanted]
        return fitting[0] if len(fitting) == 1 else said

    def means(self, said: str, environment: str) -> bool:
        """Return whether a name in a token means this environment.

        Code hosts ignore case, so a name that is no environment's own is compared without case.
        """
        named = self._named.get(said)
        if named is not None:
            return named == environment
        folded = said.casefold()
        meant = {place for name, place in self._named.items() if name.casefold() == folded}
        if meant:
            return meant == {environment}
        return folded == environment.casefold()

    def facts(self, service: str, environment: str) -> dict[str, Fact]:
        """Return what the catalogue knows of a service in an environment, given by its own name.

        What it lacks stays unknown.
        """
        known = self._facts.get((service, environment))
        if known is not None:
            return dict(known)
        facts = self._worked_out(service, environment)
        # Facts of other names are not kept, because callers may ask for any number of names.
        if service in self.services and environment in self.environments:
            self._facts[service, environment] = dict(facts)
        return facts

    @property
    def production(self) -> tuple[str, ...]:
        """The names of the environments of the tier production, in the order of the file."""
        return tuple(one.name for one in self.environments.values() if one.tier == PRODUCTION)

    def tier_of(self, service: str, environment: str) -> str | None:
        """Return the environment's tier, or None if it is unknown or the service does not belong
        there.
        """
        place = self.environments.get(environment)
        listed = self.services.get(service)
        if place is None or (listed is not None and not listed.deploys_to(environment)):
            return None
        return place.tier

    def owners_of(self, service: str) -> tuple[str, ...] | None:
        """Return the groups that own the service, or None if the catalogue lacks it."""
        listed = self.services.get(service)
        if listed is None:
            return None
        return listed.owners or (OWNERS_OF_LAST_RESORT,)

    def answering_for(self, service: str) -> tuple[str, ...]:
        """Return the groups that answer for a service, even for one that the catalogue lacks."""
        return self.owners_of(service) or (OWNERS_OF_LAST_RESORT,)

    def repositories_of(self, service: str) -> tuple[Repository, ...]:
        """Return the repositories that are listed for a service."""
        listed = self.services.get(service)
        return listed.repositories if listed else ()

    def observes(self, service: str, environment: str) -> bool:
        """Return whether the gate only observes this service in this environment, given by its
        own name.
        """
        listed = self.services.get(service)
        return (
            listed is not None
            and environment in listed.observing
            and listed.deploys_to(environment)
        )

    def person_keyed(self, key: str) -> str | None:
        """Return the id of the person with this key in the file, or None."""
        return next((person.id for person in self.people.values() if person.key == key), None)

    def label_of(self, person: str) -> str:
        """Return the name of a person for readers, or the id if the catalogue lacks the person."""
        found = self.people.get(person)
        return person if found is None else found.label

    def members(self, group: str) -> tuple[str, ...]:
        """Return the ids of a group's people, without members by single sign-on."""
        listed = self.groups.get(group)
        return listed.people if listed else ()

    def groups_of(self, person: str) -> tuple[str, ...]:
        """Return the groups that list the person, in the order of the file."""
        return self._groups_of.get(person, ())

    def depends_on(self, service: str) -> tuple[str, ...]:
        """Return the services that this one depends on directly."""
        listed = self.services.get(service)
        return listed.depends_on if listed else ()

    def services_of(self, issuer: str, repository_id: int) -> tuple[str, ...]:
        """Return the services that list this repository; there may be several."""
        return self._services_of.get((issuer, repository_id), ())

    def _worked_out(self, service: str, environment: str) -> dict[str, Fact]:
        listed = self.services.get(service)
        facts = {
            "service.name": _fact(service),
            "service.known": _fact(value=listed is not None),
            "environment.name": _fact(environment),
        }
        if listed is not None:
            facts["service.owners"] = _fact(listed.owners)
            for name in LinkName:
                facts[name.fact] = _fact(value=name in listed.links)
            if listed.tier is not None:
                facts["service.tier"] = _fact(listed.tier)
        tier = self.tier_of(service, environment)
        if tier is not None:
            facts["environment.tier"] = _fact(tier)
        return facts


def _as_word(name: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in name.casefold())


def _turned_round(groups: Iterable[Group]) -> _Index:
    index: _Index = {}
    for group in groups:
        for person in group.people:
            index[person] = (*index.get(person, ()), group.name)
    return index


def _by_repository(services: Iterable[Service]) -> dict[tuple[str, int], tuple[str, ...]]:
    index: dict[tuple[str, int], tuple[str, ...]] = {}
    for service in services:
        for one in service.repositories:
            index[one.issuer, one.id] = (*index.get((one.issuer, one.id), ()), service.name)
    return index


def _fact(value: bool | int | str | tuple[str, ...]) -> Fact:  # noqa: FBT001 - a fact's value, not a switch
    return Fact(value, Origin.CATALOGUE)
