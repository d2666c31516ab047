"""Policies, catalogue and calendar: checked together, registered, and put in force."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import orjson
from sqlalchemy import Connection

from gate.core.canonical import digest
from gate.core.catalogue import record as catalog_record
from gate.core.decision.record import Revisions
from gate.core.rulebook.bundle import CATALOGUE_FILE, Bundle, read_bundle
from gate.errors import Conflict, Invalid, NotAllowed, NotFound
from gate.flow.answers.policy import PolicyCheckAnswer, PolicyFilesAnswer, PolicySetAnswer
from gate.flow.caller import Caller, Person
from gate.flow.commands import Page, Part
from gate.flow.entries import append_entry
from gate.flow.gate import Gate
from gate.flow.identity.membership import require_let_in
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
from gate.storage.policies.policy_sets import InForce, PolicySet, PolicySetSummary
from gate.storage.texts import keep_text, name_ids

SEAL_CHARACTERS = 16
NAME_CHARACTERS = 60
"""The most characters of a file's name and of its digest in an activation's difference."""

SAME_PERSON = "separation_of_duties"

PARTS = ("policies", "catalogue", "calendar")
"""The parts of a set, as `Revisions` and the ledger name them."""

ADOPTIONS_MAX = 16
"""How often a server tries to put its files in force while other servers do the same. Each time it
fails another server has succeeded, so 16 tries are enough for 16 servers."""


@dataclass(frozen=True, slots=True)
class Registered:
    """The result of registering a set of files."""

    id: str
    revisions: Revisions
    new: bool
    activated: bool


async def check(gate: Gate, files: Mapping[str, str], by: Caller) -> PolicyCheckAnswer:
    """Return the revision of these files.

    Raises `Invalid` with every fault and its place, and `RateLimited` or `Unavailable` as
    `Turns.take` does, because everybody who is signed in may check files, and large ones take
    seconds.
    """
    bundle = await gate.checks.take(by, partial(_read_bundle, files))
    return PolicyCheckAnswer(valid=True, revision=bundle.policies.revision)


async def register(gate: Gate, files: Mapping[str, str], by: Caller) -> PolicySetAnswer:
    """Register a set, and return it. Only its activation puts it in force. Raises `Invalid`."""
    made = await gate.store.write(_register, files, await _read_bundle(files), by.caller, by.root)
    return await gate.store.read(_registered, made.id)


async def adopt(gate: Gate, files: Mapping[str, str], *, changed: bool) -> Registered:
    """Register the files of the server's folder, and put them in force if they are new.

    With `changed` a file has just changed, so they are put in force even if they were registered
    before. With activation by approval they are only registered.

    Raises `Invalid`, and then what is in force stays in force; and `Conflict` if other servers
    were first every time.
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
    """Read a set in a thread, because large files take a while and would block the event loop."""
    return await asyncio.to_thread(read_bundle, files)


async def listing(gate: Gate, by: Caller, part: Part = FIRST_PAGE) -> Page[PolicySetAnswer]:
    """Return a page of the registered sets, newest first."""
    return await one_page(gate, Whole("policy sets"), part, by, _page)


async def before(gate: Gate, revision: str) -> PolicySetAnswer | None:
    """Return the set registered before this one that has other policies, or None for the first.

    Raises `NotFound`.
    """
    return await gate.store.read(_before, revision)


async def read(gate: Gate, revision: str) -> PolicyFilesAnswer:
    """Return the set as `stored` finds it, with its catalogue in the form of the file.

    Raises `NotFound`.
    """
    found = await stored(gate, revision)
    tree = orjson.loads(found.files[CATALOGUE_FILE])
    shown = orjson.dumps(catalog_record.as_file(tree)).decode()
    return replace(found, files={**found.files, CATALOGUE_FILE: shown})


async def stored(gate: Gate, revision: str) -> PolicyFilesAnswer:
    """Return the set of that id, or else the newest one that has a part of that revision.

    Its catalogue has ids in place of people's names and addresses.

    Raises `NotFound`.
    """
    return await gate.store.read(_stored, revision)


async def activate(gate: Gate, revision: str, comment: str, by: Caller) -> PolicySetAnswer:
    """Put a registered set in force, and return it.

    The person must be another one than the person who registered it, even if that was done by a
    token, or by a token that was made with a token.

    `revision` is the id of the set, or the revision of a part that no other set has. Raises
    `NotFound`, `NotAllowed`, `Conflict`, and `Invalid` if several sets have that part.
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


def _register(tx: Tx, files: Mapping[str, str], bundle: Bundle, by: str, root: str) -> Registered:
    """Register a set. `root` is the person who answers for it, and who may not activate it."""
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
    """Put a set in force and return it. None: the person registered it, and so may not."""
    require_let_in(tx.conn, by)
    found = _meant(tx.conn, revision)
    if is_same_person(tx.conn, found.registered_by, by):
        return None
    kept = keep_text(tx, comment)
    current = policy_sets.in_force(tx.conn)
    if current is None or current.policy_set != found.id:
        _put_in_force(tx, _Activation(found.id, current, by.caller, kept), new_id)
    return _answer(found, policy_sets.in_force(tx.conn))


def _meant(conn: Connection, revision: str) -> PolicySetSummary:
    """Return the one set that this revision can mean.

    It raises `Invalid` for several, because nobody should put in force what they did not look at.
    """
    found = _named(conn, revision)
    if len(found) > 1:
        ids = ", ".join(one.id for one in found)
        raise Invalid(
            f"revision {revision} is a part of several registered sets; name one of them by "
            f"its id: {ids}"
        )
    return found[0]


@dataclass(frozen=True, slots=True)
class _Activation:
    """An activation: the set, the one that it replaces, and the activating person. `comment` is the
    id of a text, or empty.
    """

    policy_set: str
    current: InForce | None
    by: str
    comment: str


def _put_in_force(tx: Tx, asked: _Activation, new_id: NewPersonId) -> None:
    before = policy_sets.existing(tx.conn, asked.current.policy_set) if asked.current else None
    expected = asked.current.policy_set if asked.current else None
    if not policy_sets.activate(
        tx, asked.policy_set, expected=expected, by=asked.by, comment=asked.comment
    ):
        raise Conflict("another set was activated meanwhile; look at it, then activate again")
    after = policy_sets.existing(tx.conn, asked.policy_set)
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
    """Return each file that differs: its name, and the beginning of the SHA-256 of its content
    before and after, None where there is no such file.
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
"""The name under which `gate serve` registers the files of its folder."""


def _named(conn: Connection, revision: str) -> tuple[PolicySetSummary, ...]:
    """Return the set of that id, or those with that part, newest first. Raises `NotFound`."""
    found = policy_sets.named(conn, revision)
    if not found:
        raise NotFound(
            f"no policies of revision {revision[:64]} were registered; the list of policies has "
            "the ids and revisions"
        )
    return found


def _stored(conn: Connection, revision: str) -> PolicyFilesAnswer:
    found = policy_sets.existing(conn, _named(conn, revision)[0].id)
    answer = _answer(found.summary, policy_sets.in_force(conn))
    return PolicyFilesAnswer(**vars(answer), files=found.files)


def _registered(conn: Connection, policy_set: str) -> PolicySetAnswer:
    found = policy_sets.existing(conn, policy_set)
    return _answer(found.summary, policy_sets.in_force(conn))


def _page(conn: Connection, part: pages.Part) -> pages.Page[PolicySetAnswer]:
    found, current = policy_sets.policy_set_page(conn, part), policy_sets.in_force(conn)
    return pages.Page(tuple(_answer(summary, current) for summary in found.rows), found.next)


def _before(conn: Connection, revision: str) -> PolicySetAnswer | None:
    found = policy_sets.before(conn, _named(conn, revision)[0])
    return None if found is None else _answer(found, policy_sets.in_force(conn))


def _answer(summary: PolicySetSummary, current: InForce | None) -> PolicySetAnswer:
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
