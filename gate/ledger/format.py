"""The bytes of a ledger entry, defined once.

An entry is one RFC 8785 JSON object of at most 16 KiB: `v` (1), `kind`, `at` (RFC 3339, UTC,
microseconds), `change` where it is about one, and the fields of its kind. It holds ids, opaque ids
of people, revisions, outcomes and digests; never a name, an address or a text that a person wrote
(those are SHA-256 of salt and text).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeAlias

from gate.core.canonical import canonical, digest
from gate.ledger.dsse import StatementError, read_object

ENTRY_VERSION = 1
ENTRY_BYTES_MAX = 16 * 1024
LISTED_NAMES_MAX = 50
"""The most names in one list of an entry. With two full lists of the longest names an entry stays
well below its limit."""

Json: TypeAlias = Any
"""A value that `canonical` accepts; None is a field that is left out."""


class Kind(StrEnum):
    """The kind of an entry."""

    DECISION = "decision"
    APPROVAL = "approval"
    REJECTION = "rejection"
    LAPSE = "lapse"
    OVERRIDE = "override"
    ADMISSION = "admission"
    CLOSURE = "closure"
    CANCELLATION = "cancellation"
    EXPIRY = "expiry"
    REFUSAL = "refusal"
    FREEZE = "freeze"
    REGISTRATION = "registration"
    ACTIVATION = "activation"
    STANDARD_CHANGE = "standard_change"
    INCIDENT = "incident"
    LINK = "link"
    POST_REVIEW = "post_review"
    IMPROVEMENT = "improvement"
    NOTICE = "notice"
    TOKEN = "token"  # noqa: S105 - a kind of entry, no secret
    ROLE = "role"
    ERASURE = "erasure"
    KEY = "key"
    EPOCH = "epoch"


# The opaque id of the person, or of the token, that acted; absent where the gate acted by itself.
_BY = ("by",)
NEEDED: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {
        Kind.DECISION: (
            "number",
            "outcome",
            "type",
            "route",
            "policy_revision",
            "subject_digest",
            "record",
        ),
        Kind.APPROVAL: ("by", "subject_digest"),
        Kind.REJECTION: ("by", "subject_digest"),
        Kind.LAPSE: ("by", "subject_digest"),
        Kind.OVERRIDE: _BY,
        Kind.ADMISSION: ("subject_digest", "run", "expires_at"),
        Kind.CLOSURE: ("result",),
        Kind.CANCELLATION: (),
        Kind.EXPIRY: ("state",),
        Kind.REFUSAL: ("problem", "operation"),
        Kind.FREEZE: ("window", "action"),
        Kind.REGISTRATION: ("revision", "part"),
        Kind.ACTIVATION: ("revision", "part"),
        Kind.STANDARD_CHANGE: ("standard_change", "action"),
        Kind.INCIDENT: ("incident", "action"),
        Kind.LINK: ("incident", "method", "action"),
        Kind.POST_REVIEW: _BY,
        Kind.IMPROVEMENT: ("improvement", "action"),
        Kind.NOTICE: ("by", "duty"),
        Kind.TOKEN: ("token", "action"),
        Kind.ROLE: ("person", "action"),
        Kind.ERASURE: ("rows",),
        Kind.KEY: ("key", "action"),
        Kind.EPOCH: ("epoch", "size", "signed", "root"),
    }
)
"""The fields that an entry of each kind must have. It may have others too."""

_OWN = frozenset({"v", "kind", "at", "change"})


class EntryError(ValueError):
    """The bytes are no entry, or the fields cannot be one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that was read back. `fields` are those of its kind."""

    kind: Kind
    at: datetime
    change: str | None
    fields: Mapping[str, Json]


def entry(kind: Kind, at: datetime, change: str | None = None, **fields: Json) -> bytes:
    """Return the bytes of one entry; a field that is None is left out.

    Raises `EntryError` if a field is missing or the entry has over 16 KiB.
    """
    known = {name: value for name, value in fields.items() if value is not None}
    _check_fields(kind, known)
    document = {"v": ENTRY_VERSION, "kind": kind.value, "at": instant(at), **known}
    if change is not None:
        document["change"] = change
    content = canonical(document)
    if len(content) > ENTRY_BYTES_MAX:
        raise EntryError(
            f"an entry of kind {kind} has {len(content)} bytes, at most {ENTRY_BYTES_MAX} are "
            "allowed"
        )
    return content


def listed(field: str, value: Json, names: int) -> dict[str, Json]:
    """Return a list as a field of an entry.

    Beyond `LISTED_NAMES_MAX` names it is their number and the SHA-256 of the canonical list. The
    record of the decision, whose digest is in the same entry, has the whole list.
    """
    if names <= LISTED_NAMES_MAX:
        return {field: value}
    return {f"{field}_beyond": {"names": names, "sha256": digest(canonical(value))}}


def read_entry(content: bytes) -> Entry:
    """Return the entry of these bytes; other bytes that mean the same are refused."""
    if len(content) > ENTRY_BYTES_MAX:
        raise EntryError(f"an entry has at most {ENTRY_BYTES_MAX} bytes, found {len(content)}")
    try:
        document = read_object(content, "the entry")
    except StatementError as error:
        raise EntryError(str(error)) from error
    fields = {name: value for name, value in document.items() if name not in _OWN}
    change = document.get("change")
    if document.get("v") != ENTRY_VERSION:
        raise EntryError(
            f"entry version {document.get('v')!r} is not known, allowed is {ENTRY_VERSION}"
        )
    if change is not None and not isinstance(change, str):
        raise EntryError("change is no text")
    found = Entry(
        _kind(document.get("kind")),
        _read_instant(document.get("at")),
        change,
        MappingProxyType(fields),
    )
    if entry(found.kind, found.at, found.change, **fields) != content:
        raise EntryError("the entry is not in canonical form")
    return found


def instant(at: datetime) -> str:
    """Return RFC 3339 in UTC, always with microseconds, so that texts sort like times."""
    if at.tzinfo is None:
        raise EntryError("a time without a zone is no instant")
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _check_fields(kind: Kind, fields: Mapping[str, Json]) -> None:
    if missing := [name for name in NEEDED[kind] if name not in fields]:
        raise EntryError(f"an entry of kind {kind} needs {', '.join(missing)}")
    if own := sorted(_OWN & fields.keys()):
        raise EntryError(f"an entry says {', '.join(own)} by itself")


def _kind(raw: object) -> Kind:
    try:
        return Kind(raw)  # type: ignore[arg-type]  # an enum checks its words itself
    except ValueError:
        raise EntryError(f"{raw!r} is no kind of entry") from None


def _read_instant(raw: object) -> datetime:
    try:
        at = datetime.fromisoformat(raw)  # type: ignore[arg-type]  # a TypeError says that it is no text
    except (TypeError, ValueError):
        raise EntryError(
            f"at is {raw!r}, allowed is a time such as 2026-01-31T12:00:00.000000Z"
        ) from None
    if at.tzinfo is None:
        raise EntryError(f"at is {raw!r}, which has no zone")
    return at
