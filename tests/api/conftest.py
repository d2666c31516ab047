"""The service on a database of its own, for tests of one server on SQLite."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.served import Served, served


@pytest.fixture
async def service(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    """With the usual policies in force."""
    async with served(sqlite_url, tmp_path) as running:
        yield running
