"""When the benchmark of memory fails."""

import pytest

from benchmarks.memory import Grown


@pytest.mark.parametrize(
    ("after", "ok"),
    [
        pytest.param((200.0, 205.0, 219.0), True, id="a little more than after the first part"),
        pytest.param((200.0, 205.0, 221.0), False, id="it goes on growing"),
        pytest.param((249.0, 250.0), True, id="as much as it may have"),
        pytest.param((249.0, 251.0), False, id="more than it may have"),
    ],
)
def test_a_process_may_have_so_much_in_memory_and_grow_so_little(
    after: tuple[float, ...],
    ok: bool,  # noqa: FBT001 - a column of the table
) -> None:
    found = Grown("SQLite", 100.0, after)

    assert found.ok is ok
    assert str(found).endswith("MISSED") is not ok
