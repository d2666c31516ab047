"""The people and services against which the attacks go."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.served import served
from tests.attacks.world import World, world_of


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """On both kinds of database."""
    async with served(database_url, tmp_path) as service:
        yield await world_of(service)
