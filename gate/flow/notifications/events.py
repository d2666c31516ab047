"""Makes the event of an outbox message from what never changes, when the message is sent."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Protocol
from urllib.parse import quote

import orjson
from sqlalchemy import Connection

from gate.core.decision import record as records
from gate.core.instants import to_us
from gate.core.messages.outgoing import Event, Message
from gate.errors import Undeliverable
from gate.flow.answers.change import reasons_of
from gate.flow.answers.parts import (
    RiskAnswer,
    hold_answer,
    observed_answer,
    policy_answer,
    run_answer,
)
from gate.flow.answers.reasons import short_reason
from gate.flow.gate import Gate
from gate.flow.notifications.event_data import (
    DecidedEvent,
    EventChange,
    EventDecision,
    EventLinks,
)
from gate.flow.notifications.notify import Deliver
from gate.flow.rulebooks import Rulebooks
from gate.ledger.format import Kind
from gate.storage import texts
from gate.storage.changes import changes, decisions
from gate.storage.database.rows import EntryRow
from gate.storage.database.tx import Tx
from gate.storage.messages.outbox import announce
from gate.storage.tables.stored_change import StoredChange

SETTLED = "approved"
"""A kind of message for which the ledger has no entry: the last missing approval was given."""

TYPES: Mapping[str, str] = MappingProxyType(
    {
        Kind.DECISION.value: "change.decided",
        Kind.APPROVAL.value: "change.approval_given",
        Kind.LAPSE.value: "change.approval_lapsed",
        SETTLED: "change.approved",
        Kind.REJECTION.value: "change.rejected",
        Kind.OVERRIDE.value: "change.overridden",
        Kind.ADMISSION.value: "change.admitted",
        Kind.CLOSURE.value: "change.closed",
        Kind.CANCELLATION.value: "change.canceled",
        Kind.EXPIRY.value: "change.expired",
        Kind.POST_REVIEW.value: "change.reviewed",
        Kind.LINK.value: "change.linked",
    }
)
"""The type of the event that receivers get, by kind of entry."""

_FIELDS = (
    "by",
    "number",
    "subject_digest",
    "window",
    "run",
    "expires_at",
    "result",
    "matched",
    "rolled_back_by",
    "superseded_by",
    "state",
    "incident",
    "link",
    "method",
    "action",
)
"""The fields of an entry that receivers get. A decision has an event of its own form."""


class Send(Protocol):
    """Sends an event to one receiver."""

    async def __call__(self, target: str, event: Event) -> None:
        """Send an event to a target, with the errors of `Deliver`."""


def delivering(gate: Gate, send: Send) -> Deliver:
    """Return a function that delivers a message: it reads its event and sends it."""

    async def deliver(message: Message) -> None:
        event = await gate.store.read(read_event, gate.rulebooks, message, gate.base_url)
        if event is None:
            raise Undeliverable(f"message {message.id} is about no change")
        await send(message.target, event)

    return deliver


def read_event(conn: Connection, books: Rulebooks, message: Message, base_url: str) -> Event | None:
    """Return the event of an entry, or None if receivers get none of it."""
    entry = orjson.loads(message.body)
    stored = changes.read(conn, message.change_id) if message.change_id else None
    if stored is None or entry["kind"] not in TYPES:
        return None
    change = change_of(stored, base_url)
    data: object = {"change": change, **{name: entry[name] for name in _FIELDS if name in entry}}
    outcome = policy = None
    if entry["kind"] == Kind.DECISION.value:
        decision = _decision(conn, books, stored.id, entry["number"])
        outcome, policy = decision.outcome, decision.policy.name
        title = texts.read_texts(conn, [stored.asked.title]).get(stored.asked.title, "")
        data = DecidedEvent(change, decision, title, entry["subject_digest"])
    return Event(
        id=message.id,
        type=TYPES[entry["kind"]],
        at=datetime.fromisoformat(entry["at"]),
        change=stored.id,
        service=stored.service,
        page=change.links.page,
        place=change.links.place,
        data=data,
        outcome=outcome,
        policy=policy,
        by=entry.get("by"),
    )


def change_of(stored: StoredChange, base_url: str) -> EventChange:
    """Return the part of a change that never changes.

    An event may be sent again days later under its id, and must then say the same.
    """
    asked = stored.asked
    service, environment = _quoted(stored.service), _quoted(stored.environment)
    return EventChange(
        id=stored.id,
        service=stored.service,
        environment=stored.environment,
        repository=asked.repository,
        commit=stored.commit_sha,
        ref=asked.ref,
        artifacts=asked.artifacts,
        run=run_answer(asked.run),
        submitted_at=stored.submitted_at,
        links=EventLinks(
            self=f"{base_url}/v1/changes/{stored.id}",
            page=f"{base_url}/changes/{stored.id}",
            place=f"{base_url}/v1/services/{service}/environments/{environment}",
        ),
    )


def _decision(conn: Connection, books: Rulebooks, change: str, number: int) -> EventDecision:
    record = records.read(decisions.record(conn, change, number))
    decision = record.decision
    held = texts.read_texts(conn, decision.hold_reasons)
    return EventDecision(
        number=record.number,
        outcome=decision.outcome,
        type=decision.type,
        route=decision.route,
        risk=RiskAnswer(decision.score, decision.band.word),
        policy=policy_answer(record),
        standard_change=decision.standard_change,
        reasons=tuple(map(short_reason, reasons_of(record, books.policy_of(conn, record), held))),
        required=decision.required,
        hold=hold_answer(decision.hold, held),
        observed=observed_answer(decision.observed, held),
    )


def settled(tx: Tx, change: str, number: int, subject_digest: str) -> None:
    """Announce that the last missing approval was given.

    The ledger has an entry of each approval, but none of this, so a message is made here.
    """
    body = orjson.dumps(
        {
            "kind": SETTLED,
            "at": tx.now.isoformat(),
            "change": change,
            "number": number,
            "subject_digest": subject_digest,
        }
    )
    announce(tx, [EntryRow(to_us(tx.now), SETTLED, change, body)])


def _quoted(text: str) -> str:
    return quote(text, safe="")
