"""Adds to a request what the pipeline's identity token proves, and refuses what contradicts it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from gate.core.catalogue.catalogue import PRODUCTION
from gate.core.change import Change, Repository, Run
from gate.core.decision.admission import Proof
from gate.core.instants import to_us
from gate.core.workload import (
    PRODUCTION_EVENTS,
    Provider,
    Workload,
    is_branch_or_tag,
    is_of_request,
)
from gate.errors import NotAllowed, Unauthenticated
from gate.flow.caller import NOBODY, Caller
from gate.flow.commands import AdmissionCommand
from gate.flow.rulebooks import Rulebook
from gate.flow.scope import require_repository, require_service
from gate.storage.database.rows import TokenUseRow
from gate.storage.database.tx import Tx
from gate.storage.identity import token_uses
from gate.storage.tables.stored_change import StoredChange

REMEMBERED_AFTER_EXPIRY = timedelta(minutes=5)
"""Longer than any leeway with which a token's time is judged."""


def bound_to(by: Caller, change: Change, book: Rulebook) -> Change:
    """Return the change under its environment's name in the catalogue, with what the token proves.

    Raises `NotAllowed` for another service or repository than the caller's, and as `bind` does.
    """
    require_service(by, change.service)
    environment = book.catalogue.environment_named(change.environment)
    bound = bind(change._replace(environment=environment), by, book)
    require_repository(bound, book)
    return bound


def bind(change: Change, by: Caller, book: Rulebook) -> Change:
    """Return the change with what the token proves. Raises `NotAllowed` for a body that contradicts
    it, and where the catalogue does not list the repository for the service.

    With any other kind of token nothing is proved, and the change is returned as it was.
    """
    if not isinstance(by, Workload):
        _require_merged(change.ref, change.service, change.environment, book)
        return change
    _require_listed(by, change.service, change.environment, book)
    _refuse(_contradictions(by, change.commit, change.repository, change.run, change.ref))
    _require_merged(by.ref or change.ref, change.service, change.environment, book)
    run = change.run or by.run
    return change._replace(
        repository=by.repository,
        run=replace(run, id=by.run.id, attempt=by.run.attempt, check=by.run.check),
        ref=by.ref or change.ref,
        requested_by=change.requested_by or by.login or None,
        actor=by.actor,
        proved=by.facts,
    )


def require_admissible(
    command: AdmissionCommand, by: Caller, stored: StoredChange, book: Rulebook
) -> None:
    """Raise `NotAllowed` where a token asks for an admission that it does not prove."""
    if isinstance(by, Workload):
        _require_listed(
            by, stored.service, book.catalogue.environment_named(command.environment), book
        )
        _refuse(_contradictions(by, command.commit, None, command.run, None))
        _require_merged(by.ref, stored.service, stored.environment, book)


def require_own_run(run: Run | None, by: Caller, proved: Proof | None) -> None:
    """Raise `NotAllowed` where a token reports on another run than its own.

    `proved` is what a token proved when the change was decided. A run of an unmerged branch has a
    token of the same repository, and says nothing about what another run has deployed.
    """
    if not isinstance(by, Workload):
        return
    _refuse(_contradictions(by, by.commit, None, run, None))
    if not is_own_run(by, proved):
        raise _mismatch(
            f"this is a change of run {proved.run if proved else ''}, and the token is of run "
            f"{by.run.id}; report from that run, with the token of the change, or with an API token"
        )


def require_merged_run(by: Caller, stored: StoredChange, book: Rulebook) -> None:
    """Raise `NotAllowed` where a run of what is not merged reports on production."""
    if isinstance(by, Workload):
        _require_production_run(by, stored.service, stored.environment, book)
        _require_merged(by.ref, stored.service, stored.environment, book)


def is_own_run(by: Workload, proved: Proof | None) -> bool:
    """Return whether the token is of the run that proved itself, or no run did."""
    return proved is None or proved.run == by.run.id


def token_use(by: Caller, change: str) -> TokenUseRow | None:
    """Return the row that binds the caller's token to this change, or None.

    None is for tokens other than identity tokens, which may be used for any number of changes.
    """
    if not isinstance(by, Workload):
        return None
    return TokenUseRow(
        by.issuer, by.jti, by.bound_to(change), to_us(by.expires_at + REMEMBERED_AFTER_EXPIRY)
    )


def require_unused(conn: Connection, use: TokenUseRow | None) -> None:
    """Raise `Unauthenticated` for a token that was used for something else."""
    if use is not None and token_uses.bound_to(conn, use) not in {None, use.bound_to}:
        raise Unauthenticated(NOBODY)


def use_token(tx: Tx, use: TokenUseRow | None) -> None:
    """Bind the token, as a part of what it is used for.

    Raises `Unauthenticated` as above: whoever was first has it.
    """
    if use is not None and not token_uses.bind(tx, use):
        raise Unauthenticated(NOBODY)


def _require_listed(by: Workload, service: str, environment: str, book: Rulebook) -> None:
    """Raise `NotAllowed` unless the catalogue lists the repository for this service, the service
    for this environment, and the run is of a kind that may deploy there.
    """
    catalogue = book.catalogue
    if service not in catalogue.services_of(by.issuer, by.repository.id):
        raise _mismatch(
            f"repository {by.repository.id} of {by.issuer} is not listed for "
            f"{service[:100]}; list it in the catalogue"
        )
    if not catalogue.services[service].deploys_to(environment):
        raise _mismatch(
            f"{service} is not deployed to {environment[:100]}; list the environment in the "
            "catalogue"
        )
    if by.environment is not None and not _is_for(by.environment, service, environment, book):
        raise _mismatch(
            f"the token is for environment {by.environment[:100]}, not for "
            f"{environment[:100]}; ask from a job of that one"
        )
    _require_production_run(by, service, environment, book)


def _require_production_run(by: Workload, service: str, environment: str, book: Rulebook) -> None:
    """Raise `NotAllowed` for a run of a kind that has nothing to do with production, for a place
    in production.
    """
    allowed = PRODUCTION_EVENTS[by.provider]
    is_production = book.catalogue.tier_of(service, environment) == PRODUCTION
    if by.event not in allowed and is_production:
        raise NotAllowed(
            f"a run for {by.event or 'an event that nobody names'} may be one that works on what "
            "is not merged yet, and never reaches production; deploy after the merge, by one of "
            f"{', '.join(sorted(allowed))}"
        )

    if (
        by.provider is Provider.GITLAB
        and by.ref is not None
        and not is_branch_or_tag(by.ref)
        and is_production
    ):
        raise NotAllowed(
            f"a pipeline of {by.ref[:100]} is of neither branch nor tag, and never reaches "
            "production; deploy after the merge"
        )


def _is_for(said: str, service: str, environment: str, book: Rulebook) -> bool:
    """Return whether the environment of a token means this one.

    A repository of several services calls its environments SERVICE/ENVIRONMENT at a code host. Such
    a token is for that service alone.
    """
    named, slash, place = said.partition("/")
    means = book.catalogue.means
    return means(said, environment) or (
        bool(slash) and named == service and means(place, environment)
    )


def _require_merged(ref: str | None, service: str, environment: str, book: Rulebook) -> None:
    """Raise `NotAllowed` for a pull or merge request that asks for production.

    That holds for every event that started its run, and for every kind of token.
    """
    if (
        ref is not None
        and is_of_request(ref)
        and book.catalogue.tier_of(service, environment) == PRODUCTION
    ):
        raise NotAllowed(
            f"{ref[:100]} is a pull or merge request, which is not merged yet and never reaches "
            "production; deploy a branch or tag after the merge (a branch of that name: "
            "refs/heads/…)"
        )


def _contradictions(
    by: Workload, commit: str, repository: Repository | None, run: Run | None, ref: str | None
) -> Iterator[tuple[str, object, object]]:
    """Yield each field that differs, with what the body says and what the token proves."""
    if commit != by.commit:
        yield "commit", commit, by.commit
    if ref is not None and by.ref is not None and ref not in {by.ref, *_short(by.ref)}:
        yield "ref", ref, by.ref
    if repository is not None:
        if (repository.issuer, repository.id) != (by.issuer, by.repository.id):
            yield (
                "repository",
                f"{repository.id} of {repository.issuer}",
                f"{by.repository.id} of {by.issuer}",
            )
        elif repository.name and repository.name.casefold() != by.repository.name.casefold():
            yield "repository name", repository.name, by.repository.name
    if run is not None and run.id != by.run.id:
        yield "run id", run.id, by.run.id
    elif run is not None and run.attempt != by.run.attempt:
        yield "run attempt", run.attempt, by.run.attempt


def _short(ref: str) -> tuple[str, ...]:
    """Return the short forms of a ref, as people write it: `main` for `refs/heads/main`."""
    return tuple(
        ref.removeprefix(folder)
        for folder in ("refs/heads/", "refs/tags/")
        if ref.startswith(folder)
    )


def _refuse(contradictions: Iterator[tuple[str, object, object]]) -> None:
    for what, said, proved in contradictions:
        raise _mismatch(
            f"the body says {what} {said}, the token says {proved}; leave it out, or send "
            "what the token says"
        )


def _mismatch(detail: str) -> NotAllowed:
    return NotAllowed(detail, problem="identity_mismatch")
