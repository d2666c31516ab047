"""The grammar of one condition: a line of text becomes a `Condition`.

- `fact`, `not fact`, `[not] fact is known`, `[not] fact is unknown`
- `fact OP value`
- `any list-fact OP value`, and so with `all` and `none`

OP is one of `== != < <= > >=`, `in (a, b)`, `not in (a, b)`, `matches "glob"`, `matches /re/`,
`not matches …` and `contains`. What the words mean is checked in `compile`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from gate.core.yaml.reader import clip

CONDITION_LENGTH_MAX = 1_000
CHOICES_MAX = 100


class BadCondition(Exception):
    """The text is no condition. The message says what was found and what is allowed."""


class Op(StrEnum):
    """Every operator, as it is written. `HOLDS` is that of a fact without an operator."""

    HOLDS = "holds"
    KNOWN = "is known"
    UNKNOWN = "is unknown"
    EQUAL = "=="
    UNEQUAL = "!="
    BELOW = "<"
    AT_MOST = "<="
    ABOVE = ">"
    AT_LEAST = ">="
    IN = "in"
    NOT_IN = "not in"
    MATCHES = "matches"
    NOT_MATCHES = "not matches"
    CONTAINS = "contains"


OPPOSITE = {
    Op.EQUAL: Op.UNEQUAL,
    Op.UNEQUAL: Op.EQUAL,
    Op.BELOW: Op.AT_LEAST,
    Op.AT_MOST: Op.ABOVE,
    Op.ABOVE: Op.AT_MOST,
    Op.AT_LEAST: Op.BELOW,
    Op.IN: Op.NOT_IN,
    Op.NOT_IN: Op.IN,
    Op.MATCHES: Op.NOT_MATCHES,
    Op.NOT_MATCHES: Op.MATCHES,
}
QUANTIFIERS = ("any", "all", "none")


@dataclass(frozen=True, slots=True)
class Word:
    """A constant as it is written: a bare word, a quoted text, or an expression in slashes."""

    text: str
    quoted: bool = False
    expression: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """One line, taken apart. `text` is the line as written."""

    text: str
    fact: str
    op: Op
    words: tuple[Word, ...] = ()
    quantifier: str | None = None
    negated: bool = False


def parse(text: str) -> Condition:
    """Return the condition of a text. Raises `BadCondition`."""
    if len(text) > CONDITION_LENGTH_MAX:
        raise BadCondition(
            f"found {len(text)} characters, a condition has at most {CONDITION_LENGTH_MAX}"
        )
    if not text.isprintable():
        raise BadCondition(
            f"found {clip(text)}, a condition is one line without control characters"
        )
    return _Parser(text).condition()


_TOKEN = re.compile(
    r' *(?:(?P<quoted>"(?:[^"\\]|\\["\\])*")'
    r"|(?P<op>==|!=|<=|>=|<|>)"
    r"|(?P<mark>[(),])"
    r"|(?P<word>[A-Za-z0-9_./-]+)"
    r"|(?P<end>$))"
)
_WORD_OPS = frozenset({"in", "matches", "contains", "is", "not"})
_JOINS = frozenset({"and", "or", "&&", "||"})


class _Parser:
    """Reads tokens from left to right, with a look at one token ahead."""

    def __init__(self, text: str) -> None:
        self._text = text.strip()
        self._at = 0
        self._kind = ""
        self._value = ""
        self._step()

    def condition(self) -> Condition:
        quantifier = self._optional(*QUANTIFIERS)
        negated = quantifier is None and self._optional("not") is not None
        fact = self._fact()
        op = self._operator()
        words = self._words(op)
        if self._kind != "end":
            raise BadCondition(f"found {self._value} after the condition{self._after()}")
        return Condition(self._text, fact, op, words, quantifier, negated)

    def _step(self) -> None:
        token = _TOKEN.match(self._text, self._at)
        if token is None:
            raise BadCondition(self._no_token(self._text[self._at :].strip()))
        self._at = token.end()
        self._kind = str(token.lastgroup)
        self._value = token[self._kind]

    @staticmethod
    def _no_token(rest: str) -> str:
        if rest.startswith('"'):
            return (
                f'found {clip(rest)}, a text ends with a double quote; inside, only \\" and '
                "\\\\ are escaped"
            )
        if rest.startswith("["):
            return f"found {clip(rest)}, a list of values is written as in (a, b)"
        if rest.startswith("="):
            return "found =, allowed is =="
        return (
            f"found {clip(rest)}, allowed are words of letters, digits and _ . / -; write other "
            "text in double quotes"
        )

    def _optional(self, *words: str) -> str | None:
        if self._kind != "word" or self._value not in words:
            return None
        found = self._value
        self._step()
        return found

    def _fact(self) -> str:
        if self._kind != "word":
            raise BadCondition(
                f"found {self._value or 'nothing'}, a condition begins with a fact such as "
                "checks.failed"
            )
        fact = self._value
        self._step()
        return fact

    def _operator(self) -> Op:
        if self._kind == "end":
            return Op.HOLDS
        found = self._value
        if self._kind == "op":
            self._step()
            return Op(found)
        if self._kind == "word" and found in _WORD_OPS:
            return self._word_operator(found)
        if found in _JOINS:
            raise BadCondition(
                f"found {found}, one line is one condition; a list of conditions means all, "
                "any_of: means any"
            )
        raise BadCondition(
            f"found {found} where an operator stands, allowed are "
            f"{', '.join(op for op in Op if op is not Op.HOLDS)}"
        )

    def _word_operator(self, first: str) -> Op:
        if first in {"is", "not"}:
            self._step()
            first = f"{first} {self._value}"
        if first not in set(Op):
            raise BadCondition(
                f"found {first.strip()}, allowed are is known, is unknown, not in and not "
                "matches; values are compared with =="
            )
        op = Op(first)
        if op not in {Op.MATCHES, Op.NOT_MATCHES} or not self._text[self._at :].lstrip().startswith(
            "/"
        ):
            self._step()
            return op
        self._expression()
        return op

    def _expression(self) -> None:
        """Take the rest of the line as the expression, which may contain any character."""
        rest = self._text[self._at :].strip()
        if len(rest) < len("/x/") or not rest.endswith("/"):
            raise BadCondition(
                f"found {clip(rest)}, an expression ends with / at the end of the line; "
                "write a glob in double quotes"
            )
        self._kind, self._value, self._at = "expression", rest[1:-1], len(self._text)

    def _words(self, op: Op) -> tuple[Word, ...]:
        if op in {Op.HOLDS, Op.KNOWN, Op.UNKNOWN}:
            return ()
        if op not in {Op.IN, Op.NOT_IN}:
            return (self._word(op),)
        self._mark("(", op)
        words = [self._word(op)]
        while self._kind == "mark" and self._value == ",":
            self._step()
            words.append(self._word(op))
        self._mark(")", op)
        if len(words) > CHOICES_MAX:
            raise BadCondition(f"found {len(words)} values, allowed are {CHOICES_MAX}")
        return tuple(words)

    def _mark(self, mark: str, op: Op) -> None:
        if self._kind != "mark" or self._value != mark:
            raise BadCondition(
                f"found {self._value or 'the end'} after {op}, allowed is a list in "
                f"parentheses: {op} (a, b)"
            )
        self._step()

    def _word(self, op: Op) -> Word:
        if self._kind not in {"word", "quoted", "expression"}:
            raise BadCondition(
                f"found {self._value or 'nothing'} after {op}, allowed is a value{self._after()}"
            )
        kind, text = self._kind, self._value
        if kind == "quoted":
            text = re.sub(r"\\(.)", r"\1", text[1:-1])
        self._step()
        return Word(text, quoted=kind == "quoted", expression=kind == "expression")

    def _after(self) -> str:
        if self._value in _JOINS:
            return "; one line is one condition, a list of conditions means all"
        if self._kind != "end":
            return "; write text with other characters in double quotes"
        return ""
