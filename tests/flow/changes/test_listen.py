"""A code host verifies what a pipeline claims: what it says counts, and its silence is filled by
nobody (A02, A03, A15, F23).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gate.core.change import Repository
from gate.core.facts import Value
from gate.core.messages.host import Hand, HostFacts, HostQuestion, Review, Reviews, Verdict, silence
from gate.core.messages.host_reports import Pushed
from gate.errors import NotAllowed, SourceUnavailable
from gate.flow.changes import expire, listen, review
from gate.flow.commands import ReviewCommand
from gate.flow.webhooks import code_hosts
from tests.builders import ISSUER, SMALL, Wire, commit_of, make_change, make_person, person_id
from tests.flow.fake_host import Answer, FakeHost
from tests.flow.shop import ADA, Shop, make_files, open_shop

pytestmark = pytest.mark.anyio

REPOSITORY = Repository(ISSUER, 1001, "acme/checkout")
KOFI = Hand(("github:kofi-m", "kofi@example.com"), confirmed=True)
MEASURED: Mapping[str, Value] = {**SMALL, "diff.commits": 1}
LARGE: Mapping[str, Value] = {**MEASURED, "diff.lines_added": 812}


def says(
    values: Mapping[str, Value] = MEASURED, hands: tuple[Hand, ...] = (KOFI,), **different: Any
) -> Answer:
    """An answer that is complete."""

    def answer(question: HostQuestion) -> HostFacts:
        return replace(
            HostFacts(question.base or question.claimed_base, values, hands=hands, all_hands=True),
            **different,
        )

    return answer


@asynccontextmanager
async def connected(
    url: str, folder: Path, answer: Answer | None = None, **parts: str
) -> AsyncIterator[tuple[Shop, FakeHost]]:
    """A shop whose repositories are at a host."""
    host = FakeHost(answer or says())
    async with open_shop(url, folder, make_files(**parts)) as shop:
        yield replace(shop, gate=replace(shop.gate, hosts={ISSUER: host})), host


def origins(change: Wire, fact: str) -> list[Wire]:
    """What stands in the change for that fact."""
    return [one["facts"][fact] for one in change["reasons"] if fact in one["facts"]]


def because(change: Wire, rule: str) -> str:
    """The sentence of that rule, empty where there is none."""
    return next((str(one["because"]) for one in change["reasons"] if one["rule"] == rule), "")


# Who is asked


@pytest.mark.parametrize(
    ("service", "repository"),
    [
        pytest.param("web", None, id="a service without repository"),
        pytest.param(
            "web",
            Repository("https://gitlab.example.com", 1001, "acme/checkout"),
            id="another host",
        ),
        pytest.param("web", REPOSITORY, id="a22 somebody else's repository"),
    ],
)
async def test_nobody_is_asked_who_does_not_know_the_repository(
    sqlite_url: str, tmp_path: Path, service: str, repository: Repository | None
) -> None:
    async with connected(sqlite_url, tmp_path) as (shop, host):
        assert (await shop.submit("a", service=service, repository=repository))[
            "state"
        ] == "approved"

    assert host.asked == []


async def test_a_host_is_asked_for_what_changed_since_what_runs(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with connected(sqlite_url, tmp_path) as (shop, host):
        await shop.deploy("a", base=commit_of("9"))
        await shop.submit("b", base=commit_of("9"), ref="main")

    assert [(one.repository, one.base, one.claimed_base, one.ref) for one in host.asked] == [
        (REPOSITORY, None, commit_of("9"), None),
        (REPOSITORY, commit_of("a"), commit_of("9"), "main"),
    ]
    assert host.asked[0].environments == ("production", "prod", "live")


async def test_leaving_the_repository_out_spares_nobody(sqlite_url: str, tmp_path: Path) -> None:
    files = make_files()
    one = "{provider: github, id: 1001, name: acme/checkout}"
    files["catalog.yaml"] = files["catalog.yaml"].replace(
        one, f"{one}, {{provider: github, id: 1002, name: acme/cart}}"
    )
    async with open_shop(sqlite_url, tmp_path, files) as shop:
        host = FakeHost(says())
        silent = await shop.with_hosts({ISSUER: host}).submit("a")
        named = await shop.with_hosts({ISSUER: host}).submit("b", repository=REPOSITORY)

    assert "the service has several" in because(silent, "source-silent")
    assert (silent["state"], named["state"], len(host.asked)) == ("pending", "approved", 1)


# What it says counts


async def test_a15_a_verified_value_replaces_a_claimed_one(sqlite_url: str, tmp_path: Path) -> None:
    async with connected(sqlite_url, tmp_path, says(LARGE)) as (shop, _):
        change = await shop.submit("a", claims={})

    assert origins(change, "diff.lines_added")[0] == {"value": 812, "origin": "verified"}
    assert (change["state"], change["risk"]["score"]) == ("pending", 30)


async def test_a15_a_contradicted_claim_leaves_the_automatic_path(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with connected(sqlite_url, tmp_path, says({**MEASURED, "diff.lines_added": 30})) as (
        shop,
        _,
    ):
        change = await shop.submit("a", base=commit_of("9"))

    assert change["state"] == "pending"
    assert (
        because(change, "claim_contradicted")
        == "diff.lines_added was claimed as 5, the code host says 30"
    )


async def test_a_contradiction_stands_while_the_host_is_silent_and_ends_when_it_agrees(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with connected(sqlite_url, tmp_path, says({**MEASURED, "diff.lines_added": 30})) as (
        shop,
        host,
    ):
        change = await shop.submit("a", base=commit_of("9"))
        for answer, stands in ((_down, True), (says({**MEASURED, "diff.lines_added": 6}), False)):
            host.answer = answer
            await shop.adopt(changed=True, valid_for="5h" if stands else "6h")
            await shop.round()
            assert (because(await shop.read(change), "claim_contradicted") != "") is stands


async def test_claims_agree_with_what_was_measured_from_the_same_base_alone(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with connected(sqlite_url, tmp_path, says({**MEASURED, "diff.lines_added": 30})) as (
        shop,
        _,
    ):
        await shop.deploy("a", claims={}, base=commit_of("9"))
        change = await shop.submit("b", base=commit_of("9"))

    assert (
        change["state"],
        because(change, "base-differs"),
        because(change, "claim_contradicted"),
    ) == ("approved", "", "")


# Silence


def _down(_: HostQuestion) -> HostFacts:
    raise SourceUnavailable("github.com could not be asked")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(
            _down, "github.com could not be asked; what it should verify is unknown", id="no answer"
        ),
        pytest.param(lambda _: silence("cut"), "cut", id="an incomplete answer"),
    ],
)
async def test_f23_no_claim_takes_the_place_of_a_host_that_is_silent(
    sqlite_url: str, tmp_path: Path, answer: Answer, said: str
) -> None:
    async with connected(sqlite_url, tmp_path, answer) as (shop, _):
        change = await shop.submit("a")

        shown = shop.gate.metrics.exposition().decode()

    assert 'gate_code_host_seconds_count{answer="silence",host="github.com"} 1.0' in shown
    assert (change["state"], because(change, "source-silent")) == ("pending", said)
    assert because(change, "size") == "unknown: lines added; counted as the worst case, 30 points"


class _Slow(FakeHost):
    async def facts(self, question: HostQuestion) -> HostFacts:
        """Never."""
        self.asked.append(question)
        await asyncio.Event().wait()
        raise AssertionError


async def test_f23_a_slow_host_is_not_waited_for(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen, "HOST_SECONDS_MAX", 0.01)  # no test waits for three seconds
    async with connected(sqlite_url, tmp_path) as (shop, _):
        change = await shop.with_hosts({ISSUER: _Slow(says())}).submit("a")

    assert "did not answer within 0.01 s" in because(change, "source-silent")


async def test_what_was_compared_with_what_no_longer_runs_is_unknown(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with connected(sqlite_url, tmp_path) as (shop, host):
        await shop.deploy("a", base=commit_of("9"))
        host.answer = says(base=commit_of("7"))
        change = await shop.submit("b", base=commit_of("a"))

    assert change["state"] == "pending"
    assert "runs here since a moment ago" in because(change, "source-silent")


# People


async def test_a03_whoever_the_host_names_may_not_approve(sqlite_url: str, tmp_path: Path) -> None:
    hands = (KOFI, Hand(("ADA@example.com",)))
    async with connected(sqlite_url, tmp_path, says(LARGE, hands)) as (shop, _):
        change = await shop.submit("a", authors=("zoe@example.com",))
        with pytest.raises(NotAllowed, match="wrote"):
            await review.approve(
                shop.gate, change["id"], ReviewCommand(change["subject_digest"]), ADA
            )

    assert change["approvals"]["excluded"] == [person_id("ada"), person_id("kofi")]


@pytest.mark.parametrize(
    ("answer", "places"),
    [
        pytest.param(says(LARGE), 1, id="verified"),
        pytest.param(
            says(LARGE, (Hand(("who@else.example",)),)), 2, id="an address that nobody confirms"
        ),
        pytest.param(says(LARGE, all_hands=False), 2, id="somebody may be missing"),
        pytest.param(says(LARGE, base=None), 2, id="since a commit that is only claimed"),
        pytest.param(_down, 2, id="no answer"),
    ],
)
async def test_a05_one_approver_is_enough_where_the_host_confirms_who_wrote(
    sqlite_url: str, tmp_path: Path, answer: Answer, places: int
) -> None:
    async with connected(sqlite_url, tmp_path, answer, unverified_authors="two") as (shop, _):
        change = await shop.submit("a", base=commit_of("9"))

    assert sum(one["count"] for one in change["approvals"]["required"]) == places


async def test_reviews_count_without_anybody_trusting_claims(
    sqlite_url: str, tmp_path: Path
) -> None:
    reviewed = Reviews((Review("github:ada-ekberg", Verdict.APPROVES, of_commit=True),), 7)
    needs = (
        "[{id: seen, title: Seen, require: [reviews.approvals >= 1, reviews.approved_head], "
        "otherwise: review}]"
    )
    async with connected(sqlite_url, tmp_path, says(reviews=reviewed), requirements=needs) as (
        shop,
        host,
    ):
        assert (await shop.submit("a"))["state"] == "approved"
        host.answer = says()
        assert (await shop.submit("b", claims={**SMALL, "reviews.approvals": 9}))[
            "state"
        ] == "pending"


@pytest.mark.parametrize(
    ("pushed", "state"),
    [
        pytest.param(("ada-ekberg",), "pending", id="under somebody else's name"),
        pytest.param(("ada-ekberg", "ben"), "pending", id="and somebody else merged it"),
        pytest.param(("ben", "ada-ekberg"), "approved", id="and who reviewed it merged it"),
        pytest.param((), "approved", id="nobody tells of pushes"),
    ],
)
async def test_a1_who_pushed_a_commit_first_does_not_review_it(
    database_url: str, tmp_path: Path, pushed: tuple[str, ...], state: str
) -> None:
    reviewed = Reviews((Review("github:ada-ekberg", Verdict.APPROVES, of_commit=True),), 7)
    needs = "[{id: seen, title: Seen, require: [reviews.approvals >= 1], otherwise: review}]"
    pulled = (commit_of("c"),)
    answer = says(reviews=reviewed, commits=(commit_of("a"), *pulled), pulled=pulled)
    async with connected(database_url, tmp_path, answer, requirements=needs) as (shop, _):
        for login in pushed:
            await code_hosts.keep_pusher(shop.gate, Pushed(ISSUER, 1001, pulled, f"github:{login}"))

        assert (await shop.submit("a"))["state"] == state


async def test_an_approver_of_the_catalogue_is_still_needed(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with connected(sqlite_url, tmp_path, says(LARGE)) as (shop, _):
        change = await shop.submit(make_change("a", repository=REPOSITORY))
        ben = make_person("ben", "release-managers")
        await review.approve(shop.gate, change["id"], ReviewCommand(change["subject_digest"]), ben)

        assert (await shop.read(change))["state"] == "approved"


async def test_f23_slow_answers_do_not_stretch_a_round_of_the_worker(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(sqlite_url, tmp_path, says(LARGE)) as (shop, host):
        changes = [await shop.submit(letter) for letter in "abc"]
        monkeypatch.setattr(expire, "ROUND_SECONDS_MAX", -1.0)
        await shop.adopt(changed=True, valid_for="5h")
        asked = len(host.asked)
        await shop.round()
        assert len(host.asked) == asked
        monkeypatch.undo()
        await shop.round()

    assert len(host.asked) == asked + len(changes)
