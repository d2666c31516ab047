"""Times that other systems tell: far away, they are no answer, and never an error of the gate."""

import pytest

from gate.errors import Invalid
from gate.integrations.http import foreign, shapes
from gate.integrations.http.shapes import Misshapen

FAR = (
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "1969-12-31T23:59:59Z",
    "2200-01-01T00:00:00Z",
)


@pytest.mark.parametrize("time", FAR)
def test_a_time_that_is_far_away_is_none(time: str) -> None:
    with pytest.raises(Misshapen, match=r"at is '.*', an instant from 1970 to 2199 was promised"):
        shapes.instant({"at": time}, "at")
    with pytest.raises(Invalid, match="allowed is a time such as"):
        foreign.instant({"at": time}, "at")
    assert foreign.maybe_instant({"at": time}, "at") is None


@pytest.mark.parametrize(
    "time", ["1970-01-01T14:00:00+14:00", "2199-12-31T23:59:59Z", "2026-11-23T10:00:00"]
)
def test_a_time_that_is_near_is_read_into_utc(time: str) -> None:
    assert shapes.instant({"at": time}, "at") == foreign.instant({"at": time}, "at")
