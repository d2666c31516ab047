"""What a run that waits is told: within GitHub's limits, once, and without a way for others' words
to become more than words (A41).
"""

from typing import Any

import orjson
import pytest

from gate.core.messages.outgoing import Message
from gate.errors import SourceUnavailable, Undeliverable
from gate.integrations.code_host.texts import COMMENT_LENGTH_MAX, comment
from gate.integrations.github.answers import GitHubAnswers
from tests.builders import ISSUER
from tests.integrations.fake_github import FakeGitHub, reply
from tests.integrations.github_answers import fake, github

pytestmark = pytest.mark.anyio

PLACE = ("77", "production")


def message(**different: Any) -> Message:
    """An approval of run 77."""
    found = {
        "repository": {"issuer": ISSUER, "id": 1001, "name": "acme/checkout"},
        "run": "77",
        "environment": "production",
        "state": "approved",
        "words": ["approved, risk 8 is low"],
        "reasons": ["5 lines added; 10 or more gives 8 points"],
        "url": "https://gate.example.com/changes/chg_1",
    }
    return Message("msg_1", "github:1001", "chg_1", orjson.dumps(found | different), 1)


def waiting(**knows: Any) -> FakeGitHub:
    """A GitHub where run 77 waits."""
    return fake(waiting={"77": {"production"}}, **knows)


async def send(known: FakeGitHub, found: Message) -> None:
    """As the outbox does."""
    await GitHubAnswers(github(known))(found)


async def test_an_approval_arrives_with_its_reasons() -> None:
    known = waiting()
    await send(known, message())

    assert known.decided[PLACE]["state"] == "approved"
    assert known.decided[PLACE]["comment"] == (
        "Change gate\n\n```text\napproved, risk 8 is low\n- 5 lines added; 10 or more gives 8 points\n```\n\nhttps://gate.example.com/changes/chg_1"
    )


async def test_a_report_decides_nothing() -> None:
    known = waiting()
    await send(known, message(state=None, words=["waits for people"]))

    assert (known.decided, len(known.reports[PLACE])) == ({}, 1)


async def test_i9_a_decision_that_is_known_already_is_delivered() -> None:
    known = waiting()
    await send(known, message())
    await send(known, message())

    assert len(known.decided) == 1


@pytest.mark.parametrize(
    ("known", "error"),
    [
        pytest.param(
            waiting(failing={"deployment_protection_rule": reply(422, {"message": "no"})}),
            Undeliverable,
            id="refused for good",
        ),
        pytest.param(
            waiting(failing={"deployment_protection_rule": reply(500)}),
            SourceUnavailable,
            id="not now",
        ),
        pytest.param(
            waiting(failing={"deployment_protection_rule": reply(403, {})}),
            SourceUnavailable,
            id="not allowed",
        ),
        pytest.param(waiting(repositories={}), SourceUnavailable, id="not installed any more"),
    ],
)
async def test_what_does_not_arrive_is_tried_again_or_given_up(
    known: FakeGitHub, error: type[SourceUnavailable]
) -> None:
    with pytest.raises(error) as caught:
        await send(known, message())

    assert isinstance(caught.value, Undeliverable) is (error is Undeliverable)


@pytest.mark.parametrize("reasons", [["x" * 2_000], ["y" * 200] * 20, ["`" * 900]])
def test_a_comment_fits(reasons: list[str]) -> None:
    said = comment(["waits"], reasons, "https://gate.example.com/changes/chg_1")

    assert len(said) <= COMMENT_LENGTH_MAX
    assert said.endswith("https://gate.example.com/changes/chg_1")


@pytest.mark.parametrize(
    "evil",
    [
        "![x](https://evil.example)",
        "@everyone",
        "</details>",
        "```\n# free",
        "~~~\n",
        "a\r\nb",
        "\u202e",
    ],
)
def test_a41_words_of_others_stay_inside_the_fence(evil: str) -> None:
    said = comment(["waits"], [evil], "")

    assert said.startswith("Change gate\n\n```text\nwaits\n- ")
    assert said.endswith("\n```")
    assert said.count("`") == 6
    assert len(said.splitlines()) == 6
