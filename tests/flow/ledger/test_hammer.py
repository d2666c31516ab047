"""Readers who check everything they are served find nothing wrong while writers deploy and two
servers seal (F04, F17); what they would find is found.
"""

from pathlib import Path

import pytest
from sqlalchemy import update

from gate.ledger.tree import ProofError
from gate.storage.database.tx import Tx
from gate.storage.tables.schema import ledger_entries
from tests.flow.ledger.exported import settle
from tests.flow.ledger.hammering import Hammer, hammer
from tests.flow.shop import open_shop

pytestmark = pytest.mark.anyio


async def test_f04_f17_whatever_is_served_is_consistent_under_load(
    database_url: str, tmp_path: Path
) -> None:
    async with open_shop(database_url, tmp_path) as shop:
        found = await hammer(shop, writers=4, readers=2, changes=5, seed=7)

    assert len(found.changes) == 20
    assert found.heads
    assert found.proofs


async def test_a64_a_reader_finds_an_entry_that_was_changed(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with open_shop(sqlite_url, tmp_path) as shop:
        found: Hammer = await hammer(shop, writers=1, readers=1, changes=2, seed=7)
        await shop.gate.store.write(spoil)
        await settle(shop)

        with pytest.raises((AssertionError, ProofError)):
            await found.look()


def spoil(tx: Tx) -> None:
    tx.execute("DROP TRIGGER ledger_entries_no_update")
    tx.conn.execute(update(ledger_entries).values(body=b'{"other":1}'))
