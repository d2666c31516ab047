"""Policies, catalogue and calendar: checked together, registered, and put in force."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import Connection

from gate.core.canonical import digest
from gate.core.catalogue import record as catalog_record
from gate.core.decision.record import Revisions
from gate.core.policy.schema import schema as policy_schema
from gate.core.rulebook.bundle import CATALOGUE_FILE, Bundle, read_bundle
from gate.errors import Conflict, Invalid, NotAllowed, NotFound
from gate.flow.answers.policy import PolicyCheckAnswer, PolicyFilesAnswer, PolicySetAnswer
from gate.flow.caller import Caller, Person
from gate.flow.commands import Page, Part
from gate.flow.entries import append_entry
from gate.flow.gate import Gate
from gate.flow.identity.persons import NewPersonId, Tree, is_same_person, pass_on
from gate.flow.identity.presence import require_presence
from gate.flow.lists import FIRST_PAGE, Whole, one_page
from gate.flow.refusals import Refused
from gate.flow.refuse import refuse
from gate.ledger.format import Kind
from gate.storage.changes import reconsider
from gate.storage.database import pages
from gate.storage.database.tx import Tx
from gate.storage.policies import policy_sets
from gate.storage.policies.policy_sets import InForce, PolicySet, Summary
from gate.storage.texts import insert_texts, name_ids, new_text

SEAL_CHARACTERS = 16
NAME_CHARACTERS = 60
"""What of a file's name and digest stands in the difference of an activation."""

SAME_PERSON = "separation_of_duties"

PARTS = ("policies", "catalogue", "calendar")
"""What a set consists of, as `Revisions` and the ledger name it."""

ADOPTIONS_MAX = 16
"""So often a server tries to put its files in force while others do the same; each lost race is
another server's success."""


@dataclass(frozen=True, slots=True)
class Registered:
    """What became of a set of files."""

    id: str
    revisions: Revisions
    new: bool
    activated: bool


async def check(gate: Gate, files: Mapping[str, str]) -> PolicyCheckAnswer:
    """Whether these files could be registered. Raises `Invalid` with every fault and its place."""
    _ = gate
    return PolicyCheckAnswer(valid=True, revision=(await _read_bundle(files)).policies.revision)


async def register(gate: Gate, files: Mapping[str, str], by: Caller) -> PolicySetAnswer:
    """Keep a set under its revisions; it is in force after its activation. Raises `Invalid`."""
    made = await gate.store.write(_register, files, await _read_bundle(files), by.caller, by.root)
    return await gate.store.read(_registered, made.id)


async def adopt(gate: Gate, files: Mapping[str, str], *, changed: bool) -> Registered:
    """Take over what stands in the folder.

    In force at once where it is new, or, with `changed`, where a file has just changed.

    With activation by approval it is only registered. Raises `Invalid`: what is in force stays in
    force; and `Conflict` where other servers were first every time.
    """
    made = await _adopt_in_turn(gate, files, await _read_bundle(files), changed=changed)
    if made.activated:
        await gate.rulebooks.refresh()
    return made


async def _adopt_in_turn(
    gate: Gate, files: Mapping[str, str], bundle: Bundle, *, changed: bool
) -> Registered:
    for _ in range(ADOPTIONS_MAX):
        try:
            return await gate.store.write(
                _adopt,
                files,
                bundle,
                gate.person_id,
                at_once=gate.activate_at_once,
                changed=changed,
            )
        except Conflict:  # another server that starts now was first, mostly with the same files
            continue
    raise Conflict(
        f"other servers activated policies each of {ADOPTIONS_MAX} times this one tried; "
        "give all servers the same files"
    )


async def _read_bundle(files: Mapping[str, str]) -> Bundle:
    """In a thread: large files take a while, and others wait for this event loop."""
    return await asyncio.to_thread(read_bundle, files)


async def listing(gate: Gate, by: Caller, part: Part = FIRST_PAGE) -> Page[PolicySetAnswer]:
    """A page of what was registered, newest first."""
    return await one_page(gate, Whole("policy sets"), part, by, _page)


async def before(gate: Gate, revision: str, by: Caller) -> PolicySetAnswer | None:
    """The set that was registered before this one and has other policies; None for the first.

    Raises `NotFound`.
    """
    # Everybody who reads policies reads all of them.
    _ = by
    named, found = await gate.store.read(_before, revision)
    if not named:
        raise _unknown(revision)
    return found


async def read(gate: Gate, revision: str, by: Caller) -> PolicyFilesAnswer:
    """The set as `stored` finds it, with a catalogue in the words of its file.

    Raises `NotFound`.
    """
    found = await stored(gate, revision, by)
    tree = orjson.loads(found.files[CATALOGUE_FILE])
    shown = orjson.dumps(catalog_record.as_file(tree)).decode()
    return replace(found, files={**found.files, CATALOGUE_FILE: shown})


async def stored(gate: Gate, revision: str, by: Caller) -> PolicyFilesAnswer:
    """The set of that id, or the one with a part of that revision that was registered last; of
    people only ids.

    Raises `NotFound`.
    """
    # Everybody who reads policies reads all of them.
    _ = by
    found, current = await gate.store.read(_set, revision)
    if found is None:
        raise _unknown(revision)
    return PolicyFilesAnswer(**vars(_answer(found.summary, current)), files=found.files)


async def activate(gate: Gate, revision: str, comment: str, by: Caller) -> PolicySetAnswer:
    """Put a registered set in force, by somebody else than who registered it, whatever tokens stand
    between.

    `revision` is its id, or one of its parts alone has it. Raises `NotFound`, `NotAllowed`,
    `Conflict`, and `Invalid` where several sets have that part.
    """
    person = require_presence(gate, by, "activate policies")
    answer = await gate.store.write(_activate, revision, comment, person, gate.person_id)
    if answer is None:
        error = NotAllowed(
            "who registers policies does not activate them; ask another admin", problem=SAME_PERSON
        )
        raise await refuse(
            gate, Refused(by.caller, "activation", SAME_PERSON, revision=revision), error
        )
    await gate.rulebooks.refresh()
    return answer


def schema() -> Mapping[str, Any]:
    """The JSON Schema of a policy file, for editors."""
    return policy_schema()


def _register(tx: Tx, files: Mapping[str, str], bundle: Bundle, by: str, root: str) -> Registered:
    """`root` answers for it: whoever that is does not activate it."""
    ids = name_ids(tx, catalog_record.names(bundle.catalogue))
    tree = catalog_record.pseudonymised(bundle.catalogue, ids.__getitem__)
    revisions = Revisions(
        bundle.policies.revision, catalog_record.revision(tree), bundle.calendar.revision
    )
    kept = {name: text for name, text in files.items() if name != CATALOGUE_FILE}
    kept[CATALOGUE_FILE] = orjson.dumps(tree, option=orjson.OPT_SORT_KEYS).decode()
    new = policy_sets.register(tx, revisions, kept, root)
    if new:
        for part in PARTS:
            append_entry(
                tx,
                Kind.REGISTRATION,
                None,
                revision=getattr(revisions, part),
                part=part,
                by=by,
                root=root if root != by else None,
            )
    return Registered(policy_sets.set_id(revisions), revisions, new, activated=False)


def _adopt(
    tx: Tx,
    files: Mapping[str, str],
    bundle: Bundle,
    new_id: NewPersonId,
    *,
    at_once: bool,
    changed: bool,
) -> Registered:
    made = _register(tx, files, bundle, FOLDER, FOLDER)
    current = policy_sets.in_force(tx.conn)
    if (
        not at_once
        or not (made.new or changed or current is None)
        or (current is not None and current.policy_set == made.id)
    ):
        return made
    _put_in_force(tx, _Activation(made.id, current, FOLDER, ""), new_id)
    return Registered(made.id, made.revisions, made.new, activated=True)


def _activate(
    tx: Tx, revision: str, comment: str, by: Person, new_id: NewPersonId
) -> PolicySetAnswer | None:
    """None: refused."""
    found = _meant(tx.conn, revision)
    if is_same_person(tx.conn, found.registered_by, by):
        return None
    kept = ""
    if comment:
        row = new_text(comment)
        insert_texts(tx, [row])
        kept = row.id
    current = policy_sets.in_force(tx.conn)
    if current is None or current.policy_set != found.id:
        _put_in_force(tx, _Activation(found.id, current, by.caller, kept), new_id)
    return _answer(found, policy_sets.in_force(tx.conn))


def _meant(conn: Connection, revision: str) -> Summary:
    """The one set that this can mean: nobody puts in force what they did not look at."""
    found = policy_sets.named(conn, revision)
    if not found:
        raise _unknown(revision)
    if len(found) > 1:
        ids = ", ".join(one.id for one in found)
        raise Invalid(
            f"revision {revision} is a part of several registered sets; name one of them by "
            f"its id: {ids}"
        )
    return found[0]


def _unknown(revision: str) -> NotFound:
    return NotFound(
        f"no policies of revision {revision[:64]} were registered; the list of policies has "
        "the ids and revisions"
    )


@dataclass(frozen=True, slots=True)
class _Activation:
    """Which set, in place of what, by whom. `comment` is the id of a text, or empty."""

    policy_set: str
    current: InForce | None
    by: str
    comment: str


def _put_in_force(tx: Tx, asked: _Activation, new_id: NewPersonId) -> None:
    before = policy_sets.read(tx.conn, asked.current.policy_set) if asked.current else None
    expected = asked.current.policy_set if asked.current else None
    if not policy_sets.activate(
        tx, asked.policy_set, expected=expected, by=asked.by, comment=asked.comment
    ):
        raise Conflict("another set was activated meanwhile; look at it, then activate again")
    after = policy_sets.read(tx.conn, asked.policy_set)
    if after is None:
        # Sets are never deleted.
        raise LookupError(asked.policy_set)
    pass_on(tx, _catalogue_of(before), orjson.loads(after.files[CATALOGUE_FILE]), new_id)
    difference = _difference(before.files if before else {}, after.files)
    former = before.summary.revisions if before else Revisions("", "", "")
    for part in PARTS:
        now, then = getattr(after.summary.revisions, part), getattr(former, part)
        if now != then:
            append_entry(
                tx,
                Kind.ACTIVATION,
                None,
                revision=now,
                part=part,
                before=then or None,
                by=asked.by,
                comment=asked.comment or None,
                difference=difference,
            )
    reconsider.ask(tx)


def _catalogue_of(kept: PolicySet | None) -> Tree | None:
    found: Tree | None = None if kept is None else orjson.loads(kept.files[CATALOGUE_FILE])
    return found


def _difference(before: Mapping[str, str], now: Mapping[str, str]) -> list[list[str | None]]:
    """Every file that differs: its name, and the beginnings of SHA-256 of what it was and what it
    is.
    """

    def seal(text: str | None) -> str | None:
        if text is None:
            return None
        return digest(text.encode())[:SEAL_CHARACTERS]

    names = sorted(before.keys() | now.keys())
    return [
        [name[:NAME_CHARACTERS], seal(before.get(name)), seal(now.get(name))]
        for name in names
        if before.get(name) != now.get(name)
    ]


FOLDER = "folder"
"""Who registered what `gate serve` read from its folder."""


def _set(conn: Connection, revision: str) -> tuple[policy_sets.PolicySet | None, InForce | None]:
    named = policy_sets.named(conn, revision)
    return policy_sets.read(conn, named[0].id) if named else None, policy_sets.in_force(conn)


def _registered(conn: Connection, policy_set: str) -> PolicySetAnswer:
    found = policy_sets.read(conn, policy_set)
    if found is None:
        # It was registered a moment ago, and nothing is ever taken out.
        raise LookupError(policy_set)
    return _answer(found.summary, policy_sets.in_force(conn))


def _page(conn: Connection, part: pages.Part) -> pages.Page[PolicySetAnswer]:
    found, current = policy_sets.policy_set_page(conn, part), policy_sets.in_force(conn)
    return pages.Page(tuple(_answer(summary, current) for summary in found.rows), found.next)


def _before(conn: Connection, revision: str) -> tuple[bool, PolicySetAnswer | None]:
    named = policy_sets.named(conn, revision)
    found = policy_sets.before(conn, named[0]) if named else None
    return bool(named), None if found is None else _answer(found, policy_sets.in_force(conn))


def _answer(summary: Summary, current: InForce | None) -> PolicySetAnswer:
    revisions = summary.revisions
    return PolicySetAnswer(
        id=summary.id,
        revision=revisions.policies,
        policies=revisions.policies,
        catalogue=revisions.catalogue,
        calendar=revisions.calendar,
        registered_at=summary.registered_at,
        registered_by=summary.registered_by,
        active=current is not None and current.policy_set == summary.id,
    )
