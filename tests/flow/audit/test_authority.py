"""Who may approve, override and reinstate what; what nobody may do is a finding."""

import re
from pathlib import Path

import pytest

from gate.flow.answers.place import AuthorityAnswer, AuthorityMapAnswer
from gate.flow.audit.authority import AuthorityQuery, authority
from tests.flow.shop import CATALOGUE, Shop, make_files, open_shop

pytestmark = pytest.mark.anyio

REVIEW = (
    "[{from_band: low, approvals: 1, by: [release-managers, owners]},"
    " {from_band: critical, approvals: 1, by: [on-call]},"
    " {from_band: critical, approvals: 1, by: [owners]}]"
)
CALENDAR = """
time_zone: Europe/Berlin
business_hours: {days: [mon], from: "09:00", to: "17:00"}
freezes:
  - {id: closing, reason: Closing, begins: 2026-12-20T00:00, ends: 2027-01-02T00:00, services: [checkout], override_by: [on-call]}
"""


async def map_of(
    where: Path, url: str, catalogue: str = CATALOGUE, asked: AuthorityQuery | None = None
) -> AuthorityMapAnswer:
    """The map under that catalogue; nothing of it is enforced, so that groups may be empty."""
    switched = "gate: {production: observe, staging: observe}"
    observed = re.sub(r"tier: ([12])", rf"tier: \1, {switched}", catalogue)
    files = make_files(calendar=CALENDAR, review=REVIEW) | {"catalog.yaml": observed}
    async with open_shop(url, where, files) as shop:
        return await authority(
            shop.gate, asked or AuthorityQuery(service="checkout", environment="prod")
        )


def cells(place: AuthorityAnswer) -> dict[str, list[tuple[int, tuple[str, ...]]]]:
    """What each cell asks for."""
    return {
        f"{one.act} {one.of}": [(entry.count, entry.by) for entry in one.entries]
        for one in place.cells
    }


async def test_every_act_of_a_place_has_its_people(sqlite_url: str, tmp_path: Path) -> None:
    (place,) = (await map_of(tmp_path, sqlite_url)).places

    found = cells(place)
    assert found["approve a change of low risk"] == [(1, ("release-managers", "team-payments"))]
    assert found["approve a change of critical risk"] == [
        (1, ("on-call",)),
        (1, ("team-payments",)),
    ]
    assert found["approve an emergency"] == [(1, ("on-call",))]
    assert found["override the window closing"] == [(1, ("release-managers", "on-call"))]
    assert found["override a stopped line"] == [(1, ("release-managers",))]
    assert any(name.startswith("reinstate the standard change ") for name in found)
    assert place.cells[0].entries[0].people == (
        "Ada Ekberg",
        "Ben Okafor",
        "Farida Haddad",
        "Ivan Horvat",
    )
    assert (place.owners, place.findings) == (("team-payments",), ())


async def test_a_window_of_another_service_is_not_in_the_map(
    sqlite_url: str, tmp_path: Path
) -> None:
    asked = AuthorityQuery(service="web")
    found = (await map_of(tmp_path, sqlite_url, asked=asked)).places

    assert [one.environment for one in found] == ["production", "staging"]
    assert not any("window" in name for one in found for name in cells(one))


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        pytest.param(
            ("on-call: {people: [chloe]}", "on-call: {people: []}"),
            "nobody may approve an emergency: on-call has no people",
            id="an empty group",
        ),
        pytest.param(
            ("team-payments: {people: [farida, ivan]}", "team-payments: {people: [chloe]}"),
            "1 of team-payments must approve a change of critical risk, and too few people are in "
            "it: 1",
            id="one person fills one place",
        ),
        pytest.param(
            ("checkout: {owners: [team-payments], ", "checkout: {"),
            "nobody owns checkout; release-managers stand in for owners",
            id="no owner",
        ),
    ],
)
async def test_what_nobody_may_do_is_a_finding(
    sqlite_url: str, tmp_path: Path, change: tuple[str, str], finding: str
) -> None:
    (place,) = (await map_of(tmp_path, sqlite_url, CATALOGUE.replace(*change))).places

    assert finding in place.findings


async def test_how_many_people_single_sign_on_brings_is_no_finding(
    sqlite_url: str, tmp_path: Path
) -> None:
    catalogue = CATALOGUE.replace("on-call: {people: [chloe]}", "on-call: {sso: [oncall]}")

    (place,) = (await map_of(tmp_path, sqlite_url, catalogue)).places

    assert place.findings == ()
    emergency = next(one for one in place.cells if one.of == "an emergency").entries[0]
    assert (emergency.people, emergency.single_sign_on, emergency.missing) == ((), True, 1)


async def test_a_service_that_the_catalogue_lacks_is_said(small_shop: Shop) -> None:
    found = await authority(small_shop.gate, AuthorityQuery(service="chekout"))

    assert found.places == ()
    assert "did you mean checkout" in found.unknown[0]
