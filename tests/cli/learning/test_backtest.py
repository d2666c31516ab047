"""`gate policy backtest`: a folder of policies tried on the gate's own log."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest

from gate.core.change import Result
from tests.builders import commit_of
from tests.cli.running import gate
from tests.flow.shop import make_files, open_shop

TWELVE = {"diff.lines_added": 12}


@pytest.fixture
def log(here: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two changes that passed by themselves and were deployed, one of which failed."""

    async def fill() -> None:
        async with open_shop(sqlite_url, here / "shop") as shop:
            await shop.deploy("a", claims=TWELVE)
            await shop.deploy("b", Result.UNSUCCESSFUL, base=commit_of("a"), claims=TWELVE)
            await shop.submit("c", claims=TWELVE)
            await shop.let_pass(timedelta(days=2))

    (here / "shop").mkdir()
    asyncio.run(fill())
    monkeypatch.setenv("GATE_DATABASE_URL", sqlite_url)
    return here


def folder(where: Path, files: dict[str, str]) -> Path:
    candidate = where / "candidate"
    candidate.mkdir()
    for name, text in files.items():
        (candidate / name).write_text(text)
    return candidate


def test_the_same_policies_change_nothing(log: Path) -> None:
    folder(log, make_files())

    done = gate("policy", "backtest", "--candidate", "candidate", "--output", "json")

    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert (found["changes"], found["failed"]) == (2, 1)
    assert found["newly_approved"] == found["newly_escalated"] == {"count": 0, "failed": 0}
    assert [one["escalated_share"] for one in found["curve"]] == [0.05, 0.1, 0.2, 0.3, 0.5]


def test_what_a_stricter_policy_holds_up_is_said_with_what_failed(log: Path) -> None:
    folder(log, make_files(bands="{moderate: 5, high: 60, critical: 90}"))

    done = gate("policy", "backtest", "--candidate", "candidate", "--since", "30d")

    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].startswith("candidate against what is in force, on 2 changes")
    assert lines[0].endswith("and have ended; 1 of them failed")
    assert "newly approved by itself:  0 changes, of which 0 failed" in lines
    assert "newly escalated to people: 2 changes, of which 1 failed" in lines
    assert "  production/size: 2 changes, 1 failed, 1.00 x the rate of all; 1 went well" in lines


def test_changes_of_another_time_are_not_looked_at(log: Path) -> None:
    folder(log, make_files())

    done = gate("policy", "backtest", "--candidate", "candidate", "--since", "1d")

    assert done.code == 0
    assert " on 0 changes " in done.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(("--candidate", "nowhere"), "nowhere", id="no folder"),
        pytest.param(
            ("--candidate", "candidate", "--since", "soon"), "--since: found soon", id="since"
        ),
        pytest.param(("--candidate", "bad"), "production.yaml:2:1", id="bad policy"),
    ],
)
def test_what_cannot_be_understood_is_said(
    log: Path, arguments: tuple[str, ...], words: str
) -> None:
    folder(log, make_files())
    (log / "bad").mkdir()
    (log / "bad" / "production.yaml").write_text("policy: [")

    done = gate("policy", "backtest", *arguments)

    assert done.code == 1
    assert words in done.err


TABLE = """added,approvals,failed
12,1,0
12,1,1
300,1,1
5,0,0
9,1,
"""
MAP = "added: diff.lines_added\napprovals: reviews.approvals\n"


def tables(where: Path) -> tuple[str, ...]:
    """What is tried on a table, and the flags that say so."""
    (where / "changes.csv").write_text(TABLE)
    (where / "map.yaml").write_text(MAP)
    folder(where, make_files(bands="{moderate: 5, high: 60, critical: 90}"))
    flags = ("changes.csv", "--map", "map.yaml", "--label", "failed")
    return ("policy", "backtest", *flags, "--candidate", "candidate")


def test_a_table_is_tried_without_a_database_against_a_folder(here: Path) -> None:
    command = tables(here)
    (here / "before").mkdir()
    for name, text in make_files().items():
        (here / "before" / name).write_text(text)

    done = gate(*command, "--against", "before", "--output", "json")

    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert (found["history"], found["from"], found["changes"], found["failed"]) == (
        "table",
        None,
        4,  # what has no outcome yet is left out
        2,
    )
    assert found["newly_escalated"] == {"count": 2, "failed": 1}
    assert found["curve"][-1]["caught_share"] == 0.75


def test_a_table_is_tried_against_what_is_in_force(log: Path) -> None:
    done = gate(*tables(log))

    assert done.code == 0
    assert "on 4 changes of the table; facts that it does not name are unknown" in done.out
    assert "newly escalated to people: 2 changes, of which 1 failed" in done.out


@pytest.mark.parametrize(
    ("more", "words"),
    [
        pytest.param(("--imported",), "leave the table out", id="two histories"),
        pytest.param(("--label", "broken"), "has no such column", id="label"),
        pytest.param(("--against", "nowhere"), "nowhere", id="folder"),
    ],
)
def test_a_table_that_cannot_be_tried_is_said(
    here: Path, more: tuple[str, ...], words: str
) -> None:
    command = tables(here)
    (here / "before").mkdir()
    (here / "before" / "production.yaml").write_text(make_files()["production.yaml"])

    done = gate(*command, "--against", "before", *more)

    assert done.code != 0
    assert words in " ".join(done.err.split())
