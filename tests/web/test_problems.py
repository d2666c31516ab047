"""What a browser gets when a page cannot be made as it was asked for."""

import pytest

from tests.api.served import Served
from tests.web.browsing import browser, waiting

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "address",
    [
        "/?unknown=1",
        "/?after=x",
        "/log?band=huge",
        "/log?from=yesterday",
        "/log?cursor=x",
        "/calendar?at=2300-01-01",
        "/calendar?view=year",
    ],
)
async def test_an_address_that_is_not_understood_is_explained_on_a_page(
    service: Served, address: str
) -> None:
    response = await (await browser(service)).get(address)

    assert response.status_code in {400, 422}
    assert "Back to the queue" in response.text


async def test_a_filter_that_means_nothing_stays_in_its_box_with_what_would_be_understood(
    service: Served,
) -> None:
    change = await waiting(service)
    http = await browser(service)

    page = await http.get("/?q=is:weird+cart")
    twin = await http.get("/queue.json?q=is:weird")

    assert (page.status_code, twin.status_code) == (422, 422)
    assert 'value="is:weird cart"' in page.text
    assert "The filter is:weird means nothing here. There are is:mine" in page.text
    assert change["id"] in page.text
    assert twin.headers["content-type"] == "application/problem+json"


async def test_a_page_that_fails_says_under_which_id_the_log_says_why(service: Served) -> None:
    http = await browser(service)
    service.app.state.waiting_list = None  # which no page expects

    page = await http.get("/")
    twin = await http.get("/queue.json")

    assert (page.status_code, page.headers["content-type"]) == (500, "text/html; charset=utf-8")
    assert page.headers["x-request-id"] in page.text
    assert "approved nothing by it" in page.text
    assert "Back to the queue" in page.text
    assert (twin.status_code, twin.headers["content-type"]) == (500, "application/problem+json")
