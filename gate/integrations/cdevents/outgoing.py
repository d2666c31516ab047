"""Decisions as CDEvents: the approval events of the 0.6.0 draft.

A receiver asks for this form; nobody else gets it.
"""

from typing import Any, NamedTuple
from urllib.parse import quote

from gate.core.instants import rfc3339
from gate.core.messages.outgoing import Event

SPEC_VERSION = "0.6.0-draft"
TYPE_VERSION = "0.1.0"


class _Word(NamedTuple):
    """What the draft calls it. A closed approval has a status as well."""

    predicate: str
    decision: str = ""
    status: str = ""


_DECIDED = {
    "pending": _Word("created"),
    "approved": _Word("closed", "approved", "approved"),
    "rejected": _Word("closed", "rejected", "rejected"),
}
_WORDS = {
    "change.approval_given": _Word("updated", "approved"),
    "change.approved": _Word("closed", "approved", "approved"),
    "change.rejected": _Word("closed", "rejected", "rejected"),
    "change.canceled": _Word("closed", "deferred", "cancelled"),
    "change.expired": _Word("closed", "deferred", "expired"),
}


def cdevent(event: Event, source: str) -> dict[str, Any] | None:
    """The event in the draft's words; None for what it has none for."""
    decision = event.data.get("decision")
    word = (
        _DECIDED.get(str(decision["outcome"]))
        if event.type == "change.decided" and decision
        else _WORDS.get(event.type)
    )
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
    change = event.data["change"]
    place = {
        "approvalDetailsUrl": change["links"]["page"],
        "resourceTargetUrl": change["links"]["place"],
    }
    if word.predicate == "created":
        return {**place, "requestor": f"urn:gate:service:{_quoted(change['service'])}"}
    content = {**place, "responder": _responder(event), "decision": word.decision}
    return {**content, "status": word.status} if word.status else content


def _responder(event: Event) -> str:
    """A person by the opaque id that the catalogue gives; a policy by its name; else the gate."""
    if event.type == "change.decided":
        policy = event.data["decision"]["policy"]["name"]
        if policy:
            return f"urn:gate:policy:{_quoted(policy)}"
        return "urn:gate:policy"
    by = event.data.get("by")
    return f"urn:gate:person:{_quoted(by)}" if by else "urn:gate:review"


def _quoted(text: object) -> str:
    return quote(str(text), safe="")
