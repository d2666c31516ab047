"""Reads entries of an export, whose bytes must be in the one allowed form.

`read_fields` is the exact reader, and says what is wrong. It took most of the time of verifying,
while most entries differ from others in their values only. So `EntryReader` makes a pattern from
the first entry with certain fields, and reads later entries with these fields by the pattern. A
pattern accepts a part of what `read_fields` accepts, and gives the same fields; whatever no pattern
accepts is left to `read_fields`.

Only the standard library is used, so that anybody can run this.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

Fields: TypeAlias = dict[str, Any]

PATTERNS_MAX = 64
"""The most patterns of one reader. The gate writes some 40 combinations of fields; an export that
somebody made up may have any number of them."""
LISTS_KEPT = 1_024

_KIND = b'"kind":"'
_KIND_BYTES = 8
"""An entry's patterns are looked up by so many bytes of its kind, and the number of its fields."""


def read_fields(body: bytes) -> Fields:
    """Return the fields of an entry, whose bytes must be in the one allowed form.

    This form also reveals a key that occurs twice, because it would be written once. Raises
    `ValueError`.
    """
    try:
        fields = read_json(body.decode())
    except (ValueError, RecursionError, StopIteration) as error:
        raise ValueError(f"the entry cannot be read: {error}") from None
    if not isinstance(fields, dict):
        raise ValueError("the entry is no JSON object")  # noqa: TRY004 - bytes, not a caller's mistake
    if canonical(fields) != body:
        raise ValueError("it is not in canonical form (RFC 8785)")
    if (
        fields.get("v") != 1
        or fields["v"] is True
        or not isinstance(fields.get("at"), str)
        or not _IS_INSTANT(str(fields["at"]))
    ):
        raise ValueError(f"version {fields.get('v')!r} at {fields.get('at')!r}")
    return fields


class EntryReader:
    """Reads many entries, with patterns that it makes on the way.

    `judged` are the kinds that are judged even if the entry is about no change. `needed` are the
    names of the fields that are returned if an entry has them; what it costs to read the others
    would be most of the rest.
    """

    def __init__(self, judged: Collection[str], needed: Collection[str]) -> None:
        self._judged = judged
        self._needed = needed
        self._patterns: dict[bytes, list[_Pattern]] = {}
        self._made = 0

    def reader_of(self, bodies: Iterable[bytes]) -> Callable[[bytes], Fields | None]:
        """Return the function that reads these entries.

        It returns the needed fields of an entry, or None if its form is right and nothing judges
        it, and raises `ValueError` as `read_fields` does. Patterns rely on texts of ASCII without
        an escape and without a control character, because excluding one character in them is many
        times faster than excluding a set.
        """
        together = b"".join(bodies)
        is_simple = together.isascii() and b"\\" not in together
        if is_simple and len(together.translate(None, _CONTROL)) == len(together):
            return self._read
        return read_fields

    def _read(self, body: bytes) -> Fields | None:
        """Read an entry by a pattern, or make one."""
        begin = body.find(_KIND) + len(_KIND)
        kind = body[begin : begin + _KIND_BYTES]
        alike = self._patterns.get(kind)
        if alike:
            text = body.decode()
            for pattern in alike:
                found = pattern.matches(text)
                if found is not None:
                    if pattern is not alike[0]:
                        # Neighbours are alike, so the next entry probably has the same form.
                        alike.remove(pattern)
                        alike.insert(0, pattern)
                    return pattern.fields(found.groups()) if pattern.is_judged else None
        fields = read_fields(body)
        if self._made < PATTERNS_MAX and _can_be_pattern(fields):
            is_judged = "change" in fields or fields["kind"] in self._judged
            made = _Pattern(fields, self._needed, is_judged=is_judged)
            self._patterns.setdefault(kind, []).append(made)
            self._made += 1
        return fields


class _Pattern:
    """The form of entries that have the same fields, with values of the same types."""

    __slots__ = ("_converted", "_kind", "_names", "is_judged", "matches")

    def __init__(self, like: Fields, needed: Collection[str], *, is_judged: bool) -> None:
        """Make the pattern from the fields of one entry, in their order."""
        self.is_judged = is_judged
        self._kind = like["kind"]
        self._names: list[str] = []
        self._converted: list[tuple[str, Callable[[str], Any]]] = []
        members = []
        for name, value in like.items():
            before, pattern, after, convert = _VALUES[type(value)]
            if name in _FIXED:
                pattern = _FIXED[name] or re.escape(value)
            if name in needed:
                pattern = f"({pattern})"
                self._names.append(name)
                if convert is not None:
                    self._converted.append((name, convert))
            members.append(f'"{name}":{before}{pattern}{after}')
        self.matches = re.compile(rf"\{{{','.join(members)}\}}").fullmatch

    def fields(self, values: tuple[str, ...]) -> Fields:
        """Return the needed fields of an entry that matches, and its kind."""
        fields: Fields = dict(zip(self._names, values, strict=True))
        for name, convert in self._converted:
            fields[name] = convert(fields[name])
        fields["kind"] = self._kind
        return fields


def canonical(value: object) -> bytes:
    """Return the value in the form of RFC 8785, if it has neither floats nor keys beyond ASCII."""
    return "".join(_CHUNKS(value, 0)).encode()


def read_json(text: str) -> Any:
    """Return the JSON value that the whole text is, without looking for blanks around it.

    Raises `ValueError`, for a number that is not whole too, and `StopIteration`.
    """
    value, end = _SCAN(text, 0)
    if end != len(text):
        raise ValueError("it is more than one JSON value")
    return value


def _can_be_pattern(fields: Fields) -> bool:
    """Whether a pattern describes all values. None describes objects and numbers with a point."""
    return isinstance(fields.get("kind"), str) and all(
        name.isidentifier() and type(value) in _VALUES for name, value in fields.items()
    )


def _no_number(text: str) -> Any:
    """Refuse a number with a point or an exponent, and what is none."""
    raise ValueError(f"{text} is no whole number")


# Made once: `json` makes its encoder in C anew for every value, and looks for blanks with regular
# expressions, which together took half of the time of verifying.
_SCAN = json.JSONDecoder(parse_float=_no_number, parse_constant=_no_number).scan_once  # type: ignore[attr-defined] # the stubs lack it
_CHUNKS = json.encoder.c_make_encoder(  # type: ignore[attr-defined] # the same
    markers=None,
    default=None,
    encoder=json.encoder.encode_basestring,
    indent=None,
    key_separator=":",
    item_separator=",",
    sort_keys=True,
    skipkeys=False,
    allow_nan=False,
)
_INSTANT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"
_IS_INSTANT = re.compile(_INSTANT).fullmatch

_CONTROL = bytes(range(0x20))

# Canonical JSON, in texts that are simple.
_TEXT = '[^"]*'
_NUMBER = "(?:0|-?[1-9][0-9]{0,17})"
_SCALAR = f'(?:"{_TEXT}"|{_NUMBER}|true|false|null)'


def _list_of(item: str) -> str:
    return rf"\[(?:{item}(?:,{item})*+)?\]"


_LIST = _list_of(f"(?:{_SCALAR}|{_list_of(f'(?:{_SCALAR}|{_list_of(_SCALAR)})')})")
"""A list, with lists in it, with lists in these: `required` is the deepest that the gate writes."""

_read_list = lru_cache(LISTS_KEPT)(read_json)
"""Many entries have the same list, which nobody changes."""

_VALUES: Mapping[type, tuple[str, str, str, Callable[[str], Any] | None]] = {
    str: ('"', _TEXT, '"', None),
    int: ("", _NUMBER, "", int),
    bool: ("", "(?:true|false)", "", "true".__eq__),
    list: ("", _LIST, "", _read_list),
}
"""By the type of a field: what stands around its value, the pattern of that, and how it is read."""

_FIXED = {"at": _INSTANT, "v": "1", "kind": ""}
"""Fields that have a form of their own; that of the kind is the word itself."""
