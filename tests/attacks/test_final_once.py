"""A change is final once (A11); `python -m benchmarks.final_once` does the same 200 times over."""

from pathlib import Path

import pytest

from tests.attacks.final_once import CALLS, race

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ROUNDS = 5


async def test_a11_a_change_ends_once_whoever_decides_at_once_on_two_servers(
    postgres_url: str, tmp_path: Path
) -> None:
    result = await race(postgres_url, tmp_path, ROUNDS, "a11")

    assert result.violations == []
    assert (result.ended.total(), result.statuses.total()) == (ROUNDS, ROUNDS * CALLS)
    assert result.statuses[200] >= ROUNDS  # at least one yes each
