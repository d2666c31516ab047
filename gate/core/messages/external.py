"""Somebody as an identity provider knows them, and what a sign-in there begins with."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser is sent, and what only the same browser can bring back."""

    url: str
    state: str
    nonce: str
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class External:
    """Who has signed in there.

    `email` is one that the provider does not call unverified; `groups` are its own.
    """

    issuer: str
    subject: str
    email: str | None
    groups: tuple[str, ...]
