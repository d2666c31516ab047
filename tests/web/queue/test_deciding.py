"""Several changes at once: what is risky is looked at alone, whatever a form says."""

from typing import Any

import pytest

from tests.api.served import Served
from tests.web.browsing import LARGE, ORDINARY, browser, send, waiting

pytestmark = pytest.mark.anyio

RISKY = {
    "diff": {**LARGE["diff"], "lines_added": 1_600, "lines_deleted": 80, "directories": 6},
    "change": {"fixes_defect": True},
}


@pytest.mark.parametrize("act", ["approve", "reject"])
@pytest.mark.parametrize(
    ("fields", "because"),
    [
        pytest.param({"facts": RISKY}, "It is high risk", id="high risk"),
        pytest.param(
            {"emergency": {"reason": "It burns", "incident": "PD-1"}},
            "It is an emergency",
            id="an emergency",
        ),
    ],
)
async def test_what_is_decided_alone_is_never_decided_with_others(
    service: Served, act: str, fields: dict[str, Any], because: str
) -> None:
    alone, other = (
        await waiting(service, **{"run": "alone", "facts": ORDINARY, **fields}),
        await waiting(service, facts=ORDINARY),
    )
    http = await browser(service, "chloe")
    chosen = [f"{one['id']}:{one['subject_digest']}" for one in (alone, other)]

    answer = await send(http, "/queue/decisions", act=act, comment="All", change=chosen, back="/")
    after = (await http.get(f"/changes/{alone['id']}.json")).json()["change"]

    assert answer.status_code == 409
    assert because in answer.text
    assert "on record for 1 of 2" in answer.text
    assert (after["state"], after["approvals"]["given"]) == ("pending", [])


@pytest.mark.parametrize(
    ("act", "comment", "because"),
    [
        pytest.param("reject", "", "A rejection needs a comment", id="no comment"),
        pytest.param("approve", "Fine", "No change was chosen", id="no change"),
    ],
)
async def test_what_is_refused_as_a_whole_gives_ticks_filter_and_comment_back(
    service: Served, act: str, comment: str, because: str
) -> None:
    change = await waiting(service, facts=ORDINARY)
    http = await browser(service, "chloe")
    chosen = f"{change['id']}:{change['subject_digest']}"
    ticked = [chosen] if act == "reject" else []

    page = await send(
        http,
        "/queue/decisions",
        act=act,
        comment=comment,
        change=ticked,
        back="/?q=environment%3Aproduction",
    )
    after = (await http.get(f"/changes/{change['id']}.json")).json()["change"]

    assert page.status_code == 422
    assert f"Nothing was done. {because}" in page.text
    assert 'value="environment:production"' in page.text
    assert (f'value="{chosen}" checked' in page.text) is bool(ticked)
    assert f'needs one">{comment}</textarea>' in page.text
    assert after["state"] == "pending"


@pytest.mark.parametrize("back", ["https://evil.example.com/", "/log", "/?q=is:weird&other=1"])
async def test_a_refused_decision_on_several_shows_the_whole_queue_whatever_led_there(
    service: Served, back: str
) -> None:
    change = await waiting(service, facts=ORDINARY)

    page = await send(await browser(service, "chloe"), "/queue/decisions", act="reject", back=back)

    assert page.status_code == 422
    assert change["id"] in page.text


async def test_no_box_is_offered_for_what_is_decided_alone(service: Served) -> None:
    alone, other = (
        await waiting(service, run="alone", facts=RISKY),
        await waiting(service, facts=ORDINARY),
    )

    page = (await (await browser(service)).get("/")).text

    assert f'value="{other["id"]}:' in page
    assert f'value="{alone["id"]}:' not in page
