"""The service on a database of its own, alone or with pipelines that have identity tokens."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.pipelines import Pipelines, pipelines
from tests.api.served import Served, served


@pytest.fixture
async def service(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    """With the usual policies in force."""
    async with served(sqlite_url, tmp_path) as running:
        yield running


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[Pipelines]:
    """The service with pipelines that have identity tokens, on both kinds of database."""
    async with pipelines(database_url, tmp_path) as running:
        yield running
