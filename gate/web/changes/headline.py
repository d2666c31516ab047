"""The headline of a change: one plain sentence on what happened to it."""

from typing import NamedTuple

from gate.core.change import Result, State
from gate.core.decision.values import Outcome, Route
from gate.core.durations import after
from gate.flow.answers.change import ChangeAnswer
from gate.flow.answers.story import StoryAnswer


class Headline(NamedTuple):
    """The sentence, and the tone by which it is coloured."""

    text: str
    tone: Outcome


def headline(found: StoryAnswer) -> Headline:
    """Return what happened to the change so far. The reasons of its decision stand under "Why"."""
    change, tone = found.change, Outcome.PENDING
    match change.state:
        case State.PENDING:
            text = _waiting(change)
        case State.APPROVED:
            then = f"held: {change.hold.reason}" if change.hold else "waiting to deploy"
            text, tone = f"{_approved(found)}, {then}.", Outcome.APPROVED
        case State.DEPLOYING:
            text, tone = f"Deploying. {_approved(found)}.", Outcome.APPROVED
        case State.REJECTED:
            text, tone = _rejected(found), Outcome.REJECTED
        case State.EXPIRED:
            # Only a change that was never approved has `expires_at`: an approval removes it.
            unused = "it was approved, and not deployed in time"
            text = f"Expired: {'it was not decided in time' if change.expires_at else unused}."
        case State.CANCELED:
            text = _canceled(found)
        case State.CLOSED:
            return _ended(found)
    return Headline(text, tone)


def _waiting(change: ChangeAnswer) -> str:
    """Return what the change waits for: the end of a hold, approvals, or both.

    A hold comes first, because approvals do not end it.
    """
    needs = " and ".join(
        f"{entry.missing} more of {' or '.join(entry.by)}"
        for entry in change.approvals.required
        if entry.missing
    )
    held = f"Held: {change.hold.reason}." if change.hold else ""
    return " ".join(part for part in (held, f"Needs {needs}." if needs else "") if part) or "Waits."


def _approved(found: StoryAnswer) -> str:
    """Return who or what approved the change.

    Where the gate only observes nobody did, and the sentence must not say so.
    """
    change = found.change
    if change.observed:
        return "Let through: the gate only observes here"
    if change.route is Route.AUTOMATIC:
        because = found.explained[0].because.rstrip(".") if found.explained else ""
        if because:
            return f"Approved automatically: {because}"
        return "Approved automatically"
    names = [one.name or one.person for one in change.approvals.given if not one.lapsed]
    return f"Approved by {' and '.join(names)}" if names else "Approved"


def _rejected(found: StoryAnswer) -> str:
    """Return who rejected the change and why, and whether somebody lifted the rejection.

    If no person rejected it, the sentence gives the policy's reason.
    """
    acts = {event["kind"]: event for event in found.timeline}
    said = acts.get("rejection")
    if found.change.route is Route.AUTOMATIC or said is None:
        because = found.explained[0].because if found.explained else "a requirement does not hold."
        return f"Rejected by the policy: {because}"
    comment = f": {said['comment']}" if said.get("comment") else "."
    lifter = acts.get("override")
    lifted = (
        f" {lifter['by']} lifted the rejection."
        if lifter is not None and lifter.get("window") == "rejection"
        else ""
    )
    return f"Rejected by {said['by']}{comment}{lifted}"


def _canceled(found: StoryAnswer) -> str:
    """Return who canceled the change, or which later deployment made it obsolete."""
    acts = [event for event in found.timeline if event["kind"] == "cancellation"]
    if not acts:
        return "Canceled."
    act = acts[-1]
    if act.get("superseded_by"):
        return f"Canceled: {act['superseded_by']} was deployed here after it was asked for."
    by = f" by {act['by']}" if act["by"] else ""
    return f"Canceled{by}{': ' + act['comment'] if act.get('comment') else '.'}"


def _ended(found: StoryAnswer) -> Headline:
    """Return how the deployment went.

    A change that was reported successful, with issues or without, counts as failed if an incident
    is tied to it.
    """
    change = found.change
    result = change.closed.result if change.closed else None
    took = ""
    if change.closed and change.admitted_at:
        took = f" {after((change.closed.at - change.admitted_at).total_seconds())}"
    broken = ", ".join(f"“{one.title}”" if one.title else one.id for one in found.incidents)
    incidents = f", incident {broken}" if broken else ""
    match result:
        case Result.UNSUCCESSFUL:
            return Headline(f"Failed{took}{incidents}.", Outcome.REJECTED)
        case Result.ROLLED_BACK:
            return Headline(f"Failed: rolled back{took}{incidents}.", Outcome.REJECTED)
        case Result.SUCCESSFUL | Result.SUCCESSFUL_ISSUES if broken:
            return Headline(f"Deployed{took}, and failed{incidents}.", Outcome.REJECTED)
        case Result.SUCCESSFUL:
            return Headline(f"Deployed{took}.", Outcome.APPROVED)
        case _:
            return Headline(f"Deployed{took}, with issues.", Outcome.APPROVED)
