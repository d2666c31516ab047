"""The catalogue as it is stored and hashed, without anything that says who a person is.

Every name, address, login and key of a person is replaced by a stand-in, and the text is kept
elsewhere, where it can be erased. Keys are replaced too, because they are mostly first names. The
random ids of people are no part of the form, so that the same file always has the same revision.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from gate.core.canonical import canonical, digest
from gate.core.catalogue.catalogue import (
    ERASED,
    OBSERVE,
    Catalogue,
    Environment,
    Group,
    Person,
    Service,
)
from gate.core.catalogue.links import LinkName
from gate.core.change import Repository

Pseudonym: TypeAlias = Callable[[str], str]
"""Returns the stand-in of a text, which stays the same as long as the text is known, because
storage keeps the salts."""

Lookup: TypeAlias = Callable[[str], str | None]
"""Returns the text of a stand-in, or None after it was erased."""

Ids: TypeAlias = Mapping[str, str]
"""The random id of each person, by the stand-in of the key."""

Tree: TypeAlias = Mapping[str, Any]
NOBODY_CAME_BACK: Mapping[str, tuple[str, ...]] = MappingProxyType({})


def pseudonymised(catalogue: Catalogue, pseudonym: Pseudonym) -> Tree:
    """Return the catalogue as JSON, with every key, name, address and login of a person
    replaced.
    """
    groups = catalogue.groups.values()
    return {
        "environments": {
            place.name: {"tier": place.tier, "names": list(place.names)}
            for place in catalogue.environments.values()
        },
        "services": {
            service.name: _service_tree(service) for service in catalogue.services.values()
        },
        "groups": {
            group.name: {"people": list(map(pseudonym, group.people)), "sso": list(group.sso)}
            for group in groups
        },
        "people": {
            pseudonym(person.id): _person_tree(person, pseudonym)
            for person in catalogue.people.values()
        },
    }


def stand_ins(tree: Tree) -> list[str]:
    """Return every stand-in in a stored tree."""
    found = []
    for key, person in tree["people"].items():
        found += [
            key,
            person["name"],
            *person["emails"],
            *person["github"],
            *person["gitlab"],
            person["slack"] or "",
        ]
    return [one for one in found if one]


def names(catalogue: Catalogue) -> list[str]:
    """Return every text that says who a person is."""
    found = []
    for person in catalogue.people.values():
        found += [
            person.id,
            person.name,
            *person.emails,
            *person.github,
            *person.gitlab,
            person.slack or "",
        ]
    return [one for one in found if one]


def revision(tree: Tree) -> str:
    """Return the SHA-256 of the canonical form. It does not change when a text is erased."""
    return digest(canonical(tree))


def spelled(tree: Tree, lookup: Lookup) -> Tree:
    """Return the stored tree with the texts that `lookup` knows; others stay stand-ins."""

    def text(stand_in: str) -> str:
        return lookup(stand_in) or stand_in

    groups = {
        name: {**group, "people": [text(key) for key in group["people"]]}
        for name, group in tree["groups"].items()
    }
    people = {text(key): _spelled_person(person, text) for key, person in tree["people"].items()}
    return {**tree, "groups": groups, "people": people}


def _spelled_person(person: Tree, text: Callable[[str], str]) -> Tree:
    lists = {name: [text(one) for one in person[name]] for name in ("emails", "github", "gitlab")}
    return {
        **lists,
        "name": text(person["name"]),
        "slack": person["slack"] and text(person["slack"]),
    }


def as_file(tree: Tree) -> Tree:
    """Return the tree in the form of `catalog.yaml`, without keys that are null or empty.

    A file leaves them out, and whoever reads a catalogue may copy it, change it and send it back.
    """
    services = {name: _service_in_file(service) for name, service in tree["services"].items()}
    people = {key: _said(person) for key, person in tree["people"].items()}
    return {**tree, "services": services, "people": people}


def _service_in_file(service: Tree) -> Tree:
    said = {name: value for name, value in service.items() if name != "observing"}
    if service["observing"]:
        said["gate"] = dict.fromkeys(service["observing"], OBSERVE)
    return _said(said | {"repositories": list(map(_said, service["repositories"]))})


def _said(tree: Tree) -> dict[str, Any]:
    return {name: value for name, value in tree.items() if value not in (None, "")}


def restored(
    tree: Tree, lookup: Lookup, ids: Ids, former: Mapping[str, tuple[str, ...]] = NOBODY_CAME_BACK
) -> Catalogue:
    """Return the catalogue of a stored tree, with its revision; an erased text becomes `ERASED`.

    A person without a random id gets the stand-in of the key as id. Nobody has that id, but in a
    catalogue that is not in force nobody acts either.
    """
    people = []
    for key, entry in tree["people"].items():
        person = ids.get(key, key)
        people.append(restored_person(entry, lookup, person, key, former.get(person, ())))
    return Catalogue(
        environments={
            name: Environment(name, place["tier"], tuple(place["names"]))
            for name, place in tree["environments"].items()
        },
        services={name: _service(name, service) for name, service in tree["services"].items()},
        groups={name: _group(name, group, ids) for name, group in tree["groups"].items()},
        people={person.id: person for person in people},
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
        "links": {name.value: address for name, address in service.links.items()},
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
        links={LinkName(name): address for name, address in tree["links"].items()},
    )


def _person_tree(person: Person, pseudonym: Pseudonym) -> Tree:
    return {
        "name": pseudonym(person.name) if person.name else "",
        "emails": list(map(pseudonym, person.emails)),
        "github": list(map(pseudonym, person.github)),
        "gitlab": list(map(pseudonym, person.gitlab)),
        "slack": pseudonym(person.slack) if person.slack else None,
    }


def _group(name: str, tree: Tree, ids: Ids) -> Group:
    return Group(name, tuple(ids.get(key, key) for key in tree["people"]), tuple(tree["sso"]))


def restored_person(
    tree: Tree, lookup: Lookup, person: str, key: str = "", former: tuple[str, ...] = ()
) -> Person:
    """Return the person of an entry in a stored tree; an erased text becomes `ERASED`."""

    def text(stand_in: str) -> str:
        found = lookup(stand_in)
        return ERASED if found is None else found

    return Person(
        id=person,
        key=text(key) if key else "",
        name=text(tree["name"]) if tree["name"] else "",
        emails=tuple(map(text, tree["emails"])),
        github=tuple(map(text, tree["github"])),
        gitlab=tuple(map(text, tree["gitlab"])),
        slack=text(tree["slack"]) if tree["slack"] else None,
        former=former,
    )
