"""What the organisation says about its environments, services, groups and people."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from gate.core.change import Repository
from gate.core.facts import Fact, Origin

OWNERS = "owners"
"""Stands for the groups that own the service, wherever a policy names approvers."""

OWNERS_OF_LAST_RESORT = "release-managers"
"""Owns every service that nobody owns."""

PROVIDER_ISSUERS: Mapping[str, str] = {
    "github": "https://token.actions.githubusercontent.com",
    "gitlab": "https://gitlab.com",
}
"""A repository may be given by provider; what counts is who issues its tokens."""


@dataclass(frozen=True, slots=True)
class Environment:
    """`names` is what tokens and hooks may call it besides its own name."""

    name: str
    tier: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """`environments` None means all of them; `tier` None means that nobody said.

    In the environments of `observing` the gate only watches: it records what it would have said,
    and holds nobody up.
    """

    name: str
    owners: tuple[str, ...] = ()
    tier: int | None = None
    environments: tuple[str, ...] | None = None
    depends_on: tuple[str, ...] = ()
    repositories: tuple[Repository, ...] = ()
    alerts_count_from: str | None = None
    observing: tuple[str, ...] = ()

    def deploys_to(self, environment: str) -> bool:
        """Whether the catalogue lets the service be in this environment at all."""
        return self.environments is None or environment in self.environments


@dataclass(frozen=True, slots=True)
class Group:
    """`sso` names groups of the identity provider, whose size the catalogue cannot know."""

    name: str
    people: tuple[str, ...] = ()
    sso: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """One person with many identities.

    `key` is what the file calls them, `id` what everything else does: the catalogue in force gives
    each person a random id, because a key may be given to somebody else. In a file that is not in
    force the id is the key.
    """

    id: str
    name: str = ""
    emails: tuple[str, ...] = ()
    github: tuple[str, ...] = ()
    gitlab: tuple[str, ...] = ()
    slack: str | None = None
    key: str = ""

    @property
    def label(self) -> str:
        """What a reader calls the person: the name, or else the key."""
        return self.name or self.key or self.id


ERASED = "(erased)"
"""Stands where a name, address, login or key was; it names nobody."""

OBSERVE = "observe"
"""What `gate` of a service says of an environment where the gate only watches."""

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
    # worked out once a pair; the same question always has the same answer, so sharing is harmless
    _facts: dict[tuple[str, str], dict[str, Fact]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def __post_init__(self) -> None:
        named = {name: place.name for place in self.environments.values() for name in place.names}
        # An own name beats another's second name.
        named.update({name: name for name in self.environments})
        object.__setattr__(self, "_named", named)
        object.__setattr__(self, "_groups_of", _turned_round(self.groups.values()))
        object.__setattr__(self, "_services_of", _by_repository(self.services.values()))

    def environment_named(self, asked: str) -> str:
        """The environment's own name; the asked text itself where the catalogue knows none.

        Exact, no case folding.
        """
        return self._named.get(asked, asked)

    def service_named(self, said: str) -> str:
        """The service that another system means, which may write blanks and capitals; the text
        itself where none or several fit.
        """
        if said in self.services:
            return said
        wanted = _as_word(said)
        fitting = [name for name in self.services if _as_word(name) == wanted]
        return fitting[0] if len(fitting) == 1 else said

    def means(self, said: str, environment: str) -> bool:
        """Whether a token's word for an environment means this one.

        Code hosts fold case, so a word that is nobody's name may.
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
        """What the catalogue knows of a service in an environment (given by its own name); what it
        lacks stays unknown.
        """
        known = self._facts.get((service, environment))
        if known is not None:
            return dict(known)
        facts = self._worked_out(service, environment)
        # Other names have no end.
        if service in self.services and environment in self.environments:
            self._facts[service, environment] = dict(facts)
        return facts

    def tier_of(self, service: str, environment: str) -> str | None:
        """The environment's tier for this service; None where it has no business there, or the
        catalogue lacks the environment.
        """
        place = self.environments.get(environment)
        listed = self.services.get(service)
        if place is None or (listed is not None and not listed.deploys_to(environment)):
            return None
        return place.tier

    def owners_of(self, service: str) -> tuple[str, ...] | None:
        """The groups that answer for the service; None for a service that the catalogue lacks."""
        listed = self.services.get(service)
        if listed is None:
            return None
        return listed.owners or (OWNERS_OF_LAST_RESORT,)

    def observes(self, service: str, environment: str) -> bool:
        """Whether the gate only watches in this environment (given by its own name) of the service.

        Everywhere else it enforces.
        """
        listed = self.services.get(service)
        return (
            listed is not None
            and environment in listed.observing
            and listed.deploys_to(environment)
        )

    def person_keyed(self, key: str) -> str | None:
        """The id of the person whom the file calls so."""
        return next((person.id for person in self.people.values() if person.key == key), None)

    def label_of(self, person: str) -> str:
        """What a reader calls somebody.

        Of whoever is not in the catalogue nobody knows more than the id.
        """
        found = self.people.get(person)
        return person if found is None else found.label

    def members(self, group: str) -> tuple[str, ...]:
        """Ids of the people the catalogue names; members by single sign-on are not among them."""
        listed = self.groups.get(group)
        return listed.people if listed else ()

    def groups_of(self, person: str) -> tuple[str, ...]:
        """Names of the groups that list the person, in the file's order."""
        return self._groups_of.get(person, ())

    def depends_on(self, service: str) -> tuple[str, ...]:
        """The services this one needs, as listed (not theirs in turn)."""
        listed = self.services.get(service)
        return listed.depends_on if listed else ()

    def services_of(self, issuer: str, repository_id: int) -> tuple[str, ...]:
        """The services that a repository may deploy; one repository may hold several."""
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
