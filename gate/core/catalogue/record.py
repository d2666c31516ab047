"""The catalogue as it is stored and hashed: whatever says who somebody is stands elsewhere, and can
be erased.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from gate.core.canonical import canonical, digest
from gate.core.catalogue.catalogue import ERASED, Catalogue, Environment, Group, Person, Service
from gate.core.change import Repository

Pseudonym: TypeAlias = Callable[[str], str]
"""The stand-in for a text, always the same for the same text while it is known (storage keeps the
salts)."""

Lookup: TypeAlias = Callable[[str], str | None]
"""The text of a stand-in, or None once it was erased."""

Tree: TypeAlias = Mapping[str, Any]


def pseudonymised(catalogue: Catalogue, pseudonym: Pseudonym) -> Tree:
    """The catalogue as JSON, with every name, address and login of a person replaced.

    Ids of people stay.
    """
    return {
        "environments": {
            place.name: {"tier": place.tier, "names": list(place.names)}
            for place in catalogue.environments.values()
        },
        "services": {
            service.name: _service_tree(service) for service in catalogue.services.values()
        },
        "groups": {
            group.name: {"people": list(group.people), "sso": list(group.sso)}
            for group in catalogue.groups.values()
        },
        "people": {
            person.id: _person_tree(person, pseudonym) for person in catalogue.people.values()
        },
    }


def stand_ins(tree: Tree) -> list[str]:
    """Every stand-in of a stored tree."""
    found = []
    for person in tree["people"].values():
        found += [
            person["name"],
            *person["emails"],
            *person["github"],
            *person["gitlab"],
            person["slack"] or "",
        ]
    return [one for one in found if one]


def names(catalogue: Catalogue) -> list[str]:
    """Every text that says who somebody is."""
    found = []
    for person in catalogue.people.values():
        found += [person.name, *person.emails, *person.github, *person.gitlab, person.slack or ""]
    return [one for one in found if one]


def revision(tree: Tree) -> str:
    """SHA-256 of the RFC 8785 form; it stays when a text is erased."""
    return digest(canonical(tree))


def restored(tree: Tree, lookup: Lookup) -> Catalogue:
    """The catalogue of a stored tree, with its revision; an erased text becomes `ERASED`."""
    return Catalogue(
        environments={
            name: Environment(name, place["tier"], tuple(place["names"]))
            for name, place in tree["environments"].items()
        },
        services={name: _service(name, service) for name, service in tree["services"].items()},
        groups={
            name: Group(name, tuple(group["people"]), tuple(group["sso"]))
            for name, group in tree["groups"].items()
        },
        people={name: _person(name, person, lookup) for name, person in tree["people"].items()},
        revision=revision(tree),
    )


def _service_tree(service: Service) -> Tree:
    return {
        "owners": list(service.owners),
        "tier": service.tier,
        "environments": None if service.environments is None else list(service.environments),
        "depends_on": list(service.depends_on),
        "repositories": [
            {"issuer": known.issuer, "id": known.id, "name": known.name}
            for known in service.repositories
        ],
        "alerts_count_from": service.alerts_count_from,
        "observing": list(service.observing),
    }


def _service(name: str, tree: Tree) -> Service:
    return Service(
        name=name,
        owners=tuple(tree["owners"]),
        tier=tree["tier"],
        environments=None if tree["environments"] is None else tuple(tree["environments"]),
        depends_on=tuple(tree["depends_on"]),
        repositories=tuple(
            Repository(known["issuer"], known["id"], known["name"])
            for known in tree["repositories"]
        ),
        alerts_count_from=tree["alerts_count_from"],
        observing=tuple(tree["observing"]),
    )


def _person_tree(person: Person, pseudonym: Pseudonym) -> Tree:
    return {
        "name": pseudonym(person.name) if person.name else "",
        "emails": list(map(pseudonym, person.emails)),
        "github": list(map(pseudonym, person.github)),
        "gitlab": list(map(pseudonym, person.gitlab)),
        "slack": pseudonym(person.slack) if person.slack else None,
    }


def _person(name: str, tree: Tree, lookup: Lookup) -> Person:
    def text(stand_in: str) -> str:
        found = lookup(stand_in)
        return ERASED if found is None else found

    return Person(
        id=name,
        name=text(tree["name"]) if tree["name"] else "",
        emails=tuple(map(text, tree["emails"])),
        github=tuple(map(text, tree["github"])),
        gitlab=tuple(map(text, tree["gitlab"])),
        slack=text(tree["slack"]) if tree["slack"] else None,
    )
