"""Reports on who changed the rules and who could act, from entries of the ledger and from earlier
catalogues.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection

from gate.core.catalogue import record as catalog_record
from gate.core.catalogue.catalogue import OWNERS, Catalogue
from gate.core.policy.policy import Mode, Policy
from gate.core.policy.set import Policies, read_policies
from gate.core.rulebook.bundle import CATALOGUE_FILE
from gate.flow.audit.scope import Scope
from gate.ledger.format import Kind
from gate.storage import texts
from gate.storage.audit.entries import entries_of
from gate.storage.identity import persons
from gate.storage.policies import policy_sets

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class PolicyChange(NamedTuple):
    """A part of the rules that was registered or put in force."""

    at: str
    entry: int | None
    action: str
    part: str
    revision: str
    before: str | None
    by: str | None


class AccessChange(NamedTuple):
    """A token or a role that was given, changed or taken, or a name that was erased."""

    at: str
    entry: int | None
    kind: str
    subject: str
    action: str
    role: str | None
    person: str | None
    by: str | None


class Entitled(NamedTuple):
    """A person who could approve, through a group that a policy asks.

    For a group of the identity provider there is no `person`, because the gate does not know its
    members. The group is named in `through`.
    """

    policy: str
    asked_for: str
    group: str
    person: str | None
    through: str


def policy_changes(conn: Connection, scope: Scope) -> Iterator[PolicyChange]:
    """Yield the changes of rules in the order of the ledger."""
    within = scope.within
    for place, fields in entries_of(
        conn, (Kind.REGISTRATION, Kind.ACTIVATION), within.begins, within.ends
    ):
        yield PolicyChange(
            fields["at"],
            place,
            fields["kind"],
            fields["part"],
            fields["revision"],
            fields.get("before"),
            fields.get("by"),
        )


def access_changes(conn: Connection, scope: Scope) -> Iterator[AccessChange]:
    """Yield the changes of tokens and roles, and erasures, in the order of the ledger."""
    within = scope.within
    kinds = (Kind.TOKEN, Kind.ROLE, Kind.ERASURE)
    for place, fields in entries_of(conn, kinds, within.begins, within.ends):
        # An erasure names every id that one person had, and none for a person who had no id.
        erased = fields.get("persons") or [None]
        for person in erased if fields["kind"] == Kind.ERASURE else [fields.get("person")]:
            yield AccessChange(
                fields["at"],
                place,
                fields["kind"],
                fields.get("token") or person or "nobody of the catalogue",
                fields.get("action", "erased"),
                fields.get("role"),
                person,
                fields.get("by"),
            )


def entitled(conn: Connection, scope: Scope) -> Iterator[Entitled]:
    """Yield who could approve, by the policies and the catalogue in force at the instant of the
    scope.
    """
    revisions = _in_force(conn, scope.at)
    files = _files(conn, revisions)
    if files is None:
        return
    catalogue = _catalogue(conn, files, scope.at)
    policies = read_policies({name: text for name, text in files.items() if name != CATALOGUE_FILE})
    for policy, asked_for, group in _asked(policies):
        if group == OWNERS:
            owned = (name for one in catalogue.services.values() for name in one.owners)
            for owner in sorted(set(owned)):
                yield from _members(catalogue, policy, asked_for, owner)
        else:
            yield from _members(catalogue, policy, asked_for, group)


def _members(catalogue: Catalogue, policy: str, asked_for: str, name: str) -> Iterator[Entitled]:
    group = catalogue.groups.get(name)
    if group is None:
        return
    for person in group.people:
        yield Entitled(policy, asked_for, name, person, "catalogue")
    for outside in group.sso:
        yield Entitled(policy, asked_for, name, None, f"identity provider: {outside}")


def _asked(policies: Policies) -> Iterator[tuple[str, str, str]]:
    """Yield policy, what an approval is asked for, and group, for each group that an enforcing
    policy asks.
    """
    for policy in policies.all:
        if policy.mode is Mode.ENFORCE:
            yield from _asked_by(policy)


def _asked_by(policy: Policy) -> Iterator[tuple[str, str, str]]:
    for entry in policy.review:
        for group in entry.by:
            yield policy.name, f"review from {entry.from_band.word}", group
    for group in policy.emergency.by if policy.emergency else ():
        yield policy.name, "emergency", group


def _in_force(conn: Connection, at: datetime) -> Mapping[str, str]:
    """Return the revision of each part that was in force at this instant, by the entries of
    activations.
    """
    found: dict[str, str] = {}
    for _, fields in entries_of(conn, (Kind.ACTIVATION,), _BEGINNING, at):
        found[fields["part"]] = fields["revision"]
    return found


def _files(conn: Connection, revisions: Mapping[str, str]) -> Mapping[str, str] | None:
    """Return the files of the set with these policies and this catalogue, or None if
    there is none.
    """
    if "policies" not in revisions:
        return None
    for summary in policy_sets.named(conn, revisions["policies"]):
        if summary.revisions.catalogue == revisions.get("catalogue"):
            return policy_sets.existing(conn, summary.id).files
    return None


def _catalogue(conn: Connection, files: Mapping[str, str], at: datetime) -> Catalogue:
    """Return the catalogue of these files with the names and random ids of the people who were in
    it at this instant.
    """
    tree: dict[str, Any] = orjson.loads(files[CATALOGUE_FILE])
    names = texts.read_texts(conn, catalog_record.stand_ins(tree))
    return catalog_record.restored(tree, names.get, persons.at(conn, at))
