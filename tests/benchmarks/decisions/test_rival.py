"""The rival of the benchmark decides as the gate's own policy says, and keeps what it decided."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.decisions.contenders import Body
from benchmarks.decisions.rival import POLICY, Engine, facts_of
from benchmarks.decisions.serving import contenders_app
from benchmarks.requests import submit_body
from benchmarks.surroundings import SERVICES
from gate.core.decision.evaluate import Evaluation, evaluate
from gate.core.facts import Fact, Facts, Origin, read_value
from gate.core.policy.file import read_policy

RULES = read_policy(POLICY.with_suffix(".yaml").read_text(), "bench.yaml")
ORIGINS = {"history": Origin.HISTORY, "service": Origin.CATALOGUE}
NUMBERS = st.integers(0, 1200)
FEW = st.integers(0, 11)
FILES = st.sampled_from(
    (
        *("src/basket.py", "docs/index.md", ".github/ci.yaml", "db/migrations/1.sql"),
        *("migrations/2.sql", "app/settings/live.yaml", "settings/live/deep.yaml", "uv.lock"),
        *("api_pb2.py", "api_pb3.py"),
    )
)
FACTS = st.fixed_dictionaries(
    {
        "diff": st.fixed_dictionaries(
            {
                "files": st.lists(FILES, min_size=1, max_size=4),
                "reverts": st.booleans(),
                "lines_added": NUMBERS,
                "lines_deleted": NUMBERS,
                **dict.fromkeys(("files_changed", "commits", "directories", "subsystems"), NUMBERS),
            }
        ),
        "author": st.fixed_dictionaries(
            {
                "known": st.booleans(),
                **dict.fromkeys(("changes", "recent_changes", "subsystem_changes", "count"), FEW),
            }
        ),
        "change": st.fixed_dictionaries(
            {
                "age_hours": NUMBERS,
                **dict.fromkeys(
                    ("fixes_defect", "has_rollback_plan", "has_test_plan"), st.booleans()
                ),
            }
        ),
        "checks": st.fixed_dictionaries(
            dict.fromkeys(("total", "passed", "failed", "pending"), st.integers(0, 3))
        ),
        "reviews": st.fixed_dictionaries(
            dict.fromkeys(("approvals", "changes_requested"), st.integers(0, 2))
        ),
    }
)
HISTORIES = st.fixed_dictionaries(
    {
        "first_deployment": st.booleans(),
        "recent_failure_rate": st.sampled_from((0.0, 0.2, 0.21, 1.0)),
        "changes_last_24h": st.sampled_from((0, 1_000_000, 3_000_000)),
        "days_since_failure": st.integers(0, 3),
    }
)


def by_the_gate(asked: Mapping[str, Mapping[str, Any]]) -> Evaluation:
    facts: Facts = {
        name: Fact(value, ORIGINS.get(group, Origin.CLAIMED))
        for group, said in asked.items()
        for name, value in (
            (name_of(group, one), read_value(name_of(group, one), value))
            for one, value in said.items()
        )
        if value is not None
    }
    return evaluate(RULES, facts)


def name_of(group: str, fact: str) -> str:
    """The rival counts what is new here among the history."""
    return "change.first_deployment" if fact == "first_deployment" else f"{group}.{fact}"


@pytest.fixture(scope="module")
def engine() -> Engine:
    # Not made when this is imported: an interpreter of Rego must end before Python does.
    return Engine(POLICY.read_text())


def test_the_policy_in_rego_says_what_the_policy_of_the_gate_says(engine: Engine) -> None:
    @settings(max_examples=200, deadline=None)
    @given(facts=FACTS, history=HISTORIES, train=st.sampled_from(("weekly", "none")))
    def holds(facts: dict[str, dict[str, Any]], history: dict[str, Any], train: str) -> None:
        asked = {**facts, "history": history, "labels": {"train": train}, "service": {"tier": 2}}
        decided, evaluated = engine.decide(asked), by_the_gate(asked)

        by_rule = {one.rule: one.points for one in evaluated.findings if one.points}
        assert decided.points == by_rule
        assert (decided.score, decided.band) == (evaluated.score, evaluated.band.word)
        assert set(decided.unmet) == {one.title for one in evaluated.unmet}
        approved = not evaluated.unmet and bool(evaluated.matched)
        assert (decided.outcome == "approved") == approved

    holds()


def test_the_request_of_the_benchmark_is_approved_by_both(engine: Engine) -> None:
    history = {
        "first_deployment": True,
        "recent_failure_rate": 0.0,
        "changes_last_24h": 0,
        "days_since_failure": 3650,
    }
    asked = facts_of(Body.model_validate(submit_body(SERVICES[0], "1")), history)

    assert engine.decide(asked).outcome == "approved"
    evaluated = by_the_gate(asked)
    assert (evaluated.unmet, evaluated.matched[0].id) == ((), "routine-release")


@pytest.mark.anyio
async def test_the_rival_keeps_a_row_for_each_decision_and_looks_at_those_before(
    tmp_path: Path,
) -> None:
    transport = httpx.ASGITransport(contenders_app(tmp_path))
    async with httpx.AsyncClient(transport=transport, base_url="http://rival.example.com") as http:
        answers = [
            (await http.post("/rival", json=submit_body(SERVICES[0], str(run)))).json()
            for run in range(2)
        ]

    assert [one["points"].get("first") for one in answers] == [5, None]
    with closing(connect(tmp_path / "rival.sqlite")) as rows:
        kept = rows.execute("SELECT id, run, outcome, score FROM decisions ORDER BY id").fetchall()
    assert kept == [(1, "0", "approved", 12), (2, "1", "approved", 7)]


@pytest.mark.anyio
async def test_every_contender_answers_on_its_path(tmp_path: Path) -> None:
    transport = httpx.ASGITransport(contenders_app(tmp_path))
    async with httpx.AsyncClient(transport=transport, base_url="http://rival.example.com") as http:
        for path in ("/echo", "/insert", "/rival"):
            assert (await http.post(path, json=submit_body(SERVICES[0], "1"))).is_success, path
