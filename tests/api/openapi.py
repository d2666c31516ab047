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
            yield from self.differences(content[media_type]["schema"], response.json(), "#")

    def _operation(self, path: str, method: str) -> Mapping[str, Any] | None:
        for pattern, operations in self._operations:
            if method in operations and pattern.fullmatch(path):
                operation: Mapping[str, Any] = operations[method]
                return operation
        return None

    def differences(self, schema: Mapping[str, Any], value: Any, where: str) -> Iterator[str]:
        """Where the value is not as the schema says."""
        if "$ref" in schema:
            yield from self.differences(
                self._schemas[schema["$ref"].removeprefix("#/components/schemas/")], value, where
            )
        if "anyOf" in schema and all(
            list(self.differences(one, value, where)) for one in schema["anyOf"]
        ):
            yield f"{where}: {value!r} fits none of {schema['anyOf']}"
        if isinstance(value, dict):
            for keyword in ("required", "properties", "additionalProperties"):
                if keyword in schema:
                    yield from self._members(keyword, schema, value, where)
        if isinstance(value, list):
            for k, item in enumerate(value):
                yield from self.differences(schema.get("items", {}), item, f"{where}/{k}")
        for keyword in schema.keys() - _ELSEWHERE:
            applies, fits = _KEYWORDS[keyword]
            if isinstance(value, applies) and not fits(value, schema[keyword]):
                yield f"{where}: {value!r} is not {keyword} {schema[keyword]}"

    def _members(
        self, keyword: str, schema: Mapping[str, Any], value: dict[str, Any], where: str
    ) -> Iterator[str]:
        wanted, known = schema[keyword], schema.get("properties", {})
        if keyword == "required":
            yield from (f"{where}: {name} is missing" for name in wanted if name not in value)
        elif keyword == "properties":
            for name in known.keys() & value.keys():
                yield from self.differences(known[name], value[name], f"{where}/{name}")
        else:
            for name in value.keys() - known.keys():
                if wanted is False:
                    yield f"{where}: {name} is not documented"
                elif wanted is not True:
                    yield from self.differences(wanted, value[name], f"{where}/{name}")


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


def _is(value: Any, wanted: str | list[str]) -> bool:
    types = [wanted] if isinstance(wanted, str) else wanted
    return any(
        isinstance(value, _TYPES[kind])
        and not (isinstance(value, bool) and kind in {"integer", "number"})
        for kind in types
    )


def _is_formatted(value: str, kind: str) -> bool:
    if kind == "date-time":
        return value.endswith("Z") and datetime.fromisoformat(value).tzinfo is not None
    return kind == "uri" and httpx.URL(value).is_absolute_url


_SIZED = (str, list, dict)
_KEYWORDS: Mapping[str, tuple[Any, Callable[[Any, Any], bool]]] = {
    "type": (object, _is),
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
