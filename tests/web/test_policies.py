"""The page of policies: the list of revisions."""

from pathlib import Path

import pytest

from gate.flow.policies import policies
from tests.api.served import served
from tests.documents import ROOT
from tests.web.browsing import browser

pytestmark = pytest.mark.anyio


async def test_two_sets_of_one_revision_are_told_apart_by_what_is_new_in_each(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with served(sqlite_url, tmp_path) as service:
        http = await browser(service)
        (first,) = (await http.get("/policies.json")).json()["revisions"]
        files = {one.name: one.read_text() for one in (ROOT / "policies").glob("*.yaml")}
        moved = {name: text.replace("Europe/Berlin", "Europe/Oslo") for name, text in files.items()}
        await policies.adopt(service.gate, moved, changed=True)

        page = (await http.get("/policies")).text

    rows = page.partition('aria-label="Revisions"')[2].partition("<tbody>")[2].split("</tr>")[:2]
    assert [first["revision"][:7] in row for row in rows] == [True, True]
    assert [">calendar</td>" in row for row in rows] == [True, False]
