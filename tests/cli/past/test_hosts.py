"""`gate import github`: what a real command brings into the report, once, and from nobody else."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gate.cli.past import hosts
from gate.core.past import PastDeployment
from gate.storage.database.engine import open_engine
from gate.storage.figures import past
from tests.builders import commit_of
from tests.cli.running import Done, gate
from tests.flow.shop import CATALOGUE, make_files, open_shop
from tests.integrations.fake_github import FakeGitHub, reply
from tests.integrations.github_answers import commit, comparison, file
from tests.integrations.live_github import listening

TOKEN = "ghs_lent"  # noqa: S105 - of a fake
NOW = datetime.now(UTC)


def at(hours: float) -> str:
    """So many hours ago, as GitHub writes it."""
    return (NOW - timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


def deployment(number: int, letter: str, hours: float, **different: Any) -> dict[str, Any]:
    """As GitHub lists it."""
    usual = {"id": number, "sha": commit_of(letter), "ref": "main", "environment": "prod"}
    return usual | {"created_at": at(hours)} | different


def status(state: str, hours: float) -> dict[str, Any]:
    """One of a deployment."""
    return {"state": state, "created_at": at(hours)}


def remembering(**different: Any) -> FakeGitHub:
    """Three deployments, the second of which failed, and one incident."""
    usual: dict[str, Any] = {
        "tokens": {TOKEN: 9e9},
        "deployments": {
            "prod": [
                deployment(3, "c", 20),
                deployment(2, "b", 30),
                deployment(1, "a", 40),
            ],
            "preview-7": [deployment(9, "9", 25, environment="preview-7\x1b[2J")],
        },
        "deployment_statuses": {
            3: [status("success", 19.9)],
            2: [status("failure", 29.9)],
            1: [status("inactive", 29), status("success", 39.9)],
            9: [status("success", 24.9)],
        },
        "issues": [
            {
                "number": 5,
                "created_at": at(19),
                "closed_at": None,
                "labels": [{"name": "incident"}],
            }
        ],
        "compares": {
            f"{commit_of('a')}...{commit_of(one)}": comparison(
                commits=[commit("kofi")], files=[file(additions=lines)]
            )
            for one, lines in (("b", 3), ("c", 400))
        },
    }
    return FakeGitHub(**usual | different)


async def _adopt(url: str, here: Path, issuer: str) -> None:
    listed = "{provider: github, id: 1001, name: acme/checkout}"
    named = f'{{issuer: "{issuer}", id: 1001, name: acme/checkout}}'
    files = make_files() | {"catalog.yaml": CATALOGUE.replace(listed, named)}
    async with open_shop(url, here, files):
        pass


@contextmanager
def speaking(
    known: FakeGitHub, url: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The fake listens, and the catalogue and the settings name it."""
    with listening(known) as address:
        asyncio.run(_adopt(url, here, f"{address}/_services/token"))
        monkeypatch.setenv("GATE_GITHUB_API_URL", address)
        monkeypatch.setenv("GATE_HOST_TOKEN", TOKEN)
        yield address


def bring(*more: str) -> Done:
    """The command."""
    return gate("import", "github", "--service", "checkout", *more)


def imported(url: str) -> list[PastDeployment]:
    """Of production, oldest first."""
    with open_engine(url).connect() as conn:
        return past.deployments(conn, "checkout", "production", NOW)


@pytest.fixture
def brought(
    url: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[FakeGitHub, Done]]:
    """Everything was imported once; the fake still listens."""
    known = remembering()
    with speaking(known, url, here, monkeypatch):
        yield known, bring("--incident-label", "incident")


def test_h5_a_host_that_never_comes_to_an_end_is_given_up_in_words(
    url: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "HOST_SECONDS_MAX", 0.0)
    with speaking(remembering(), url, here, monkeypatch):
        done = bring()

    assert done.code == 1
    assert "the same command goes on there" in done.err
    assert len(imported(url)) == 3


def test_h5_deployments_ends_and_incidents_are_brought(
    brought: tuple[FakeGitHub, Done], url: str
) -> None:
    _, done = brought

    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[:2] == [
        "imported 3 deployments (1 failed) and 1 incident; known before: 0 deployments",
        "asked what was in 3 of them; not completely known, so counted as the worst case: 1",
    ]
    assert [(one.key, one.result.value) for one in imported(url)] == [
        ("1", "successful"),
        ("2", "unsuccessful"),
        ("3", "successful"),
    ]
    # what failed never ran, so the third is compared with the first
    assert [_lines(one) for one in imported(url)] == [None, 3, 400]


def _lines(one: PastDeployment) -> Any:
    assert one.facts is not None
    return one.facts.verified.get("diff.lines_added")


def test_h5_the_same_again_imports_nothing_and_hardly_asks(
    brought: tuple[FakeGitHub, Done], url: str
) -> None:
    known, _ = brought
    before = imported(url)
    known.requests.clear()

    again = bring()

    assert again.out.splitlines()[0] == (
        "imported 0 deployments (0 failed) and 0 incidents; known before: 3 deployments"
    )
    assert imported(url) == before
    # the one in an environment that the catalogue lacks may be wanted by now
    assert known.asked("/statuses") == 1
    assert known.asked("/pulls") == 0


def test_h5_an_environment_that_the_catalogue_lacks_is_named_and_writes_nothing_to_the_terminal(
    brought: tuple[FakeGitHub, Done],
) -> None:
    _, done = brought

    assert "1 in environments that the catalogue lacks: preview-7 (1)" in done.out
    assert "\x1b" not in done.out


def test_h5_what_was_read_before_the_host_fell_silent_is_kept_and_it_goes_on_there(
    url: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = remembering()
    with speaking(known, url, here, monkeypatch):
        known.failing = {"/deployments/1/": reply(404, {"message": "Not Found"})}
        broken = bring()
        known.failing = {}
        again = bring()

    assert broken.code == 1
    assert "the same command goes on there" in broken.err
    assert again.code == 0
    assert len(imported(url)) == 3


def test_h5_the_future_is_no_past(url: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    later = [deployment(1, "a", -5)]
    statuses = {1: [status("success", -5.1)]}
    with speaking(
        remembering(deployments={"prod": later}, deployment_statuses=statuses),
        url,
        here,
        monkeypatch,
    ):
        done = bring()

    assert "left out 1 that would lie in the future" in done.out
    assert imported(url) == []


def test_h5_a_token_is_never_said(url: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    echo = reply(403, {"message": f"Resource not accessible with {TOKEN}"})
    with speaking(remembering(failing={"/deployments": echo}), url, here, monkeypatch):
        done = bring()

    assert done.code == 1
    assert TOKEN not in done.out + done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--service nothing", "the catalogue in force has no service nothing"),
        ("--service web", "gives web no repository of"),
        ("--service checkout --since 2y", "--since 2y: allowed is a duration"),
        ("--service checkout --since 400d", "at most 366d"),
        ("--service checkout --pagerduty-service P1", "needs an access key in GATE_PAGERDUTY"),
        ("--service checkout --clone nowhere", "--clone nowhere"),
    ],
)
def test_h5_what_makes_no_sense_is_refused(
    url: str, here: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, words: str
) -> None:
    with speaking(remembering(deployments={}), url, here, monkeypatch):
        done = gate("import", "github", *arguments.split())

    assert done.code == 1
    assert words in done.err
    assert imported(url) == []


def test_h5_without_a_token_it_says_where_to_get_one(
    url: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with speaking(remembering(), url, here, monkeypatch):
        monkeypatch.delenv("GATE_HOST_TOKEN")
        done = bring()

    assert (done.code, "`gh auth token` prints yours" in done.err) == (1, True)
