"""An item of the register opens an issue at GitHub, GitLab or Jira, or follows one: one issue,
whatever is lost on the way, and an item that still ends with its figure alone.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gate.core.change import Result
from gate.core.learning.issues import Issue, IssueState, TrackerName
from gate.core.messages.host_reports import HostDelivery, IssueMoved
from gate.errors import Conflict, Invalid, NotAllowed, NotFound, SourceUnavailable
from gate.flow.learning import improvements, issues
from gate.flow.webhooks import code_hosts, inbox
from gate.storage.figures import issues as stored
from tests.flow.learning.test_improvements import begin, close, item, let_days_pass
from tests.flow.learning.tracked import NAMES, Story, story_at
from tests.flow.reviewers import person
from tests.flow.shop import Shop, as_json
from tests.integrations.fake_github import opened_issue, reply

pytestmark = pytest.mark.anyio


@pytest.fixture(params=list(TrackerName))
async def story(
    request: pytest.FixtureRequest, sqlite_url: str, tmp_path: Path
) -> AsyncIterator[Story]:
    """The story at each tracker."""
    async with story_at(request.param, sqlite_url, tmp_path) as begun:
        yield begun


async def test_a_lost_answer_opens_no_second_issue(story: Story) -> None:
    story.known.troubles = [502]
    begun = await begin(story.shop)

    asked = await story.ask(begun)
    first = await story.settle()
    await story.shop.let_pass(timedelta(minutes=5))
    second = await story.settle()

    assert asked["issue"]["state"] == "asked"
    assert (first["state"], first["trouble"]) == (
        "asked",
        f"{story.known.requests[-1].url.host} answered 502",
    )
    assert (second["name"], second["url"]) == NAMES[story.name]
    assert (second["state"], len(story.known.issues)) == ("open", 1)


async def test_a_closed_issue_closes_no_item_before_its_figure_is_read(story: Story) -> None:
    begun = await begin(story.shop)
    await story.ask(begun)
    await story.settle()
    story.end()

    seen = await story.look()

    assert seen["state"] == "closed"
    found = await item(story.shop)
    assert (found["closed_at"], found["after"]) == (None, None)
    with pytest.raises(Conflict, match="without it no item is closed"):
        await close(story.shop, begun)

    await let_days_pass(story.shop, 9)
    await story.shop.deploy("b", Result.SUCCESSFUL)
    await let_days_pass(story.shop, 2)
    closed = await close(story.shop, begun)
    asked = len(story.known.requests)
    await story.look()

    assert (closed["movement"], closed["issue"]["state"]) == ("better", "closed")
    assert len(story.known.requests) == asked, "the issue of a closed item is read no more"


async def test_what_cannot_be_read_keeps_what_was_read_and_says_so(story: Story) -> None:
    begun = await begin(story.shop)
    await story.ask(begun)
    await story.settle()
    story.known.failing["/issue"] = reply(500)

    silent = await story.look()
    story.known.failing.clear()
    story.end()
    again = await story.look()

    assert (silent["state"], silent["trouble"]) == (
        "open",
        f"{story.known.requests[-1].url.host} answered 500",
    )
    assert (again["state"], again["trouble"]) == ("closed", None)


async def test_an_issue_that_is_not_there_any_more_is_said_so(story: Story) -> None:
    begun = await begin(story.shop)
    await story.ask(begun)
    await story.settle()
    story.known.issues.clear()

    assert (await story.look())["state"] == "gone"


@pytest.mark.parametrize("status", [400, 410, 422])
async def test_what_is_refused_each_time_is_given_up_and_can_be_asked_for_again(
    story: Story, status: int
) -> None:
    story.known.troubles = [status]
    begun = await begin(story.shop)
    await story.ask(begun)

    refused = await story.settle()
    asked = await story.ask(begun)
    opened = await story.settle()

    assert (refused["state"], refused["number"]) == ("not_opened", None)
    assert f"answered {status}" in refused["trouble"]
    assert (asked["issue"]["state"], asked["issue"]["trouble"]) == ("asked", None)
    assert (opened["state"], opened["name"]) == ("open", NAMES[story.name][0])
    assert len(story.known.issues) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 409, 500])
async def test_what_an_operator_can_mend_is_tried_again_after_a_pause(
    story: Story, status: int
) -> None:
    story.known.failing["issue"] = reply(status)
    begun = await begin(story.shop)
    await story.ask(begun)

    waits = await story.settle()
    asked = len(story.known.requests)
    await story.settle()
    assert len(story.known.requests) == asked, "the pause is kept"
    story.known.failing.clear()
    with pytest.raises(Conflict, match="is being opened"):
        await story.ask(begun)
    await story.shop.let_pass(timedelta(minutes=5))
    opened = await story.settle()

    assert (waits["state"], f"answered {status}" in waits["trouble"]) == ("asked", True)
    assert (opened["state"], len(story.known.issues)) == ("open", 1)


async def test_texts_of_people_have_no_effect_at_the_tracker(story: Story) -> None:
    evil = "@all ![x](javascript:alert(1)) <img src=x> `` ``` {noformat} /close #12 gate_secret"
    begun = await begin(story.shop, experiment=evil)
    await story.ask(begun)
    await story.settle()

    issue = next(iter(story.known.issues.values())) if story.name is TrackerName.JIRA else None
    said = issue["fields"] if issue else story.known.issues[0]
    title = said["summary" if issue else "title"]
    text = said["description" if issue or story.name is TrackerName.GITLAB else "body"]
    block = "{noformat}" if issue else "```"

    assert not set("<>[]`{}") & set(title)
    assert "@all" not in title
    assert "#12" not in title
    assert text.count(block) == 2
    begins, ends = text.index(block), text.rindex(block)
    assert "alert(1)" in text[begins:ends]
    assert "alert(1)" not in text[:begins] + text[ends:]
    assert begun["id"] in text[:begins]
    assert "Measured by: Change fail rate, 100 % (of 1) in the 10 days before" in text[begins:ends]


async def test_the_ledger_says_who_had_an_issue_opened_and_which_it_is(story: Story) -> None:
    begun = await begin(story.shop)
    await story.ask(begun)
    await story.settle()

    acts = [one.fields for one in await story.shop.entries("improvement")]

    assert [(one["action"], one.get("by")) for one in acts] == [
        ("begun", person("farida").caller),
        ("issue_asked", person("farida").caller),
        ("issue_opened", None),
    ]
    assert acts[-1]["number"] == NAMES[story.name][1].rpartition("/")[2]


async def test_nothing_is_opened_for_an_item_that_follows_another_issue_by_now(
    story: Story,
) -> None:
    begun = await begin(story.shop)
    await story.ask(begun)
    await story.settle()

    with pytest.raises(Conflict, match=r"follows https://.* already"):
        await story.ask(begun)

    assert len(story.known.issues) == 1
    assert as_json(await improvements.listing(story.shop.gate, person("farida")))["items"]


async def test_an_item_that_is_closed_before_its_issue_is_opened_gets_none(story: Story) -> None:
    begun = await begin(story.shop)
    await let_days_pass(story.shop, 9)
    await story.shop.deploy("b", Result.SUCCESSFUL)
    await let_days_pass(story.shop, 2)
    await story.ask(begun)
    await close(story.shop, begun)

    seen = await story.settle()

    assert seen["state"] == "not_opened"
    assert not story.known.issues


# Who may, and what an item may follow


@pytest.fixture
async def github(database_url: str, tmp_path: Path) -> AsyncIterator[Story]:
    """The story at GitHub, on each database."""
    async with story_at(TrackerName.GITHUB, database_url, tmp_path) as begun:
        yield begun


LINK = "https://github.com/acme/checkout/issues/7"


def there(story: Story, **different: object) -> None:
    """There is an issue 7 in the repository."""
    story.known.issues.insert(0, opened_issue(7) | {"body": "Round in one place"} | different)


async def test_who_may_not_write_the_item_opens_and_names_no_issue_and_nothing_is_asked(
    github: Story,
) -> None:
    begun = await begin(github.shop)
    there(github)
    kofi = person("kofi")

    with pytest.raises(NotAllowed, match="in none of these groups"):
        await issues.ask(github.shop.gate, begun["id"], TrackerName.GITHUB, kofi)
    with pytest.raises(NotAllowed, match="in none of these groups"):
        await issues.follow(github.shop.gate, begun["id"], LINK, kofi)
    with pytest.raises(NotFound):
        await issues.follow(github.shop.gate, "imp_nothing", LINK, kofi)

    await github.settle()
    assert github.known.requests == []
    assert (await item(github.shop))["issue"] is None


OTHER_ADDRESSES: Mapping[str, str] = {
    "of another repository": "https://github.com/acme/ledger/issues/7",
    "one that begins alike": "https://github.com/acme/checkout-evil/issues/7",
    "at another host": "https://github.example/acme/checkout/issues/7",
    "a user name": "https://github.com@evil.example/acme/checkout/issues/7",
    "not private": "http://github.com/acme/checkout/issues/7",
    "inside": "https://127.0.0.1/acme/checkout/issues/7",
    "a way up": "https://github.com/acme/checkout/issues/7/../../8",
    "a pull request": "https://github.com/acme/checkout/pull/7",
    "another number": "https://github.com/acme/checkout/issues/07",
    "a script": "javascript:alert(1)//github.com/acme/checkout/issues/7",
    "nothing": "",
}


async def test_an_address_of_anything_else_is_refused_and_not_asked(github: Story) -> None:
    begun = await begin(github.shop)
    there(github)

    for name, link in OTHER_ADDRESSES.items():
        with pytest.raises(Invalid) as refusal:
            await issues.follow(github.shop.gate, begun["id"], link, person("farida"))
        said = "allowed is the address of an issue of checkout at github"
        assert (said in refusal.value.detail, github.known.requests) == (True, []), name


async def test_an_issue_of_another_service_is_not_followed(github: Story) -> None:
    await github.shop.deploy("b", Result.UNSUCCESSFUL, service="web")
    of_web = await begin(github.shop, service="web", owner="team-web")
    there(github)

    with pytest.raises(Invalid, match="allowed is the address of an issue of web"):
        await issues.follow(github.shop.gate, of_web["id"], LINK, person("kofi"))
    with pytest.raises(Invalid, match=r"lists no repository of web at github\.com; list it there"):
        await issues.ask(github.shop.gate, of_web["id"], TrackerName.GITHUB, person("kofi"))


@pytest.mark.parametrize(
    "different",
    [
        pytest.param({"number": 8}, id="there is none of that number"),
        pytest.param({"pull_request": {"url": "x"}}, id="it is a pull request"),
    ],
)
async def test_an_issue_that_is_none_is_not_followed(
    github: Story, different: dict[str, object]
) -> None:
    begun = await begin(github.shop)
    there(github, **different)

    with pytest.raises(Invalid, match=r"github\.com knows no issue 7 in acme/checkout"):
        await issues.follow(github.shop.gate, begun["id"], LINK, person("farida"))


async def test_a_tracker_that_does_not_answer_is_no_yes(github: Story) -> None:
    begun = await begin(github.shop)
    github.known.failing["/issues"] = reply(500)

    with pytest.raises(SourceUnavailable):
        await issues.follow(github.shop.gate, begun["id"], LINK, person("farida"))

    assert (await item(github.shop))["issue"] is None


async def test_an_issue_that_there_is_is_followed_and_another_one_instead(github: Story) -> None:
    begun = await begin(github.shop)
    there(github)
    there(github, number=8, state="closed")
    farida = person("farida")

    first = await issues.follow(github.shop.gate, begun["id"], f"{LINK}#issuecomment-1", farida)
    second = await issues.follow(
        github.shop.gate, begun["id"], "https://github.com/Acme/checkout/issues/8", farida
    )

    assert (as_json(first)["issue"]["name"], as_json(first)["issue"]["state"]) == (
        *("acme/checkout#7", "open"),
    )
    assert (as_json(second)["issue"]["name"], as_json(second)["issue"]["state"]) == (
        *("acme/checkout#8", "closed"),
    )
    assert (await item(github.shop))["closed_at"] is None


async def test_what_was_read_of_one_issue_is_not_kept_of_another_one_with_its_number(
    github: Story,
) -> None:
    begun = await begin(github.shop)
    there(github)
    await issues.follow(github.shop.gate, begun["id"], LINK, person("farida"))
    store = github.shop.gate.store
    first = (await store.read(stored.of_items, [begun["id"]]))[begun["id"]]
    elsewhere = LINK.replace("checkout", "other")
    second = replace(first, repository=1002, place="acme/other", url=elsewhere)
    await store.write(stored.follow, second, first)

    closed = Issue("7", LINK, IssueState.CLOSED)
    await store.write(stored.seen, first, closed, github.shop.gate.clock())

    found = (await item(github.shop))["issue"]
    assert (found["url"], found["state"]) == (elsewhere, "open")


async def test_without_a_tracker_nothing_is_opened_and_the_answer_says_what_to_set(
    small_shop: Shop,
) -> None:
    await small_shop.deploy("a", Result.UNSUCCESSFUL)
    begun = await begin(small_shop)

    with pytest.raises(Invalid, match="GATE_ISSUES is not set"):
        await issues.ask(small_shop.gate, begun["id"], TrackerName.JIRA, person("farida"))
    with pytest.raises(Invalid, match="GATE_ISSUES is not set"):
        await issues.follow(small_shop.gate, begun["id"], LINK, person("farida"))


async def test_an_item_that_is_closed_gets_no_issue(github: Story) -> None:
    begun = await begin(github.shop)
    there(github)
    await let_days_pass(github.shop, 9)
    await github.shop.deploy("b", Result.SUCCESSFUL)
    await let_days_pass(github.shop, 2)
    await close(github.shop, begun)

    with pytest.raises(Conflict, match="closed already"):
        await github.ask(begun)
    with pytest.raises(Conflict, match="closed already"):
        await issues.follow(github.shop.gate, begun["id"], LINK, person("farida"))


# What a webhook does


async def hear(story: Story, number: str, named: str = "d-1", repository: int = 1001) -> str:
    """A webhook about an issue arrives and is worked on; returns why it was ignored."""
    issuer = "https://token.actions.githubusercontent.com"
    report = IssueMoved(issuer, repository, number)
    because = await code_hosts.ignored(story.shop.gate, report)
    if not because:
        sent = code_hosts.delivery("github", HostDelivery(named, report))
        await inbox.receive(story.shop.gate, sent)
        await inbox.work(story.shop.gate, code_hosts.HANDLERS)
        await issues.look_due(story.shop.gate)
    return because


async def test_a_webhook_has_the_state_asked_for_at_once_and_brings_none(github: Story) -> None:
    begun = await begin(github.shop)
    await github.ask(begun)
    await github.settle()
    github.end()
    asked = len(github.known.requests)

    await issues.look_due(github.shop.gate)
    assert len(github.known.requests) == asked, "it is not due yet"
    assert await hear(github, "1") == ""
    assert (await item(github.shop))["issue"]["state"] == "closed"

    # The same delivery again asks nobody, and an old one cannot bring back an old state.
    asked = len(github.known.requests)
    await hear(github, "1")
    assert len(github.known.requests) == asked
    await hear(github, "1", "d-0")
    assert (await item(github.shop))["issue"]["state"] == "closed"


async def test_a_webhook_about_an_issue_that_no_item_follows_is_not_kept(github: Story) -> None:
    begun = await begin(github.shop)
    await github.ask(begun)
    await github.settle()

    for number, repository in (("2", 1001), ("1", 1002)):
        because = await hear(github, number, repository=repository)
        assert because == "no open item of the register follows this issue"
