"""An export of a real ledger verifies; and whatever SQL changes in a row that the ledger covers is
found, and placed (A64, A71).
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Table,
    TableClause,
    Text,
    column,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy import table as untyped

from gate.core.change import Result
from gate.flow.changes import cancel, review
from gate.flow.commands import OverrideCommand, ReviewCommand
from gate.ledger.note import VerifierKey
from gate.storage.database.tx import Tx
from gate.storage.ledger import exporting
from gate.storage.tables.columns import as_stored, stored_type
from gate.storage.tables.packed import pack, unpack
from gate.storage.tables.schema import approvals, decisions, ledger_entries
from gate.storage.tables.schema_ledger import checkpoints, tiles
from tests.builders import Wire, commit_of, make_person
from tests.flow.ledger.exported import exported, faults_of, found_in, lines_of, settle
from tests.flow.shop import ADA, Shop, open_shop

pytestmark = pytest.mark.anyio
LARGE = {"diff.lines_added": 500, "diff.lines_deleted": 2, "diff.files_changed": 1}
BEN = make_person("ben", "release-managers")
COVERED: list[tuple[Table, str]] = [
    (table, column.name)
    for table in (ledger_entries, decisions, approvals)
    for column in table.columns
    if (table.name, column.name)
    not in {("ledger_entries", "id"), ("decisions", "id")}  # the order of insertion alone
]

Act: TypeAlias = Callable[[Tx], int | None]
Found: TypeAlias = tuple[int | None, list[tuple[int, str]]]


@pytest.fixture
async def story(database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A gate whose ledger tells of every kind of act."""
    async with open_shop(database_url, tmp_path) as shop:
        await live_through_all(shop)
        yield shop


async def live_through_all(shop: Shop) -> None:
    """Changes that passed, were approved, rejected, withdrawn, closed well and badly, and decided
    again.
    """
    await shop.deploy("a")
    await shop.deploy("b", Result.UNSUCCESSFUL, base=commit_of("a"))
    large = await shop.submit("c", claims=LARGE, base=commit_of("a"))
    await review.approve(shop.gate, large["id"], shown(large), ADA)
    await shop.admit(await shop.read(large))
    await shop.close(large)
    refused = await shop.submit("d", claims=LARGE)
    await review.approve(shop.gate, refused["id"], shown(refused), BEN)
    rejected = await shop.submit("e", claims=LARGE)
    await review.reject(shop.gate, rejected["id"], shown(rejected, "not today"), BEN)
    await review.override(
        shop.gate, rejected["id"], OverrideCommand("it may be asked for again"), ADA
    )
    await cancel.cancel(shop.gate, refused["id"], "not needed", ADA)
    await shop.adopt(
        rules="[{id: size, title: Size, points_by: diff.lines_added, steps: {5: 35, 200: 70}}]"
    )
    await shop.submit("f")
    await settle(shop)


def shown(change: Wire, comment: str = "looks right") -> ReviewCommand:
    return ReviewCommand(change["subject_digest"], comment)


async def test_the_export_of_a_whole_story_verifies(story: Shop) -> None:
    assert await faults_of(story) == []


async def test_what_is_not_signed_yet_is_not_exported_and_comes_with_the_next_export(
    story: Shop,
) -> None:
    before = await exported(story)
    await story.submit("a", claims=LARGE, service="web")

    assert await exported(story) == before
    await settle(story)
    assert len(await exported(story)) > len(before)
    assert await faults_of(story) == []


async def test_a64_every_column_of_every_covered_row_is_covered(story: Shop) -> None:
    key = (await story.gate.signing.own()).verifier

    found = await story.gate.store.write(
        each, [tampering(table, column) for table, column in COVERED], key
    )

    names = [f"{table.name}.{column}" for table, column in COVERED]
    assert [name for name, (_, faults) in zip(names, found, strict=True) if not faults] == []
    for name, (place, faults) in zip(names, found, strict=True):
        assert place is None or faults[0][0] == place, f"{name}: at {place}, told {faults[0]}"


async def test_a64_a71_every_row_that_is_removed_or_put_in_is_found(story: Shop) -> None:
    key = (await story.gate.signing.own()).verifier
    removals = [removing(table) for table in (ledger_entries, decisions, approvals, tiles)]

    found = await story.gate.store.write(
        each, [*removals, swapping, *map(doubling, (decisions, approvals))], key
    )

    assert all(faults for _, faults in found), found
    for place, faults in found:
        assert place is None or faults[0][0] == place


async def test_a64_more_rows_without_an_entry_than_are_read_at_once_are_each_reported_once(
    story: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "ROWS_AT_ONCE", 2)

    lines = await story.gate.store.write(lines_without_entries)

    reported = Counter(line.split(b" has a row of ")[0].split(b'"')[-1] for line in lines)
    assert reported == {b"decisions": 5, b"approvals": 5}


def lines_without_entries(tx: Tx) -> list[bytes]:
    """The lines of five decisions and five approvals without an entry, and of no end of them only
    twenty.
    """
    for number in range(77, 82):
        doubling(decisions, number)(tx)
        doubling(approvals, number)(tx)
    return list(islice(exporting.unknown_lines(tx.conn, exporting.extent(tx.conn)), 20))


async def test_a64_an_entry_that_leads_to_no_rows_any_more_is_told_as_the_others_are(
    story: Shop,
) -> None:
    key = (await story.gate.signing.own()).verifier
    bodies = [
        *(b"", b"{", b"[]", b"7", b'{"at":"2026-01-31T12:00:00Z"}', b'{"at":5,"kind":"decision"}'),
        *(b'{"at":"2026-01-31T12:00:00","kind":"decision"}', b"[" * 100_000, b"\xff"),
        *(written(change=[]), written(number="1"), written(kind=["decision"])),
        *(written(kind="lapse", by={}), written(kind="registration", part="policies")),
        *(written(band=["low"]), written(band=None)),
    ]

    found = await story.gate.store.write(each, [writing(body) for body in bodies], key)

    for body, (place, faults) in zip(bodies, found, strict=True):
        assert faults, body[:80]
        assert faults[0] == (place, "this is not the entry that was sealed here"), body[:80]


def written(**fields: object) -> bytes:
    """An entry that the gate would not write so."""
    usual = {
        "at": "2026-01-31T12:00:00.000000Z",
        "kind": "decision",
        "change": "chg_1",
        "number": 1,
    }
    return json.dumps(usual | fields).encode()


def writing(body: bytes) -> Act:
    """Write other bytes into the newest entry."""

    def act(tx: Tx) -> int | None:
        row = newest(tx, ledger_entries)
        assert row is not None
        changed = {"body": pack(body)}
        where = same(ledger_entries, row)
        tx.conn.execute(update(as_kept(ledger_entries)).where(*where).values(changed))
        return int(row["index"])

    return act


def each(tx: Tx, acts: Sequence[Act], key: VerifierKey) -> list[Found]:
    """What a verifier finds after each of these acts alone, and the place where it should, if that
    is one.
    """
    found: list[Found] = []
    for act in acts:
        tx.execute("SAVEPOINT act")
        for table in (ledger_entries, decisions, approvals, tiles, checkpoints):
            for kind in ("update", "delete"):
                tx.execute(
                    f"DROP TRIGGER {table.name}_no_{kind}"
                    + (f" ON {table.name}" if tx.is_postgres else "")
                )
        drop_foreign_keys(tx)
        place = act(tx)
        found.append((place, found_in(lines_of(tx.conn), key)))
        tx.execute("ROLLBACK TO SAVEPOINT act")
    return found


def tampering(table: Table, column: str) -> Act:
    """Give one column of the newest row that has a value there another one."""

    def act(tx: Tx) -> int | None:
        row = newest(tx, table, table.c[column].is_not(None)) or newest(tx, table)
        assert row is not None
        changed = {column: other_than(row[column], stored_type(table.c[column]), column)}
        tx.conn.execute(update(as_kept(table)).where(*same(table, row)).values(changed))
        return row["index"] if table is ledger_entries and column != "index" else None

    return act


def removing(table: Table) -> Act:
    """Take the newest row away."""

    def act(tx: Tx) -> int | None:
        row = newest(tx, table)
        assert row is not None
        tx.conn.execute(delete(table).where(*same(table, row)))
        return row["index"] if table is ledger_entries else None

    return act


def doubling(table: Table, number: int = 77) -> Act:
    """Put in a row that nobody told of."""

    def act(tx: Tx) -> int | None:
        row = newest(tx, table)
        assert row is not None
        column = "number" if table is decisions else "decision"
        tx.conn.execute(
            insert(as_kept(table)).values(
                {
                    **row,
                    column: number,
                    "at": row["at"] + 1,
                    **({"id": 700 + number} if table is decisions else {}),
                }
            )
        )
        return None

    return act


def swapping(tx: Tx) -> int | None:
    """Two entries change their places."""
    index = ledger_entries.c.index
    for now, then in ((3, -3), (5, 3), (-3, 5)):
        tx.conn.execute(update(ledger_entries).where(index == now).values(index=then))
    return 3


def newest(tx: Tx, table: Table, *where: ColumnElement[bool]) -> Mapping[str, Any] | None:
    order = [column.desc() for column in table.primary_key.columns]
    row = (
        tx.conn.execute(select(*map(as_stored, table.c)).where(*where).order_by(*order).limit(1))
        .mappings()
        .first()
    )
    return None if row is None else {str(name): value for name, value in row.items()}


def same(table: Table, row: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    keys = table.primary_key.columns
    return [column(one.name, stored_type(one)) == row[one.name] for one in keys]


def as_kept(table: Table) -> TableClause:
    """The table without types that convert: whoever tampers writes what they like."""
    return untyped(table.name, *(column(one.name, stored_type(one)) for one in table.c))


def other_than(value: Any, kind: Any, column: str) -> Any:
    """A value of the same kind that is another one."""
    if isinstance(value, bool):
        return not value
    if isinstance(kind, LargeBinary):
        return pack(unpack(bytes(value)).replace(b'"', b"'", 1))
    if isinstance(kind, Text):
        return "changed" if value is None else f"{value}x"
    return 7_000_000 if value is None or column == "index" else value + 1


def drop_foreign_keys(tx: Tx) -> None:
    if not tx.is_postgres:
        tx.execute("PRAGMA defer_foreign_keys = ON")
        return
    for table in (decisions, approvals):
        for key in table.foreign_key_constraints:
            tx.execute(f"ALTER TABLE {table.name} DROP CONSTRAINT {key.name}")
