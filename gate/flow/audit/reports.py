"""The reports for auditors. Each answers one question.

Two people who ask with the same parameters get the same rows and the same digest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import Connection

from gate.core.canonical import canonical, digest
from gate.core.catalogue.catalogue import PRODUCTION
from gate.errors import Invalid, NotFound
from gate.flow.answers.reports import ReportAnswer, ReportSummary
from gate.flow.audit import complete, history, notices
from gate.flow.audit.scope import Read, ReportQuestion, Row, Scope, scope_of
from gate.flow.gate import Gate
from gate.ledger.checkpoint import read_checkpoint
from gate.ledger.format import instant
from gate.storage import texts
from gate.storage.audit import deployments, people, rules
from gate.storage.ledger import heads

ROWS_MAX = 10_000
"""The most rows of a report. Over this limit the caller must ask for a shorter time."""


@dataclass(frozen=True, slots=True)
class Report:
    """One report. `written` names the columns whose cells are ids of texts that people wrote."""

    title: str
    question: str
    row: Any
    read: Read
    written: frozenset[str] = frozenset()
    # The order of the rows has a meaning, so they are not sorted.
    ordered: bool = False


def _unapproved(conn: Connection, scope: Scope) -> Any:
    """Return unapproved deployments to every environment that the catalogue does not list with
    another tier than production.
    """
    harmless = {
        place.name
        for place in scope.book.catalogue.environments.values()
        if place.tier != PRODUCTION
    }
    return deployments.unapproved(conn, scope.within, harmless)


REPORTS: Mapping[str, Report] = {
    "unapproved-production": Report(
        "Unapproved in production",
        "What reached production without an approval of a policy or of people?",
        deployments.Unapproved,
        _unapproved,
    ),
    "observed": Report(
        "Observed",
        "What was deployed while the gate only observed?",
        deployments.Observed,
        lambda conn, scope: deployments.observed(conn, scope.within),
    ),
    "bypass": Report(
        "Bypass rate",
        "How much of what was deployed went round the policy?",
        deployments.Bypass,
        lambda conn, scope: deployments.bypass(conn, scope.within),
        ordered=True,
    ),
    "self-approval": Report(
        "Self-approval",
        "Did anybody approve what they wrote, asked for or pushed?",
        people.SelfApproval,
        lambda conn, scope: people.self_approvals(conn, scope.within),
    ),
    "double-approval": Report(
        "Double approval",
        "Did one person count twice for one admission?",
        people.DoubleApproval,
        lambda conn, scope: people.double_approvals(conn, scope.within),
    ),
    "overdue-reviews": Report(
        "Overdue reviews",
        "Which emergencies were not reviewed in time?",
        people.OverdueReview,
        lambda conn, scope: people.overdue_reviews(conn, scope.within, scope.at),
    ),
    "overrides": Report(
        "Overrides",
        "Who lifted a freeze, a stop or a rejection, and why?",
        people.Override,
        lambda conn, scope: people.overridden(conn, scope.within),
        written=frozenset({"reason"}),
    ),
    "unadmitted-deployments": Report(
        "Unadmitted deployments",
        "Which deployments were seen that no admission explains?",
        deployments.Unadmitted,
        lambda conn, scope: deployments.unadmitted(conn, scope.within),
    ),
    "unclosed-admissions": Report(
        "Unclosed admissions",
        "Of which deployments did nobody report the end?",
        deployments.Unclosed,
        lambda conn, scope: deployments.unclosed(conn, scope.within, scope.at),
    ),
    "silent-sources": Report(
        "Silent sources",
        "Which systems sent reports before, and fell silent?",
        complete.Silent,
        complete.silent_sources,
    ),
    "notices": Report(
        "Notices to customers",
        "Which changes owe customers a notice, by which day, and which are overdue?",
        notices.OwedNotice,
        notices.owed_notices,
    ),
    "by-policy-revision": Report(
        "By policy revision",
        "What did each revision of the policies decide?",
        rules.ByRevision,
        lambda conn, scope: rules.by_revision(conn, scope.within),
    ),
    "entitled-approvers": Report(
        "Entitled approvers",
        "Who might approve at a time?",
        history.Entitled,
        history.entitled,
    ),
    "standard-change-failures": Report(
        "Failures of standard changes",
        "Which pre-authorised changes failed?",
        rules.StandardFailure,
        lambda conn, scope: rules.standard_failures(conn, scope.within),
    ),
    "rejected-then-approved": Report(
        "Rejected, then approved",
        "What did a person reject that was deployed later all the same?",
        people.SecondTry,
        lambda conn, scope: people.second_tries(conn, scope.within),
    ),
    "policy-changes": Report(
        "Policy changes",
        "Who changed policies, catalogue and calendar?",
        history.PolicyChange,
        history.policy_changes,
    ),
    "access-changes": Report(
        "Access changes",
        "Who got or lost tokens and roles?",
        history.AccessChange,
        history.access_changes,
    ),
    "completeness": Report(
        "Completeness",
        "Is the log whole, and do its sources still speak?",
        complete.Check,
        complete.completeness,
        ordered=True,
    ),
}
"""All reports by name, in the order of the list."""


def listing() -> tuple[ReportSummary, ...]:
    """Return the name, title and question of every report."""
    return tuple(ReportSummary(name, one.title, one.question) for name, one in REPORTS.items())


async def report(gate: Gate, name: str, ask: ReportQuestion) -> ReportAnswer:
    """Answer one question. Raises `NotFound` for an unknown name, `Invalid` for too many rows."""
    asked = REPORTS.get(name)
    if asked is None:
        raise NotFound(f"there is no report {name[:64]}; GET /v1/reports lists them")
    scope = scope_of(ask, await gate.rulebooks.current(), gate.clock())
    return await gate.store.read_slowly(_report, name, asked, scope)


def _report(conn: Connection, name: str, asked: Report, scope: Scope) -> ReportAnswer:
    columns: tuple[str, ...] = asked.row._fields
    rows = [dict(zip(columns, map(_plain, row), strict=True)) for row in _some(asked, conn, scope)]
    if not asked.ordered:
        rows.sort(key=canonical, reverse=columns[0] == "at" or columns[0].endswith("_at"))
    parameters = _parameters(scope)
    sealed = digest(canonical({"name": name, "parameters": parameters, "rows": rows}))
    root, size = _head(conn)
    return ReportAnswer(
        name=name,
        title=asked.title,
        question=asked.question,
        parameters=parameters,
        columns=columns,
        rows=tuple(_spelled(conn, rows, asked.written)),
        row_count=len(rows),
        root=root,
        log_size=size,
        digest=sealed,
    )


def _some(asked: Report, conn: Connection, scope: Scope) -> list[Row]:
    found: list[Row] = []
    for row in asked.read(conn, scope):
        if len(found) >= ROWS_MAX:
            raise Invalid(
                f"found more than {ROWS_MAX} rows, which is the most of one report; ask for a "
                "shorter time with `from` and `to`, or for one service"
            )
        found.append(row)
    return found


def _parameters(scope: Scope) -> dict[str, str | None]:
    within = scope.within
    return {
        "from": instant(within.begins),
        "to": instant(within.ends),
        "at": instant(scope.at),
        "service": within.service,
        "environment": within.environment,
    }


def _plain(value: Any) -> Any:
    """Return a cell as JSON has it. Instants get one fixed form, which sorts in the
    order of time.
    """
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return list(value)
    return value


def _spelled(
    conn: Connection, rows: list[dict[str, Any]], written: frozenset[str]
) -> list[dict[str, Any]]:
    """Return the rows with texts in place of their ids. An erased text is None."""
    if not written:
        return rows
    said = texts.read_texts(conn, [row[name] for row in rows for name in written if row[name]])
    return [
        {name: said.get(cell) if name in written else cell for name, cell in row.items()}
        for row in rows
    ]


def _head(conn: Connection) -> tuple[str | None, int]:
    newest = heads.newest_checkpoint(conn)
    if newest is None:
        return None, 0
    head = read_checkpoint(bytes(newest[1]))
    return head.root.hex(), head.size
