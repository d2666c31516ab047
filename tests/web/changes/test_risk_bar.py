"""The risk bar: its labels stand below their bands and not on one another."""

import pytest

from gate.web.changes.risk_bar import WIDTH, _zones

BANDS = {"moderate": 30, "high": 60, "critical": 90}


@pytest.mark.parametrize(
    ("farthest", "labels"),
    [
        pytest.param(103.5, ["low", "moderate 30", "high 60", "critical 90"], id="wide bands"),
        pytest.param(230, ["low", "30", "60", "critical 90"], id="twice the points"),
        pytest.param(2300, ["", "", "", "critical 90"], id="many points"),
    ],
)
def test_a_narrow_band_is_called_by_where_it_begins(farthest: float, labels: list[str]) -> None:
    zones = _zones(BANDS, farthest)

    assert [zone.label for zone in zones] == labels
    assert sum(zone.width for zone in zones) == pytest.approx(WIDTH, abs=1)
