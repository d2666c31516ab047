"""Limits on the requests of a caller: how many each second, and how many at once."""

import time
from collections.abc import Callable

from gate.errors import RateLimited

CALLERS_MAX = 10_000

_ROUNDING = 1e-6


class Rates:
    """The buckets of all callers, in memory.

    Requests are counted after their caller is authenticated, so nobody can fill the memory with
    invented names.
    """

    def __init__(self, per_second: int, now: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._now = now
        # When the bucket of each caller is full again; a time in the past is the same as no entry.
        self._free_at: dict[str, float] = {}

    def take(self, caller: str) -> None:
        """Count one request. Raises `RateLimited`."""
        if not self._per_second:
            return
        now = self._now()
        free_at = max(now, self._free_at.get(caller, now)) + 1 / self._per_second
        if free_at - now > 1 + _ROUNDING:
            raise RateLimited(
                f"More than {self._per_second} requests a second from this caller; wait a "
                "second and send it again."
            )
        if caller not in self._free_at and len(self._free_at) >= CALLERS_MAX:
            self._forget_idle(now)
        self._free_at[caller] = free_at

    def _forget_idle(self, now: float) -> None:
        self._free_at = {caller: at for caller, at in self._free_at.items() if at > now}
        if len(self._free_at) >= CALLERS_MAX:
            del self._free_at[next(iter(self._free_at))]
