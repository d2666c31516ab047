"""The types of fields in requests, each with its limit."""

import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, TypeAlias

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
)

from gate.core.catalogue.links import LINK_BODY
from gate.core.facts import INTEGER_MAX, TEXT_LENGTH_MAX
from gate.core.instants import ALLOWED, in_utc
from gate.storage.changes.search import COMMIT_LENGTHS, SHORT_COMMIT_MIN

LONG_TEXT_LENGTH_MAX = 4_000
LINK_LENGTH_MAX = 2_000
AUTHORS_MAX = 500
ARTIFACTS_MAX = 50
SCOPE_NAMES_MAX = 200

_ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"
_LINES = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
_COMMIT_BEGIN = rf"^[0-9a-f]{{{SHORT_COMMIT_MIN},{max(COMMIT_LENGTHS)}}}$"
_COMMIT = r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$"
_DIGEST = r"^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$"
_LINK = rf"^{LINK_BODY}$"
_LINK_OR_NONE = rf"^(?:{LINK_BODY})?$"
SHA256 = r"^[0-9a-f]{64}$"
_CHANGE_ID = r"^chg_[0-9A-Za-z]{26}$"
_TEXT = r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*"
_SOMETHING = rf"^{_TEXT}[^\s\x00-\x1f\x7f-\x9f]{_TEXT}$"

PATTERN_WORDS: Mapping[str, str] = MappingProxyType(
    {
        _ONE_LINE: "allowed is one line without control characters",
        _LINES: "allowed is text without control characters",
        _COMMIT: "allowed is a full commit hash: 40 or 64 lower-case hexadecimal digits",
        _COMMIT_BEGIN: "allowed are 7 or more of the first characters of a commit hash: lower-case "
        "hexadecimal digits",
        _DIGEST: "allowed is sha256:, sha384: or sha512: with the whole digest in lower-case "
        "hexadecimal digits",
        _LINK: "allowed is an https:// address without a user name (http:// for this machine only)",
        _LINK_OR_NONE: "allowed is an https:// address without a user name (http:// for this "
        "machine only), or nothing",
        SHA256: "allowed is a SHA-256 in 64 lower-case hexadecimal digits",
        _CHANGE_ID: "allowed is the id of a change: chg_ and 26 characters",
        _SOMETHING: "allowed is a text that says something, without control characters",
    }
)
"""What each pattern allows, in words for people."""

Name: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=TEXT_LENGTH_MAX, pattern=_ONE_LINE)
]
Line: TypeAlias = Annotated[str, StringConstraints(max_length=TEXT_LENGTH_MAX, pattern=_ONE_LINE)]
LongText: TypeAlias = Annotated[
    str, StringConstraints(max_length=LONG_TEXT_LENGTH_MAX, pattern=_LINES)
]
Reason: TypeAlias = Annotated[
    str, StringConstraints(max_length=LONG_TEXT_LENGTH_MAX, pattern=_SOMETHING)
]
Commit: TypeAlias = Annotated[str, StringConstraints(pattern=_COMMIT)]
CommitBegin: TypeAlias = Annotated[str, StringConstraints(pattern=_COMMIT_BEGIN)]
Digest: TypeAlias = Annotated[str, StringConstraints(pattern=_DIGEST)]
Link: TypeAlias = Annotated[str, StringConstraints(max_length=LINK_LENGTH_MAX, pattern=_LINK)]
LinkOrNone: TypeAlias = Annotated[
    str, StringConstraints(max_length=LINK_LENGTH_MAX, pattern=_LINK_OR_NONE)
]
ChangeId: TypeAlias = Annotated[str, StringConstraints(pattern=_CHANGE_ID)]
Number: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=INTEGER_MAX)]
Flag: TypeAlias = StrictBool

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)")


def _rfc3339(value: object) -> object:
    if isinstance(value, str) and _RFC3339.fullmatch(value):
        return value
    raise ValueError(
        "an instant is a text like 2026-11-23T10:00:00Z, with seconds and a zone (in an "
        "address `+` is written %2B)"
    )


def _taken(value: datetime) -> datetime:
    at = in_utc(value)
    if at is None:
        raise ValueError(f"found {value.isoformat()}, allowed is {ALLOWED}")
    return at


Instant: TypeAlias = Annotated[AwareDatetime, BeforeValidator(_rfc3339), AfterValidator(_taken)]
"""A point in time, read into UTC. Every date that a caller sends is of this type."""

To: TypeAlias = Annotated[Instant | None, Field(alias="to", description="now, if nothing is said")]
"""The end of the time that a caller asks about."""


class RequestModel(BaseModel):
    """A request of a caller. Unknown fields are refused, and the value is frozen.

    A field that may be left out may also be null, which means the same. Answers show what is absent
    as null, so their fields can be sent back.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
