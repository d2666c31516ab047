"""`gate check` when the gate does not answer, or answers what is not the gate's: it fails closed
(F24).
"""

import json
from pathlib import Path
from typing import Any

import pytest

from gate.client.unreviewed import FILE
from tests.client.checks import a_repo, checked, ending, world_of
from tests.client.fake_gate import (
    CHANGE,
    TOKEN,
    Fault,
    a_change,
    an_envelope,
    cut,
    fake_gate,
    hang,
    problem,
    raw,
    truncated,
)

FAULTS: list[Any] = [
    pytest.param(raw(500, b"", "text/plain"), id="500"),
    pytest.param(problem(503, "busy"), id="503"),
    pytest.param(raw(200, b"<html>approved</html>", "text/html"), id="HTML of a proxy"),
    pytest.param(raw(200, b""), id="200 and empty"),
    pytest.param(raw(200, b'{"state": "approved"}'), id="foreign JSON"),
    pytest.param(
        raw(200, json.dumps(a_change(commit="d" * 40)).encode()), id="another commit's change"
    ),
    pytest.param(raw(200, json.dumps(a_change(state="fine")).encode()), id="an unknown state"),
    pytest.param(truncated(b'{"id": "chg_1", "sta', 400), id="truncated"),
    pytest.param(cut, id="cut"),
    pytest.param(raw(302, b"", Location="https://login.example.com/"), id="a redirect to a log-in"),
    pytest.param(raw(404, b"nothing here", "text/plain"), id="a foreign 404"),
]


@pytest.mark.parametrize("act", ["place", "submit", "admission"])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_usable_answer_fails_closed(tmp_path: Path, fault: Fault, act: str) -> None:
    with fake_gate() as gate:
        gate.faults[act] = [fault] * 6
        outcome = checked(gate, tmp_path)

    assert ending(outcome) == (1, "error", False)
    assert "nothing is allowed" in outcome.message


@pytest.mark.parametrize("act", ["place", "submit", "admission"])
def test_a_gate_that_hangs_fails_closed(tmp_path: Path, act: str) -> None:
    with fake_gate() as gate:
        gate.faults[act] = [hang(gate)] * 6
        assert ending(checked(gate, tmp_path, seconds=0.1)) == (1, "error", False)


def test_nobody_there_fails_closed(tmp_path: Path) -> None:
    with fake_gate() as gate:
        pass
    assert ending(checked(gate, tmp_path)) == (1, "error", False)


@pytest.mark.parametrize("act", ["place", "submit", "admission"])
@pytest.mark.parametrize("fault", FAULTS)
def test_down_and_told_to_allow_goes_on_unreviewed_and_writes_it_down(
    tmp_path: Path, fault: Fault, act: str
) -> None:
    with fake_gate() as gate:
        gate.faults[act] = [fault] * 6
        outcome = checked(gate, tmp_path, if_down_allow=True)

    report = json.loads((tmp_path / "repo" / FILE).read_text())
    assert ending(outcome) == (0, "unreviewed", False)
    assert report["request"]["commit"] == a_repo(tmp_path).head()
    assert report["request"]["service"] == "checkout"
    assert TOKEN not in json.dumps(report)
    assert (tmp_path / "repo" / FILE).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("act", ["place", "submit", "admission"])
@pytest.mark.parametrize(("status", "name"), [(401, "unauthenticated"), (403, "not_allowed")])
def test_turned_away_is_never_allowed_for_being_down(
    tmp_path: Path, act: str, status: int, name: str
) -> None:
    with fake_gate() as gate:
        gate.faults[act] = [problem(status, name), cut, cut, cut, cut, cut, cut]
        outcome = checked(gate, tmp_path, if_down_allow=True)

    assert outcome.code in (1, 4)
    assert outcome.decision == "error"
    assert not (tmp_path / "repo" / FILE).exists()


def test_a_pending_change_is_not_allowed_when_the_gate_then_goes_down(tmp_path: Path) -> None:
    with fake_gate() as gate:
        gate.states = ["pending"]
        gate.faults["read"] = [cut] * 6
        outcome = checked(gate, tmp_path, if_down_allow=True, wait_seconds=30)

    assert ending(outcome) == (1, "error", False)
    assert "has not said yes" in outcome.message


def test_a_refused_admission_is_not_allowed_when_the_gate_then_goes_down(tmp_path: Path) -> None:
    with fake_gate() as gate:
        gate.faults["admission"] = [problem(409, "frozen")]
        gate.faults["read"] = [cut] * 6
        outcome = checked(gate, tmp_path, if_down_allow=True, wait_seconds=30)

    assert ending(outcome) == (1, "error", False)


def test_an_outage_whose_report_cannot_be_written_fails_closed(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    (tmp_path / "repo" / FILE).mkdir()
    with fake_gate() as gate:
        gate.always = cut
        outcome = checked(gate, tmp_path, world, if_down_allow=True)

    assert ending(outcome) == (1, "error", False)
    assert "cannot be written" in outcome.message


@pytest.mark.parametrize("admit", [True, False])
def test_a_change_of_another_service_is_no_answer(tmp_path: Path, *, admit: bool) -> None:
    with fake_gate() as gate:
        gate.extra = {"service": "another"}
        outcome = checked(gate, tmp_path, admit=admit)

    assert ending(outcome) == (1, "error", False)
    assert "it is about another change" in outcome.message


@pytest.mark.parametrize(
    "envelope",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"state": "deploying"}, id="a change"),
        pytest.param(an_envelope("chg_other", "?"), id="another change"),
        pytest.param(an_envelope(CHANGE, "d" * 40), id="another commit"),
        pytest.param(
            an_envelope(CHANGE, "?", predicateType="urn:gate:denial:v1"), id="another predicate"
        ),
        pytest.param({**an_envelope(CHANGE, "?"), "signatures": []}, id="unsigned"),
        pytest.param({**an_envelope(CHANGE, "?"), "payload": "%%"}, id="no base64"),
    ],
)
def test_an_admission_of_something_else_is_none(tmp_path: Path, envelope: dict[str, Any]) -> None:
    with fake_gate() as gate:
        gate.faults["admission"] = [raw(200, json.dumps(envelope).encode())] * 6
        assert ending(checked(gate, tmp_path)) == (1, "error", False)
