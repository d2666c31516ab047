"""`gate evaluate`: asked like `gate check`, and nothing comes of it."""

from pathlib import Path

import pytest

from gate.client.connection.http import Http
from gate.client.evaluate import evaluate
from gate.client.options import CheckOptions
from gate.client.show.summary import summary
from tests.client.checks import ending, world_of
from tests.client.fake_gate import TOKEN, FakeGate, fake_gate, problem, raw


def evaluated(gate: FakeGate, folder: Path) -> tuple[tuple[int, str, bool], str]:
    world = world_of(folder)
    options = CheckOptions(
        service="checkout", environment="staging", url=gate.url, token=TOKEN, record=False
    )
    outcome = evaluate(options, world, Http(gate.url, world, seconds=5), lambda _: None)
    return ending(outcome), summary(outcome).headline


@pytest.mark.parametrize(("outcome", "code"), [("approved", 0), ("rejected", 3), ("pending", 5)])
def test_each_outcome_has_the_exit_code_of_check(tmp_path: Path, outcome: str, code: int) -> None:
    with fake_gate() as gate:
        gate.states = [outcome]
        found, headline = evaluated(gate, tmp_path)

    assert found == (code, outcome, False)
    assert headline.startswith(f"{outcome.upper()}  checkout to staging, commit ")
    assert "None" not in headline


def test_nothing_but_the_question_is_asked(tmp_path: Path) -> None:
    with fake_gate() as gate:
        evaluated(gate, tmp_path)

    assert gate.acts() == ["place", "evaluate"]
    assert gate.of("evaluate")[0].body["facts"]


def test_a_caller_who_is_turned_away_is_told_so(tmp_path: Path) -> None:
    with fake_gate() as gate:
        gate.faults["evaluate"] = [problem(403, "not_allowed")]

        assert evaluated(gate, tmp_path)[0] == (4, "error", False)


@pytest.mark.parametrize(
    "foreign", [b"{}", b'{"outcome": "approved"}', b'{"outcome": "allowed", "commit": "c"}']
)
def test_an_answer_that_is_not_the_gates_is_no_answer(tmp_path: Path, foreign: bytes) -> None:
    with fake_gate() as gate:
        gate.faults["evaluate"] = [raw(200, foreign)] * 6

        assert evaluated(gate, tmp_path)[0] == (1, "error", False)
