"""The kill loop's checks find what they are for: lost, doubled, changed and contradicted
answers.
"""

import json
from pathlib import Path

import pytest

from benchmarks.kill_checks import found_again, moved_on, none_twice
from benchmarks.kill_clients import Answer, History, SentRequest, differences

ASKING = SentRequest(key="k1", path="/v1/changes", body="{}", token="t")  # noqa: S106 - an example, good for nothing
FIRST = Answer(201, b'{"id": "chg_1"}', replayed=False)


@pytest.mark.parametrize(
    ("again", "violations"),
    [
        pytest.param(Answer(201, FIRST.body, replayed=True), 0, id="the same bytes"),
        pytest.param(Answer(201, FIRST.body, replayed=False), 1, id="not called a replay"),
        pytest.param(Answer(201, b'{"id": "chg_2"}', replayed=True), 1, id="another change"),
        pytest.param(Answer(200, FIRST.body, replayed=True), 1, id="another status"),
    ],
)
def test_a_key_gets_its_first_answer(again: Answer, violations: int) -> None:
    assert len(differences(ASKING, FIRST, again)) == violations


def test_a_refusal_and_a_second_answer_are_remembered(tmp_path: Path) -> None:
    history = History(tmp_path / "history.log")

    history.hears(ASKING, FIRST, was_unknown=True)
    history.hears(ASKING, Answer(201, b'{"id": "chg_2"}', replayed=True), was_unknown=False)
    history.hears(
        SentRequest("k2", "/v1/changes", "{}", "t"),
        Answer(500, b"oops", replayed=False),
        was_unknown=False,
    )

    assert (history.resolved, history.repeated, history.refused, len(history.violations)) == (
        1,
        1,
        0,
        2,
    )
    assert history.path.read_text().count("\n") == 3


def test_a_lost_and_a_changed_decision_are_found() -> None:
    answered: dict[str, object] = {
        "id": "chg_1",
        "outcome": "approved",
        "risk": {"score": 3},
        "state": "approved",
    }

    assert list(found_again(answered, {"chg_1": {**answered, "state": "closed"}})) == []
    assert list(found_again(answered, {})) == ["chg_1 was acknowledged and is lost"]
    assert list(found_again(answered, {"chg_1": {**answered, "outcome": "pending"}})) == [
        "chg_1: outcome was answered as 'approved' and is now 'pending'"
    ]


def test_a_run_with_two_changes_is_found() -> None:
    assert list(
        none_twice(
            {"a": {"run": {"id": "1"}}, "b": {"run": {"id": "1"}}, "c": {"run": {"id": "2"}}}
        )
    ) == ["run 1 has 2 changes"]


@pytest.mark.parametrize(
    ("act", "state", "violations"),
    [
        pytest.param("admission", "deploying", 0, id="admitted"),
        pytest.param("admission", "closed", 0, id="admitted, closed since"),
        pytest.param("admission", "approved", 1, id="an admission forgotten"),
        pytest.param("closure", "closed", 0, id="closed"),
        pytest.param("closure", "deploying", 1, id="a closure forgotten"),
    ],
)
def test_an_acknowledged_act_is_still_in_the_state(act: str, state: str, violations: int) -> None:
    asking = SentRequest("k", f"/v1/changes/chg_1/{act}", json.dumps({}), "t")

    assert len(list(moved_on(asking, {"chg_1": {"state": state}}))) == violations


def test_an_admission_that_another_deployment_stops_is_no_violation(tmp_path: Path) -> None:
    history = History(tmp_path / "history")

    history.hears(
        SentRequest("k", "/v1/changes/chg_1/admission", "{}", "t"),
        Answer(409, b"{}", replayed=False),
        was_unknown=False,
    )
    history.hears(
        SentRequest("k", "/v1/changes", "{}", "t"),
        Answer(409, b"{}", replayed=False),
        was_unknown=False,
    )

    assert (history.refused, len(history.violations)) == (1, 1)
