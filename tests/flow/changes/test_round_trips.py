"""How often a decision waits for PostgreSQL. Each wait costs as much as a small statement, so they
may not become more.
"""

from pathlib import Path

import pytest

from tests.builders import make_change
from tests.flow.shop import open_shop
from tests.postgres_proxies import Counted, between, through

pytestmark = pytest.mark.anyio

SUBMITS = 10
WAITS = 4
"""To read, and to end that read while the decision is made; to look up key and run; to write and
commit.

A read ends after its answer, so it may be counted with the next decision; in ten that makes no
difference."""


async def test_a_decision_waits_for_postgresql_four_times(
    postgres_url: str, tmp_path: Path
) -> None:
    counted = Counted(postgres_url.partition("?host=")[2])
    with between(counted) as port:
        async with open_shop(through(postgres_url, port), tmp_path) as shop:
            await shop.submit(make_change("first"))
            before = counted.waits
            for number in range(SUBMITS):
                await shop.submit(make_change(str(number)))
            waits = counted.waits - before

    assert round(waits / SUBMITS) == WAITS
