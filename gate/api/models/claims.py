"""The facts that a request claims, with names and types checked against the table of facts.

A null value is left out, because it means unknown.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Annotated, Any, TypeAlias

from pydantic import Field, StringConstraints, WithJsonSchema

from gate.api.http.faults import FAULTS_MAX, pointer, shown
from gate.core.facts import (
    CLAIMABLE_GROUPS,
    FACTS,
    INTEGER_MAX,
    LABEL_LENGTH_MAX,
    LABELS_MAX,
    LIST_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    FactDef,
    FactType,
    Value,
    claimable,
    read_value,
    reader,
)
from gate.core.yaml.fields import did_you_mean
from gate.errors import Fault, Invalid

_LABEL_NAME = r"^[A-Za-z0-9_./-]{1,64}$"
_LABEL = re.compile(_LABEL_NAME)
_LABELS = "labels"


@dataclass(frozen=True, slots=True)
class Claimable:
    """A fact that a request may claim."""

    name: str
    read: Callable[[object], Value | None]


def _claimable_by_group() -> Mapping[str, Mapping[str, Claimable]]:
    groups: dict[str, dict[str, Claimable]] = {
        group: {} for group in sorted(CLAIMABLE_GROUPS | {"change"})
    }
    for name, fact in FACTS.items():
        if claimable(name):
            groups[fact.group][name.partition(".")[2]] = Claimable(name, reader(name))
    return MappingProxyType(groups)


CLAIMABLE = _claimable_by_group()
"""The claimable facts by group and short name. Labels may have any name."""


def _fact_schema(fact: FactDef) -> dict[str, Any]:
    kinds: Mapping[FactType, dict[str, Any]] = {
        FactType.BOOLEAN: {"type": ["boolean", "null"]},
        FactType.INTEGER: {"type": ["integer", "null"], "minimum": 0, "maximum": INTEGER_MAX},
        FactType.DECIMAL: {"type": ["number", "null"], "minimum": 0},
        FactType.TEXT: {"type": ["string", "null"], "maxLength": TEXT_LENGTH_MAX},
        FactType.TEXTS: {
            "type": ["array", "null"],
            "items": {"type": "string"},
            "maxItems": LIST_LENGTH_MAX,
        },
    }
    return {**kinds[fact.type], "description": fact.help}


def _schema() -> dict[str, Any]:
    groups: dict[str, Any] = {
        group: {
            "type": "object",
            "additionalProperties": False,
            "properties": {short: _fact_schema(FACTS[fact.name]) for short, fact in names.items()},
        }
        for group, names in CLAIMABLE.items()
        if group != _LABELS
    }
    groups[_LABELS] = {
        "type": "object",
        "maxProperties": LABELS_MAX,
        "propertyNames": {"pattern": _LABEL_NAME},
        "additionalProperties": {"type": ["string", "null"], "maxLength": LABEL_LENGTH_MAX},
    }
    return {"type": "object", "additionalProperties": False, "properties": groups}


ClaimedFacts: TypeAlias = Annotated[dict[str, dict[str, Any]], WithJsonSchema(_schema())]
Labels: TypeAlias = Annotated[
    dict[
        Annotated[str, StringConstraints(pattern=_LABEL_NAME)],
        Annotated[str, StringConstraints(max_length=LABEL_LENGTH_MAX)] | None,
    ],
    Field(max_length=LABELS_MAX),
]


def claims_of(
    facts: Mapping[str, Mapping[str, Any]], labels: Mapping[str, str | None]
) -> dict[str, Value]:
    """Return every claimed fact by full name.

    Raises `Invalid` with the first `FAULTS_MAX` faults. More are not looked for: a body has room
    for a hundred thousand, and it takes a moment to find out what each of them may have meant.
    """
    claims: dict[str, Value] = {}
    faults = list(islice(_read(facts, labels, claims), FAULTS_MAX))
    if faults:
        raise Invalid(f"{faults[0].where}: {faults[0].detail}", faults=faults)
    return claims


def _read(
    facts: Mapping[str, Mapping[str, Any]],
    labels: Mapping[str, str | None],
    claims: dict[str, Value],
) -> Iterator[Fault]:
    """Add every fact that may be claimed to the claims, and yield what is wrong with the others."""
    for group, values in facts.items():
        names = CLAIMABLE.get(group)
        if names is None:
            yield Fault(_no_group(group), pointer(["facts", group]))
            continue
        for short, raw in values.items():
            known = names.get(short)
            if known is not None and (value := known.read(raw)) is not None:
                claims[known.name] = value
            elif known is None or raw is not None:
                yield from _take(group, short, raw, claims)
    for short, text in labels.items():
        if text is not None and claims.setdefault(f"{_LABELS}.{short}", text) != text:
            yield Fault("differs from the same label under facts", pointer([_LABELS, short]))
    if len(labels) + len(facts.get(_LABELS, ())) > LABELS_MAX:
        yield Fault(f"at most {LABELS_MAX} labels are allowed", pointer([_LABELS]))


def _take(group: str, short: str, raw: Any, claims: dict[str, Value]) -> Iterator[Fault]:
    """Add a label to the claims, or yield what is wrong with the fact."""
    where = pointer(["facts", group, short])
    if short not in CLAIMABLE[group] and not (group == _LABELS and _LABEL.fullmatch(short)):
        yield Fault(_no_claim(group, short), where)
        return
    try:
        value = read_value(f"{group}.{short}", raw)
    except Invalid as error:
        allowed = error.faults[0].detail.rpartition("allowed is ")[2]
        yield Fault(f"found {shown(raw)}, allowed is {allowed}", where)
        return
    if value is not None:
        claims[f"{group}.{short}"] = value


def _no_group(group: str) -> str:
    allowed = (
        did_you_mean(group, CLAIMABLE) or f"; a request may claim facts of {', '.join(CLAIMABLE)}"
    )
    return f"no group of facts that a request may claim{allowed}"


def _no_claim(group: str, short: str) -> str:
    if group == _LABELS:
        return "no name of a label; allowed are 1 to 64 of the characters A-Z a-z 0-9 _ . / -"
    known = f"{group}.{short}" in FACTS
    allowed = f"; of {group} a request may claim {', '.join(CLAIMABLE[group])}"
    if known:
        return f"a request cannot claim this{allowed}"
    return f"no fact{did_you_mean(short, CLAIMABLE[group]) or allowed}"
