"""Exports made by hand: entries as fields, with the tree, the tiles and the signed heads that
belong to them.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.core.canonical import canonical
from gate.ledger.checkpoint import Checkpoint, origin_of, sign_checkpoint
from gate.ledger.export import (
    Faults,
    checkpoint_line,
    end_line,
    entry_line,
    header_line,
    policies_line,
    read_export,
    record_line,
    tile_line,
)
from gate.ledger.lives import LifeCheck
from gate.ledger.note import SigningKey
from gate.ledger.tiles import TILE_WIDTH
from gate.ledger.tree import HASH_BYTES, hash_leaf
from gate.ledger.verify import TreeCheck
from tests.ledger.trees import Kept

KEY = SigningKey(
    "gate.example.com/decisions", Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
)
DIGEST, OTHER_DIGEST = "d" * 64, "e" * 64
CHANGE = "chg_1"
POLICIES = b'[{"policy":"all"}]'
REVISIONS = {
    "policies": hashlib.sha256(POLICIES).hexdigest(),
    "catalogue": "c" * 64,
    "calendar": "k" * 64,
}
UNTIL = "2026-02-01T12:00:00.000000Z"
EXCLUDED_LISTED = ("per_author", "per_asker")


def entry(kind: str, change: str | None = None, **fields: Any) -> dict[str, Any]:
    """One entry; a field that is None is left out."""
    given = {"v": 1, "at": "2026-01-31T12:00:00.000000Z", "kind": kind, "change": change, **fields}
    return {name: value for name, value in given.items() if value is not None}


def administration() -> list[dict[str, Any]]:
    """What stands before every decision: the key, and policies that are registered and in force."""
    registered = [registration(part, revision) for part, revision in REVISIONS.items()]
    active = [
        entry("activation", part=part, revision=revision) for part, revision in REVISIONS.items()
    ]
    return [entry("key", key=str(KEY.verifier), action="first"), *registered, *active]


def registration(part: str, revision: str, content: bytes = POLICIES) -> dict[str, Any]:
    """A part that is registered; policies stand in the line after it."""
    behind = {"$policies": content} if part == "policies" else {}
    return {**entry("registration", part=part, revision=revision), **behind}


def decision(change: str = CHANGE, **fields: Any) -> dict[str, Any]:
    """A first decision that asks one release manager."""
    record = record_of(change, fields.get("number", 1), fields.pop("people", EXCLUDED_LISTED))
    usual = {
        "number": 1,
        "outcome": "pending",
        "type": "normal",
        "route": "review",
        "policy_revision": REVISIONS["policies"],
        "catalogue_revision": REVISIONS["catalogue"],
        "calendar_revision": REVISIONS["calendar"],
        "subject_digest": DIGEST,
        "record": hashlib.sha256(record).hexdigest(),
        "excluded": list(EXCLUDED_LISTED),
        "required": [[["release-managers"], 1]],
        "$record": record,
    }
    return entry("decision", change, **usual | fields)


def passing(change: str = CHANGE, **fields: Any) -> dict[str, Any]:
    """A first decision that approves at once."""
    return decision(
        change,
        **{
            "outcome": "approved",
            "route": "automatic",
            "type": "standard",
            "required": None,
            **fields,
        },
    )


def approval(
    person: str = "per_ben", change: str = CHANGE, kind: str = "approval", **fields: Any
) -> dict[str, Any]:
    """Somebody's word for the first decision."""
    return entry(kind, change, **{"by": person, "number": 1, "subject_digest": DIGEST, **fields})


def admission(*approvers: str, change: str = CHANGE, **fields: Any) -> dict[str, Any]:
    """The admission, with these people in the places of the first entry of what was required."""
    usual = {
        "subject_digest": DIGEST,
        "policy_revision": REVISIONS["policies"],
        "run": ["1", 1, ""],
        "expires_at": UNTIL,
        "valid_until": UNTIL,
        "approvers": [[person, 0] for person in approvers] or None,
    }
    return entry("admission", change, **usual | fields)


def closure(result: str = "successful", change: str = CHANGE, **fields: Any) -> dict[str, Any]:
    """How it ended."""
    return entry("closure", change, **{"result": result, "matched": True, **fields})


def record_of(change: str, number: int, people: Iterable[str]) -> bytes:
    """A record with what is read of one: the people who are left out, and what is required."""
    required = [[["release-managers"], 1]]
    return canonical(
        {
            "case": {"people": [list(people)]},
            "change": change,
            "decision": {"required": required},
            "number": number,
        }
    )


def export_of(
    entries: Sequence[dict[str, Any]],
    *,
    heads: Iterable[int] = (),
    key: SigningKey = KEY,
    epochs: Sequence[int] = (),
) -> list[bytes]:
    """The lines of an export of these entries, whose newest head is signed, and those of the other
    sizes too.
    """
    bodies = [
        canonical({name: value for name, value in one.items() if not name.startswith("$")})
        for one in entries
    ]
    kept = Kept()
    kept.append([hash_leaf(body) for body in bodies])
    lines = [header_line(key.name)]
    for index, (one, body) in enumerate(zip(entries, bodies, strict=True)):
        if index % TILE_WIDTH == 0:
            width = min(TILE_WIDTH, len(bodies) - index)
            lines.append(
                tile_line(
                    0, index // TILE_WIDTH, kept.tiles[0, index // TILE_WIDTH][: width * HASH_BYTES]
                )
            )
        lines.append(entry_line(body))
        if "$record" in one:
            lines.append(record_line(one["$record"]))
        if "$policies" in one:
            lines.append(policies_line(one["$policies"]))
        if index + 1 in {*heads, len(bodies)}:
            epoch = 1 + sum(began <= index for began in epochs)
            lines.append(checkpoint_line(note_of(kept, index + 1, key, epoch)))
    for level in range(1, 4):
        hashes = len(bodies) >> 8 * level
        if hashes:
            number = (hashes - 1) // TILE_WIDTH
            lines.append(tile_line(level, number, kept.tiles[level, number]))
    return [*lines, end_line(len(bodies))]


def note_of(kept: Kept, size: int, key: SigningKey = KEY, epoch: int = 1) -> bytes:
    """The signed head of the first so many entries."""
    origin = origin_of(key.name, epoch)
    return sign_checkpoint(key.named(origin), Checkpoint(origin, size, kept.tree(size).root()))


def tree_of(entries: Sequence[dict[str, Any]]) -> Kept:
    """The tree over these entries."""
    kept = Kept()
    kept.append(
        [
            hash_leaf(
                canonical({name: value for name, value in one.items() if not name.startswith("$")})
            )
            for one in entries
        ]
    )
    return kept


def faults_of(
    lines: Iterable[bytes], *, since: Sequence[bytes] = (), keys: Sequence[SigningKey] = (KEY,)
) -> list[tuple[int, str]]:
    """What a verifier finds, by place."""
    faults = Faults()
    tree = TreeCheck([key.verifier for key in keys], since, faults)
    read_export(lines, (tree, LifeCheck(faults)), faults)
    return list(faults)
