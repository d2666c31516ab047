"""One change as a row of the queue: what it is, what happens when, and one plain reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gate.core.change import State
from gate.core.decision.values import BandWord, FindingKind, Route
from gate.flow.answers.queue import QueueItem
from gate.flow.answers.reasons import ExplainedReason
from gate.web.words import roughly

BATCH_BANDS = frozenset({"low", "moderate"})
"""The bands of changes that may be decided together. Riskier ones are decided alone."""

DOTS_MAX = 6
REVIEW = "review"
"""The rule of the reason that no standard change approves."""


@dataclass(frozen=True)
class Row:
    """The texts and numbers of a row that are not fields of its change."""

    change: QueueItem
    why: str
    then: str
    dots: str
    given: int
    needed: int
    who: str
    may_batch: bool


def row_of(change: QueueItem, now: datetime) -> Row:
    """Return the row of a change."""
    needed = sum(entry.count for entry in change.approvals.required)
    missing = sum(entry.missing for entry in change.approvals.required)
    given = needed - missing
    return Row(
        change=change,
        why=_why(change),
        then=_then(change, now),
        dots="●" * given + "○" * missing if needed <= DOTS_MAX else "",
        given=given,
        needed=needed,
        who=_who(change),
        may_batch=change.needs_me and may_batch(change.risk.band, is_emergency(change)),
    )


def may_batch(band: BandWord, emergency: bool) -> bool:  # noqa: FBT001 - one of two things that forbid it
    """Return whether a change of this kind may be decided together with others."""
    return band in BATCH_BANDS and not emergency


def is_emergency(change: QueueItem) -> bool:
    """Return whether the change was submitted as an emergency."""
    return bool(change.emergency_reason)


def _why(change: QueueItem) -> str:
    """Return the one reason that a reader needs first."""
    if change.state is State.EXPIRED:
        # Only a change that was never approved has `expires_at`: an approval removes it.
        return "Not decided in time" if change.expires_at else "Approved, not deployed in time"
    if change.state is not State.PENDING and change.said:
        return change.said
    if change.state is State.CANCELED:
        # The reasons against the change did not end it, so they are not the reason to show.
        return "No reason was given"
    return _why_not_yet(change)


def _why_not_yet(change: QueueItem) -> str:
    """Return the strongest reason against the change."""
    if change.emergency_reason:
        return change.emergency_reason
    if change.hold is not None:
        return f"Held: {change.hold.reason}"
    known = [one for one in change.against if one.holds is not None]
    if known:
        return plain(known)
    if change.unknown:
        return f"Not proved: {change.unknown[0][:1].lower()}{change.unknown[0][1:]}"
    return change.because


def plain(reasons: Sequence[ExplainedReason]) -> str:
    """Return the strongest of these reasons, without the limit that made it count and the points.

    A requirement that is not met comes before all points: a failed check says more than the size.
    That no standard change approves it is said only if nothing else is, because the row shows the
    risk.
    """
    unmet = [one for one in reasons if one.kind is FindingKind.REQUIREMENT]
    scored = [one for one in reasons if one.kind is FindingKind.RULE]
    if unmet:
        strongest = unmet[0]
    elif scored:
        strongest = max(scored, key=lambda one: one.points)
    else:
        strongest = min(reasons, key=lambda one: one.rule == REVIEW)
    return strongest.because.partition(";")[0].partition(", which gives ")[0]


def _who(change: QueueItem) -> str:
    """Return who decided: one person and the number of others, or the policy."""
    if change.state is State.EXPIRED and change.expires_at:
        return "nobody"
    if not change.decided_by:
        return "observed" if change.route is Route.OBSERVED else "the policy"
    first, *others = change.decided_by
    return f"{first} and {len(others)} more" if others else first


def _then(change: QueueItem, now: datetime) -> str:
    """Return what will happen and when if nobody acts."""
    if change.state is State.PENDING and change.hold is None and change.expires_at is not None:
        return f"expires in {_until(change.expires_at, now)}"
    if change.hold is not None and change.hold.until is not None:
        return f"held {_until(change.hold.until, now)} more"
    if change.hold is not None:
        return "the line is stopped"
    if change.state is State.APPROVED and change.valid_until is not None:
        return f"good for {_until(change.valid_until, now)}"
    return ""


def _until(at: datetime, now: datetime) -> str:
    return roughly((at - now).total_seconds())
