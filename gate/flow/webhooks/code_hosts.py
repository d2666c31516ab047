"""Works on what code hosts report in their webhooks, once the report is kept and answered.

A report never approves anything: it is only a reason to ask the host itself.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace

import structlog

from gate.core.change import Change, Repository, Run
from gate.core.messages.host_reports import (
    KINDS,
    CommitsMoved,
    DeploymentStatus,
    HostDelivery,
    HostReport,
    IssueMoved,
    Pushed,
    RunEnded,
    RunHeld,
    RunSeen,
    kind_of,
    read,
    write,
)
from gate.core.messages.reports import DeploymentReport
from gate.errors import GateError, Invalid, NotAllowed, SourceUnavailable
from gate.flow.caller import ChangeHolder
from gate.flow.changes.cancel import cancel
from gate.flow.changes.submit import submit
from gate.flow.gate import Gate
from gate.flow.incidents import observe
from gate.flow.learning import issues
from gate.flow.rulebooks import Rulebook
from gate.flow.webhooks import held_runs, inbox
from gate.flow.webhooks.inbox import Handler
from gate.storage.changes import reconsider
from gate.storage.messages import held_runs as rows
from gate.storage.messages import pushes
from gate.storage.messages.held_runs import HeldRun
from gate.storage.messages.inbox import Claimed, InboxDelivery

LOOK_SECONDS = 30.0
"""How often a host that sends no webhook for waiting runs is asked for them."""

LOOKED_AT_MAX = 50
"""The most repositories about which one round asks."""

_log = structlog.get_logger("gate.code_hosts")


def delivery(source: str, sent: HostDelivery) -> list[InboxDelivery]:
    """Return what the inbox keeps of one delivery; empty if nothing is done about it."""
    if sent.report is None:
        return []
    return [InboxDelivery(source, sent.id, kind_of(sent.report), source, write(sent.report))]


async def ignored(gate: Gate, report: HostReport) -> str:
    """Return why nothing is done about a report, so that it is not kept; empty if something is."""
    if isinstance(report, IssueMoved):
        followed = await issues.is_followed(gate, report)
        return "" if followed else "no open item of the register follows this issue"
    if not isinstance(report, CommitsMoved | Pushed):
        return ""
    services = (await gate.rulebooks.current()).catalogue.services_of(
        report.issuer, report.repository
    )
    if isinstance(report, Pushed):
        return "" if services else "no service lists this repository"
    repository = (report.issuer, report.repository)
    waits = await gate.store.read(reconsider.is_waited_for, repository, services, report.commits)
    return "" if waits else "no change of this commit waits"


async def keep_pusher(gate: Gate, report: HostReport | None) -> None:
    """Keep who pushed commits, before the delivery is answered.

    That person may not approve them, not even in the moment before the delivery is worked on.
    """
    if isinstance(report, Pushed):
        await gate.store.write(
            pushes.add, (report.issuer, report.repository), report.commits, report.by
        )


async def work(gate: Gate, claimed: Claimed) -> None:
    """Work on one delivery. It may come again, and then changes nothing."""
    report = read(claimed.kind, claimed.body)
    match report:
        case CommitsMoved():
            await _look_again(gate, report.issuer, report.repository, report.commits)
        case DeploymentStatus():
            await _deployed(gate, report, claimed.source)
        case Pushed():
            # The waiting change of the newest commit is decided again: a push names one more
            # person, and the commit may be on another branch by now.
            await _look_again(gate, report.issuer, report.repository, report.commits[-1:])
        case RunHeld():
            await _held(gate, report)
        case RunEnded():
            await _ended(gate, report)
        case IssueMoved():
            await issues.moved(gate, report)


HANDLERS: Mapping[str, Handler] = dict.fromkeys(KINDS, work)


async def look_for_held(
    gate: Gate, issuer: str, held: Callable[[Repository], Awaitable[Sequence[RunHeld]]]
) -> int:
    """Ask a host which runs wait there, because it reports none by itself; return how many are new.

    Some repositories a round, all in turn.
    """
    services = (await gate.rulebooks.current()).catalogue.services.values()
    listed = sorted(
        {one for service in services for one in service.repositories if one.issuer == issuer},
        key=lambda one: one.id,
    )
    if not listed:
        return 0
    # The clock chooses which repositories have their turn, so no replica has to remember it.
    rounds = -(-len(listed) // LOOKED_AT_MAX)
    begin = int(gate.clock().timestamp() // LOOK_SECONDS) % rounds * LOOKED_AT_MAX
    new = 0
    for repository in listed[begin : begin + LOOKED_AT_MAX]:
        try:
            found = await held(repository)
        except SourceUnavailable as error:  # one that cannot be asked keeps no other one waiting
            _log.warning(
                "which runs wait could not be asked", repository=repository.id, error=error.detail
            )
            continue
        runs = [HostDelivery(f"{one.issuer} {one.repository} {one.run}", one) for one in found]
        new += await inbox.receive(gate, [kept for one in runs for kept in delivery("held", one)])
    return new


def place_of(book: Rulebook, report: RunHeld | DeploymentStatus) -> tuple[str, str]:
    """Return service and environment by the catalogue's names.

    Raises `Invalid` if the catalogue does not say which they are.

    A repository of several services calls its environments SERVICE/ENVIRONMENT.
    """
    services = book.catalogue.services_of(report.issuer, report.repository)
    named = f"repository {report.repository} of {report.issuer}"
    service, slash, environment = report.environment.partition("/")
    if slash and service in services:
        return service, _environment(book, environment)
    if len(services) == 1:
        return services[0], _environment(book, report.environment)
    if not services:
        raise Invalid(f"{named} is listed for no service; list it in the catalogue")
    raise Invalid(
        f"{named} is listed for {', '.join(services)}; call the environment "
        "SERVICE/ENVIRONMENT to say which is deployed"
    )


def _environment(book: Rulebook, said: str) -> str:
    """Return the catalogue's name of an environment, whose case code hosts ignore."""
    name = book.catalogue.environment_named(said)
    if name in book.catalogue.environments:
        return name
    return next(
        (one for one in book.catalogue.environments if book.catalogue.means(said, one)), said
    )


async def _look_again(gate: Gate, issuer: str, repository: int, commits: Collection[str]) -> None:
    """Have waiting changes of these commits decided again, with facts gathered anew."""
    services = (await gate.rulebooks.current()).catalogue.services_of(issuer, repository)
    await gate.store.write(reconsider.ask_commits, (issuer, repository), services, commits)


async def _deployed(gate: Gate, report: DeploymentStatus, source: str) -> None:
    repository = Repository(report.issuer, report.repository, report.name)
    seen = DeploymentReport(
        "",
        report.environment,
        report.commit,
        report.result,
        report.at,
        source,
        report.url,
        repository=repository,
    )
    try:
        service, environment = place_of(await gate.rulebooks.current(), report)
    except Invalid:  # nobody knows whose it is, so nobody has admitted it
        await observe.unplaced_seen(gate, seen)
        return
    await observe.deployment_seen(gate, replace(seen, service=service, environment=environment))


async def _held(gate: Gate, report: RunHeld) -> None:
    """Submit a change for a run that waits at the host, as if the run had asked itself.

    If the gate refuses that, the host gets the refusal as its answer, which ends the run.
    """
    repository = Repository(report.issuer, report.repository, report.name)
    host = gate.hosts.get(report.issuer)
    if host is None:
        raise Invalid(
            f"no code host of {report.issuer} is connected, so its run cannot be looked at; "
            "`gate doctor` says what is missing"
        )
    seen = await host.run(repository, report.run)
    waits = HeldRun(
        issuer=report.issuer,
        repository_id=report.repository,
        run_id=seen.run,
        attempt=seen.attempt,
        environment=report.environment,
        repository_name=report.name,
        provider=seen.provider.value,
        reference=report.run,
        change_id=None,
    )
    try:
        book = await gate.rulebooks.current()
        service, environment = place_of(book, report)
        by = held_runs.job_of(gate, repository, seen, environment, book)
        submitted = await submit(gate, _change(seen, repository, service, environment), by)
    except (NotAllowed, Invalid) as refused:
        await held_runs.refuse(gate, waits, refused.detail)
        return
    await held_runs.wait(gate, waits, submitted.change_id)


def _change(seen: RunSeen, repository: Repository, service: str, environment: str) -> Change:
    return Change(
        service=service,
        environment=environment,
        commit=seen.commit,
        ref=seen.ref,
        repository=repository,
        run=Run(seen.run, seen.attempt, url=seen.url),
        authors=tuple(f"{seen.provider}:{login}" for login in seen.actors[1:]),
        title=seen.title,
    )


async def _ended(gate: Gate, report: RunEnded) -> None:
    """Cancel the changes of a run that has ended, and have changes of its commit decided again,
    because its checks have ended, too.

    Hosts do not deliver in order. A later attempt of the run may already wait, perhaps for the same
    change, and must not lose it.
    """
    ended = (report.issuer, report.repository, report.run, report.attempt)
    for run in await gate.store.read(rows.of_run, *ended):
        if run.change_id is not None:
            holder = ChangeHolder(run.change_id, held_runs.caller_of(run))
            try:
                await cancel(
                    gate,
                    run.change_id,
                    "the run that asked for it has ended",
                    holder,
                    ended_attempt=report.attempt,
                )
            except GateError as error:
                if error.problem != "state_conflict":
                    raise
        await gate.store.write(rows.drop, run, "the run has ended")
    await _look_again(gate, report.issuer, report.repository, (report.commit,))
