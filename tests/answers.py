"""Answers that are whole as they are, each with one thing different, for tests of what reads them."""

from datetime import UTC, datetime
from typing import Any

from gate.core.change import State
from gate.core.decision.values import ChangeType, Outcome, Route
from gate.core.facts import Origin
from gate.flow.answers.change import ApprovalsAnswer, ChangeAnswer, DecisionNumber
from gate.flow.answers.decision import DecisionAnswer, LogRowAnswer
from gate.flow.answers.parts import PolicyAnswer, RequiredAnswer, RiskAnswer, RunAnswer
from gate.flow.answers.reasons import FactAnswer

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)
_JUDGED: dict[str, Any] = {
    "type": ChangeType.NORMAL,
    "route": Route.REVIEW,
    "outcome": Outcome.PENDING,
    "service": "web",
    "environment": "production",
    "repository": None,
    "commit": "c" * 40,
    "base": None,
    "artifacts": (),
    "requested_by": None,
    "authors": (),
    "title": "",
    "risk": RiskAnswer(6, "low"),
    "reasons": (),
    "policy": PolicyAnswer("production", "r"),
    "standard_change": None,
    "observed": None,
    "hold": None,
}


def fact(value: Any) -> FactAnswer:
    """A fact that the pipeline claimed."""
    return FactAnswer(value, Origin.CLAIMED)


def change_answer(**different: Any) -> ChangeAnswer:
    """A change that waits for people."""
    usual: dict[str, Any] = {
        **_JUDGED,
        "id": "chg_1",
        "state": State.PENDING,
        "ref": None,
        "run": None,
        "decision": DecisionNumber(1, AT),
        "subject_digest": "0" * 64,
        "approvals": ApprovalsAnswer((), (), ()),
        "submitted_at": AT,
        "decided_at": AT,
        "expires_at": None,
        "valid_until": None,
        "admitted_at": None,
        "closed": None,
        "reason": None,
        "security_impact": None,
        "expected_outcome": None,
        "customer_impact": None,
        "ticket": None,
        "incidents": (),
        "links": {},
    }
    return ChangeAnswer(**usual | different)


def decision_answer(number: int, **different: Any) -> DecisionAnswer:
    """A decision that asks for a release manager."""
    usual: dict[str, Any] = {
        **_JUDGED,
        "change": "chg_1",
        "decision": number,
        "at": AT,
        "subject_digest": "0" * 64,
        "facts": {},
        "shadows": (),
        "carries": (),
        "required": (RequiredAnswer(("release-managers",), 1, 1),),
    }
    return DecisionAnswer(**usual | different)


def log_row(**different: Any) -> LogRowAnswer:
    """A row of the log."""
    usual: dict[str, Any] = {
        "change": "chg_1",
        "decision": 1,
        "at": AT,
        "kind": "decision",
        "service": "web",
        "environment": "staging",
        "repository": None,
        "commit": "c0ffee",
        "run": RunAnswer("1", 1, "", None),
        "requested_by": None,
        "title": "",
        "type": ChangeType.STANDARD,
        "route": Route.AUTOMATIC,
        "outcome": Outcome.APPROVED,
        "state": State.APPROVED,
        "result": None,
        "approved_by": (),
        "overrides": (),
        "incidents": (),
        "band": "low",
        "score": 0,
        "policy": PolicyAnswer("default", "ab"),
        "reasons": (),
    }
    return LogRowAnswer(**usual | different)
