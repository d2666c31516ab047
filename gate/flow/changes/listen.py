"""Ask the code host before a decision, with no transaction open, and weigh what it says against
what the caller says.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gate.core.change import Change, Repository
from gate.core.decision.decide import Case
from gate.core.decision.guards import kept_since, when_kept
from gate.core.decision.values import Contradiction, Finding, gate_finding
from gate.core.facts import Origin, Value
from gate.core.history import TrackRecord
from gate.core.messages.host import (
    ASKED,
    FROM_BASE,
    OF_CHECKS,
    OF_REVIEWS,
    HostFacts,
    HostQuestion,
    contradictions,
    review_facts,
    silence,
)
from gate.errors import SourceUnavailable
from gate.flow.changes.known import Known
from gate.flow.gate import Gate
from gate.flow.ports import CodeHost, Hosts
from gate.flow.rulebooks import Rulebook
from gate.storage.changes.history import PlaceQuery, track_record
from gate.storage.messages.pushes import first_pushers, pushers

HOST_SECONDS_MAX = 3.0
"""How long a code host may take for everything it is asked about one change. The pipeline waits
meanwhile, so a host that is late counts as silent."""

SILENT = "source-silent"
"""The note that a source did not answer, or not whole, so that its facts are unknown."""


async def listen(gate: Gate, change: Change, book: Rulebook) -> HostFacts | None:
    """Return what the code host says of the change, or None where no host knows its repository."""
    if change.repository is None and _has_several(change, book, gate.hosts):
        return silence(
            "the request names no repository, and the service has several; name it, or "
            "what it should verify is unknown"
        )
    repository = repository_of(change, book)
    host = gate.hosts.get(repository.issuer) if repository else None
    if repository is None or host is None:
        return None
    place = book.catalogue.environments.get(change.environment)
    here = await gate.store.read(
        track_record, PlaceQuery(change.service, change.environment, change.commit, gate.clock())
    )
    question = HostQuestion(
        repository=repository,
        commit=change.commit,
        base=here.running.commit if here.running else None,
        claimed_base=change.base,
        environments=(change.environment, *(place.names if place else ())),
        ref=change.ref,
        proves_ref="change.ref_protected" in change.proved,
        run=change.run,
    )
    began = time.monotonic()
    heard = await _answer_of(host, question)
    said = "silence" if heard.silent == ASKED else "part" if heard.trouble else "whole"
    gate.metrics.heard(host.name, said, time.monotonic() - began)
    if not heard.commits:
        return heard
    where = (repository.issuer, repository.id)
    return replace(
        heard,
        pushers=await gate.store.read(pushers, where, heard.commits),
        first_pushers=await gate.store.read(first_pushers, where, heard.pulled),
    )


async def _answer_of(host: CodeHost, question: HostQuestion) -> HostFacts:
    """Return the host's facts, or silence and its reason where it fails or is late.

    A silent host never stops a decision: its facts are unknown, which is the worst case.
    """
    try:
        async with asyncio.timeout(HOST_SECONDS_MAX):
            return await host.facts(question)
    except TimeoutError:
        return silence(
            f"{host.name} did not answer within {HOST_SECONDS_MAX:g} s, so what it should "
            "verify is unknown"
        )
    except SourceUnavailable as error:
        return silence(f"{error.detail}; what it should verify is unknown")


def _has_several(change: Change, book: Rulebook, hosts: Hosts) -> bool:
    """Return whether a caller would escape verification by naming no repository.

    That is so where the service has several, because then none of them can be chosen, and at least
    one is on a connected host.
    """
    listed = book.catalogue.repositories_of(change.service)
    return len(listed) > 1 and any(one.issuer in hosts for one in listed)


def repository_of(change: Change, book: Rulebook) -> Repository | None:
    """Return the repository to ask about, or None where there is none to trust.

    It is the one that the request names, if the catalogue lists it for the service. A request that
    names none gets the only one that is listed. A repository that is not listed is never asked,
    because what is true of somebody else's repository says nothing about this service.
    """
    listed = book.catalogue.repositories_of(change.service)
    if change.repository is None:
        return listed[0] if len(listed) == 1 else None
    asked = change.repository
    same = next((one for one in listed if (one.issuer, one.id) == (asked.issuer, asked.id)), None)
    # The catalogue may list a repository by its id alone; then the request has its name.
    return asked if same is not None and not same.name else same


def measured_from(heard: HostFacts | None, here: TrackRecord) -> HostFacts | None:
    """Return what was heard, without facts compared with a commit that no longer runs here.

    Another deployment may begin while the host is asked. Then those facts describe another
    difference, and become unknown.
    """
    if heard is None or here.running is None or heard.base in {None, here.running.commit}:
        return heard
    values = {name: value for name, value in heard.values.items() if name not in FROM_BASE}
    moved = (
        f"{here.running.commit[:12]} runs here since a moment ago, so the comparison with "
        f"{(heard.base or '')[:12]} says nothing"
    )
    return replace(
        heard,
        base=None,
        values=values,
        silent=heard.silent | FROM_BASE,
        trouble=(*heard.trouble, moved),
    )


def asked_at(before: Known) -> datetime | None:
    """Return when the code host gave the facts of the decision in force, or None if no fact is
    verified.
    """
    record = before.record
    if not any(fact.origin is Origin.VERIFIED for fact in record.case.facts.values()):
        return None
    since = when_kept(record.case.notes) or record.at
    return before.stored.decided_at - (record.at - since)


def said_before(
    before: Known | None, change: Change, book: Rulebook, here: TrackRecord
) -> HostFacts | None:
    """Return what the host said for the decision in force, to use while it cannot be asked, or
    None.

    A token that a pipeline lent ends with its request, but what was read with it stays true of the
    same commit and base. It is not used for another branch, nor after the catalogue changed or
    somebody else was named, because reviews were counted without the authors. An admission asks the
    host again, so what became worse meanwhile is noticed before anything is deployed.
    """
    if before is None:
        return None
    since, record = asked_at(before), before.record
    running = here.running.change if here.running else None
    if (
        since is None
        or running != before.stored.running_change
        or change.ref != record.asked.ref
        or book.revisions.catalogue != record.revisions.catalogue
        or not set(before.people.excluded).issubset(record.case.people.excluded)
    ):
        return None
    facts = record.case.facts
    values = {name: fact.value for name, fact in facts.items() if fact.origin is Origin.VERIFIED}
    return HostFacts(
        base=here.running.commit if here.running and not FROM_BASE.isdisjoint(values) else None,
        values=values,
        # Facts that the host did not give then stay silent, so that no claim takes their place.
        silent=ASKED.difference(facts),
        trouble=tuple(
            dict(note.seen)["because"] for note in record.case.notes if note.rule == SILENT
        ),
        kept_since=since,
    )


def verified(heard: HostFacts | None, change: Change, book: Rulebook) -> dict[str, Value]:
    """Return every fact that the host vouches for, by name; empty where no host was asked."""
    if heard is None:
        return {}
    members: set[str] = set()
    for group in book.catalogue.owners_of(change.service) or ():
        members.update(book.catalogue.members(group))
    return {**heard.values, **review_facts(heard, book.identities, members)}


def contradicted(
    heard: HostFacts | None, change: Change, vouched: Mapping[str, Value], before: Case | None
) -> tuple[Contradiction, ...]:
    """Return the claims of the caller that the host contradicts.

    A contradiction of the decision before stands while the host is silent about that fact, because
    waiting for a silent host must not clear it.
    """
    fresh = contradictions(
        change.claims,
        vouched,
        same_base=heard is not None and heard.base is not None and heard.base == change.base,
    )
    earlier = before.contradictions if before else ()
    return (
        *fresh,
        *(
            one
            for one in earlier
            if one.fact not in vouched and change.claims.get(one.fact) == one.claimed
        ),
    )


def left_of(claims: Mapping[str, Value], heard: HostFacts | None) -> dict[str, Value]:
    """Return the claims that may count beside what the host said.

    A claim about something that the host was asked for is left out, even where the host is silent:
    otherwise a caller could choose the fact by keeping the host from answering.
    """
    if heard is None:
        return dict(claims)
    asked = heard.silent | OF_CHECKS | OF_REVIEWS
    return {name: value for name, value in claims.items() if name not in asked}


def notes(heard: HostFacts | None) -> tuple[Finding, ...]:
    """Return notes: since when facts of the host are known, and why others are unknown."""
    if heard is None:
        return ()
    since = (kept_since(heard.kept_since),) if heard.kept_since else ()
    if not heard.trouble:
        return since
    return (
        *since,
        gate_finding(SILENT, "Code host", "; ".join(heard.trouble)),
    )
