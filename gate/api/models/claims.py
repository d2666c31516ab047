"""The facts that a request claims: names and types checked against the table of facts, null left out as unknown."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, TypeAlias

from pydantic import Field, StringConstraints, WithJsonSchema

from gate.api.faults import FAULTS_MAX, pointer, shown
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
)
from gate.core.fields import did_you_mean
from gate.errors import Fault, Invalid

_LABEL_NAME = r"^[A-Za-z0-9_./-]{1,64}$"
_LABEL = re.compile(_LABEL_NAME)
_LABELS = "labels"


def _claimable_by_group() -> Mapping[str, Mapping[str, str]]:
    groups: dict[str, dict[str, str]] = {group: {} for group in sorted(CLAIMABLE_GROUPS | {"change"})}
    for name, fact in FACTS.items():
        if claimable(name):
            groups[fact.group][name.partition(".")[2]] = name
    return MappingProxyType(groups)


CLAIMABLE = _claimable_by_group()
"""Group to short name to full name. Labels have any name."""


def _fact_schema(fact: FactDef) -> dict[str, Any]:
    kinds: Mapping[FactType, dict[str, Any]] = {
        FactType.BOOLEAN: {"type": ["boolean", "null"]},
        FactType.INTEGER: {"type": ["integer", "null"], "minimum": 0, "maximum": INTEGER_MAX},
        FactType.DECIMAL: {"type": ["number", "null"], "minimum": 0},
        FactType.TEXT: {"type": ["string", "null"], "maxLength": TEXT_LENGTH_MAX},
        FactType.TEXTS: {"type": ["array", "null"], "items": {"type": "string"}, "maxItems": LIST_LENGTH_MAX},
    }
    return {**kinds[fact.type], "description": fact.help}


def _schema() -> dict[str, Any]:
    groups: dict[str, Any] = {
        group: {
            "type": "object",
            "additionalProperties": False,
            "properties": {short: _fact_schema(FACTS[name]) for short, name in names.items()},
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


def claims_of(facts: Mapping[str, Mapping[str, Any]], labels: Mapping[str, str | None]) -> dict[str, Value]:
    """Every claimed fact by full name. Raises `Invalid` with every fault."""
    claims: dict[str, Value] = {}
    faults: list[Fault] = []
    for group, values in facts.items():
        names = CLAIMABLE.get(group)
        if names is None:
            faults.append(Fault(_no_group(group), pointer(["facts", group])))
            continue
        for short, raw in values.items():
            name = names.get(short) or _label(group, short)
            if name is None:
                faults.append(Fault(_no_claim(group, short), pointer(["facts", group, short])))
            else:
                _take(name, raw, claims, faults)
    for short, text in labels.items():
        if text is not None and claims.setdefault(f"{_LABELS}.{short}", text) != text:
            faults.append(Fault("differs from the same label under facts", pointer([_LABELS, short])))
    if len(labels) + len(facts.get(_LABELS, ())) > LABELS_MAX:
        faults.append(Fault(f"at most {LABELS_MAX} labels are allowed", pointer([_LABELS])))
    if faults:
        raise Invalid(f"{faults[0].where}: {faults[0].detail}", faults=faults[:FAULTS_MAX])
    return claims


def _take(name: str, raw: Any, claims: dict[str, Value], faults: list[Fault]) -> None:
    try:
        value = read_value(name, raw)
    except Invalid as error:
        group, _, short = name.partition(".")
        allowed = error.faults[0].detail.rpartition("allowed is ")[2]
        faults.append(Fault(f"found {shown(raw)}, allowed is {allowed}", pointer(["facts", group, short])))
        return
    if value is not None:
        claims[name] = value


def _label(group: str, short: str) -> str | None:
    return f"{_LABELS}.{short}" if group == _LABELS and _LABEL.fullmatch(short) else None


def _no_group(group: str) -> str:
    allowed = did_you_mean(group, CLAIMABLE) or f"; a request may claim facts of {', '.join(CLAIMABLE)}"
    return f"no group of facts that a request may claim{allowed}"


def _no_claim(group: str, short: str) -> str:
    if group == _LABELS:
        return "no name of a label; allowed are 1 to 64 of the characters A-Z a-z 0-9 _ . / -"
    known = f"{group}.{short}" in FACTS
    allowed = f"; of {group} a request may claim {', '.join(CLAIMABLE[group])}"
    return f"{'a request cannot claim this' if known else 'no fact'}{(not known and did_you_mean(short, CLAIMABLE[group])) or allowed}"
