"""The other systems that the gate is connected to: code hosts, hooks, the chat, receivers and the
identity provider. It needs none of them.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol, TypeAlias

from gate.core.messages.host_reports import HostDelivery
from gate.flow.gate import Gate
from gate.flow.notifications.notify import Deliveries
from gate.flow.ports import Hosts, Lenders, Trackers


class Hook(Protocol):
    """Reads the webhooks of one system. Made in `integrations`, handed in by `app.py`."""

    @property
    def headers(self) -> tuple[str, ...]:
        """The names of the headers that it needs, in lower case."""

    def read(self, headers: Mapping[str, str | None], body: bytes) -> HostDelivery:
        """Return a delivery, after its sender was verified.

        Raises `Unauthenticated`, `NotFound`, `BadRequest`, `Invalid`.
        """


Hooks: TypeAlias = Mapping[str, Hook]
"""Hooks by the last part of their address."""

NO_HOOKS: Hooks = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Chore:
    """Work for another system that one replica does at an interval."""

    name: str
    every_seconds: float
    turn: Callable[[Gate], Awaitable[object]]


async def _nothing_open() -> None:
    return


@dataclass(frozen=True, slots=True)
class Connections:
    """All connections. `close` closes what they hold open."""

    hosts: Hosts = field(default_factory=dict)
    lenders: Lenders = field(default_factory=dict)
    trackers: Trackers = field(default_factory=dict)
    deliveries: Deliveries = field(default_factory=dict)
    hooks: Hooks = field(default_factory=dict)
    chores: tuple[Chore, ...] = ()
    close: Callable[[], Awaitable[None]] = _nothing_open


def joined_by(*parts: Connections) -> Connections:
    """Return several connections as one. A chore that several of them need is done once.

    Their names must differ, because a later one would replace an earlier one.
    """

    async def close() -> None:
        for part in parts:
            await part.close()

    return Connections(
        hosts={issuer: host for part in parts for issuer, host in part.hosts.items()},
        lenders={issuer: one for part in parts for issuer, one in part.lenders.items()},
        trackers={name: one for part in parts for name, one in part.trackers.items()},
        deliveries={kind: deliver for part in parts for kind, deliver in part.deliveries.items()},
        hooks={name: hook for part in parts for name, hook in part.hooks.items()},
        chores=tuple(dict.fromkeys(chore for part in parts for chore in part.chores)),
        close=close,
    )
