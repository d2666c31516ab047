"""Policies are read back from their canonical form as they were read from their files."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gate
from gate.core.canonical import canonical
from gate.core.decision.evaluate import evaluate
from gate.core.facts import Facts
from gate.core.policy.set import NO_POLICIES, policies_of, read_policies
from gate.core.yaml.canonical import read_canonical
from gate.core.yaml.reader import plain
from gate.errors import Invalid
from tests.core.policy_texts import FACTS, policy_text

SHIPPED = {
    path.name: path.read_text()
    for path in (Path(gate.__file__).parents[1] / "policies").glob("*.yaml")
}
STEPS = "[{id: rate, title: Rate, points_by: history.recent_failure_rate, steps: {0.5: 1, 0.75: 9, 1: 20}}]"


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(SHIPPED, id="the shipped ones"),
        pytest.param({"a.yaml": policy_text(rules=STEPS)}, id="steps of decimals"),
        pytest.param({}, id="none"),
    ],
)
@given(facts=FACTS)
def test_they_have_the_same_revision_and_judge_alike(files: dict[str, str], facts: Facts) -> None:
    read = read_policies(files)
    again = policies_of(read.content)

    assert (again.revision, again.content) == (read.revision, read.content)
    for policy, other in zip(read.all, again.all, strict=True):
        assert evaluate(other, facts) == evaluate(policy, facts)


def test_no_policies_have_a_form_too() -> None:
    assert policies_of(NO_POLICIES.content).revision == NO_POLICIES.revision


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=9,
    )
)
def test_any_tree_is_read_back(tree: Any) -> None:
    (node,) = read_canonical(canonical([tree]), "tree")

    assert plain(node) == tree


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{}", id="no list"),
        pytest.param(b"[1.5]", id="a float"),
        pytest.param(b"[" * 100_000, id="too deep"),
        pytest.param(b'[{"policy":"p"}]', id="no rules"),
        pytest.param(NO_POLICIES.content + b" ", id="not the one form"),
        pytest.param(orjson.dumps([{"steps": {"x": 1}}]), id="a key that is no number"),
    ],
)
def test_what_is_no_canonical_form_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        policies_of(content)
