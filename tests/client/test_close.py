"""`gate close`: after a check, in another job, and for a deployment that nobody reviewed."""

import json
from pathlib import Path
from typing import Any

import pytest

from gate.client.close import close
from gate.client.connection.http import Http
from gate.client.options import CloseOptions
from gate.client.show.outcome import Outcome
from gate.client.unreviewed import FILE, write_unreviewed
from gate.client.world import World
from tests.client.fake_gate import (
    CHANGE,
    CHANGE_TOKEN,
    TOKEN,
    FakeGate,
    a_change,
    cut,
    fake_gate,
    problem,
    raw,
)
from tests.client.worlds import a_world, noted

REQUEST = {
    "service": "checkout",
    "environment": "staging",
    "commit": "c" * 40,
    "run": {"id": "7", "attempt": 1},
}


def closed(gate: FakeGate, world: World, **options: Any) -> Outcome:
    asked = CloseOptions(url=gate.url, result="successful", token=TOKEN)._replace(**options)
    return close(asked, world, Http(gate.url, world), lambda _: None)


def a_state(folder: Path, gate: FakeGate, **changed: Any) -> None:
    state = {"url": gate.url, "change": CHANGE, "change_token": CHANGE_TOKEN, **changed}
    (folder / "state.json").write_text(json.dumps(state))


def test_without_a_check_and_without_an_id_it_is_a_usage_error(tmp_path: Path) -> None:
    with fake_gate() as gate:
        outcome = closed(gate, a_world(tmp_path))
        assert gate.seen == []
    assert (outcome.code, outcome.decision) == (2, "error")


@pytest.mark.parametrize("content", ["", "[]", "{", '{"change": 7}', "x" * 70_000])
def test_a_state_that_cannot_be_understood_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "state.json").write_text(content)
    with fake_gate() as gate:
        assert closed(gate, a_world(tmp_path)).code == 2


def test_the_token_of_a_change_goes_to_no_other_change_and_no_other_gate(tmp_path: Path) -> None:
    for changed in ({"url": "https://other.example.com"}, {"change": "chg_other"}):
        with fake_gate() as gate:
            a_state(tmp_path, gate, **changed)
            assert closed(gate, a_world(tmp_path), change=CHANGE).code == 0
            assert gate.seen[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("status", "name", "code"),
    [(401, "unauthenticated", 4), (403, "not_allowed", 4), (409, "state_conflict", 1)],
)
def test_a_refusal_has_its_exit_code(tmp_path: Path, status: int, name: str, code: int) -> None:
    with fake_gate() as gate:
        gate.always = problem(status, name)
        assert closed(gate, a_world(tmp_path), change=CHANGE).code == code


def test_an_unreachable_gate_is_an_error(tmp_path: Path) -> None:
    with fake_gate() as gate:
        gate.always = cut
        assert closed(gate, a_world(tmp_path), change=CHANGE).code == 1


def test_without_any_token_it_is_not_authenticated(tmp_path: Path) -> None:
    with fake_gate() as gate:
        outcome = closed(gate, a_world(tmp_path), change=CHANGE, token=None)
        assert gate.seen == []
    assert (outcome.code, "GATE_TOKEN" in outcome.message) == (4, True)


def test_after_a_check_close_knows_the_change_and_its_token(tmp_path: Path) -> None:
    with fake_gate() as gate:
        a_state(tmp_path, gate)
        outcome = closed(gate, a_world(tmp_path), result="unsuccessful", notes="it broke")
        seen = gate.seen[0]

    assert (outcome.code, outcome.decision) == (0, "closed")
    assert (seen.path, seen.body) == (
        f"/v1/changes/{CHANGE}/closure",
        {"result": "unsuccessful", "notes": "it broke"},
    )
    assert seen.headers["authorization"] == f"Bearer {CHANGE_TOKEN}"


def test_a_change_token_that_has_ended_gives_way_to_the_pipelines_own(tmp_path: Path) -> None:
    with fake_gate() as gate:
        a_state(tmp_path, gate)
        gate.faults["closure"] = [problem(401, "unauthenticated")]
        assert closed(gate, a_world(tmp_path)).code == 0
        assert [one.headers["authorization"] for one in gate.seen] == [
            f"Bearer {CHANGE_TOKEN}",
            f"Bearer {TOKEN}",
        ]


def test_a_change_that_was_never_admitted_is_said_to_be_on_record(tmp_path: Path) -> None:
    with fake_gate() as gate:
        gate.faults["closure"] = [raw(200, json.dumps(a_change(state="pending")).encode())]
        outcome = closed(gate, a_world(tmp_path), change=CHANGE)
    assert (outcome.code, "never admitted" in outcome.message) == (0, True)


def test_an_unreviewed_deployment_is_asked_for_reported_and_withdrawn(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    write_unreviewed(world, REQUEST, "it did not answer")
    with fake_gate() as gate:
        gate.states = ["approved"]
        gate.answer = _leave_open(gate)  # type: ignore[method-assign]  # what was never admitted stays as it is
        outcome = closed(gate, world, unreviewed=FILE, result="rolled_back")

    assert (outcome.code, outcome.decision) == (0, "closed")
    assert gate.acts() == ["submit", "closure", "cancellation"]
    assert gate.seen[0].body == REQUEST
    assert gate.seen[1].body == {
        "result": "rolled_back",
        "started_at": "2026-09-21T14:13:20Z",
        "finished_at": "2026-09-21T14:13:20Z",
    }


def test_an_unreviewed_deployment_whose_change_cannot_be_withdrawn_is_still_reported(
    tmp_path: Path,
) -> None:
    world = a_world(tmp_path)
    write_unreviewed(world, REQUEST, "it did not answer")
    with fake_gate() as gate:
        gate.answer = _leave_open(gate)  # type: ignore[method-assign]  # what was never admitted stays as it is
        gate.faults["cancellation"] = [problem(409, "state_conflict")]
        assert closed(gate, world, unreviewed=FILE).code == 0
    assert "stays open" in noted(world)


def _leave_open(gate: FakeGate) -> Any:
    usual = gate.answer

    def answer(seen: Any) -> tuple[int, dict[str, Any]]:
        status, body = usual(seen)
        return status, {**body, "state": "approved"} if seen.act == "closure" else body

    return answer


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"version": 1, "at": "x"}',
        '{"version": 9, "at": "x", "request": {"commit": "c"}}',
        " " * 3_000_000,
    ],
)
def test_a_file_that_is_no_report_is_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "report.json").write_text(content)
    with fake_gate() as gate:
        assert closed(gate, a_world(tmp_path), unreviewed="report.json").code == 1
        assert closed(gate, a_world(tmp_path), unreviewed="nothing.json").code == 1
        assert gate.seen == []
