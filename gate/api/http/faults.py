"""Turns the errors of pydantic into faults of a problem document: what was found, what is allowed,
and where.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, get_args

import orjson
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gate.api.models.fields import PATTERN_WORDS
from gate.core.yaml.fields import did_you_mean
from gate.errors import Fault

FAULTS_MAX = 20
SHOWN_LENGTH = 60

_TOKEN = re.compile(r"gatec?_|gh[a-z]_|glpat-|eyJ|secret|password|bearer", re.IGNORECASE)
"""A text like this may be a secret in the wrong field, so it is never repeated in an answer."""

_DECIDED_HERE = frozenset(
    {
        "risk",
        "band",
        "score",
        "standard",
        "standard_change",
        "state",
        "route",
        "outcome",
        "type",
        "decision",
    }
)

_ALLOWED: Mapping[str, str] = MappingProxyType(
    {
        "missing": "it is required",
        "string_type": "a text is allowed",
        "int_type": "a whole number is allowed",
        "bool_type": "true or false is allowed",
        "list_type": "a list is allowed",
        "tuple_type": "a list is allowed",
        "dict_type": "an object is allowed",
        "model_type": "an object is allowed",
        "model_attributes_type": "an object is allowed",
    }
)


def faults_of(error: ValidationError, model: type[BaseModel]) -> list[Fault]:
    """Return at most `FAULTS_MAX` faults, in the order of the model."""
    return [_fault(found, model) for found in error.errors(include_url=False)[:FAULTS_MAX]]


def pointer(path: Sequence[str | int]) -> str:
    """Return a JSON pointer as a URI fragment: `#/artifacts/0/digest`."""
    return "#" + "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def shown(value: Any) -> str:
    """Return a value short enough for a sentence; what might be a secret is only described."""
    if isinstance(value, str):
        if _TOKEN.search(value):
            return f"a text of {len(value)} characters"
        return orjson.dumps(
            value if len(value) <= SHOWN_LENGTH else value[:SHOWN_LENGTH] + "…"
        ).decode()
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return "null" if value is None else str(value).lower()


def _fault(found: ErrorDetails, model: type[BaseModel]) -> Fault:
    path, kind = found["loc"], found["type"]
    if kind == "extra_forbidden":
        return Fault(_unknown(str(path[-1]), _names(model, path[:-1])), pointer(path))
    if kind == "missing":
        return Fault("is missing; it is required", pointer(path))
    # Our own validators already say what was found.
    if kind == "value_error":
        return Fault(str(found["ctx"]["error"]), pointer(path))
    return Fault(f"found {shown(found['input'])}, {_allowed(found)}", pointer(path))


def _allowed(found: ErrorDetails) -> str:
    known = _ALLOWED.get(found["type"]) or PATTERN_WORDS.get(
        found.get("ctx", {}).get("pattern", "")
    )
    return known or found["msg"].replace("Input should", "it should").replace(
        "String should", "it should"
    ).rstrip(".")


def _unknown(name: str, names: Sequence[str]) -> str:
    if name in _DECIDED_HERE:
        return (
            "no field of a request: the gate alone decides type, risk, band, standard change, "
            "state and route"
        )
    allowed = did_you_mean(name, names) or f"; allowed are {', '.join(names)}"
    return f"unknown field{allowed}"


def _names(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Return the fields of the model at that place, as a caller writes them."""
    at: Any = model
    for step in path:
        if isinstance(step, str) and step in at.model_fields:
            at = _model_in(at.model_fields[step].annotation)
    return [field.alias or name for name, field in at.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(
        _model_in(part)
        for part in get_args(annotation)
        if get_args(part) or (isinstance(part, type) and issubclass(part, BaseModel))
    )
