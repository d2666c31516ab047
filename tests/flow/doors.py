"""How tests let people in: by an invitation and a password, as everybody comes in."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from argon2 import PasswordHasher

from gate.errors import Unauthenticated
from gate.flow import passwords
from gate.flow.caller import Role
from gate.flow.commands import InvitationCommand
from gate.flow.gate import Gate
from gate.flow.identity import people
from gate.flow.identity.access import Access
from gate.flow.identity.sessions import Opened

PASSWORD = "correct horse battery staple"  # noqa: S105 - of nobody


@contextmanager
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Parameters that protect nothing, until the end of the test."""
    monkeypatch.setattr(
        passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    )
    passwords._nobodys.cache_clear()  # noqa: SLF001 - made with the other parameters
    yield
    passwords._nobodys.cache_clear()  # noqa: SLF001 - the same


async def link(gate: Gate, email: str, role: Role | None = None) -> str:
    """The secret of a new invitation, made on the host."""
    invited = await gate.store.write(
        people.invite_person, await gate.rulebooks.current(), InvitationCommand(email, role), None
    )
    assert isinstance(invited, people.Invited)
    return invited.secret


async def enter(gate: Gate, email: str = "ada@example.com", role: Role | None = None) -> Opened:
    """Somebody who was invited, and has chosen the password."""
    return await people.accept(gate, await link(gate, email, role), password=PASSWORD)


async def whose(gate: Gate, text: str) -> object:
    """Who a server that has just started takes the bearer of a token for; None for nobody."""
    try:
        return await Access(gate).authenticate(text)
    except Unauthenticated:
        return None
