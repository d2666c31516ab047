"""As much of JSON Schema 2020-12 as the gate's own schemas use; a keyword it does not know fails
the test.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
}
_SIZES: Mapping[str, Callable[[Any, Any], bool]] = {
    "enum": lambda value, limit: value in limit,
    "const": lambda value, limit: value == limit,
    "minimum": lambda value, limit: value >= limit,
    "maximum": lambda value, limit: value <= limit,
    "minLength": lambda value, limit: len(value) >= limit,
    "maxLength": lambda value, limit: len(value) <= limit,
    "minItems": lambda value, limit: len(value) >= limit,
    "maxItems": lambda value, limit: len(value) <= limit,
    "minProperties": lambda value, limit: len(value) >= limit,
    "maxProperties": lambda value, limit: len(value) <= limit,
    "pattern": lambda value, limit: re.search(limit, value) is not None,
    "required": lambda value, limit: set(limit) <= set(value),
}
_SILENT = frozenset(
    {
        "$schema",
        "$id",
        "$defs",
        "title",
        "description",
        "examples",
        "properties",
        "additionalProperties",
    }
)


def accepts(schema: Mapping[str, Any], value: Any, root: Mapping[str, Any] | None = None) -> bool:
    """Whether the value is as the schema says."""
    root = root or schema
    if "type" in schema and not _TYPES[schema["type"]](value):
        return False
    return all(
        _keyword(keyword, schema, value, root) for keyword in schema if keyword not in _SILENT
    ) and _members(schema, value, root)


def _keyword(keyword: str, schema: Mapping[str, Any], value: Any, root: Mapping[str, Any]) -> bool:
    wanted = schema[keyword]
    if keyword == "type":
        return True
    if keyword == "$ref":
        return accepts(root["$defs"][wanted.removeprefix("#/$defs/")], value, root)
    if keyword in {"anyOf", "oneOf"}:
        fitting = sum(accepts(one, value, root) for one in wanted)
        return fitting == 1 if keyword == "oneOf" else fitting >= 1
    if keyword == "items":
        return all(accepts(wanted, item, root) for item in value)
    if keyword == "propertyNames":
        return all(accepts(wanted, name, root) for name in value)
    return _SIZES[keyword](value, wanted)


def _members(schema: Mapping[str, Any], value: Any, root: Mapping[str, Any]) -> bool:
    if "properties" not in schema and "additionalProperties" not in schema:
        return True
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    return all(
        accepts(known[name], item, root)
        if name in known
        else others
        if isinstance(others, bool)
        else accepts(others, item, root)
        for name, item in value.items()
    )
