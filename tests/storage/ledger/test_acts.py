"""Acts and decisions in one list: the same as sorting all of them by hand, page by page."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import pytest

from gate.core.instants import to_us
from gate.ledger.format import Kind, entry
from gate.storage.changes.log import ACT, ANYTHING, LogFilters, LogRow
from gate.storage.database.pages import Part
from gate.storage.database.rows import EntryRow
from gate.storage.database.tx import Tx
from gate.storage.ledger.acts import Happened, happened
from gate.storage.ledger.ledger import append_entries
from tests.storage.stored import HOUR, NOW, planned, put_change, put_decision, reading, writing

SAID = {"by": "per_ada", "subject_digest": "d" * 64}


def put_act(tx: Tx, kind: Kind, at: datetime, change: str | None = None, **fields: object) -> None:
    """An entry as an act writes it."""
    append_entries(tx, [EntryRow(to_us(at), kind.value, change, entry(kind, at, change, **fields))])


def a_week(tx: Tx) -> list[str]:
    """Decisions and acts, several at one instant; the ids of the changes."""
    changes = []
    for hour in range(12):
        at = NOW + hour // 3 * HOUR
        service = ("shop", "search")[hour % 2]
        change = put_change(tx.conn, service=service)
        put_decision(tx, change, service=service, at=at)
        put_act(tx, Kind.APPROVAL, at, change, **SAID)
        if hour % 4 == 0:
            put_act(tx, Kind.FREEZE, at, window=f"frz_{hour}", action="added")
        if hour % 4 == 1:
            put_act(tx, Kind.EXPIRY, at, change, state="pending")
        changes.append(change)
    return changes


def names(rows: Iterable[Happened]) -> list[tuple[str, str | int]]:
    """What each row is."""
    return [
        ("decision", row.change) if isinstance(row, LogRow) else ("act", row.id) for row in rows
    ]


@pytest.mark.parametrize("kind", [ANYTHING, ACT, "decision", "freeze"])
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_page_after_page_is_the_whole_in_order(database_url: str, kind: str, limit: int) -> None:
    with writing(database_url) as tx:
        a_week(tx)
    with reading(database_url) as conn:
        filters = LogFilters(kind=kind)
        whole = happened(conn, filters, Part(500)).rows
        part, paged = Part(limit), list[Happened]()
        while True:
            found = happened(conn, filters, part)
            paged += found.rows
            if found.next is None:
                break
            part = replace(part, after=found.next)

    assert names(paged) == names(whole)
    assert [row.at for row in whole] == sorted((row.at for row in whole), reverse=True)
    count = {ANYTHING: 12 + 12 + 3, ACT: 12 + 3, "decision": 12, "freeze": 3}
    assert len(whole) == len(set(names(whole))) == count[kind]


def test_a_filter_finds_the_acts_about_the_changes_that_fit(database_url: str) -> None:
    with writing(database_url) as tx:
        changes = a_week(tx)
    with reading(database_url) as conn:
        found = happened(conn, LogFilters(kind=ANYTHING, service="search"), Part(500)).rows
        late = happened(conn, LogFilters(kind=ACT), Part(500, begins=NOW + HOUR)).rows

    assert {row.change for row in found} == set(changes[1::2])
    assert [name for name, _ in names(found)].count("act") == 6
    assert {row.at for row in late} == {NOW + n * HOUR for n in (1, 2, 3)}


def test_a_page_of_acts_is_read_from_its_index_and_nothing_is_sorted(sqlite_url: str) -> None:
    with writing(sqlite_url) as tx:
        a_week(tx)
    with reading(sqlite_url) as conn:
        (first,) = planned(conn, lambda conn: happened(conn, LogFilters(kind=ACT), Part(2)))
        after = happened(conn, LogFilters(kind=ACT), Part(2)).next
        (later,) = planned(conn, lambda conn: happened(conn, LogFilters(kind=ACT), Part(2, after)))

    for plan in (first, later):
        assert "ix_ledger_entries_acts" in plan
        assert "TEMP B-TREE" not in plan
    assert "SEARCH ledger_entries" in later
