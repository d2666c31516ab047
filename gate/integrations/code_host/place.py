"""One repository of a code host, asked over its interface; each host adds what only it has."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from gate.errors import SourceUnavailable
from gate.integrations.http import shapes
from gate.integrations.http.rest import Credential, Refused, Reply, Rest

PER_PAGE = 100
PAGES_MAX = 5
"""The most pages of a list that proves something. If it has more, nothing is proved."""

PAST_PAGES_MAX = 100
"""The most pages of a list of past events, which are ten thousand entries."""

NOT_FOUND = 404


class HostPlace:
    """One repository, at its path in the interface and with the credential for it."""

    def __init__(self, rest: Rest, path: str, credential: Credential) -> None:
        self._rest = rest
        self._path = path
        self._credential = credential

    async def get(self, path: str, **params: str | int) -> Reply:
        """Return the answer of a GET request. Raises `Refused` for any status but 200."""
        return await self._rest.get(self._path + path, self._credential, params or None)

    async def get_if_there(self, path: str, **params: str | int) -> Any:
        """Return the body, or None if the host does not have it, such as in its edition."""
        try:
            return (await self.get(path, **params)).body
        except Refused as refused:
            if refused.status == NOT_FOUND:
                return None
            raise

    async def post(
        self, path: str, body: Mapping[str, str] | None, wanted: frozenset[int]
    ) -> Reply:
        """Send a POST request once. Raises `Refused` for a status that is not wanted."""
        return await self._rest.post(self._path + path, self._credential, body, wanted)

    async def every(self, path: str, *key: str, **params: str | int) -> list[Any]:
        """Return all items of a list, which is the body, or stands in it under `key`.

        Raises `SourceUnavailable` if there are more pages than are read, because a part of a list
        proves nothing.
        """
        found: list[Any] = []
        for page in range(1, PAGES_MAX + 1):
            reply = await self.get(
                path, **params, per_page=PER_PAGE, **({"page": page} if page > 1 else {})
            )
            found += shapes.items(reply.body, *key) if key else shapes.items([reply.body], 0)
            if not _has_next(reply):
                return found
        raise SourceUnavailable(
            f"{path} has more than {PAGES_MAX * PER_PAGE} entries, which are not all read"
        )

    async def every_if_there(self, path: str) -> list[Any]:
        """Return all items of a list, or none if there is no such list."""
        try:
            return await self.every(path)
        except Refused as refused:
            if refused.status == NOT_FOUND:
                return []
            raise

    async def pages(self, path: str, **params: str) -> AsyncIterator[Sequence[Any]]:
        """Yield every page of a list of past events.

        The next page is requested by its number, never at an address that an answer names, because
        that could be anybody's.
        """
        for page in range(1, PAST_PAGES_MAX + 1):
            reply = await self.get(path, **params, per_page=PER_PAGE, page=page)
            yield shapes.items([reply.body], 0)
            if not _has_next(reply):
                return


def _has_next(reply: Reply) -> bool:
    # GitLab may leave out the links and name the next page in a header of its own.
    return reply.has_next or bool(reply.headers.get("x-next-page"))
