"""The parts of a record as JSON, each writer beside its reader.

These forms are hashed, so a change of any of them makes another record of the same decision.
"""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, TypeAlias

import orjson
from orjson import Fragment

from gate.core.change import Artifact, Assessment, Planned, Repository, Run, Subject
from gate.core.decision.asked import RequestDetails
from gate.core.decision.decide import Case, People
from gate.core.decision.guards import InTheWay
from gate.core.decision.standard import StandardStatus
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
    WouldBe,
)
from gate.core.facts import Fact, Facts, Origin
from gate.core.instants import from_us, optional_instant, optional_us, to_us

_FORM = attrgetter("form")


Json: TypeAlias = dict[str, Any]


def write_subject(subject: Subject) -> Json:
    """Return the subject of a decision as JSON."""
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


def read_subject(raw: Json) -> Subject:
    """Return the subject that `write_subject` wrote."""
    repository = raw["repository"]
    return Subject(
        repository=None if repository is None else (repository["issuer"], repository["id"]),
        commit=raw["commit"],
        digests=tuple(raw["digests"]),
        service=raw["service"],
        environment=raw["environment"],
        emergency=raw["emergency"],
    )


def planned_form(planned: Planned) -> list[int | None]:
    """Return beginning and end in microseconds."""
    return [optional_us(planned.start), optional_us(planned.end)]


def write_facts(facts: Facts) -> dict[str, list[Any]]:
    """Return every fact by its full name, with its value and origin."""
    return dict(zip(facts, map(list, facts.values()), strict=True))


def read_facts(raw: Mapping[str, list[Any]]) -> dict[str, Fact]:
    """Return the facts that `write_facts` wrote."""
    return {
        name: Fact(tuple(value) if isinstance(value, list) else value, Origin(origin))
        for name, (value, origin) in raw.items()
    }


def asked_form(asked: RequestDetails) -> Json:
    """Return the request as JSON."""
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
        "assessment": list(asked.assessment),
        "emergency": [asked.emergency_reason, asked.emergency_incident],
        "planned": planned_form(asked.planned),
        "remediates": asked.remediates,
    }


def asked_of(raw: Json) -> RequestDetails:
    """Return the request that `asked_form` wrote."""
    start, end = raw["planned"]
    reason, incident = raw["emergency"]
    return RequestDetails(
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
        assessment=Assessment(*raw["assessment"]),
        emergency_reason=reason,
        emergency_incident=incident,
        planned=Planned(optional_instant(start), optional_instant(end)),
        remediates=raw["remediates"],
    )


def write_case(case: Case, facts: bytes) -> Json:
    """Return the case as JSON. `facts` are the facts of the case, already written."""
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
        "holds": [hold_form(hold) for hold in case.holds],
        "in_flight": [case.in_flight, case.deploying, list(map(list, case.in_the_way))],
        "overdue_reviews": case.overdue_reviews,
        "rejection": case.rejection,
        "standing": {
            name: [item.earned, item.suspended, item.because]
            for name, item in case.standard_statuses.items()
        },
        "notes": _findings(case.notes),
        "observing": case.observing,
    }


def read_case(raw: Json) -> Case:
    """Return the case that `write_case` wrote."""
    excluded, named, verified, shared = raw["people"]
    in_flight, deploying, in_the_way = raw["in_flight"]
    return Case(
        facts=read_facts(raw["facts"]),
        at=from_us(raw["at"]),
        emergency=raw["emergency"],
        people=People(tuple(excluded), named, verified, shared),
        contradictions=tuple(Contradiction(*item) for item in raw["contradictions"]),
        holds=tuple(hold_of(item) for item in raw["holds"]),
        in_flight=in_flight,
        deploying=deploying,
        in_the_way=tuple(InTheWay(*one) for one in in_the_way),
        overdue_reviews=raw["overdue_reviews"],
        rejection=raw["rejection"],
        standard_statuses={name: StandardStatus(*item) for name, item in raw["standing"].items()},
        notes=tuple(_read_finding(item) for item in raw["notes"]),
        observing=raw["observing"],
    )


def hold_form(hold: Hold) -> list[Any]:
    """Return a hold as JSON."""
    return [hold.window, hold.reason, optional_us(hold.until), hold.lifted_by, hold.stop]


def hold_of(raw: list[Any]) -> Hold:
    """Return the hold that `hold_form` wrote."""
    window, reason, until, lifted_by, stop = raw
    return Hold(window, reason, optional_instant(until), tuple(lifted_by), stop)


def _findings(findings: Sequence[Finding]) -> list[Fragment]:
    """Return the findings as JSON. Each is written only once, because the findings of a policy are
    the same values in every decision.
    """
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


def write_decision(decision: Decision) -> Json:
    """Return a decision with every finding as JSON."""
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
        "hold": None if decision.hold is None else hold_form(decision.hold),
        "excused": decision.excused,
        "terms": [
            terms.expires_after_seconds,
            terms.valid_for_seconds,
            terms.close_within_seconds,
            terms.parallel,
        ],
        "shadows": [write_decision(shadow) for shadow in decision.shadows],
        "observed": None if decision.observed is None else _would_be(decision.observed),
    }


def read_decision(raw: Json) -> Decision:
    """Return the decision that `write_decision` wrote."""
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
        hold=None if raw["hold"] is None else hold_of(raw["hold"]),
        excused=raw["excused"],
        terms=Terms(*raw["terms"]),
        shadows=tuple(read_decision(item) for item in raw["shadows"]),
        observed=None if raw["observed"] is None else _read_would_be(raw["observed"]),
    )


def _would_be(observed: WouldBe) -> list[Any]:
    required = [[entry.by, entry.count] for entry in observed.required]
    hold = None if observed.hold is None else hold_form(observed.hold)
    return [observed.outcome, observed.type, observed.route, required, hold]


def _read_would_be(raw: list[Any]) -> WouldBe:
    outcome, kind, route, required, hold = raw
    return WouldBe(
        outcome=Outcome(outcome),
        type=ChangeType(kind),
        route=Route(route),
        required=tuple(Required(tuple(by), count) for by, count in required),
        hold=None if hold is None else hold_of(hold),
    )
