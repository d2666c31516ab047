"""The summary of an outcome as short plain lines, which every format shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gate.client.show.outcome import DENIED, Outcome
from gate.client.show.text import clock, counted, visible

REASONS_MAX = 400


class Summary(NamedTuple):
    """The lines of a summary. Each is safe to print: one line, without hidden characters."""

    headline: str
    details: list[str]
    reasons: list[str]
    next_steps: list[str]


def summary(outcome: Outcome) -> Summary:
    """Return what was decided, why, and what to do next."""
    change = outcome.change or {}
    return Summary(
        _headline(outcome, change),
        _details(outcome, change),
        _reasons(change),
        _next_steps(outcome, change),
    )


def _headline(outcome: Outcome, change: Mapping[str, Any]) -> str:
    word = "APPROVED and admitted" if outcome.admitted else outcome.decision.upper()
    if not change:
        return word
    commit = visible(change.get("commit", ""))[:12]
    # An evaluation has no id.
    identity = f", {visible(change['id'])}" if change.get("id") else ""
    return (
        f"{word}  {visible(change.get('service'))} to {visible(change.get('environment'))}, "
        f"commit {commit}{identity}"
    )


def _details(outcome: Outcome, change: Mapping[str, Any]) -> list[str]:
    details = [visible(outcome.message)] if outcome.message else []
    if not change:
        return details
    risk, policy = _part(change, "risk"), _part(change, "policy")
    standard = change.get("standard_change")
    route = f"{visible(change.get('type'))} change, {visible(change.get('route'))}" + (
        f", {visible(standard)}" if standard else ""
    )
    score = f"risk {visible(risk.get('score'))} ({visible(risk.get('band'))})"
    details.append(f"{route}, {score}, policy {visible(policy.get('name') or 'none')}")
    observed = _part(change, "observed")
    if observed:
        details.append(_observed(observed))
    hold = _part(change, "hold")
    if hold:
        until = f"until {clock(hold['until'])}" if hold.get("until") else "until a person lifts it"
        details.append(f"held: {visible(hold.get('reason'))}, {until}")
    return details


def _observed(observed: Mapping[str, Any]) -> str:
    """Return what an observing gate would have decided. It held nobody up, and it
    approved nothing.
    """
    word = visible(observed.get("outcome"))
    needed = _entries(observed, "required")
    people = [
        f"{counted(entry['count'], 'approval')} by {' or '.join(map(visible, entry['by']))}"
        for entry in needed
        if _names(entry)
    ]
    asks = f", waiting for {' and '.join(people)}" if people else ""
    held = ", held by a freeze" if _part(observed, "hold") else ""
    return f"the gate only observes here; if it enforced, this would be {word}{held}{asks}"


def _names(entry: Mapping[str, Any]) -> bool:
    return isinstance(entry.get("count"), int) and isinstance(entry.get("by"), list)


def _reasons(change: Mapping[str, Any]) -> list[str]:
    """Return the reasons in the gate's order. The one that decided comes first."""
    found = _entries(change, "reasons")
    lines = [f"{_mark(reason):>5}  {_sentence(reason)}" for reason in found[:REASONS_MAX]]
    if len(found) <= REASONS_MAX:
        return lines
    return [*lines, f"       and {counted(len(found) - REASONS_MAX, 'reason')} more"]


def _mark(reason: Mapping[str, Any]) -> str:
    """Return the points of a reason, or without points whether it holds."""
    points, holds = reason.get("points"), reason.get("holds")
    if isinstance(points, int) and points and holds is not False:
        return f"{points:+d}"
    return "?" if holds is None else "yes" if holds is True else "no"


def _sentence(reason: Mapping[str, Any]) -> str:
    title, because = visible(reason.get("title") or ""), visible(reason.get("because") or "")
    return f"{title}: {because}" if title and because else title or because


_AFTERWARDS = {
    "approved": "right before the deployment run gate check again without --no-admit",
    "pending": "gate check --wait 30m waits for the answer; a later run of the same commit joins "
    "this change",
    "unreviewed": "afterwards say how it went: gate close --unreviewed gate-unreviewed.json "
    "--result successful",
    "expired": "run the pipeline again to ask again",
    "canceled": "run the pipeline again to ask again",
}


def _next_steps(outcome: Outcome, change: Mapping[str, Any]) -> list[str]:
    page = page_of(change)
    see = [f"see {page}"] if page else []
    if outcome.admitted:
        return ["deploy now", "afterwards say how it went: gate close --result successful", *see]
    if outcome.code == DENIED:
        return ["check the token, and whether it is bound to this service"]
    steps = _missing(change) if outcome.decision == "pending" else []
    # This is an evaluation, after which there is nothing to do.
    if change and "id" not in change:
        return steps
    steps += see
    if outcome.decision in _AFTERWARDS:
        steps.append(_AFTERWARDS[outcome.decision])
    return steps


def page_of(change: Mapping[str, Any]) -> str:
    """Return the address of the change's page, or an empty text for an evaluation, which has no
    page.
    """
    links = _part(change, "links")
    link = links.get("page") or links.get("self")
    return visible(link) if link else ""


def _missing(change: Mapping[str, Any]) -> list[str]:
    lines = []
    for entry in _entries(_part(change, "approvals"), "required"):
        missing, by = entry.get("missing"), entry.get("by")
        if isinstance(missing, int) and missing > 0 and isinstance(by, list):
            lines.append(
                f"needs {counted(missing, 'approval')} by "
                f"{' or '.join(visible(group) for group in by)}"
            )
    return lines


def _entries(part: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    entries = part.get(name)
    if isinstance(entries, list):
        return [entry for entry in entries if isinstance(entry, dict)]
    return []


def _part(change: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = change.get(name)
    return part if isinstance(part, dict) else {}
