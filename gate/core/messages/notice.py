"""A message about a change in a chat, and a click on one of its buttons, as values."""

from dataclasses import dataclass
from enum import StrEnum

import orjson


class Occasion(StrEnum):
    """Why the chat gets a message."""

    ASKED = "asked"
    REMINDED = "reminded"
    ESCALATED = "escalated"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


ASKING = frozenset({Occasion.ASKED, Occasion.REMINDED, Occasion.ESCALATED})
"""The occasions on which somebody is asked to decide."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One message for the chat.

    Some of its texts come from callers, so they must be shown as plain text.
    """

    occasion: Occasion
    change: str
    service: str
    environment: str
    title: str
    page: str
    subject_digest: str
    risk: str = ""
    reasons: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    hold: str = ""
    # The ids in the chat of the people who are asked.
    members: tuple[str, ...] = ()
    by: str = ""


@dataclass(frozen=True, slots=True)
class Click:
    """A press of a button. `id` is unique for each press, and the answer goes to `reply_to`."""

    id: str
    member: str
    approves: bool
    change: str
    subject_digest: str
    reply_to: str


def write_click(click: Click) -> bytes:
    """Return the click as JSON, which waits in the database to be worked on."""
    return orjson.dumps(click)


def read_click(content: bytes) -> Click:
    """Return the click that `write_click` wrote."""
    return Click(**orjson.loads(content))
