"""The style sheet, the script and the icon: small, kept by the browser, and no other file."""

import pytest

from tests.api.served import Served
from tests.web.browsing import browser

pytestmark = pytest.mark.anyio

STYLE_AND_SCRIPT_BYTES_MAX = 45_000


async def test_style_and_script_together_stay_small(service: Served) -> None:
    http = await browser(service)

    files = [await http.get(f"/static/{name}") for name in ("gate.css", "gate.js")]

    assert sum(len(one.content) for one in files) <= STYLE_AND_SCRIPT_BYTES_MAX


async def test_what_never_changes_is_kept_for_ever_and_nothing_else(service: Served) -> None:
    http = await browser(service)
    address = (await http.get("/")).text.partition('rel="stylesheet" href="')[2].partition('"')[0]

    kept, asked = await http.get(address), await http.get("/static/gate.css")

    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert asked.headers["cache-control"] == "no-cache"
    assert [
        (await http.get(f"/static/{name}")).status_code
        for name in ("gate.js", "gate.svg", "../router.py", "nothing.css")
    ] == [
        200,
        200,
        404,
        404,
    ]
