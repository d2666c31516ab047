"""The page of policies: the list of revisions."""

from pathlib import Path

import pytest

from gate.flow.caller import Role
from gate.flow.policies import policies
from tests.api.served import Served, served
from tests.documents import ROOT
from tests.web.browsing import browser, send

pytestmark = pytest.mark.anyio

FILES = {one.name: one.read_text() for one in (ROOT / "policies").glob("*.yaml")}


async def registered(service: Served, *changed: tuple[str, str, str]) -> str:
    """The id of the shipped set with other words in its files, registered by another admin."""
    files = dict(FILES)
    for name, before, after in changed:
        assert before in files[name]
        files[name] = files[name].replace(before, after)
    made = await (await service.admin()).post("/v1/policies", json={"files": files})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def test_two_sets_of_one_revision_are_told_apart_by_what_is_new_in_each(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with served(sqlite_url, tmp_path) as service:
        http = await browser(service)
        (first,) = (await http.get("/policies.json")).json()["revisions"]
        moved = {name: text.replace("Europe/Berlin", "Europe/Oslo") for name, text in FILES.items()}
        await policies.adopt(service.gate, moved, changed=True)

        page = (await http.get("/policies")).text

    rows = page.partition('aria-label="Revisions"')[2].partition("<tbody>")[2].split("</tr>")[:2]
    assert [first["revision"][:7] in row for row in rows] == [True, True]
    assert [">calendar</td>" in row for row in rows] == [True, False]


async def test_a54_two_steps_do_not_hide_what_the_first_one_brings(
    sqlite_url: str, tmp_path: Path
) -> None:
    weak = ("production.yaml", "valid_for: 4h", "valid_for: 30d")
    async with served(sqlite_url, tmp_path) as service:
        http = await browser(service, "ben", Role.ADMIN)
        first = await registered(service, weak)
        second = await registered(service, weak, ("default.yaml", "valid_for: 4h", "valid_for: 3h"))

        page = (await http.get(f"/policies/{second}")).text
        chosen = (await http.get(f"/policies/{second}?against={first}")).text

    shown, for_itself = (
        one.partition('id="difference"')[2].partition("</section>") for one in (page, chosen)
    )
    assert "from what is in force" in shown[0]
    assert "+valid_for: 30d" in shown[0]
    assert "+valid_for: 30d" not in for_itself[0]


async def test_a_set_with_another_catalogue_alone_has_its_own_page_and_is_put_in_force_there(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with served(sqlite_url, tmp_path) as service:
        http = await browser(service, "ben", Role.ADMIN)
        made = await registered(service, ("catalog.yaml", "Ada", "Adele"))
        listed = (await http.get("/policies")).text
        page = (await http.get(f"/policies/{made}")).text
        form = page.partition('<form class="decide" method="post" action="')[2].partition("#")[0]

        answer = await send(http, form, comment="Her name")
        sets = (await http.get("/policies.json")).json()["revisions"]

    assert f'href="/policies/{made}"' in listed
    assert answer.status_code == 303
    assert [one["id"] for one in sets if one["active"]] == [made]
