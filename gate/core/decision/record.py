"""The record of one decision: everything it was made from and everything it says, as the bytes that
are hashed.

Texts that people wrote, names and addresses are ids of texts here; of people only the ids of the
catalogue stand in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias

import orjson
from orjson import Fragment

from gate.core.canonical import digest
from gate.core.change import ANY_TIME, Artifact, Planned, Repository, Run, Subject
from gate.core.decision.decide import Case, InTheWay, People
from gate.core.decision.standard import Standing
from gate.core.decision.values import (
    Band,
    ChangeType,
    Contradiction,
    Decision,
    Finding,
    FindingKind,
    Hold,
    Outcome,
    Required,
    Route,
    Terms,
)
from gate.core.facts import Fact, Facts, Origin
from gate.core.instants import from_us, optional_instant, optional_us, to_us

VERSION = 1

_FORM = attrgetter("form")

_Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Revisions:
    """Which rules were in force: SHA-256 of the policies, the catalogue and the calendar."""

    policies: str
    catalogue: str
    calendar: str


class Asked(NamedTuple):
    """What the caller said beside the subject.

    Texts, names and addresses are ids of texts, empty where none was given.
    """

    base: str | None = None
    ref: str | None = None
    repository: Repository | None = None
    artifacts: tuple[Artifact, ...] = ()
    run: Run | None = None
    requested_by: str = ""
    authors: tuple[str, ...] = ()
    actor: tuple[str, ...] = ()  # identities of whoever started the run, as its token proves
    title: str = ""
    description: str = ""
    impact: str = ""
    rollback_plan: str = ""
    test_plan: str = ""
    emergency_reason: str = ""
    emergency_incident: str = ""
    planned: Planned = ANY_TIME
    remediates: str | None = None


class Record(NamedTuple):
    """One decision of one change. `number` counts from 1; the newest is in force."""

    change: str
    number: int
    at: datetime
    subject: Subject
    asked: Asked
    revisions: Revisions
    case: Case
    decision: Decision
    subject_digest: str
    carries: tuple[int, ...] = ()  # numbers of the decisions whose approvals still count


class Parts(NamedTuple):
    """The canonical bytes of what stands in several places: in the record, in a digest, in the row
    of the change.
    """

    subject: bytes
    asked: bytes
    facts: bytes


def parts_of(subject: Subject, asked: Asked, facts: Facts) -> Parts:
    """Each written once."""
    return Parts(
        _canonical(_subject(subject)), _canonical(_asked(asked)), _canonical(_facts(facts))
    )


def subject_digest(
    subject: Subject,
    planned: Planned,
    policy_revision: str,
    facts: Facts,
    parts: Parts | None = None,
) -> str:
    """What an approval names: SHA-256 over the RFC 8785 form of subject, planned times, policy
    revision and facts.

    `parts` are theirs, where they are at hand.
    """
    return digest(
        _canonical(
            {
                "subject": Fragment(parts.subject) if parts else _subject(subject),
                "planned": _planned(planned),
                "policy_revision": policy_revision,
                "facts": Fragment(parts.facts) if parts else _facts(facts),
            }
        )
    )


def content_key(commit: str, digests: Sequence[str]) -> str:
    """SHA-256 of what would run: the commit together with the digests of all artifacts, which are
    sorted.

    By it the same content is found again, whoever asks for it and wherever it goes.
    """
    return digest(_canonical({"commit": commit, "digests": digests}))


def write(record: Record, parts: Parts | None = None) -> bytes:
    """The canonical bytes; `parts` are the record's own, where they are at hand."""
    parts = parts or parts_of(record.subject, record.asked, record.case.facts)
    return _canonical(
        {
            "v": VERSION,
            "change": record.change,
            "number": record.number,
            "at": to_us(record.at),
            "subject": Fragment(parts.subject),
            "subject_digest": record.subject_digest,
            "asked": Fragment(parts.asked),
            "revisions": [
                record.revisions.policies,
                record.revisions.catalogue,
                record.revisions.calendar,
            ],
            "case": _case(record.case, parts.facts),
            "decision": _decision(record.decision),
            "carries": record.carries,
        }
    )


def read(content: bytes) -> Record:
    """The record of these bytes.

    They are the gate's own: a wrong shape is a bug, and fails loudly.
    """
    raw = orjson.loads(content)
    asked = _read_asked(raw["asked"])
    return Record(
        change=raw["change"],
        number=raw["number"],
        at=from_us(raw["at"]),
        subject=_read_subject(raw["subject"]),
        asked=asked,
        revisions=Revisions(*raw["revisions"]),
        case=_read_case(raw["case"]),
        decision=_read_decision(raw["decision"]),
        subject_digest=raw["subject_digest"],
        carries=tuple(raw["carries"]),
    )


def write_asked(asked: Asked) -> str:
    """The JSON text that stands in the row of the change."""
    return _canonical(_asked(asked)).decode()


def read_asked(text: str) -> Asked:
    """The way back."""
    return _read_asked(orjson.loads(text))


def write_hold(hold: Hold | None) -> str | None:
    """The JSON text that stands in the row of the change."""
    return None if hold is None else orjson.dumps(_hold(hold)).decode()


def read_hold(text: str | None) -> Hold | None:
    """The way back."""
    return None if text is None else _read_hold(orjson.loads(text))


def _canonical(value: _Json) -> bytes:
    # By construction there are no floats here, whole numbers are exact and keys ASCII: sorted keys
    # are RFC 8785.
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _subject(subject: Subject) -> _Json:
    return {
        "repository": None
        if subject.repository is None
        else {"issuer": subject.repository[0], "id": subject.repository[1]},
        "commit": subject.commit,
        "digests": subject.digests,
        "service": subject.service,
        "environment": subject.environment,
        "emergency": subject.emergency,
    }


def _read_subject(raw: _Json) -> Subject:
    repository = raw["repository"]
    return Subject(
        repository=None if repository is None else (repository["issuer"], repository["id"]),
        commit=raw["commit"],
        digests=tuple(raw["digests"]),
        service=raw["service"],
        environment=raw["environment"],
        emergency=raw["emergency"],
    )


def _planned(planned: Planned) -> list[int | None]:
    return [optional_us(planned.start), optional_us(planned.end)]


def _facts(facts: Facts) -> dict[str, list[Any]]:
    return dict(zip(facts, map(list, facts.values()), strict=True))


def _read_facts(raw: Mapping[str, list[Any]]) -> dict[str, Fact]:
    return {
        name: Fact(tuple(value) if isinstance(value, list) else value, Origin(origin))
        for name, (value, origin) in raw.items()
    }


def _asked(asked: Asked) -> _Json:
    run, repository = asked.run, asked.repository
    return {
        "base": asked.base,
        "ref": asked.ref,
        "repository": None
        if repository is None
        else [repository.issuer, repository.id, repository.name],
        "artifacts": [[artifact.name, artifact.digest] for artifact in asked.artifacts],
        "run": None
        if run is None
        else [run.id, run.attempt, run.step, run.url, *([run.check] if run.check else [])],
        "requested_by": asked.requested_by,
        "authors": asked.authors,
        "actor": asked.actor,
        "title": asked.title,
        "description": asked.description,
        "impact": asked.impact,
        "rollback_plan": asked.rollback_plan,
        "test_plan": asked.test_plan,
        "emergency": [asked.emergency_reason, asked.emergency_incident],
        "planned": _planned(asked.planned),
        "remediates": asked.remediates,
    }


def _read_asked(raw: _Json) -> Asked:
    start, end = raw["planned"]
    reason, incident = raw["emergency"]
    return Asked(
        base=raw["base"],
        ref=raw["ref"],
        repository=None if raw["repository"] is None else Repository(*raw["repository"]),
        artifacts=tuple(Artifact(*item) for item in raw["artifacts"]),
        run=None if raw["run"] is None else Run(*raw["run"]),
        requested_by=raw["requested_by"],
        authors=tuple(raw["authors"]),
        actor=tuple(raw["actor"]),
        title=raw["title"],
        description=raw["description"],
        impact=raw["impact"],
        rollback_plan=raw["rollback_plan"],
        test_plan=raw["test_plan"],
        emergency_reason=reason,
        emergency_incident=incident,
        planned=Planned(optional_instant(start), optional_instant(end)),
        remediates=raw["remediates"],
    )


def _case(case: Case, facts: bytes) -> _Json:
    return {
        "facts": Fragment(facts),
        "at": to_us(case.at),
        "emergency": case.emergency,
        "people": [
            case.people.excluded,
            case.people.named,
            case.people.verified,
            case.people.shared,
        ],
        "contradictions": [
            [item.fact, item.claimed, item.verified] for item in case.contradictions
        ],
        "holds": [_hold(hold) for hold in case.holds],
        "in_flight": [case.in_flight, case.deploying, list(map(list, case.in_the_way))],
        "overdue_reviews": case.overdue_reviews,
        "rejection": case.rejection,
        "standing": {
            name: [item.earned, item.suspended, item.because]
            for name, item in case.standing.items()
        },
        "notes": _findings(case.notes),
    }


def _read_case(raw: _Json) -> Case:
    excluded, named, verified, shared = raw["people"]
    in_flight, deploying, in_the_way = raw["in_flight"]
    return Case(
        facts=_read_facts(raw["facts"]),
        at=from_us(raw["at"]),
        emergency=raw["emergency"],
        people=People(tuple(excluded), named, verified, shared),
        contradictions=tuple(Contradiction(*item) for item in raw["contradictions"]),
        holds=tuple(_read_hold(item) for item in raw["holds"]),
        in_flight=in_flight,
        deploying=deploying,
        in_the_way=tuple(InTheWay(*one) for one in in_the_way),
        overdue_reviews=raw["overdue_reviews"],
        rejection=raw["rejection"],
        standing={name: Standing(*item) for name, item in raw["standing"].items()},
        notes=tuple(_read_finding(item) for item in raw["notes"]),
    )


def _hold(hold: Hold) -> list[Any]:
    return [hold.window, hold.reason, optional_us(hold.until), hold.lifted_by, hold.stop]


def _read_hold(raw: list[Any]) -> Hold:
    window, reason, until, lifted_by, stop = raw
    return Hold(window, reason, optional_instant(until), tuple(lifted_by), stop)


def _findings(findings: Sequence[Finding]) -> list[Fragment]:
    """Each is written once: the findings of a policy are the same values in every decision."""
    forms = list(map(_FORM, findings))
    while None in forms:
        place = forms.index(None)
        forms[place] = _written(findings[place])
    return forms


def _written(finding: Finding) -> Fragment:
    fields = [
        finding.kind,
        finding.rule,
        finding.title,
        finding.holds,
        finding.points,
        finding.facts,
        finding.step,
        finding.seen,
    ]
    form = Fragment(orjson.dumps(fields))
    object.__setattr__(finding, "form", form)
    return form


def _read_finding(raw: list[Any]) -> Finding:
    kind, rule, title, holds, points, facts, step, seen = raw
    return Finding(
        FindingKind(kind),
        rule,
        title,
        holds,
        points,
        tuple(facts),
        step,
        tuple((word, text) for word, text in seen),
    )


def _decision(decision: Decision) -> _Json:
    terms = decision.terms
    return {
        "outcome": decision.outcome,
        "type": decision.type,
        "route": decision.route,
        "score": decision.score,
        "band": int(decision.band),
        "policy": decision.policy,
        "findings": _findings(decision.findings),
        "standard_change": decision.standard_change,
        "matched": decision.matched_standard_changes,
        "required": [[entry.by, entry.count] for entry in decision.required],
        "hold": None if decision.hold is None else _hold(decision.hold),
        "excused": decision.excused,
        "terms": [
            terms.expires_after_seconds,
            terms.valid_for_seconds,
            terms.close_within_seconds,
            terms.parallel,
        ],
        "shadows": [_decision(shadow) for shadow in decision.shadows],
    }


def _read_decision(raw: _Json) -> Decision:
    return Decision(
        outcome=Outcome(raw["outcome"]),
        type=ChangeType(raw["type"]),
        route=Route(raw["route"]),
        score=raw["score"],
        band=Band(raw["band"]),
        policy=raw["policy"],
        findings=tuple(_read_finding(item) for item in raw["findings"]),
        standard_change=raw["standard_change"],
        matched_standard_changes=tuple(raw["matched"]),
        required=tuple(Required(tuple(by), count) for by, count in raw["required"]),
        hold=None if raw["hold"] is None else _read_hold(raw["hold"]),
        excused=raw["excused"],
        terms=Terms(*raw["terms"]),
        shadows=tuple(_read_decision(item) for item in raw["shadows"]),
    )
