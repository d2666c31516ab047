"""Whether an answer is what the OpenAPI document says: as much of JSON Schema 2020-12 as the
document uses.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import httpx

from gate.api.router import build_api

Check = Callable[[Any], list[str]]
"""What is wrong with a value, each difference with its place in the value before it."""

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
_ELSEWHERE = {
    "$ref",
    "type",
    "anyOf",
    "required",
    "properties",
    "additionalProperties",
    "items",
    "title",
    "description",
    "default",
}


@cache
def openapi() -> dict[str, Any]:
    """What every app serves.

    It follows from the code alone, and takes a third of a second to make.
    """
    return build_api().openapi()


class Document:
    """The document, and what is wrong with an answer by it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._schemas: Mapping[str, Any] = document["components"]["schemas"]
        paths: Mapping[str, Mapping[str, Any]] = document["paths"]
        fixed_first = sorted(paths, key=lambda one: one.count("{"))
        self._operations = [(_pattern(path), paths[path]) for path in fixed_first]
        self._checks: dict[int, Check] = {}  # by the schema's identity: the document stays

    def check(self, response: httpx.Response) -> None:
        """Raises AssertionError naming every difference."""
        wrong = list(self._wrong(response))
        assert not wrong, (
            f"{response.request.method} {response.request.url.path} {response.status_code}: "
            f"{wrong}\n{response.text[:2000]}"
        )

    def _wrong(self, response: httpx.Response) -> Iterator[str]:
        method = "get" if response.request.method == "HEAD" else response.request.method.lower()
        operation = self._operation(response.request.url.path, method)
        if operation is None:
            if response.status_code not in {404, 405, 413}:
                yield "the operation is not documented"
            return
        documented = operation["responses"].get(str(response.status_code))
        if documented is None:
            yield f"the status is not documented, only {sorted(operation['responses'])}"
            return
        content = documented.get("content", {})
        media_type = response.headers.get("content-type", "").partition(";")[0]
        if not response.content:
            return
        if media_type not in content:
            yield f"the media type {media_type} is not documented, only {sorted(content)}"
        elif media_type == "application/json" or media_type.endswith("+json"):
            differences = self._checked(content[media_type]["schema"])(response.json())
            yield from (f"#{one}" for one in differences)

    def _operation(self, path: str, method: str) -> Mapping[str, Any] | None:
        for pattern, operations in self._operations:
            if method in operations and pattern.fullmatch(path):
                operation: Mapping[str, Any] = operations[method]
                return operation
        return None

    def _checked(self, schema: Mapping[str, Any]) -> Check:
        """The check that this schema is, put together once: an answer goes through hundreds of
        schemas, and reading them again for each one took twice as long.
        """
        if id(schema) not in self._checks:
            self._checks[id(schema)] = _all_of(list(self._parts(schema)))
        return self._checks[id(schema)]

    def _parts(self, schema: Mapping[str, Any]) -> Iterator[Check]:
        if "$ref" in schema:
            yield self._referred(schema["$ref"].removeprefix("#/components/schemas/"))
        if "anyOf" in schema:
            yield _any_of([self._checked(one) for one in schema["anyOf"]], schema["anyOf"])
        if "required" in schema:
            yield _required(schema["required"])
        known: Mapping[str, Any] = schema.get("properties", {})
        if known:
            yield _properties({name: self._checked(one) for name, one in known.items()})
        others = schema.get("additionalProperties", True)
        if others is not True:
            yield _others(known, self._checked(others) if others is not False else None)
        if "items" in schema:
            yield _items(self._checked(schema["items"]))
        if "type" in schema:
            yield _typed(schema["type"])
        for keyword in schema.keys() - _ELSEWHERE:
            yield _keyword(keyword, schema[keyword])

    def _referred(self, name: str) -> Check:
        """The check of a schema by its name, looked up when it is needed: a schema may be part of
        itself.
        """

        def check(value: Any) -> list[str]:
            return self._checked(self._schemas[name])(value)

        return check


@cache
def document() -> Document:
    """The one of `openapi()`."""
    return Document(openapi())


_WITH_SLASHES = ("tile", "service", "environment")


def _pattern(template: str) -> re.Pattern[str]:
    """What matches the addresses of a path with names in braces.

    A tile's goes on behind slashes, for which there is no word.
    """
    whole = re.escape(template)
    for name in _WITH_SLASHES:
        whole = whole.replace(rf"\{{{name}\}}", ".+")
    return re.compile(re.sub(r"\\{[a-z_]+\\}", "[^/]+", whole))


def _is_formatted(value: str, kind: str) -> bool:
    if kind == "date-time":
        return value.endswith("Z") and datetime.fromisoformat(value).tzinfo is not None
    return kind == "uri" and httpx.URL(value).is_absolute_url


_SIZED = (str, list, dict)
_KEYWORDS: Mapping[str, tuple[Any, Callable[[Any, Any], bool]]] = {
    "enum": (object, lambda value, wanted: value in wanted),
    "const": (object, lambda value, wanted: value == wanted),
    "pattern": (str, lambda value, wanted: re.search(wanted, value) is not None),
    "format": (str, _is_formatted),
    "minimum": (int | float, lambda value, wanted: value >= wanted),
    "maximum": (int | float, lambda value, wanted: value <= wanted),
    "minLength": (_SIZED, lambda value, wanted: len(value) >= wanted),
    "maxLength": (_SIZED, lambda value, wanted: len(value) <= wanted),
}
"""To what a keyword applies, and whether a value is as it wants. A keyword that is not here fails
the test."""


def _all_of(parts: list[Check]) -> Check:
    if len(parts) == 1:
        return parts[0]
    return lambda value: [one for part in parts for one in part(value)]


def _any_of(checks: list[Check], wanted: list[Any]) -> Check:
    def check(value: Any) -> list[str]:
        fits = any(not one(value) for one in checks)
        return [] if fits else [f": {value!r} fits none of {wanted}"]

    return check


def _typed(wanted: str | list[str]) -> Check:
    kinds = [wanted] if isinstance(wanted, str) else wanted
    classes = {one for kind in kinds for one in _TYPES[kind]}

    def check(value: Any) -> list[str]:
        # by the class itself: a bool is an int to Python, and no number in JSON
        return [] if type(value) in classes else [f": {value!r} is not type {wanted}"]

    return check


def _required(names: list[str]) -> Check:
    def check(value: Any) -> list[str]:
        if not isinstance(value, dict):
            return []
        return [f": {name} is missing" for name in names if name not in value]

    return check


def _properties(checks: Mapping[str, Check]) -> Check:
    def check(value: Any) -> list[str]:
        if not isinstance(value, dict):
            return []
        return [
            f"/{name}{one}"
            for name, member in value.items()
            if name in checks
            for one in checks[name](member)
        ]

    return check


def _others(known: Mapping[str, Any], wanted: Check | None) -> Check:
    def check(value: Any) -> list[str]:
        if not isinstance(value, dict):
            return []
        others = [name for name in value if name not in known]
        if wanted is None:
            return [f": {name} is not documented" for name in others]
        return [f"/{name}{one}" for name in others for one in wanted(value[name])]

    return check


def _items(wanted: Check) -> Check:
    def check(value: Any) -> list[str]:
        if not isinstance(value, list):
            return []
        return [f"/{k}{one}" for k, item in enumerate(value) for one in wanted(item)]

    return check


def _keyword(keyword: str, wanted: Any) -> Check:
    applies, fits = _KEYWORDS[keyword]

    def check(value: Any) -> list[str]:
        if not isinstance(value, applies) or fits(value, wanted):
            return []
        return [f": {value!r} is not {keyword} {wanted}"]

    return check
