"""The post-implementation review of an emergency, or of a change that failed.

Owners who owe an overdue review may get no other change approved by itself, so holding it clears
their way.
"""

from gate.core.decision.admission import Refusal
from gate.flow.answers.change import ChangeAnswer
from gate.flow.caller import Person
from gate.flow.changes import entitlement
from gate.flow.changes.known import (
    keep_excluded,
    know_existing,
    learnt_since,
    shown_change,
    visible_change,
)
from gate.flow.commands import PostReviewCommand
from gate.flow.entries import append_entry
from gate.flow.gate import Gate
from gate.flow.identity.membership import as_of_now
from gate.flow.refusals import Refused
from gate.flow.refuse import refuse
from gate.flow.rulebooks import Rulebooks
from gate.ledger.format import Kind
from gate.storage.changes import post_reviews, reconsider
from gate.storage.changes.post_reviews import Findings
from gate.storage.database.tx import Tx
from gate.storage.texts import insert_texts, new_text


async def hold_review(
    gate: Gate, change_id: str, command: PostReviewCommand, by: Person
) -> ChangeAnswer:
    """Record the review, and return the change.

    It is held by an owner or release manager who neither approved, wrote nor asked for the change.

    Raises `NotAllowed` for anybody else, `Conflict` for a change that needs no review, or has had
    one.
    """
    await visible_change(gate, change_id, by)
    refused = await gate.store.write(_hold, gate.rulebooks, change_id, command, by)
    if refused is not None:
        attempt = Refused(by.caller, "post-review", refused.problem, change_id)
        raise await refuse(gate, attempt, entitlement.error_of(refused))
    return await shown_change(gate, change_id, by)


def _hold(
    tx: Tx, books: Rulebooks, change_id: str, command: PostReviewCommand, by: Person
) -> Refusal | None:
    book = books.in_force(tx)
    known = know_existing(tx.conn, books, change_id, book)
    keep_excluded(tx, known)
    stored = known.stored
    owed = post_reviews.read(tx.conn, stored.id)
    now = as_of_now(tx.conn, by, book.catalogue)
    refused = entitlement.why_not_look_back(known, owed, now, book)
    if refused is not None:
        return refused
    if owed is None:
        # A failed change owes no review, but may have one. It is made due, and is settled below.
        owners = book.catalogue.answering_for(stored.service)
        post_reviews.owe(tx, stored.id, tx.now, owners)
    rows = [new_text(text) for text in (command.findings, command.comment, *command.actions)]
    insert_texts(tx, rows)
    findings, comment, *actions = (row.id for row in rows)
    if not post_reviews.settle(tx, stored.id, by.id, Findings(findings, tuple(actions), comment)):
        # Another server was first, after this transaction had looked.
        return entitlement.REVIEW_HELD
    append_entry(
        tx,
        Kind.POST_REVIEW,
        stored.id,
        by=by.id,
        token=by.token,
        findings=findings,
        actions=actions,
        comment=comment,
        **learnt_since(known),
    )
    reconsider.ask(tx)
    return None
