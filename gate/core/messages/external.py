"""Single sign-on as values: a sign-in that has begun, and the person who came back from it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that has begun: the address for the browser, and the secrets that only the same
    browser can bring back.
    """

    url: str
    state: str
    nonce: str
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class External:
    """A person who has signed in at the identity provider.

    `email` is None if the provider calls it unverified. `groups` are groups of the provider.
    """

    issuer: str
    subject: str
    email: str | None
    groups: tuple[str, ...]
