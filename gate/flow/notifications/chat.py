"""The chat: messages that ask people, with the reasons, and buttons that act as the person who
pressed them.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

import orjson
from sqlalchemy import Connection

from gate.core.catalogue.catalogue import Catalogue
from gate.core.change import State
from gate.core.decision.approvals import named_groups
from gate.core.messages.notice import ASKING, Click, Notice, Occasion, read_click, write_click
from gate.core.messages.outgoing import Message
from gate.errors import GateError, Unauthenticated, Unavailable, Undeliverable
from gate.flow.answers.parts import hold_answer
from gate.flow.answers.reasons import ReasonAnswer, reasons
from gate.flow.caller import ByChat, Person
from gate.flow.changes import review
from gate.flow.changes.known import Known, know
from gate.flow.commands import ReviewCommand
from gate.flow.gate import Gate
from gate.flow.identity.labels import callers_named
from gate.flow.identity.membership import signed_on
from gate.flow.notifications import weekly
from gate.flow.notifications.events import SETTLED
from gate.flow.notifications.notify import Deliver
from gate.flow.ports import Chat
from gate.flow.rulebooks import Rulebooks
from gate.flow.webhooks import inbox
from gate.flow.webhooks.inbox import Handler
from gate.ledger.format import Kind
from gate.storage.database.tx import Subscribers, Subscription, Tx
from gate.storage.identity import people
from gate.storage.messages.inbox import Claimed, InboxDelivery
from gate.storage.messages.outbox import queue_messages

TARGET = "slack"
REPLY = "slack:reply"
REMINDER = "reminder"
"""A kind of message for which the ledger has no entry."""

CLICK = "click"
COMMENT = "in Slack"
REASONS_MAX = 8
MEMBERS_MAX = 20

SUBSCRIPTIONS: Subscribers = MappingProxyType(
    {
        Kind.DECISION.value: (Subscription(TARGET, b'"outcome":"pending"'),),
        Kind.EXPIRY.value: (Subscription(TARGET, b'"state":"pending"'),),
        Kind.REJECTION.value: (Subscription(TARGET),),
        SETTLED: (Subscription(TARGET),),
    }
)
"""The messages for the chat: that people are asked, and how it ended. What the policy settles by
itself needs nobody, so it is left out."""

_OCCASIONS = {
    Kind.DECISION.value: Occasion.ASKED,
    Kind.EXPIRY.value: Occasion.EXPIRED,
    Kind.REJECTION.value: Occasion.REJECTED,
    SETTLED: Occasion.APPROVED,
}


def delivering(gate: Gate, chat: Chat) -> Deliver:
    """Return a function that delivers the messages for the chat."""

    async def deliver(message: Message) -> None:
        if message.target == REPLY:
            reply = orjson.loads(message.body)
            await chat.answer(reply["to"], reply["text"])
            return
        if message.target == weekly.TARGET:
            await chat.send(await weekly.read_pack(gate, message))
            return
        notice = await gate.store.read(
            read_notice, gate.rulebooks, message, gate.clock(), gate.base_url
        )
        if notice is not None:
            await chat.say(notice)

    return deliver


def read_notice(
    conn: Connection, books: Rulebooks, message: Message, now: datetime, base_url: str
) -> Notice | None:
    """Return what the chat shows now, or None if the change was settled meanwhile, because nobody
    should be asked about it any more.
    """
    entry = orjson.loads(message.body)
    known = know(conn, books, message.change_id or "")
    if known is None:
        raise Undeliverable(f"message {message.id} is about no change")
    occasion = _OCCASIONS.get(entry["kind"]) or (
        Occasion.ESCALATED if entry["stage"] > 1 else Occasion.REMINDED
    )
    if occasion not in ASKING:
        return _notice(known, occasion, base_url, by=_label(conn, books, entry.get("by")))
    stands = known.stored.state_at(now) is State.PENDING and entry["number"] == known.record.number
    if stands:
        return _asking(known, occasion, base_url, books.latest.catalogue, now)
    return None


def _label(conn: Connection, books: Rulebooks, by: str | None) -> str:
    if by is None:
        return ""
    return callers_named(conn, books.latest.catalogue, [by])[by]


def _notice(known: Known, occasion: Occasion, base_url: str, by: str = "") -> Notice:
    stored = known.stored
    title = known.texts.get(known.record.asked.title, "")
    page = f"{base_url}/changes/{stored.id}"
    return Notice(
        occasion,
        stored.id,
        stored.service,
        stored.environment,
        title,
        page,
        known.record.subject_digest,
        by=by,
    )


def _asking(
    known: Known, occasion: Occasion, base_url: str, catalogue: Catalogue, now: datetime
) -> Notice:
    plain, decision = _notice(known, occasion, base_url), known.record.decision
    hold = hold_answer(known.life(now).hold, known.texts)
    missing = [
        (entry.by, left)
        for entry, left in zip(decision.required, known.missing, strict=True)
        if left > 0
    ]
    groups = [group for by, _ in missing for group in by]
    if (
        occasion is Occasion.ESCALATED
        and known.policy is not None
        and known.policy.remind is not None
    ):
        owners = catalogue.owners_of(plain.service) or ()
        groups += named_groups(known.policy.remind.escalate_to, owners)
    return replace(
        plain,
        risk=f"{decision.score}, {decision.band.word}",
        reasons=_reasons(known),
        needs=tuple(f"{left} of {' or '.join(by)}" for by, left in missing),
        hold=hold.reason if hold else "",
        members=_members(catalogue, groups, known.people.excluded),
    )


def _reasons(known: Known) -> tuple[str, ...]:
    """Return the reason that decided, then those that count against the change."""
    first, *others = reasons(known.record.decision.findings, known.record.case.facts, known.policy)
    against = [first, *(one for one in others if one.points or one.holds is not True)]
    lines = [_line(one) for one in against[:REASONS_MAX]]
    if len(against) > REASONS_MAX:
        lines.append(f"and {len(against) - REASONS_MAX} more")
    return tuple(lines)


def _line(reason: ReasonAnswer) -> str:
    points = f"{reason.points:+d} " if reason.points else ""
    because = f": {reason.because}" if reason.because else ""
    return f"{points}{reason.title}{because}"


def _members(catalogue: Catalogue, groups: list[str], excluded: tuple[str, ...]) -> tuple[str, ...]:
    """Return the chat ids of those who are asked and may answer, if the catalogue has them."""
    asked = dict.fromkeys(
        person for group in groups for person in catalogue.members(group) if person not in excluded
    )
    found = [catalogue.people[person].slack for person in asked if person in catalogue.people]
    return tuple(member for member in found if member)[:MEMBERS_MAX]


# Buttons that people press


async def take(gate: Gate, click: Click) -> int:
    """Keep a click for the inbox, where it is worked on within seconds.

    Raises `Unauthenticated` for a request that was sent before.
    """
    new = await inbox.receive(
        gate, [InboxDelivery(TARGET, click.id, CLICK, TARGET, write_click(click))]
    )
    if not new:
        raise Unauthenticated(
            "This very request was sent before; whoever repeats it is not the chat."
        )
    return new


async def work(gate: Gate, claimed: Claimed) -> None:
    """Act as the person who pressed the button, by the same rules as everywhere, and send them the
    result.
    """
    click = read_click(claimed.body)
    person = await _person(gate, click.member)
    if person is None:
        text = (
            f"The catalogue knows nobody with `slack: {click.member}`, so this changed nothing. "
            "Add it to your entry in catalog.yaml."
        )
    else:
        text = await _act(gate, click, person)
    await gate.store.write(_reply, click, text)


HANDLERS: Mapping[str, Handler] = MappingProxyType({CLICK: work})


async def _act(gate: Gate, click: Click, person: Person) -> str:
    act = review.approve if click.approves else review.reject
    try:
        change = await act(gate, click.change, ReviewCommand(click.subject_digest, COMMENT), person)
    except Unavailable:
        # The inbox tries it again.
        raise
    except GateError as refused:
        return f"This changed nothing: {refused.detail}."
    left = sum(entry.missing for entry in change.approvals.required)
    if not click.approves:
        return "You rejected the change."
    if left and change.state is State.PENDING:
        return f"You approved the change; {left} more to come."
    return "You approved the change."


async def _person(gate: Gate, member: str) -> Person | None:
    """Return the person who has this chat id in the catalogue, or None; None if disabled, too."""
    catalogue = (await gate.rulebooks.current()).catalogue
    found = next(
        (name for name, person in catalogue.people.items() if person.slack == member), None
    )
    if found is None:
        return None
    return signed_on(catalogue, found, await gate.store.read(people.account_state, found), ByChat())


def _reply(tx: Tx, click: Click, text: str) -> None:
    body = orjson.dumps({"to": click.reply_to, "text": text})
    queue_messages(tx, REPLY, [(click.change, body)])
