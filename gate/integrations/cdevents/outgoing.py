"""Writes decisions as CDEvents: the approval events of the 0.6.0 draft.

Only receivers that are configured for this form get it.
"""

from typing import Any, NamedTuple
from urllib.parse import quote

from gate.core.decision.values import Outcome
from gate.core.instants import rfc3339
from gate.core.messages.outgoing import Event

SPEC_VERSION = "0.6.0-draft"
TYPE_VERSION = "0.1.0"


class _Word(NamedTuple):
    """The draft's word for an event. A closed approval has a status as well."""

    predicate: str
    decision: str = ""
    status: str = ""


_DECIDED = {
    Outcome.PENDING: _Word("created"),
    Outcome.APPROVED: _Word("closed", "approved", "approved"),
    Outcome.REJECTED: _Word("closed", "rejected", "rejected"),
}
_WORDS = {
    "change.approval_given": _Word("updated", "approved"),
    "change.approved": _Word("closed", "approved", "approved"),
    "change.rejected": _Word("closed", "rejected", "rejected"),
    "change.canceled": _Word("closed", "deferred", "cancelled"),
    "change.expired": _Word("closed", "deferred", "expired"),
}


def cdevent(event: Event, source: str) -> dict[str, Any] | None:
    """Return the event in the words of the draft, or None if the draft has no such event."""
    word = _WORDS.get(event.type) if event.outcome is None else _DECIDED[event.outcome]
    if word is None:
        return None
    return {
        "context": {
            "specversion": SPEC_VERSION,
            "id": event.id,
            "source": source,
            "type": f"dev.cdevents.approval.{word.predicate}.{TYPE_VERSION}",
            "timestamp": rfc3339(event.at),
        },
        "subject": {"id": event.change, "source": source, "content": _content(event, word)},
    }


def _content(event: Event, word: _Word) -> dict[str, str]:
    place = {"approvalDetailsUrl": event.page, "resourceTargetUrl": event.place}
    if word.predicate == "created":
        return {**place, "requestor": f"urn:gate:service:{_quoted(event.service)}"}
    content = {**place, "responder": _responder(event), "decision": word.decision}
    return {**content, "status": word.status} if word.status else content


def _responder(event: Event) -> str:
    """Return who responded: a person by the opaque id of the catalogue, a policy by its name, or
    else the gate.
    """
    if event.outcome is not None:
        return f"urn:gate:policy:{_quoted(event.policy)}" if event.policy else "urn:gate:policy"
    return f"urn:gate:person:{_quoted(event.by)}" if event.by else "urn:gate:review"


def _quoted(text: str) -> str:
    return quote(text, safe="")
