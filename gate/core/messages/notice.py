"""What a chat is told of a change, and what somebody presses there."""

from dataclasses import dataclass
from enum import StrEnum

import orjson


class Occasion(StrEnum):
    """Why the chat is told."""

    ASKED = "asked"
    REMINDED = "reminded"
    ESCALATED = "escalated"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


ASKING = frozenset({Occasion.ASKED, Occasion.REMINDED, Occasion.ESCALATED})
"""Occasions on which somebody is asked to decide."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Texts in it were written by others: whoever shows them shows them as text."""

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
    # Ids in the chat of those who are asked.
    members: tuple[str, ...] = ()
    by: str = ""


@dataclass(frozen=True, slots=True)
class Click:
    """Somebody pressed a button.

    `id` is never the same for two; `reply_to` is where the answer goes.
    """

    id: str
    member: str
    approves: bool
    change: str
    subject_digest: str
    reply_to: str


def write_click(click: Click) -> bytes:
    """As it waits to be worked on."""
    return orjson.dumps(click)


def read_click(content: bytes) -> Click:
    """What `write_click` wrote."""
    return Click(**orjson.loads(content))
