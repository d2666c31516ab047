"""What is told to somebody outside: a message with an id that never changes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """One message for one target, such as `github:41` or `slack`; what stands before the colon is
    its kind.

    It may arrive more than once, always under the same `id`: whoever acts on it acts once an id.
    """

    id: str
    target: str
    change_id: str | None
    body: bytes
    attempts: int
    """How often it was tried, this time included."""
