"""Runs that a code host holds: each gets its answer when its change is settled, and until then
reports of what it waits for.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import orjson
import structlog
from sqlalchemy import Connection

from gate.core.change import WAITING, Repository, Run, State
from gate.core.instants import clock
from gate.core.messages.host_reports import RunSeen
from gate.core.workload import Workload
from gate.errors import (
    Conflict,
    GateError,
    NotAllowed,
    NotFound,
    SourceUnavailable,
    Unavailable,
)
from gate.flow.answers.change import ChangeAnswer
from gate.flow.changes.admit import MISMATCH, admit
from gate.flow.changes.known import know_existing
from gate.flow.commands import AdmissionCommand
from gate.flow.gate import Gate
from gate.flow.rulebooks import Rulebook
from gate.storage.changes import changes
from gate.storage.database.tx import Tx
from gate.storage.messages import held_runs
from gate.storage.messages.held_runs import HeldRun
from gate.storage.tables.stored_change import StoredChange

REPORTS_MAX = 9
"""The most reports that one run gets. GitHub takes ten for a deployment; one is left for people."""

AT_ONCE = 200
"""The changes of so many runs are read at once."""

LINES_MAX = 8
RUN_GOOD_FOR = timedelta(minutes=5)
"""How long what a host says of a run counts as much as the run's own identity token."""

_log = structlog.get_logger("gate.held_runs")
APPROVED, REJECTED = "approved", "rejected"


async def wait(gate: Gate, run: HeldRun, change_id: str) -> None:
    """Have the run wait for this change, with reports of it and an answer."""
    await gate.store.write(held_runs.add, replace(run, change_id=change_id))


async def refuse(gate: Gate, run: HeldRun, because: str) -> None:
    """Answer that there will be no change, which ends the run."""
    await gate.store.write(_refuse, run, because)


async def answer_due(gate: Gate) -> int:
    """Send a report or the answer to every waiting run whose change moved; return how many were
    sent.
    """
    answered = 0
    runs = await gate.store.read(held_runs.waiting)
    for begin in range(0, len(runs), AT_ONCE):
        for run, stored in await gate.store.read(_with_changes, runs[begin : begin + AT_ONCE]):
            answered += await _answer(gate, run, stored)
    return answered


async def _answer(gate: Gate, run: HeldRun, stored: StoredChange) -> bool:
    """Look at one run. One that cannot be answered now keeps no other one waiting."""
    try:
        return await _look_at(gate, run, stored)
    except GateError as error:
        _log.warning(
            "a held run could not be answered; the next round tries again",
            change=stored.id,
            error=error.detail,
        )
        return False


def job_of(
    gate: Gate, repository: Repository, seen: RunSeen, environment: str, book: Rulebook
) -> Workload:
    """Return the run as a caller, as if it had come with an identity token.

    The host itself describes the run here, and it would also have signed that token.
    """
    login, _, account = (seen.actors[0] if seen.actors else "").partition("#")
    return Workload(
        issuer=repository.issuer,
        provider=seen.provider,
        repository=repository,
        commit=seen.commit,
        run=Run(seen.run, seen.attempt, url=seen.url),
        jti=f"held-{secrets.token_hex(16)}",
        expires_at=gate.clock() + RUN_GOOD_FOR,
        login=login,
        account=account,
        event=seen.event,
        workflow=seen.workflow,
        environment=environment,
        services=frozenset(book.catalogue.services_of(repository.issuer, repository.id)),
    )


def caller_of(run: HeldRun) -> str:
    """Return the name of the run as a caller: its repository, as with an identity token."""
    return f"repository:{run.issuer}/{run.repository_id}"


def _with_changes(conn: Connection, runs: Sequence[HeldRun]) -> list[tuple[HeldRun, StoredChange]]:
    found = []
    for run in runs:
        stored = changes.read(conn, run.change_id) if run.change_id is not None else None
        if stored is not None:
            found.append((run, stored))
    return found


async def _look_at(gate: Gate, run: HeldRun, stored: StoredChange) -> bool:
    state = stored.state_at(gate.clock())
    if state is State.APPROVED and stored.hold is None:
        return await _let_go(gate, run, stored)
    if state is State.DEPLOYING and _is_admitted(run, stored):
        # The admission may have been given to another job of the run, so it is asked for again. One
        # refusal is enough, because neither that job nor this one becomes another one.
        return run.reported != _refused(stored, MISMATCH) and await _let_go(gate, run, stored)
    if state in WAITING:
        reported = f"{state.value} {stored.decision}"
        return (
            run.reported != reported
            and run.reports < REPORTS_MAX
            and await _report(gate, run, stored, reported, None)
        )
    return await _report(gate, run, stored, REJECTED, REJECTED)


async def _let_go(gate: Gate, run: HeldRun, stored: StoredChange) -> bool:
    """Have the run admitted, and then have the host release it; return whether anything was sent.

    The host is asked once more which job it holds. Another job of the same run may have had the
    change decided since, by what its own token proves.
    """
    if not gate.pauses.begin(f"admission of {stored.id}"):
        return False
    host = gate.hosts.get(run.issuer)
    if host is None:
        raise SourceUnavailable(f"no code host of {run.issuer} is connected any more")
    repository = Repository(run.issuer, run.repository_id, run.repository_name)
    seen = await host.run(repository, run.reference)
    book = await gate.rulebooks.current()
    by = job_of(gate, repository, seen, stored.environment, book)
    artifacts = stored.asked.artifacts
    command = AdmissionCommand(
        stored.commit_sha,
        artifacts,
        stored.environment,
        Run(run.run_id, run.attempt, _step(stored)),
    )
    try:
        await admit(gate, stored.id, command, by)
    except (Conflict, NotAllowed, NotFound, Unavailable) as refused:
        reported = _refused(stored, refused.problem)
        if run.reported == reported or run.reports >= REPORTS_MAX:
            return False
        return await _report(gate, run, stored, reported, None, refused.detail)
    return await _report(gate, run, stored, APPROVED, APPROVED)


def _step(stored: StoredChange) -> str:
    """Return the step that was admitted, or before the admission the one that asked."""
    admitted = stored.admitted_run
    return admitted.step if admitted is not None else stored.run_step or ""


def _refused(stored: StoredChange, problem: str) -> str:
    """Return the name of the report that the admission was refused for this problem."""
    return f"refused {stored.decision} {problem}"


def _is_admitted(run: HeldRun, stored: StoredChange) -> bool:
    admitted = stored.admitted_run
    return admitted is not None and (admitted.id, admitted.attempt) == (run.run_id, run.attempt)


async def _report(
    gate: Gate,
    run: HeldRun,
    stored: StoredChange,
    reported: str,
    state: str | None,
    because: str = "",
) -> bool:
    known = await gate.store.read(know_existing, gate.rulebooks, stored.id)
    change = known.answer(gate.clock(), gate.base_url)
    words = [because] if because else _headline(change, state)
    reasons = [one.because for one in change.reasons]
    body = _message(run, state, words, reasons, f"{gate.base_url}/changes/{stored.id}")
    return await gate.store.write(
        held_runs.queue_report, run, reported, _target(run), body, is_answer=state is not None
    )


def _headline(change: ChangeAnswer, state: str | None) -> list[str]:
    risk = f"risk {change.risk.score} is {change.risk.band}"
    if state == APPROVED:
        return [f"approved, {risk}"]
    if state == REJECTED:
        return [f"{change.state.value}, {risk}"]
    hold = change.hold
    if hold is not None:
        until = clock(hold.until) if hold.until else "somebody lifts it"
        return [f"held by {hold.window} until {until}"]
    asked = [
        f"{entry.missing} of {', '.join(entry.by)}"
        for entry in change.approvals.required
        if entry.missing
    ]
    return [f"waits for people, {risk}", *(f"approvals that are missing: {one}" for one in asked)]


def _refuse(tx: Tx, run: HeldRun, because: str) -> None:
    if held_runs.add(tx, run):
        held_runs.queue_report(
            tx,
            run,
            REJECTED,
            _target(run),
            _message(run, REJECTED, [because], [], ""),
            is_answer=True,
        )


def _target(run: HeldRun) -> str:
    return f"{run.provider}:{run.repository_id}"


def _message(
    run: HeldRun, state: str | None, words: list[str], reasons: list[str], url: str
) -> bytes:
    """Return a report or an answer as JSON; whoever delivers it translates it for the host."""
    return orjson.dumps(
        {
            "repository": {
                "issuer": run.issuer,
                "id": run.repository_id,
                "name": run.repository_name,
            },
            "run": run.reference,
            "environment": run.environment,
            "state": state,
            "words": words,
            "reasons": reasons[:LINES_MAX],
            "url": url,
        }
    )
