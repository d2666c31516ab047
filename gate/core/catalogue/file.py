"""Reads `catalog.yaml` strictly, and raises one error with every fault."""

import re
from collections.abc import Collection

from gate.core.catalogue import identity
from gate.core.catalogue.catalogue import (
    ERASED,
    OBSERVE,
    OWNERS,
    PROVIDER_ISSUERS,
    Catalogue,
    Environment,
    Group,
    Person,
    Service,
)
from gate.core.catalogue.links import read_links
from gate.core.catalogue.names import read_listed, read_name
from gate.core.change import Repository
from gate.core.facts import ENVIRONMENT_TIERS, INTEGER_MAX
from gate.core.yaml import reader as strict_yaml
from gate.core.yaml.fields import Faults, Fields
from gate.core.yaml.reader import Node, Place, Scalar, clip

SERVICE_TIER_LAST = 4
GATES = ("enforce", OBSERVE)
IDENTITIES_MAX = 50

_EMAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+")
_LOGIN = re.compile(r"[^@\s<>:\[\]]+")
_ISSUER = re.compile(
    r"https://[^\s/?#@]+[^\s?#]*|http://(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]+)?(?:/[^\s?#]*)?"
)
_SEVERITY = re.compile(r"[a-z][a-z0-9_-]{0,31}")


def read_catalogue(text: str | bytes, name: str) -> Catalogue:
    """Return the catalogue of a file, without a revision.

    Raises `Invalid` with every fault and its place.
    """
    faults = Faults()
    root = Fields(strict_yaml.read(text, name), faults, "the catalogue")
    nodes = {
        part: tuple(root.pairs(part, required=False))
        for part in ("environments", "services", "groups", "people")
    }
    root.done()
    people = _people(nodes["people"], faults)
    groups = {key.text: _group(key, node, people, faults) for key, node in nodes["groups"]}
    environments = _environments(nodes["environments"], faults)
    reader = _Services(faults, groups, environments, {key.text for key, _ in nodes["services"]})
    services = {key.text: reader.service(key, node) for key, node in nodes["services"]}
    faults.stop()
    return Catalogue(environments, services, groups, people)


class _Services:
    """Reads services, with the names that they may refer to."""

    def __init__(
        self,
        faults: Faults,
        groups: Collection[str],
        environments: Collection[str],
        services: Collection[str],
    ) -> None:
        self._faults = faults
        self._groups = groups
        self._environments = environments
        self._services = services

    def service(self, key: Scalar, node: Node) -> Service:
        """Read one entry under `services`."""
        name = read_name(key, self._faults, "a service")
        fields = Fields(node, self._faults, f"service {name}")
        only_in = self._only_in(fields)
        service = Service(
            name=name,
            owners=read_listed(fields, "owners", self._groups, "group"),
            tier=fields.integer("tier", 1, SERVICE_TIER_LAST) if fields.has("tier") else None,
            environments=only_in,
            depends_on=read_listed(fields, "depends_on", self._services, "service"),
            repositories=self._repositories(fields),
            alerts_count_from=_severity(fields),
            observing=self._observing(fields, only_in),
            links=read_links(fields),
        )
        if name in service.depends_on:
            self._faults.add(
                fields.place_of("depends_on"),
                f"depends_on: found {name} itself, allowed are other services",
            )
        fields.done()
        return service

    def _only_in(self, fields: Fields) -> tuple[str, ...] | None:
        if not fields.has("environments"):
            return None
        listed = read_listed(fields, "environments", self._environments, "environment")
        if fields.items("environments") == ():
            detail = (
                "environments: found an empty list, allowed is at least one; leave the key out "
                "for all of them"
            )
            self._faults.add(fields.place_of("environments"), detail)
        return listed

    def _observing(self, fields: Fields, only_in: tuple[str, ...] | None) -> tuple[str, ...]:
        """Return the environments that the key `gate` marks with `observe`.

        A misspelt name is a fault, because the gate would enforce where it should observe, or the
        other way round.
        """
        gates = fields.fields("gate", required=False)
        if gates is None:
            return ()
        places = tuple(self._environments) if only_in is None else only_in
        observing = tuple(name for name in places if gates.choice(name, GATES, GATES[0]) == OBSERVE)
        gates.done()
        return observing

    def _repositories(self, fields: Fields) -> tuple[Repository, ...]:
        found: dict[tuple[str, int], Repository] = {}
        for node in fields.items("repositories", required=False) or ():
            repository = _repository(Fields(node, self._faults, "a repository"))
            if found.setdefault((repository.issuer, repository.id), repository) is not repository:
                self._faults.add(
                    node.place,
                    f"repositories: found {repository.id} of {repository.issuer} twice; "
                    "keep one of them",
                )
        return tuple(found.values())


def _repository(fields: Fields) -> Repository:
    if fields.has("provider") == fields.has("issuer"):
        found = "provider and issuer" if fields.has("issuer") else "neither provider nor issuer"
        fields.faults.add(
            fields.place,
            f"a repository: found {found}, allowed is provider (github or gitlab) or issuer (a "
            "URL)",
        )
    issuer = ""
    if fields.has("provider"):
        issuer = PROVIDER_ISSUERS[fields.choice("provider", tuple(PROVIDER_ISSUERS))]
    elif fields.has("issuer"):
        issuer = fields.text("issuer")
        if issuer and not _ISSUER.fullmatch(issuer):
            detail = (
                f"issuer: found {clip(issuer)}, allowed is an https URL, or http to this "
                "machine, as the tokens' iss has it"
            )
            fields.faults.add(fields.place_of("issuer"), detail)
    repository = Repository(issuer, fields.integer("id", 1, INTEGER_MAX), fields.text("name", ""))
    fields.done()
    return repository


def _severity(fields: Fields) -> str | None:
    if not fields.has("alerts_count_from"):
        return None
    word = fields.text("alerts_count_from")
    if word and not _SEVERITY.fullmatch(word):
        detail = (
            f"alerts_count_from: found {clip(word)}, allowed is a severity such as critical or "
            "warning"
        )
        fields.faults.add(fields.place_of("alerts_count_from"), detail)
    return word


def _environments(nodes: tuple[tuple[Scalar, Node], ...], faults: Faults) -> dict[str, Environment]:
    found: dict[str, Environment] = {}
    taken = {key.text: key.text for key, _ in nodes}
    for key, node in nodes:
        name = read_name(key, faults, "an environment")
        fields = Fields(node, faults, f"environment {name}")
        environment = Environment(
            name, fields.choice("tier", ENVIRONMENT_TIERS), fields.texts("names", ())
        )
        for other in environment.names:
            if taken.setdefault(other, name) != name or other == name:
                detail = (
                    f"names: found {clip(other)}, which already means {taken[other]}; one name "
                    "means one environment"
                )
                faults.add(fields.place_of("names"), detail)
        fields.done()
        found[name] = environment
    return found


def _group(key: Scalar, node: Node, people: Collection[str], faults: Faults) -> Group:
    name = read_name(key, faults, "a group")
    if name == OWNERS:
        faults.add(
            key.place,
            f"found a group called {OWNERS}, which stands for the owners of the service; "
            "give it another name",
        )
    fields = Fields(node, faults, f"group {name}")
    group = Group(name, read_listed(fields, "people", people, "person"), fields.texts("sso", ()))
    fields.done()
    return group


def _people(nodes: tuple[tuple[Scalar, Node], ...], faults: Faults) -> dict[str, Person]:
    found: dict[str, Person] = {}
    owner: dict[str, str] = {}
    for key, node in nodes:
        person = _person(key, node, faults)
        for text in (*identity.hosted(person), *sorted(identity.account_numbers(person))):
            if owner.setdefault(text, person.id) != person.id:
                detail = (
                    f"person {person.id}: found {clip(text)}, which is {owner[text]} already; "
                    "one identity belongs to one person"
                )
                faults.add(node.place, detail)
        found[person.id] = person
    return found


def _person(key: Scalar, node: Node, faults: Faults) -> Person:
    fields = Fields(node, faults, f"person {clip(key.text)}")
    name = read_name(key, faults, "a person")
    person = Person(
        id=name,
        key=name,
        name=fields.text("name", ""),
        emails=_identities(fields, "emails", _EMAIL, "an e-mail address"),
        github=_identities(fields, "github", _LOGIN, "a login"),
        gitlab=_identities(fields, "gitlab", _LOGIN, "a login"),
        slack=fields.text("slack") if fields.has("slack") else None,
    )
    if person.slack:
        _check(
            person.slack,
            fields.place_of("slack"),
            fields,
            _LOGIN,
            "slack",
            "a member id such as U0ADA",
        )
    if not identity.hosted(person):
        faults.add(
            node.place,
            f"person {person.id}: found no e-mail and no login; without one nobody could "
            "tell their own changes",
        )
    fields.done()
    return person


def _identities(fields: Fields, key: str, form: re.Pattern[str], what: str) -> tuple[str, ...]:
    texts = fields.texts(key, ())
    if len(texts) > IDENTITIES_MAX:
        fields.faults.add(
            fields.place_of(key), f"{key}: found {len(texts)} entries, allowed are {IDENTITIES_MAX}"
        )
    for text, node in zip(texts, fields.items(key) or () if texts else (), strict=False):
        if text:
            _check(text, node.place, fields, form, key, what)
    return tuple(filter(None, texts))


def _check(
    text: str, place: Place, fields: Fields, form: re.Pattern[str], key: str, what: str
) -> None:
    if not form.fullmatch(text) or text == ERASED or identity.is_bot(identity.normalised(text)):
        fields.faults.add(place, f"{key}: found {clip(text)}, allowed is {what} of a human")
