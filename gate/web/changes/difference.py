"""The differences between the decision that somebody was shown and the one in force."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gate.flow.answers.decision import DecisionAnswer

_OF_A_DECISION = ("outcome", "type", "risk", "policy revision", "approvals", "hold")
"""The parts that are compared first, in this order. The facts follow."""


@dataclass(frozen=True)
class Row:
    """One value that differs."""

    what: str
    before: str
    now: str


@dataclass(frozen=True)
class Difference:
    """The differences between two decisions, which are named by their numbers."""

    shown: int
    now: int
    rows: tuple[Row, ...]


def between(decisions: Sequence[DecisionAnswer], shown_digest: str) -> Difference | None:
    """Return the differences row by row, or None if the decision that was shown is not in the list.

    `decisions` are newest first.
    """
    shown = next((one for one in decisions if one.subject_digest == shown_digest), None)
    if shown is None:
        return None
    now = decisions[0]
    before, after = _values(shown), _values(now)
    rows = tuple(
        Row(what, _said(before.get(what)), _said(after.get(what)))
        for what in (*_OF_A_DECISION, *sorted(shown.facts.keys() | now.facts.keys()))
        if before.get(what) != after.get(what)
    )
    return Difference(shown.decision, now.decision, rows)


def _values(decision: DecisionAnswer) -> dict[str, Any]:
    return {
        "outcome": decision.outcome,
        "type": decision.type,
        "risk": f"{decision.risk.band}, {decision.risk.score}",
        "policy revision": decision.policy.revision,
        "approvals": "; ".join(
            f"{entry.count} of {' or '.join(entry.by)}" for entry in decision.required
        ),
        "hold": decision.hold and decision.hold.reason,
        **{name: fact.value for name, fact in decision.facts.items()},
    }


def _said(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)
