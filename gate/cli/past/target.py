"""Stores what an import finds, in short transactions, and reports on it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlencode

from gate.cli.database import existing
from gate.client.show.text import visible
from gate.config import Settings
from gate.core.change import FAILED_RESULTS
from gate.core.counting import counted
from gate.core.past import PastDeployment, PastFacts, PastIncident
from gate.errors import Invalid
from gate.flow.rulebooks import Rulebook, current_rulebook
from gate.storage.figures import past
from gate.storage.store import transaction

SHOWN_MAX = 5
"""The most environments that the report names because the catalogue lacks them."""


@dataclass(slots=True)
class Tally:
    """Counts of what was done, for the report of the command."""

    deployments: int = 0
    failed: int = 0
    known: int = 0
    not_ended: int = 0
    in_future: int = 0
    incidents: int = 0
    measured: int = 0
    incomplete: int = 0
    unknown_environments: Counter[str] = field(default_factory=Counter)


class ImportTarget:
    """The database that is imported into, and what has been done so far."""

    def __init__(self, settings: Settings) -> None:
        self.url = existing(settings)
        self.address = settings.address
        with transaction(self.url) as tx:
            self.book: Rulebook = current_rulebook(tx.conn)
            self.now: datetime = tx.now
        self.tally = Tally()

    def require_service(self, service: str) -> None:
        """Raise `Invalid` for a service that the catalogue lacks."""
        if service not in self.book.catalogue.services:
            known = ", ".join(sorted(self.book.catalogue.services)[:SHOWN_MAX]) or "none"
            raise Invalid(
                f"the catalogue in force has no service {service}, it has {known}; start the gate "
                "with the catalogue that lists it, then import"
            )

    def environment_named(self, said: str) -> str | None:
        """Return the catalogue's own name of the environment, or None if it lacks the
        environment.
        """
        name = self.book.catalogue.environment_named(said)
        if name in self.book.catalogue.environments:
            return name
        self.tally.unknown_environments[said] += 1
        return None

    def known_keys(self, source: str) -> frozenset[str]:
        """Return the keys of deployments that were imported from this source before."""
        with transaction(self.url) as tx:
            return past.known_keys(tx.conn, source)

    def keep_deployments(self, found: Sequence[PastDeployment]) -> None:
        """Keep these deployments, all or none. One that ends in the future is left out."""
        ended = [one for one in found if one.ended_at <= self.now]
        self.tally.in_future += len(found) - len(ended)
        if ended:
            with transaction(self.url) as tx:
                past.keep_deployments(tx, ended, tx.now)
        self.tally.deployments += len(ended)
        self.tally.failed += sum(one.result in FAILED_RESULTS for one in ended)

    def keep_incidents(self, found: Sequence[PastIncident]) -> None:
        """Keep these incidents, all or none. One that begins in the future is left out."""
        begun = [one for one in found if one.began_at <= self.now]
        self.tally.in_future += len(found) - len(begun)
        if begun:
            with transaction(self.url) as tx:
                past.keep_incidents(tx, begun, tx.now)
        self.tally.incidents += len(begun)

    def unmeasured(self, source: str) -> list[tuple[PastDeployment, str | None]]:
        """Return deployments of this source whose facts were not fetched yet, newest first, each
        with the commit that ran before it.
        """
        with transaction(self.url) as tx:
            return past.unmeasured(tx.conn, source)

    def keep_facts(self, deployment: PastDeployment, facts: PastFacts, *, is_whole: bool) -> None:
        """Keep what is known of one deployment."""
        with transaction(self.url) as tx:
            past.keep_deployments(tx, [replace(deployment, facts=facts)], tx.now)
        self.tally.measured += 1
        self.tally.incomplete += not is_whole

    def say(self, service: str | None = None) -> None:
        """Print the result of the import."""
        for line in _lines(self.tally):
            print(line)
        query = f"?{urlencode({'service': service})}" if service else ""
        print(f"the report: {self.address}/observations{query}")


def _lines(tally: Tally) -> list[str]:
    imported = f"imported {counted(tally.deployments, 'deployment')} ({tally.failed} failed)"
    incidents = counted(tally.incidents, "incident")
    lines = [f"{imported} and {incidents}; known before: {counted(tally.known, 'deployment')}"]
    if tally.measured:
        lines.append(
            f"asked what was in {tally.measured} of them; not completely known, so counted as the "
            f"worst case: {tally.incomplete}"
        )
    if tally.not_ended:
        lines.append(f"left out {tally.not_ended} that have no end yet, or were canceled")
    if tally.in_future:
        lines.append(f"left out {tally.in_future} that would lie in the future")
    unknown = tally.unknown_environments
    if unknown:
        named = ", ".join(f"{visible(name)} ({n})" for name, n in unknown.most_common(SHOWN_MAX))
        lines.append(
            f"left out {unknown.total()} in environments that the catalogue lacks: {named}; add "
            "one there, or its name to `names`, and import again"
        )
    return lines
