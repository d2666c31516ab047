"""How often somebody may fail to sign in: counted by account and source together, and by source."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from gate.errors import RateLimited

ACCOUNT_FAILURES_MAX = 10
"""At one account from one source, at once; others who want the same account from elsewhere are not
kept out."""

ACCOUNT_PAUSE_SECONDS = 60
"""After so long one more is allowed."""

SOURCE_FAILURES_MAX = 100
SOURCE_PAUSE_SECONDS = 5
CALLBACK_FAILURES_MAX = 20
CALLBACK_PAUSE_SECONDS = 10
REMEMBERED_MAX = 10_000


class _Buckets:
    """So many failures at once, then one in each pause. A full memory forgets who came first."""

    def __init__(self, failures_max: int, pause_seconds: float) -> None:
        self._allowance = failures_max * pause_seconds
        self._pause = pause_seconds
        self._free_at: OrderedDict[str, float] = OrderedDict()

    def seconds_to_wait(self, key: str, now: float) -> float:
        """0: there is room for one more."""
        return max(0.0, self._free_at.get(key, now) + self._pause - now - self._allowance)

    def add(self, key: str, now: float) -> None:
        """One more."""
        self._free_at[key] = max(now, self._free_at.pop(key, now)) + self._pause
        while len(self._free_at) > REMEMBERED_MAX:
            self._free_at.popitem(last=False)

    def take_back(self, key: str) -> None:
        """It was none after all."""
        if key in self._free_at:
            self._free_at[key] -= self._pause


@dataclass(slots=True)
class Attempts:
    """Of one process. What is counted says nothing about whether the account exists."""

    monotonic: Callable[[], float] = time.monotonic
    _accounts: _Buckets = field(
        default_factory=lambda: _Buckets(ACCOUNT_FAILURES_MAX, ACCOUNT_PAUSE_SECONDS)
    )
    _sources: _Buckets = field(
        default_factory=lambda: _Buckets(SOURCE_FAILURES_MAX, SOURCE_PAUSE_SECONDS)
    )

    def begin(self, account: str, source: str) -> None:
        """Counted as a failure until `succeed`, so that many at once are not more than allowed.

        Raises `RateLimited`.
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
        """It was no failure."""
        self._accounts.take_back(_both(account, source))
        self._sources.take_back(source)


@dataclass(slots=True)
class Callbacks:
    """Of one process.

    How often one source may come back from the identity provider and not be let in.

    Each makes the gate ask the provider, which few may do at the same time; so one source must not
    take all places.
    """

    monotonic: Callable[[], float] = time.monotonic
    _sources: _Buckets = field(
        default_factory=lambda: _Buckets(CALLBACK_FAILURES_MAX, CALLBACK_PAUSE_SECONDS)
    )
    _strays: _Buckets = field(
        default_factory=lambda: _Buckets(SOURCE_FAILURES_MAX, SOURCE_PAUSE_SECONDS)
    )

    def begin(self, source: str) -> None:
        """Counted as a failure until `succeed`. Raises `RateLimited`."""
        self._count(self._sources, source)

    def succeed(self, source: str) -> None:
        """It was no failure."""
        self._sources.take_back(source)

    def stray(self, source: str) -> None:
        """Somebody came back who had not left from here. Raises `RateLimited`.

        Counted apart: any page can make a browser do that, and must keep nobody from signing in who
        did leave from here.
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
