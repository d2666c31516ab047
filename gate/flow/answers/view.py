"""A change as people and pipelines see it: one form, made from its record and from where it
stands.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import orjson
from orjson import Fragment

from gate.core.change import Result, Run, State
from gate.core.decision.asked import Asked
from gate.core.decision.record import Record
from gate.core.decision.values import Decision, Hold
from gate.core.policy.policy import Policy
from gate.flow.answers.wire import all_facts, hold, instant, reasons, would_be, written_reasons
from gate.flow.asks import Wire


@dataclass(frozen=True, slots=True)
class Closed:
    """How the deployment ended. `notes` is the id of a text, or empty."""

    result: Result
    at: datetime
    notes: str = ""


class Life(NamedTuple):
    """Where a change stands beside its decision; `state` has expiry taken into account."""

    state: State
    submitted_at: datetime
    decided_at: datetime
    run: Run | None = None
    hold: Hold | None = None
    expires_at: datetime | None = None
    valid_until: datetime | None = None
    admitted_at: datetime | None = None
    closed: Closed | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """One person's approval. `comment` is the id of a text, or empty."""

    person: str
    at: datetime
    comment: str
    lapsed: bool


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What people said so far: `missing` is what each entry lacks; empty where nobody was asked
    yet.

    `excluded` are those who may not decide as of now; None where that is what the decision says.
    """

    given: tuple[Given, ...] = ()
    missing: tuple[int, ...] = ()
    excluded: tuple[str, ...] | None = None


NOT_REVIEWED = Reviewed()


def text_ids(asked: Asked) -> tuple[str, ...]:
    """The ids of everything that people wrote about the change."""
    plans = (
        asked.description,
        asked.impact,
        asked.rollback_plan,
        asked.test_plan,
        asked.emergency_reason,
    )
    return tuple(
        one
        for one in (asked.title, asked.requested_by, *asked.authors, *asked.actor, *plans)
        if one
    )


def change_view(
    record: Record,
    policy: Policy | None,
    life: Life,
    texts: Mapping[str, str],
    base_url: str,
    reviewed: Reviewed = NOT_REVIEWED,
) -> Wire:
    """The whole change; `policy` is the one that decided. An erased text is shown as null."""
    return _whole(
        record,
        reasons(record.decision.findings, record.case.facts, policy),
        life,
        texts,
        base_url,
        reviewed,
    )


def written_change(
    record: Record, policy: Policy | None, life: Life, texts: Mapping[str, str], base_url: str
) -> bytes:
    """The same as JSON, when nobody was asked yet."""
    told = written_reasons(record.decision.findings, record.case.facts, policy)
    return orjson.dumps(_whole(record, told, life, texts, base_url, NOT_REVIEWED))


def _whole(
    record: Record,
    told: Sequence[Wire | Fragment],
    life: Life,
    texts: Mapping[str, str],
    base_url: str,
    reviewed: Reviewed,
) -> Wire:
    return {
        "id": record.change,
        "state": life.state,
        **_what(record, told, texts),
        "ref": record.asked.ref,
        "run": _run(life.run),
        "decision": {"number": record.number, "at": instant(record.at)},
        "subject_digest": record.subject_digest,
        "approvals": _approvals(record, reviewed, texts),
        "hold": hold(life.hold, texts),
        "submitted_at": instant(life.submitted_at),
        "decided_at": instant(life.decided_at),
        "expires_at": instant(life.expires_at),
        "valid_until": instant(life.valid_until),
        "admitted_at": instant(life.admitted_at),
        "closed": _closed(life.closed, texts),
        "links": _links(record, life, base_url),
    }


def evaluation_view(record: Record, policy: Policy | None, texts: Mapping[str, str]) -> Wire:
    """What would be decided: no id, state and times, but all facts."""
    return {
        **_what(record, reasons(record.decision.findings, record.case.facts, policy), texts),
        "ref": record.asked.ref,
        "approvals": _approvals(record, NOT_REVIEWED, texts),
        "hold": hold(record.decision.hold, texts),
        "facts": all_facts(record.case.facts),
        "shadows": shadows(record.decision),
    }


def decision_view(record: Record, policy: Policy | None, texts: Mapping[str, str]) -> Wire:
    """One decision of a change, with everything it was made from."""
    return {
        "change": record.change,
        "decision": record.number,
        "at": instant(record.at),
        **_what(record, reasons(record.decision.findings, record.case.facts, policy), texts),
        "subject_digest": record.subject_digest,
        "hold": hold(record.decision.hold, texts),
        "facts": all_facts(record.case.facts),
        "shadows": shadows(record.decision),
        "carries": list(record.carries),
        "required": _approvals(record, NOT_REVIEWED, texts)["required"],
    }


def log_row(record: Record, policy: Policy | None, texts: Mapping[str, str]) -> Wire:
    """One row of the log: one decision."""
    asked, decision, subject = record.asked, record.decision, record.subject
    return {
        "change": record.change,
        "decision": record.number,
        "at": instant(record.at),
        "service": subject.service,
        "environment": subject.environment,
        "repository": _repository(asked),
        "commit": subject.commit,
        "run": _run(asked.run),
        "requested_by": texts.get(asked.requested_by),
        "type": decision.type,
        "route": decision.route,
        "outcome": decision.outcome,
        "band": decision.band.word,
        "score": decision.score,
        "policy": _policy(record),
        "reasons": reasons(decision.findings, record.case.facts, policy),
    }


def shadows(decision: Decision) -> list[Wire]:
    """What the policies in `mode: evaluate` would have decided."""
    return [
        {
            "policy": one.policy,
            "outcome": one.outcome,
            "type": one.type,
            "risk": {"score": one.score, "band": one.band.word},
        }
        for one in decision.shadows
    ]


def _what(record: Record, told: Sequence[Wire | Fragment], texts: Mapping[str, str]) -> Wire:
    asked, decision, subject = record.asked, record.decision, record.subject
    return {
        "type": decision.type,
        "route": decision.route,
        "outcome": decision.outcome,
        "service": subject.service,
        "environment": subject.environment,
        "repository": _repository(asked),
        "commit": subject.commit,
        "base": asked.base,
        "artifacts": [
            {"name": artifact.name, "digest": artifact.digest} for artifact in asked.artifacts
        ],
        "requested_by": texts.get(asked.requested_by),
        "authors": _known(asked.authors, texts),
        "title": texts.get(asked.title, ""),
        "risk": {"score": decision.score, "band": decision.band.word},
        "reasons": told,
        "policy": _policy(record),
        "standard_change": decision.standard_change,
        "observed": would_be(decision.observed, texts),
    }


def _known(ids: Iterable[str], texts: Mapping[str, str]) -> list[str]:
    return [texts[one] for one in ids if one in texts]


def _policy(record: Record) -> Wire:
    return {"name": record.decision.policy, "revision": record.revisions.policies or None}


def _repository(asked: Asked) -> Wire | None:
    repository = asked.repository
    return (
        None
        if repository is None
        else {"issuer": repository.issuer, "id": repository.id, "name": repository.name}
    )


def _run(run: Run | None) -> Wire | None:
    return (
        None
        if run is None
        else {"id": run.id, "attempt": run.attempt, "step": run.step, "url": run.url or None}
    )


def _approvals(record: Record, reviewed: Reviewed, texts: Mapping[str, str]) -> Wire:
    required = record.decision.required
    missing = reviewed.missing or tuple(entry.count for entry in required)
    return {
        "required": [
            {"by": list(entry.by), "count": entry.count, "missing": left}
            for entry, left in zip(required, missing, strict=True)
        ],
        "given": [
            {
                "person": one.person,
                "at": instant(one.at),
                "comment": texts.get(one.comment),
                "lapsed": one.lapsed,
            }
            for one in reviewed.given
        ],
        "excluded": list(
            record.case.people.excluded if reviewed.excluded is None else reviewed.excluded
        ),
    }


def _closed(closed: Closed | None, texts: Mapping[str, str]) -> Wire | None:
    return (
        None
        if closed is None
        else {
            "result": closed.result,
            "at": instant(closed.at),
            "notes": texts.get(closed.notes, ""),
        }
    )


def _links(record: Record, life: Life, base_url: str) -> Wire:
    address = f"{base_url}/v1/changes/{record.change}"
    links = {
        "self": address,
        "page": f"{base_url}/changes/{record.change}",
        "decisions": f"{address}/decisions",
    }
    if life.run is not None and life.run.url:
        links["run"] = life.run.url
    return links
