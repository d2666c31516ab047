"""The meaning of an unquoted scalar by the core schema of YAML 1.2.2, section 10.3.2.

`no`, `22:30` and `1_000` are text in it, unlike in YAML 1.1.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import TypeAlias

NUMBER_LENGTH_MAX = 32
EXPONENT_MAX = 18

Plain: TypeAlias = str | bool | int | Decimal | None

_WORDS: dict[str, Plain] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBERS: tuple[tuple[re.Pattern[str], Callable[[str], Plain]], ...] = (
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+"), lambda text: int(text, 0)),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda text: int(text, 0)),
    (re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"), Decimal),
)
_NUMBER_BEGINS = frozenset("+-.0123456789")
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


class BadNumber(Exception):
    """A scalar that looks like a number which the gate does not read. The message says why."""


def resolve(text: str) -> Plain:
    """Return the value of an unquoted scalar. Raises `BadNumber`."""
    if text in _WORDS:
        return _WORDS[text]
    return _number(text) if text[0] in _NUMBER_BEGINS else text


def _number(text: str) -> Plain:
    if _NO_NUMBER.fullmatch(text):
        raise BadNumber("allowed is a number; infinity and NaN are none")
    number = next((convert for pattern, convert in _NUMBERS if pattern.fullmatch(text)), None)
    if number is None:
        return text
    # The length is checked before, because turning a long text into a number, or a large exponent
    # into digits, is what would take long.
    exponent = text.lower().partition("e")[2] if number is Decimal else ""
    if len(text) > NUMBER_LENGTH_MAX or abs(int(exponent or 0)) > EXPONENT_MAX:
        raise BadNumber(
            f"allowed are numbers of {NUMBER_LENGTH_MAX} characters, with exponents to "
            f"{EXPONENT_MAX}"
        )
    return number(text)
