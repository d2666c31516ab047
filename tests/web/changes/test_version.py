"""A page that somebody writes on says so when what it shows moved, and only then."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.api.served import Served
from tests.web.browsing import browser, send, waiting

pytestmark = pytest.mark.anyio


def version_of(page: str) -> str:
    """What the script compares while somebody writes."""
    (found,) = re.findall(r'data-version="(\d+)"', page)
    return str(found)


@pytest.mark.parametrize("address", ["/changes/{id}", "/calendar"])
async def test_a_page_does_not_move_with_the_clock(service: Served, address: str) -> None:
    http = await browser(service)
    await waiting(service, run="2", commit="1" * 40)
    change = await waiting(service)

    first = (await http.get(address.format(id=change["id"]))).text
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=50)):
        later = (await http.get(address.format(id=change["id"]))).text

    assert version_of(later) == version_of(first)


async def test_a_page_moves_when_somebody_decides(service: Served) -> None:
    http, other = await browser(service), await browser(service, "lena")
    change = await waiting(service)
    address = f"/changes/{change['id']}"

    before = version_of((await http.get(address)).text)
    digest = change["subject_digest"]
    await send(other, f"{address}/decisions", act="approve", subject_digest=digest)

    assert version_of((await http.get(address)).text) != before
