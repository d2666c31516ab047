"""A code host tells something by itself: it is kept, and worked on afterwards.

It never approves anything: we ask back.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

import structlog
from sqlalchemy import Connection

from gate.core.change import Change, Repository, Run
from gate.core.messages.tidings import (
    KINDS,
    CommitsMoved,
    DeploymentTold,
    Pushed,
    RunEnded,
    RunHeld,
    RunSeen,
    Tiding,
    Told,
    kind_of,
    read,
    write,
)
from gate.errors import GateError, Invalid, NotAllowed, SourceUnavailable
from gate.flow.caller import ChangeHolder
from gate.flow.changes.cancel import cancel
from gate.flow.changes.submit import submit
from gate.flow.gate import Gate
from gate.flow.incidents import observe
from gate.flow.incidents.observe import DeploymentSeen
from gate.flow.rulebooks import Rulebook
from gate.flow.webhooks import held_runs, inbox
from gate.flow.webhooks.inbox import Handler
from gate.storage.changes import reconsider
from gate.storage.messages import held_runs as rows
from gate.storage.messages import pushes
from gate.storage.messages.held_runs import HeldRun
from gate.storage.messages.inbox import Claimed, Delivery

LOOK_SECONDS = 30.0
"""So often hosts that do not tell by themselves are asked which runs wait."""

LOOKED_AT_MAX = 50
"""Repositories that are asked about in one round."""

_log = structlog.get_logger("gate.tidings")


def delivery(source: str, told: Told) -> list[Delivery]:
    """What is kept of one delivery; nothing where nothing is done about it."""
    if told.tiding is None:
        return []
    return [Delivery(source, told.id, kind_of(told.tiding), source, write(told.tiding))]


async def ignored(gate: Gate, tiding: Tiding) -> str:
    """Why nothing is done about it, so that it is not kept; empty where something is."""
    if not isinstance(tiding, CommitsMoved | Pushed):
        return ""
    services = (await gate.rulebooks.current()).catalogue.services_of(
        tiding.issuer, tiding.repository
    )
    if isinstance(tiding, Pushed):
        return "" if services else "no service lists this repository"
    waits = await gate.store.read(_is_waited_for, tiding, services)
    return "" if waits else "no change of this commit waits"


async def count(gate: Gate, tiding: Tiding | None) -> None:
    """What counts from the answer on: whoever pushed something may not approve it, not even before
    anybody works on the delivery.
    """
    if isinstance(tiding, Pushed):
        await gate.store.write(
            pushes.add, (tiding.issuer, tiding.repository), tiding.commits, tiding.by
        )


async def work(gate: Gate, claimed: Claimed) -> None:
    """Work on one. It may come again, and changes nothing then."""
    tiding = read(claimed.kind, claimed.body)
    match tiding:
        case CommitsMoved():
            await _look_again(gate, tiding)
        case DeploymentTold():
            await _deployed(gate, tiding, claimed.source)
        case Pushed():
            await _pushed(gate, tiding)
        case RunHeld():
            await _held(gate, tiding)
        case RunEnded():
            await _ended(gate, tiding)


HANDLERS: Mapping[str, Handler] = dict.fromkeys(KINDS, work)


async def look_for_held(
    gate: Gate, issuer: str, held: Callable[[Repository], Awaitable[Sequence[RunHeld]]]
) -> int:
    """Ask a host that does not tell by itself which runs wait there; how many are new.

    Some repositories a round, all in turn.
    """
    services = (await gate.rulebooks.current()).catalogue.services.values()
    listed = sorted(
        {one for service in services for one in service.repositories if one.issuer == issuer},
        key=lambda one: one.id,
    )
    if not listed:
        return 0
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
        told = [Told(f"{one.issuer} {one.repository} {one.run}", one) for one in found]
        new += await inbox.receive(gate, [kept for one in told for kept in delivery("held", one)])
    return new


def place_of(book: Rulebook, tiding: RunHeld | DeploymentTold) -> tuple[str, str]:
    """Service and environment, by the catalogue's names.

    Raises `Invalid` where the catalogue does not say which.

    A repository of several services calls its environments SERVICE/ENVIRONMENT.
    """
    services = book.catalogue.services_of(tiding.issuer, tiding.repository)
    named = f"repository {tiding.repository} of {tiding.issuer}"
    service, slash, environment = tiding.environment.partition("/")
    if slash and service in services:
        return service, _environment(book, environment)
    if len(services) == 1:
        return services[0], _environment(book, tiding.environment)
    if not services:
        raise Invalid(f"{named} is listed for no service; list it in the catalogue")
    raise Invalid(
        f"{named} is listed for {', '.join(services)}; call the environment "
        "SERVICE/ENVIRONMENT to say which is deployed"
    )


def _environment(book: Rulebook, said: str) -> str:
    """Code hosts fold case, so their word may mean an environment that is written otherwise."""
    name = book.catalogue.environment_named(said)
    if name in book.catalogue.environments:
        return name
    return next(
        (one for one in book.catalogue.environments if book.catalogue.means(said, one)), said
    )


def _is_waited_for(conn: Connection, tiding: CommitsMoved, services: tuple[str, ...]) -> bool:
    return reconsider.is_waited_for(
        conn, (tiding.issuer, tiding.repository), services, tiding.commits
    )


async def _look_again(gate: Gate, tiding: CommitsMoved | RunEnded) -> None:
    """What waits is decided again, with facts gathered anew."""
    services = (await gate.rulebooks.current()).catalogue.services_of(
        tiding.issuer, tiding.repository
    )
    commits = tiding.commits if isinstance(tiding, CommitsMoved) else (tiding.commit,)
    await gate.store.write(
        reconsider.ask_commits, (tiding.issuer, tiding.repository), services, commits
    )


async def _pushed(gate: Gate, tiding: Pushed) -> None:
    """What waits names one more person, and may be on another branch by now."""
    await _look_again(gate, CommitsMoved(tiding.issuer, tiding.repository, tiding.commits[-1:]))


async def _deployed(gate: Gate, tiding: DeploymentTold, source: str) -> None:
    repository = Repository(tiding.issuer, tiding.repository, tiding.name)
    seen = DeploymentSeen(
        "",
        tiding.environment,
        tiding.commit,
        tiding.result,
        tiding.at,
        source,
        tiding.url,
        repository=repository,
    )
    try:
        service, environment = place_of(await gate.rulebooks.current(), tiding)
    except Invalid:  # nobody knows whose it is, so nobody has admitted it
        await observe.unplaced_seen(gate, seen)
        return
    await observe.deployment_seen(gate, replace(seen, service=service, environment=environment))


async def _held(gate: Gate, tiding: RunHeld) -> None:
    """The run becomes a change, as if it had asked itself; whoever it is not for is told so."""
    repository = Repository(tiding.issuer, tiding.repository, tiding.name)
    host = gate.hosts.get(tiding.issuer)
    if host is None:
        raise Invalid(
            f"no code host of {tiding.issuer} is connected, so its run cannot be looked at; "
            "`gate doctor` says what is missing"
        )
    seen = await host.run(repository, tiding.run)
    waits = HeldRun(
        issuer=tiding.issuer,
        repository_id=tiding.repository,
        run_id=seen.run,
        attempt=seen.attempt,
        environment=tiding.environment,
        repository_name=tiding.name,
        provider=seen.provider.value,
        reference=tiding.run,
        change_id=None,
    )
    try:
        book = await gate.rulebooks.current()
        service, environment = place_of(book, tiding)
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


async def _ended(gate: Gate, tiding: RunEnded) -> None:
    """What it waited for is not needed any more; and its checks have ended."""
    for run in await gate.store.read(rows.of_run, tiding.issuer, tiding.repository, tiding.run):
        if run.change_id is not None:
            holder = ChangeHolder(run.change_id, held_runs.caller_of(run))
            try:
                await cancel(gate, run.change_id, "the run that asked for it has ended", holder)
            except GateError as error:
                if error.problem != "state_conflict":
                    raise
        await gate.store.write(rows.drop, run, "the run has ended")
    await _look_again(gate, tiding)
