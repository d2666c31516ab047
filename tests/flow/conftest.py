"""A gate in service: on both kinds of database, or on SQLite alone where the database makes no
difference.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.flow.observing import watching
from tests.flow.shop import Shop, open_shop, open_usual_shop


@pytest.fixture
async def shop(shop_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """With the policies of the organisation in force; the test runs once on each kind."""
    async with open_usual_shop(shop_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def small_shop(sqlite_shop_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """The same, on SQLite alone."""
    async with open_usual_shop(sqlite_shop_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def observing(database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A gate that only observes checkout in production, on both kinds of database."""
    async with open_shop(database_url, tmp_path, watching()) as opened:
        yield opened
