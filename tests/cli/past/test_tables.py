"""`gate import csv`: what any other system can write down, with what a clone knows of it."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gate.core.facts import DECIMAL_UNIT
from gate.core.past import PastDeployment
from gate.storage.database.engine import open_engine
from gate.storage.figures import past
from tests.builders import commit_of
from tests.cli.running import Done, gate
from tests.client.repositories import Repo
from tests.flow.shop import make_files, open_shop

HEADER = "service,environment,commit,began_at,ended_at,result"
BEGAN = datetime(2026, 1, 5, 9, tzinfo=UTC)
ROW = f"checkout,prod,{commit_of('a')},2026-01-05T09:00:00Z,2026-01-05T09:06:00Z,successful"


@pytest.fixture
def url(url: str, here: Path) -> str:
    """A database in which the catalogue of the folder is in force."""
    asyncio.run(_adopt(url, here))
    return url


async def _adopt(url: str, here: Path) -> None:
    async with open_shop(url, here, make_files()):
        pass


def bring(here: Path, *lines: str, more: tuple[str, ...] = ()) -> Done:
    """The command, with a table of these lines."""
    (here / "deployments.csv").write_text("\n".join(lines) + "\n")
    return gate("import", "csv", "deployments.csv", *more)


def imported(url: str) -> list[PastDeployment]:
    """Of production, oldest first."""
    with open_engine(url).connect() as conn:
        return past.deployments(conn, "checkout", "production", datetime.now(UTC))


def test_h5_a_table_is_imported_once_with_the_facts_in_its_columns(url: str, here: Path) -> None:
    lines = (
        f"{HEADER},diff.lines_added,checks.coverage_percent,change.ref_protected",
        f"{ROW},12,87.5,true",
        f"{ROW.replace('09:', '11:')},,,",
    )

    first, again = bring(here, *lines), bring(here, *lines)

    assert (first.code, again.code, first.err) == (0, 0, "")
    found = imported(url)
    assert [one.began_at - BEGAN for one in found] == [timedelta(0), timedelta(hours=2)]
    facts = found[0].facts
    assert facts is not None
    assert dict(facts.verified) == {
        "diff.lines_added": 12,
        "checks.coverage_percent": 87.5 * DECIMAL_UNIT,
        "change.ref_protected": True,
    }
    assert found[1].facts is None


def test_h5_a_clone_says_what_git_knows_and_it_counts_as_claimed(url: str, here: Path) -> None:
    repo = Repo(here / "clone")
    commits = [repo.commit({"src/cart.py": "one\n" * lines}) for lines in (3, 5)]
    lines = [ROW.replace(commit_of("a"), commits[0])]
    lines.append(ROW.replace(commit_of("a"), commits[1]).replace("T09", "T11"))

    done = bring(here, HEADER, *lines, more=("--clone", "clone"))

    assert done.code == 0, done.err
    assert "counted as the worst case: 1\n" in done.out
    facts = imported(url)[1].facts
    assert facts is not None
    assert (facts.claimed["diff.lines_added"], facts.claimed["diff.files"]) == (2, ("src/cart.py",))
    assert (dict(facts.verified), facts.is_named, facts.is_confirmed) == ({}, True, False)


def test_h5_incidents_of_a_table_are_imported(url: str, here: Path) -> None:
    (here / "incidents.csv").write_text(
        "service,environment,began_at,resolved_at\n"
        "checkout,prod,2026-01-05T09:10:00Z,2026-01-05T10:00:00Z\n"
        "checkout,,2026-01-05T11:10:00,\n"
    )

    done = bring(here, HEADER, ROW, more=("--incidents", "incidents.csv"))

    assert done.out.startswith("imported 1 deployment (0 failed) and 2 incidents")
    with open_engine(url).connect() as conn:
        found = past.incidents(conn, "checkout", "production")
    assert [(one.environment, one.resolved_at is None) for one in found] == [
        (None, True),
        ("production", False),
    ]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([HEADER.replace("commit", "sha"), ROW], "deployments.csv has no such column"),
        ([HEADER, ROW.replace("checkout", "chekout")], "has no service chekout"),
        ([HEADER, ROW.replace(commit_of("a"), "abc1234")], "allowed is a whole hash"),
        ([HEADER, ROW.replace("T09:00:00Z", "")], "2026-01-05"),
        (
            [HEADER, ROW.replace("2026-01-05T09:00:00Z", "0001-01-01T00:00:00+05:00")],
            "began_at: found '0001-01-01T00:00:00+05:00'",
        ),
        ([HEADER, ROW.replace("2026-01-05T09:00:00Z", "today")], "began_at: found 'today'"),
        ([HEADER, ROW.replace("2026-01-05T09:06", "2026-01-04T09:06")], "ends before it begins"),
        ([HEADER, ROW.replace("successful", "fine")], "result: found 'fine', allowed is"),
        ([f"{HEADER},diff.lines_added", f"{ROW},-1"], "diff.lines_added: found -1"),
        ([HEADER, f"{ROW},more"], "found 7 cells, the header has 6"),
        ([""], "deployments.csv"),
    ],
)
def test_h5_a_table_that_cannot_be_read_is_refused_as_a_whole(
    url: str, here: Path, lines: list[str], words: str
) -> None:
    done = bring(here, lines[0], *([ROW] if len(lines[0]) == len(HEADER) else []), *lines[1:])

    if words == "2026-01-05":  # a day alone is its first instant
        assert done.code == 0
        return
    assert (done.code, words in done.err) == (1, True), done.err
    assert imported(url) == []


def test_h5_without_a_gate_nothing_is_imported(here: Path) -> None:
    done = bring(here, HEADER, ROW)

    assert (done.code, "there is no database at" in done.err) == (1, True)
