"""A REST interface that is asked for many things in a row by somebody who can wait: where it wants
to be left alone for a while, it is.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from gate.integrations.http.client import OpenClient, open_client
from gate.integrations.http.rest import Credential, Paced, Reply, Rest

PAUSES_MAX = 5
"""The most pauses for one request. A pause is at most an hour, so a host that never answers is
given up."""

Waits: TypeAlias = Callable[[int], None]
"""A function that is called with the number of seconds to wait."""


class PatientRest(Rest):
    """Waits out what the host's rate limit asks for."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        waits: Waits,
        open_client: OpenClient = open_client,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(url, headers, open_client, monotonic, sleep)
        self._waits = waits

    async def get(
        self, path: str, by: Credential, params: Mapping[str, str | int] | None = None
    ) -> Reply:
        """Ask, later where the host wants it so. Raises as `Rest.get`."""
        for _ in range(PAUSES_MAX):
            try:
                return await super().get(path, by, params)
            except Paced as paced:
                self._waits(paced.retry_after_seconds)
                await self._sleep(paced.retry_after_seconds)
        return await super().get(path, by, params)
