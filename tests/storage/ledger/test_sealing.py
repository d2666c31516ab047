"""Sealing: every entry gets one place, in whatever order transactions commit and however many
sealers there are.
"""

import threading

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gate.errors import Unavailable
from gate.ledger.tiles import TILE_WIDTH
from gate.ledger.tree import EMPTY_ROOT, hash_leaf
from gate.storage.database.engine import open_engine
from gate.storage.database.rows import EntryRow
from gate.storage.database.tx import Tx
from gate.storage.ledger import heads, sealing
from gate.storage.ledger.heads import lock_head
from gate.storage.ledger.ledger import append_entries, sealed
from gate.storage.ledger.sealing import LedgerDamaged, seal
from gate.storage.ledger.tree import tree
from gate.storage.store import transaction
from tests.ledger.trees import path_of, root_of
from tests.storage.stored import reading

MANY = 3 * TILE_WIDTH + 17


def append(tx: Tx, begin: int, end: int) -> None:
    """Entries with these numbers."""
    for number in range(begin, end):
        append_entries(tx, [EntryRow(number, "refusal", None, b'{"n":%d}' % number)])


def seal_all(url: str) -> int:
    """Everything that waits; how many entries are sealed by now."""
    with transaction(url) as tx:
        while seal(tx):
            pass
        return heads.head(tx.conn).size


def require_one_tree(url: str) -> list[bytes]:
    """Places without a hole, and the tree of exactly these bytes; the bytes."""
    with reading(url) as conn:
        head = heads.head(conn)
        rows = sealed(conn, 0, head.size + 1)
        hashes = [hash_leaf(body) for _, body in rows]
        assert [index for index, _ in rows] == list(range(head.size))
        assert head.root == root_of(hashes) == tree(conn, head.size).root()
        return [body for _, body in rows]


def test_an_empty_ledger_has_the_empty_root(database_url: str) -> None:
    assert seal_all(database_url) == 0
    with reading(database_url) as conn:
        assert heads.head(conn) == heads.Head(0, EMPTY_ROOT, 1, None)


def test_entries_are_sealed_in_the_order_of_their_ids_and_proofs_are_read(
    database_url: str,
) -> None:
    for begin, end in ((0, 1), (1, 300), (300, MANY)):
        with transaction(database_url) as tx:
            append(tx, begin, end)
        assert seal_all(database_url) == end

    bodies = require_one_tree(database_url)
    assert bodies == [b'{"n":%d}' % number for number in range(MANY)]
    with reading(database_url) as conn:
        assert tree(conn, MANY).inclusion_proof(500) == path_of(
            500, [hash_leaf(body) for body in bodies]
        )


def test_a_limit_is_not_the_end(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "_UNSEALED", sealing._UNSEALED.limit(10))  # noqa: SLF001 - a thousand entries say no more
    with transaction(sqlite_url) as tx:
        append(tx, 0, 25)
        assert [seal(tx), seal(tx), seal(tx), seal(tx)] == [10, 10, 5, 0]
    require_one_tree(sqlite_url)


def test_f17_an_entry_that_commits_late_is_sealed_late_and_not_passed_over(
    postgres_url: str,
) -> None:
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as slow:
        slow.execute("INSERT INTO ledger_entries (at, kind, body) VALUES (0, 'refusal', 'slow')")
        with transaction(postgres_url) as tx:
            append(tx, 0, 3)
        assert seal_all(postgres_url) == 3
        slow.commit()

    assert seal_all(postgres_url) == 4
    assert require_one_tree(postgres_url)[3] == b"slow"


def test_f04_while_one_sealer_has_the_head_another_neither_waits_nor_seals(
    postgres_url: str,
) -> None:
    with transaction(postgres_url) as tx:
        append(tx, 0, 5)
    with transaction(postgres_url) as first, transaction(postgres_url) as second:
        assert lock_head(first) is not None
        assert seal(second) == 0
        assert seal(first) == 5
    assert seal_all(postgres_url) == 5
    require_one_tree(postgres_url)


def test_f03_a_sealer_that_is_cut_off_leaves_nothing_half_done(postgres_url: str) -> None:
    with transaction(postgres_url) as tx:
        append(tx, 0, 300)
    with pytest.raises(Unavailable, match="cannot be reached"):
        seal_and_be_cut_off(postgres_url)

    with reading(postgres_url) as conn:
        assert heads.head(conn).size == 0
    assert seal_all(postgres_url) == 300
    require_one_tree(postgres_url)


def seal_and_be_cut_off(url: str) -> None:
    """An administrator ends the connection between sealing and commit."""
    with transaction(url) as tx:
        assert seal(tx)
        backend = tx.conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with transaction(url) as other:
            other.conn.execute(text(f"SELECT pg_terminate_backend({backend})"))


def test_several_sealers_at_once_give_every_entry_one_place(postgres_url: str) -> None:
    errors: list[BaseException] = []

    def seal_and_append(first: int) -> None:
        try:
            for turn in range(8):
                with transaction(postgres_url) as tx:
                    append(tx, first + 20 * turn, first + 20 * (turn + 1))
                with transaction(postgres_url) as tx:
                    seal(tx)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test fails with it
            errors.append(error)

    threads = [
        threading.Thread(target=seal_and_append, args=(1000 * number,)) for number in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert seal_all(postgres_url) == 3 * 8 * 20
    assert len(set(require_one_tree(postgres_url))) == 3 * 8 * 20


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM tiles WHERE level = 0 AND number = 1",
        "UPDATE tiles SET hashes = {zeros} WHERE level = 0 AND number = 1",
        "UPDATE tiles SET hashes = {zeros} WHERE level = 1",
        "UPDATE ledger_head SET root = {zeros}",
        "UPDATE ledger_head SET size = size - 1",
    ],
)
def test_nothing_is_sealed_on_top_of_a_damaged_tree(sqlite_url: str, damage: str) -> None:
    with transaction(sqlite_url) as tx:
        append(tx, 0, 300)
    seal_all(sqlite_url)
    with transaction(sqlite_url) as tx:
        append(tx, 300, 301)
        for trigger in ("tiles_no_update", "tiles_no_delete", "ledger_head_no_update"):
            tx.execute(f"DROP TRIGGER {trigger}")
        tx.execute(damage.format(zeros="zeroblob(32)"))

    with pytest.raises(LedgerDamaged), transaction(sqlite_url) as tx:
        seal(tx)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tiles SET hashes = substr(hashes, 1, 32)",
        "UPDATE tiles SET level = 5",
        "DELETE FROM tiles",
        "UPDATE ledger_head SET size = 0",
        "UPDATE ledger_head SET epoch = 0",
        "DELETE FROM ledger_head",
        "UPDATE checkpoints SET at = 1",
        "DELETE FROM checkpoints",
        'UPDATE ledger_entries SET "index" = 7',
    ],
)
def test_the_database_refuses_to_change_what_is_sealed(database_url: str, statement: str) -> None:
    with transaction(database_url) as tx:
        append(tx, 0, 2)
        seal(tx)
        heads.set_head(tx, key="some key")
        assert heads.add_checkpoint(tx, heads.head(tx.conn), b"note")

    with pytest.raises(DBAPIError), open_engine(database_url).begin() as connection:
        connection.exec_driver_sql(statement)
    require_one_tree(database_url)


def test_a_signed_head_is_kept_once_and_only_for_the_epoch_and_key_in_force(
    database_url: str,
) -> None:
    with transaction(database_url) as tx:
        append(tx, 0, 2)
        seal(tx)
        heads.set_head(tx, key="some key")
        head = heads.head(tx.conn)
        assert heads.add_checkpoint(tx, head, b"note")
        assert not heads.add_checkpoint(tx, head, b"again")
        append(tx, 2, 3)
        seal(tx)
        later = heads.head(tx.conn)
        heads.set_head(tx, epoch=2)
        assert not heads.add_checkpoint(tx, later, b"of the former epoch")
        heads.set_head(tx, key="another key")
        assert not heads.add_checkpoint(tx, later, b"of the former key")

    with reading(database_url) as conn:
        assert heads.newest_checkpoint(conn) == (2, b"note")
