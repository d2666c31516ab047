"""Calls an endpoint: its signature, which is read once, says what it needs of a request."""

import re
from collections.abc import Callable
from types import CoroutineType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from fastapi import params
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from gate.api.http.body import body_of, read_model
from gate.api.http.faults import faults_of, pointer
from gate.api.http.permits import Permit
from gate.core.facts import TEXT_LENGTH_MAX
from gate.errors import Fault, Invalid, NotFound

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_GUARDED = (401, 403, 429, 503)
_WITH_BODY = (400, 408, 413, 415, 422)


class Call:
    """An endpoint with the arguments that it needs.

    Permissions are checked first, then path and query are read, and the body last, because no work
    is done for a caller who may not ask.
    """

    def __init__(self, endpoint: Callable[..., Any]) -> None:
        self._endpoint = endpoint
        self._dependencies: dict[str, Callable[[Request], Any]] = {}
        self._path: list[str] = []
        self._query: tuple[str, type[BaseModel]] | None = None
        self._body: tuple[str, type[BaseModel]] | None = None
        for name, hint in get_type_hints(endpoint, include_extras=True).items():
            if name != "return":
                self._sort(name, hint)

    @property
    def is_guarded(self) -> bool:
        """Whether the signature has a permission."""
        return any(isinstance(dependency, Permit) for dependency in self._dependencies.values())

    @property
    def problems(self) -> frozenset[int]:
        """The statuses of errors that follow from the signature."""
        statuses = {422, *(_GUARDED if self.is_guarded else ())}
        if self._body is not None:
            statuses.update(_WITH_BODY)
        if self._path:
            statuses.add(404)
        if self._query is not None and "cursor" in self._query[1].model_fields:
            statuses.add(400)
        return frozenset(statuses)

    async def __call__(self, request: Request) -> Response:
        """Return the endpoint's answer to a request."""
        given: dict[str, Any] = {}
        for name, dependency in self._dependencies.items():
            value = dependency(request)
            given[name] = await value if isinstance(value, CoroutineType) else value
        for name in self._path:
            given[name] = _path_text(request.scope["path_params"][name])
        if self._query is not None:
            given[self._query[0]] = _query_of(request, self._query[1])
        elif request.scope["query_string"]:
            _query_of(request, _Nothing)
        if self._body is not None:
            given[self._body[0]] = read_model(await body_of(request), self._body[1])
        response: Response = await self._endpoint(**given)
        return response

    def _sort(self, name: str, hint: Any) -> None:
        kind, *extras = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        extra = extras[0] if extras else None
        if isinstance(extra, params.Depends) and extra.dependency is not None:
            self._dependencies[name] = extra.dependency
        elif isinstance(extra, params.Query):
            self._query = (name, kind)
        elif kind is str:
            self._path.append(name)
        elif kind is Request:
            self._dependencies[name] = _itself
        else:
            self._body = (name, kind)


class _Nothing(BaseModel, extra="forbid"):
    """The query of an endpoint that takes none: every parameter is refused."""


def _itself(request: Request) -> Request:
    return request


def _path_text(text: str) -> str:
    """Return a name of the path. Raises `NotFound` for a text that nothing can be called."""
    if len(text) > TEXT_LENGTH_MAX or _CONTROL.search(text):
        raise NotFound("Nothing here has that name.")
    return text


def _query_of(request: Request, model: type[BaseModel]) -> BaseModel:
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in given:
            raise Invalid(
                f"The parameter {name} is given twice; give it once.",
                faults=[Fault("given twice", pointer([name]))],
            )
        given[name] = value
    try:
        return model.model_validate(given)
    except ValidationError as error:
        faults = faults_of(error, model)
    raise Invalid(
        f"The address has a query that is not understood: {faults[0].where} {faults[0].detail}",
        faults=faults,
    )
