"""Limits failed sign-ins: by account and source together, and by source alone."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from gate.errors import RateLimited

ACCOUNT_FAILURES_MAX = 10
"""The most failures of one source at one account before it has to pause. The owner of the account
has another source, and is not locked out."""

ACCOUNT_PAUSE_SECONDS = 60
"""The number of seconds after which one more failure is allowed."""

SOURCE_FAILURES_MAX = 100
SOURCE_PAUSE_SECONDS = 5
CALLBACK_FAILURES_MAX = 20
CALLBACK_PAUSE_SECONDS = 10
REMEMBERED_MAX = 10_000


class _Buckets:
    """A limit that allows a number of failures at once, then one in each pause. If it is full, it
    forgets the oldest.
    """

    def __init__(self, failures_max: int, pause_seconds: float) -> None:
        self._allowance = failures_max * pause_seconds
        self._pause = pause_seconds
        self._free_at: OrderedDict[str, float] = OrderedDict()

    def seconds_to_wait(self, key: str, now: float) -> float:
        """Return how long to wait before one more is allowed; 0 if it is allowed now."""
        return max(0.0, self._free_at.get(key, now) + self._pause - now - self._allowance)

    def add(self, key: str, now: float) -> None:
        """Count one failure."""
        self._free_at[key] = max(now, self._free_at.pop(key, now)) + self._pause
        while len(self._free_at) > REMEMBERED_MAX:
            self._free_at.popitem(last=False)

    def take_back(self, key: str) -> None:
        """Take back one failure that was counted."""
        if key in self._free_at:
            self._free_at[key] -= self._pause


@dataclass(slots=True)
class Attempts:
    """The failed sign-ins in this process.

    They are counted for any address, so that nobody learns from a limit which accounts exist.
    """

    monotonic: Callable[[], float] = time.monotonic
    _accounts: _Buckets = field(
        default_factory=lambda: _Buckets(ACCOUNT_FAILURES_MAX, ACCOUNT_PAUSE_SECONDS)
    )
    _sources: _Buckets = field(
        default_factory=lambda: _Buckets(SOURCE_FAILURES_MAX, SOURCE_PAUSE_SECONDS)
    )

    def begin(self, account: str, source: str) -> None:
        """Count an attempt as a failure until `succeed`. Raises `RateLimited`.

        If it were counted at its end, many attempts at the same time would get past the limit.
        """
        now, both = self.monotonic(), _both(account, source)
        wait = max(
            self._accounts.seconds_to_wait(both, now), self._sources.seconds_to_wait(source, now)
        )
        if wait > 0:
            raise RateLimited(
                f"Too many failed attempts from here; wait {int(wait) + 1} s and try again."
            )
        self._accounts.add(both, now)
        self._sources.add(source, now)

    def succeed(self, account: str, source: str) -> None:
        """Take back the failure that `begin` counted."""
        self._accounts.take_back(_both(account, source))
        self._sources.take_back(source)


@dataclass(slots=True)
class Callbacks:
    """Limits how often one source may come back from the identity provider and not be let in.

    Each time the gate asks the provider, which only a few may do at once, so one source must not
    take all places. Counted in this process.
    """

    monotonic: Callable[[], float] = time.monotonic
    _sources: _Buckets = field(
        default_factory=lambda: _Buckets(CALLBACK_FAILURES_MAX, CALLBACK_PAUSE_SECONDS)
    )
    _strays: _Buckets = field(
        default_factory=lambda: _Buckets(SOURCE_FAILURES_MAX, SOURCE_PAUSE_SECONDS)
    )

    def begin(self, source: str) -> None:
        """Count a failure until `succeed`. Raises `RateLimited`."""
        self._count(self._sources, source)

    def succeed(self, source: str) -> None:
        """Take back the failure that `begin` counted."""
        self._sources.take_back(source)

    def stray(self, source: str) -> None:
        """Count somebody who came back without having left from here. Raises `RateLimited`.

        It is counted apart. Any foreign page can make a browser do that, and must not be able to
        keep its person from signing in.
        """
        self._count(self._strays, source)

    def _count(self, buckets: _Buckets, source: str) -> None:
        now = self.monotonic()
        wait = buckets.seconds_to_wait(source, now)
        if wait > 0:
            raise RateLimited(
                f"Too many failed sign-ins from here; wait {int(wait) + 1} s and start again."
            )
        buckets.add(source, now)


def _both(account: str, source: str) -> str:
    return f"{source}\n{account}"
