"""Asks GitHub about one repository, with the pass of its installation."""

from collections.abc import Awaitable, Callable, Mapping

from gate.errors import SourceUnavailable
from gate.integrations.code_host.place import NOT_FOUND, HostPlace
from gate.integrations.github import read
from gate.integrations.github.app import Pass
from gate.integrations.http.rest import Refused, Reply, Rest

_UNAUTHORIZED = 401


class Place(HostPlace):
    """One repository, asked with its own pass."""

    def __init__(self, rest: Rest, pass_: Pass, forget: Callable[[], None]) -> None:
        super().__init__(rest, pass_.path, pass_.credential)
        self.full_name = pass_.full_name
        """The name of the repository at GitHub now."""
        self._forget = forget

    async def get(self, path: str, **params: str | int) -> Reply:
        """Return the answer of a GET request. Raises `Refused` for any status but 200."""
        return await self._seen(super().get(path, **params))

    async def post(
        self, path: str, body: Mapping[str, str] | None, wanted: frozenset[int]
    ) -> Reply:
        """Send a POST request once. Raises `Refused` for a status that is not wanted."""
        return await self._seen(super().post(path, body, wanted))

    async def _seen(self, asking: Awaitable[Reply]) -> Reply:
        try:
            return await asking
        except Refused as refused:
            if refused.status == _UNAUTHORIZED:
                # The pass was taken back before its time; the next asking gets another.
                self._forget()
            raise

    async def compare(self, base: str, head: str) -> read.Compared:
        """Return what `head` has that `base` lacks."""
        try:
            return read.compared((await self.get(f"/compare/{base}...{head}")).body)
        except Refused as refused:
            if refused.status == NOT_FOUND:
                raise SourceUnavailable(
                    f"{self.full_name} does not know both {base[:12]} and {head[:12]}"
                ) from None
            raise
