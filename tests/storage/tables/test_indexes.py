"""Every index has a query that takes it, because each costs every row that is written.

The queries are those of the gate, asked of an empty SQLite: the statements that decisions send, and
one call of each function that needs an index.
"""

import pkgutil
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib import import_module
from typing import Any

from sqlalchemy import Connection

import gate.storage
from gate.core.change import State
from gate.core.decision.values import Band, ChangeType, Outcome, Route
from gate.storage.audit import pack
from gate.storage.changes import changes, history_query, holds, keys, reconsider
from gate.storage.changes.change_list import ChangeFilters, change_page
from gate.storage.changes.log import ANYTHING, LogFilters, log_page
from gate.storage.database.hot import Hot
from gate.storage.database.pages import Part
from gate.storage.database.tx import Tx
from gate.storage.figures import concerns, improvements, insights, issues, past, waits, weeks
from gate.storage.figures.waits import WaitFilters
from gate.storage.identity import invitations, people, persons, sessions, sign_ins, token_uses
from gate.storage.incidents import incidents, links, sightings
from gate.storage.incidents.incidents import IncidentFilters
from gate.storage.incidents.sightings import SightingFilters
from gate.storage.ledger import acts
from gate.storage.messages import dead_letters, held_runs, inbox, outbox
from gate.storage.policies import freezes, policy_sets
from gate.storage.tables.schema import metadata
from tests.storage.stored import DAY, NOW, writing

PART = Part(50)
PLACE = ("shop", "production")
TAKEN = re.compile(r"USING (?:COVERING )?INDEX (\w+)")

OF_THE_LOG = (
    LogFilters(),
    LogFilters(service="shop"),
    LogFilters(service="shop", environment="production"),
    LogFilters(environment="production"),
    LogFilters(type=ChangeType.NORMAL),
    LogFilters(route=Route.REVIEW),
    LogFilters(outcome=Outcome.APPROVED),
    LogFilters(band=Band.LOW),
    LogFilters(policy="production"),
    LogFilters(revision="r" * 64),
    LogFilters(standard_change="routine"),
    LogFilters(commit="a" * 40),
    LogFilters(run="9"),
    LogFilters(issuer="https://github.com", repository=7),
)
OF_CHANGES = (
    ChangeFilters(),
    ChangeFilters(state=State.CLOSED),
    ChangeFilters(service="shop"),
    ChangeFilters(service="shop", environment="production"),
    ChangeFilters(settled=True),
    ChangeFilters(settled=True, service="shop"),
)

READS: tuple[Callable[[Connection], object], ...] = (
    *(lambda conn, one=one: log_page(conn, one, PART) for one in OF_THE_LOG),
    *(lambda conn, one=one: change_page(conn, one, PART, now=NOW) for one in OF_CHANGES),
    lambda conn: changes.due_to_expire(conn, NOW, 10),
    lambda conn: changes.due_to_redecide(conn, NOW, 10),
    lambda conn: holds.crowds(conn, NOW),
    lambda conn: holds.kept_holds(conn, NOW),
    lambda conn: acts.happened(conn, LogFilters(kind=ANYTHING), PART),
    lambda conn: pack.entries_of(conn, "chg_1", 10),
    lambda conn: incidents.incident_page(conn, IncidentFilters(), PART),
    lambda conn: incidents.incident_page(conn, IncidentFilters(service="shop"), PART),
    lambda conn: incidents.newest_of_series(conn, "pagerduty", "P1"),
    lambda conn: incidents.open_of_service(conn, "shop"),
    lambda conn: links.ever(conn, "inc_1"),
    lambda conn: links.due(conn, NOW, 10),
    lambda conn: sightings.sighting_page(conn, SightingFilters(), PART),
    lambda conn: sightings.sighting_page(conn, SightingFilters(*PLACE), PART),
    lambda conn: insights.seconds_to_last_word(conn, *PLACE),
    lambda conn: past.deployments(conn, *PLACE, NOW),
    lambda conn: past.incidents(conn, *PLACE),
    lambda conn: people.people_page(conn, PART),
    lambda conn: freezes.freeze_page(conn, PART),
    lambda conn: policy_sets.changes_between(conn, NOW - DAY, NOW),
    lambda conn: improvements.improvement_page(conn, PART),
    improvements.taken,
    lambda conn: improvements.unread(conn, NOW),
    lambda conn: issues.due(conn, NOW),
    lambda conn: issues.is_followed(conn, "https://github.com", 7, "1"),
    lambda conn: waits.longest(conn, WaitFilters("2026-W10", "owners"), 10),
    lambda conn: waits.longest(conn, WaitFilters("2026-W10", None, *PLACE), 10),
    lambda conn: waits.newest_seconds(conn, *PLACE, NOW),
    lambda conn: concerns.waiting(conn, NOW, NOW - DAY, 10),
    lambda conn: concerns.late_reviews(conn, NOW, 10),
    lambda conn: weeks.failed(conn, NOW - DAY, NOW, 10),
    held_runs.waiting,
    lambda conn: inbox.given_up(conn, 10),
    lambda conn: outbox.due_targets(conn, NOW),
    lambda conn: dead_letters.dead_letter_page(conn, PART),
)
WRITES: tuple[Callable[[Tx], object], ...] = (
    lambda tx: reconsider.ask(tx, *PLACE),
    keys.delete_expired,
    lambda tx: inbox.claim(tx, again_at=NOW),
    lambda tx: inbox.forget(tx, older_than=timedelta(days=90)),
    outbox.delete_done,
    lambda tx: people.sign_out(tx, "per_ada"),
    lambda tx: people.join(tx, "per_ada", "per_ben"),
    lambda tx: persons.merge(tx, "per_ada", "per_ben"),
    sessions.delete_expired,
    invitations.delete_expired,
    sign_ins.delete_expired,
    token_uses.delete_expired,
)


def test_every_index_has_a_query_that_takes_it(sqlite_url: str) -> None:
    with writing(sqlite_url) as tx:
        raw: Any = tx.conn.connection.dbapi_connection
        sent: list[str] = []
        raw.set_trace_callback(sent.append)
        for read in READS:
            read(tx.conn)
        for write in WRITES:
            write(tx)
        raw.set_trace_callback(None)
        asked = [text for text in sent if text.split()[0] in {"SELECT", "UPDATE", "DELETE"}]
        taken = {
            found[1]
            for text in (*asked, *hot_statements())
            for row in raw.execute(f"EXPLAIN QUERY PLAN {text}", [None] * text.count("?"))
            if (found := TAKEN.search(row[3]))
        }

    unread = indexes() - taken
    assert not unread, (
        f"no query takes {', '.join(sorted(unread))}: take them out of the tables, or call here "
        "what needs them"
    )


def indexes() -> set[str]:
    """All but those that keep something unique, which need no reader."""
    return {
        str(index.name)
        for table in metadata.tables.values()
        for index in table.indexes
        if not index.unique
    }


def hot_statements() -> Iterator[str]:
    """What goes to SQLite as text, wherever in the gate it stands."""
    for module in pkgutil.walk_packages(gate.storage.__path__, "gate.storage."):
        if module.name.startswith("gate.storage.migrations"):
            continue  # runs its steps as it is imported
        for value in vars(import_module(module.name)).values():
            if isinstance(value, Hot):
                yield value._texts[False]  # noqa: SLF001 - a test may look inside
    yield history_query.of_sqlite(1)
