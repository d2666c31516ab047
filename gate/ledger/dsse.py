"""DSSE v1.0.2: the envelope around signed bytes, read strictly, and the encoding that is signed."""

import base64
import json
from dataclasses import dataclass

ENVELOPE_BYTES_MAX = 256 * 1024
SIGNATURES_MAX = 16


class StatementError(Exception):
    """A signed statement does not prove what it should. The message names what differs."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The decoded parts of an envelope. The bytes that are parsed are those that were signed."""

    payload_type: str
    payload: bytes
    signatures: tuple[bytes, ...]


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """Return the PAE of DSSE: type and body with their lengths, so that their border is
    signed too.
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def read_envelope(content: bytes) -> Envelope:
    """Return the envelope in these bytes, without verifying it.

    Unknown fields are ignored, as the specification demands.
    """
    if len(content) > ENVELOPE_BYTES_MAX:
        raise StatementError(
            f"the envelope has {len(content)} bytes, at most {ENVELOPE_BYTES_MAX} are allowed"
        )
    document = read_object(content, "the envelope")
    payload_type = document.get("payloadType")
    if not isinstance(payload_type, str):
        raise StatementError("payloadType is missing or no text")
    return Envelope(
        payload_type,
        _base64(document.get("payload"), "payload"),
        _signatures(document.get("signatures")),
    )


def read_object(content: bytes, what: str) -> dict[str, object]:
    """Return one JSON object.

    Duplicate keys are refused, because two readers could take different ones.
    """
    try:
        document = json.loads(
            content.decode(), object_pairs_hook=_without_duplicates, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise StatementError(f"{what} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise StatementError(f"{what} is no JSON object")
    return document


def _signatures(raw: object) -> tuple[bytes, ...]:
    if not isinstance(raw, list) or not 1 <= len(raw) <= SIGNATURES_MAX:
        raise StatementError(f"signatures is no list of 1 to {SIGNATURES_MAX}")
    return tuple(
        _base64(item.get("sig") if isinstance(item, dict) else None, "signatures.sig")
        for item in raw
    )


def _base64(raw: object, name: str) -> bytes:
    """Return the bytes of base64 in the standard or the URL-safe alphabet."""
    if not isinstance(raw, str):
        raise StatementError(f"{name} is missing or no text")
    try:
        return base64.b64decode(raw.translate(_TO_STANDARD).encode("ascii"), validate=True)
    except ValueError:
        raise StatementError(f"{name} is not base64") from None


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object names a key twice")
    return found


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is no JSON")


_TO_STANDARD = str.maketrans("-_", "+/")
