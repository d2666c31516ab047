"""Asks GitHub about one repository, with the pass of its installation."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from gate.errors import SourceUnavailable
from gate.integrations.github import read
from gate.integrations.github.app import Pass
from gate.integrations.http import shapes
from gate.integrations.http.rest import Refused, Reply, Rest

PER_PAGE = 100


PAGES_MAX = 5


_UNAUTHORIZED = 401


_NOT_FOUND = 404


class Place:
    """One repository, asked with its own pass."""

    def __init__(self, rest: Rest, pass_: Pass, forget: Callable[[], None]) -> None:
        self._rest = rest
        self._pass = pass_
        self._forget = forget

    @property
    def full_name(self) -> str:
        """The name of the repository at GitHub now."""
        return self._pass.full_name

    async def get(self, path: str, **params: str | int) -> Reply:
        """Return the answer of a GET request. Raises `Refused` for any status but 200."""
        return await self._seen(
            self._rest.get(self._pass.path + path, self._pass.credential, params or None)
        )

    async def get_if_there(self, path: str, **params: str | int) -> Any:
        """Return the body, or None if GitHub does not have it."""
        try:
            return (await self.get(path, **params)).body
        except Refused as refused:
            if refused.status == _NOT_FOUND:
                return None
            raise

    async def post(self, path: str, body: Mapping[str, str], wanted: frozenset[int]) -> Reply:
        """Send a POST request once. Raises `Refused` for a status that is not wanted."""
        return await self._seen(
            self._rest.post(self._pass.path + path, self._pass.credential, body, wanted)
        )

    async def _seen(self, asking: Awaitable[Reply]) -> Reply:
        try:
            return await asking
        except Refused as refused:
            if (
                refused.status == _UNAUTHORIZED
            ):  # taken back before its time; the next asking gets another
                self._forget()
            raise

    async def every(self, path: str, *key: str, **params: str | int) -> list[Any]:
        """Return all items of a list.

        Raises `SourceUnavailable` if there are more pages than are read, because a part of a list
        proves nothing.
        """
        found: list[Any] = []
        for page in range(1, PAGES_MAX + 1):
            reply = await self.get(
                path, **params, per_page=PER_PAGE, **({"page": page} if page > 1 else {})
            )
            found += shapes.items(reply.body, *key) if key else shapes.items([reply.body], 0)
            if not reply.has_next:
                return found
        raise SourceUnavailable(
            f"{path} has more than {PAGES_MAX * PER_PAGE} entries, which are not all read"
        )

    async def every_if_there(self, path: str) -> list[Any]:
        """Return all items of a list, or none if there is no such list."""
        try:
            return await self.every(path)
        except Refused as refused:
            if refused.status == _NOT_FOUND:
                return []
            raise

    async def compare(self, base: str, head: str) -> read.Compared:
        """Return what `head` has that `base` lacks."""
        try:
            return read.compared((await self.get(f"/compare/{base}...{head}")).body)
        except Refused as refused:
            if refused.status == _NOT_FOUND:
                raise SourceUnavailable(
                    f"{self._pass.full_name} does not know both {base[:12]} and {head[:12]}"
                ) from None
            raise
