"""A form that is refused loses nothing, and gives nothing back to another site."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.api.served import Served, served
from tests.web.browsing import OWN, browser, send, stranger, waiting

pytestmark = pytest.mark.anyio

WRITTEN = "The migration <locks> orders."


@pytest.fixture
async def service(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    """The service on a database of its own."""
    async with served(sqlite_url, tmp_path) as running:
        yield running


async def sent(http: httpx.AsyncClient, page: str, **headers: str) -> httpx.Response:
    """The form of a change, as a browser sends it without being signed in."""
    fields = {"act": "reject", "comment": WRITTEN, "subject_digest": "0" * 64}
    return await http.post(f"{page}/decisions", data=fields, headers={**OWN, **headers})


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Origin": "https://evil.example.com"}, id="another origin"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="another site"),
    ],
)
async def test_what_another_site_sends_is_never_shown(
    service: Served, headers: dict[str, str]
) -> None:
    change = await waiting(service)

    answers = [
        await sent(http, f"/changes/{change['id']}", **headers)
        for http in (stranger(service), await browser(service))
    ]

    assert [one.is_error and "locks" not in one.text for one in answers] == [True, True]


async def test_no_secret_is_ever_given_back(service: Served) -> None:
    fields = {"email": "ada@example.com", "password": "hunter2 hunter2", "again": "hunter3 hunter3"}

    answer = await stranger(service).post("/invitations/none", data=fields, headers=OWN)

    assert (answer.is_error, "hunter" in answer.text) == (True, False)


async def test_who_is_signed_out_while_writing_gets_the_text_back_and_the_way_in(
    service: Served,
) -> None:
    change = await waiting(service)
    page = f"/changes/{change['id']}"

    answer = await sent(stranger(service), page, Referer=f"https://gate.example.com{page}")

    assert answer.status_code == 401
    assert "The migration &lt;locks&gt; orders.</textarea>" in answer.text
    assert f'href="/login?next={page}"' in answer.text


async def test_a_rejection_without_a_comment_is_told_at_the_field(service: Served) -> None:
    http, change = await browser(service), await waiting(service)

    answer = await send(
        http,
        f"/changes/{change['id']}/decisions",
        act="reject",
        comment="",
        subject_digest=change["subject_digest"],
    )

    assert answer.status_code == 422
    assert 'aria-invalid="true" aria-describedby="error-comment"' in answer.text
    assert 'id="error-comment">A rejection needs a comment' in answer.text
    state = (await http.get(f"/changes/{change['id']}.json")).json()["change"]["state"]
    assert state == "pending"
