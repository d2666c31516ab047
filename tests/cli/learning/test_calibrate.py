"""`gate policy calibrate`: a policy with other points where that is better, otherwise exit code 3
and no file.
"""

import asyncio
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from gate.core.change import Result
from gate.core.learning.slots import points_of
from gate.core.policy.file import read_policy
from tests.builders import commit_of
from tests.cli.running import gate
from tests.core.learning.histories import history
from tests.flow.shop import open_shop

MAP = "service: service.name\nla: diff.lines_added\nfix: change.fixes_defect\nseq: order\n"
POLICY = """\
# What comes with a reason stays with it.
policy: production
rules:
  - {id: size, title: Larger changes fail more often, points_by: diff.lines_added, steps: {10: 10, 100: 20}}
  - {id: repair, title: Repairs fail more often, when: [change.fixes_defect], points: 5}
"""
LINES = (1, 50, 500)
FLAGS = ("--map", "map.yaml", "--label", "failed", "--policy", "old.yaml", "--out", "new.yaml")


def table(count: int, rates: tuple[int, int] = (10, 70)) -> list[str]:
    """A row a change, newest last."""
    return [
        f"web,{number},{LINES[one.slots[0]]},{one.slots[1]},{int(one.failed)}"
        for number, one in enumerate(history(count, rates))
    ]


@pytest.fixture
def waiting_list(here: Path) -> Path:
    """A map and a policy in the working folder."""
    (here / "map.yaml").write_text(MAP)
    (here / "old.yaml").write_text(POLICY)
    return here


def write(path: Path, rows: list[str]) -> None:
    text = "\n".join(("service,seq,la,fix,failed", *rows)) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        pytest.param(table(100, (0, 50)), "found 24 failed changes, needed are 30", id="too few"),
        pytest.param(
            table(1_200) + [row.replace("web,", "web,9") for row in table(300, (70, 10))],
            "the back-test on the newest fifth, 300 changes of which",
            id="not better",
        ),
        pytest.param([], "found 0 failed changes, needed are 30", id="nothing"),
    ],
)
def test_a_history_that_shows_nothing_changes_nothing(
    waiting_list: Path, rows: list[str], words: str
) -> None:
    write(waiting_list / "history.csv", rows)

    done = gate("policy", "calibrate", "history.csv", *FLAGS)

    assert done.code == 3
    assert done.err.startswith(f"refused: {words}")
    assert done.err.endswith("; nothing is written\n")
    assert not list(waiting_list.glob("new.yaml*"))
    assert (waiting_list / "old.yaml").read_text() == POLICY


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param(("--map", "map.yaml", "--out", "x"), 2, "belong to a table", id="no table"),
        pytest.param(("h.csv", "--out", "x"), 2, "a table needs --map and --label", id="no map"),
        pytest.param(
            ("h.csv", "--map", "map.yaml", "--label", "faild", "--out", "x"),
            1,
            "did you mean failed?",
            id="no label",
        ),
        pytest.param(
            ("bad.csv", *FLAGS), 1, "bad.csv:3: --label failed: found yes, allowed is", id="label"
        ),
        pytest.param(
            ("when.csv", *FLAGS),
            1,
            "when.csv:2: seq: found 'soon', allowed is a number, or a time",
            id="order",
        ),
    ],
)
def test_what_cannot_be_understood_is_said(
    waiting_list: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    write(waiting_list / "h.csv", ["web,1,1,0,0"])
    write(waiting_list / "bad.csv", ["web,1,1,0,0", "web,2,1,0,yes"])
    write(waiting_list / "when.csv", ["web,soon,1,0,0"])

    done = gate("policy", "calibrate", *arguments)

    assert done.code == code
    assert words in " ".join(done.err.replace("│", " ").split())
    assert not (waiting_list / "x").exists()


def test_points_that_are_better_are_written_with_every_word_kept(waiting_list: Path) -> None:
    write(waiting_list / "history.csv.gz", table(3_000))

    done = gate("policy", "calibrate", "history.csv.gz", *FLAGS)

    assert (done.code, done.err) == (0, "")
    written = (waiting_list / "new.yaml").read_text()
    size, repair = points_of(read_policy(written, "new.yaml"))
    assert repair.given[0] > 5
    assert size.given[-1] < 20
    assert written == POLICY.replace(
        "{10: 10, 100: 20}", "{{10: {}, 100: {}}}".format(*size.given)
    ).replace("points: 5", f"points: {repair.given[0]}")
    assert f"repair: change.fixes_defect: 5 → {repair.given[0]}\n" in done.out
    assert "3 of 3 points changed" in done.out
    assert "Back-test on the newest fifth, 600 changes of which" in done.out
    assert "Failure rate by band, of the newest fifth by the new points:" in done.out


def test_the_order_column_puts_changes_in_the_order_of_time(waiting_list: Path) -> None:
    rows = table(1_500)
    write(waiting_list / "history.csv", rows)
    write(waiting_list / "turned.csv", rows[::-1])

    first = gate("policy", "calibrate", "history.csv", *FLAGS)
    written = (waiting_list / "new.yaml").read_text()
    second = gate("policy", "calibrate", "turned.csv", *FLAGS)

    assert (first.code, second.code) == (0, 0)
    assert (first.out, written) == (second.out, (waiting_list / "new.yaml").read_text())


def test_a_change_without_an_outcome_is_left_out_and_that_is_said(waiting_list: Path) -> None:
    write(waiting_list / "history.csv", [*table(1_500), "web,9999,1,0,"])

    done = gate("policy", "calibrate", "history.csv", *FLAGS)

    assert done.code == 0
    assert done.out.startswith("1,500 changes, ")
    assert "left out, because they have no outcome yet: 1\n" in done.out


def test_without_a_table_the_gates_own_log_is_read(
    here: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def print_verdict() -> None:
        async with open_shop(sqlite_url, here) as shop:
            await shop.deploy("a")
            await shop.deploy("b", Result.UNSUCCESSFUL, base=commit_of("a"))
            await shop.submit("c", claims={"diff.lines_added": 500})  # waits for people
            await shop.deploy("d", None, service="web")  # has not ended, so nobody knows

    asyncio.run(print_verdict())
    monkeypatch.setenv("GATE_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("GATE_POLICIES", str(here / "policies"))

    done = gate("policy", "calibrate", "--out", "new.yaml")

    assert done.code == 3
    assert done.out.startswith("2 changes, 1 failed, 1 service; the points in force are those of")
    assert done.err.startswith("refused: found 1 failed changes, needed are 30")
    assert not (here / "new.yaml").exists()


@pytest.mark.parametrize(
    ("known_on", "code"),
    [
        pytest.param(lambda day: day + 1, 0, id="known the day after"),
        pytest.param(lambda _: 1_300, 3, id="known when the newest fifth was there"),
        pytest.param(lambda _: "", 3, id="nobody says when"),
    ],
)
def test_a_table_says_when_a_failure_became_known(
    waiting_list: Path, known_on: Callable[[int], object], code: int
) -> None:
    rows = [f"{row},{day},{known_on(day)}" for day, row in enumerate(table(1_500))]
    head = "service,seq,la,fix,failed,made,known"
    (waiting_list / "changes.csv").write_text("\n".join((head, *rows)) + "\n")
    (waiting_list / "map.yaml").write_text(f"{MAP}made: at\nknown: known_at\n")

    done = gate("policy", "calibrate", "changes.csv", *FLAGS)

    assert done.code == code
    assert (waiting_list / "new.yaml").exists() is (code == 0)
