"""The process's clock, corrected by what the database's clock is proved to differ."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from gate.flow.clock import Clock

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("database", "offset"),
    [
        pytest.param(NOW - SECOND, timedelta(0), id="it answered at the beginning"),
        pytest.param(NOW - SECOND / 2, timedelta(0), id="it answered half-way"),
        pytest.param(NOW, timedelta(0), id="it answered at the end"),
        pytest.param(NOW - 5 * SECOND, -4 * SECOND, id="it is at least 4 s behind"),
        pytest.param(NOW + 5 * SECOND, 5 * SECOND, id="it is at least 5 s ahead"),
    ],
)
def test_f22_the_time_an_answer_took_is_not_taken_for_an_offset(
    database: datetime, offset: timedelta
) -> None:
    clock = Clock()

    with time_machine.travel(NOW, tick=False):
        clock.correct(database, asked_at=NOW - SECOND)

        assert clock() == NOW + offset
