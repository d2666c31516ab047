"""The recipes for controllers, judged as each controller judges an answer of the gate."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.documents import ROOT, Document

RECIPES = "docs/how-to/ask-from-controllers.md"
ANSWERS = [
    pytest.param(200, {"phase": "success"}, "success", id="yes"),
    pytest.param(200, {"phase": "pending"}, "pending", id="not yet"),
    pytest.param(200, {"phase": "failure"}, "failure", id="no"),
    pytest.param(503, {"phase": "success"}, "pending", id="trouble of the gate"),
    pytest.param(401, {"type": "urn:gate:problem:unauthenticated"}, "pending", id="no token"),
    pytest.param(200, {}, "pending", id="an empty answer"),
]


def block_with(word: str) -> Any:
    """The recipe that has this word in it."""
    document = Document(RECIPES, (ROOT / RECIPES).read_text())
    return next(yaml.safe_load(block.text) for block in document.blocks if word in block.text)


def holds(expression: str, **values: Any) -> bool:
    """Evaluate an expression of expr-lang: its comparisons, `&&` and `nil` are all that is used.

    A key that a map lacks is nil there, and comparing it is no error.
    """
    python = expression.replace("&&", " and ").replace("nil", "None")
    answer = eval(python, {"__builtins__": {}}, values)  # noqa: S307 - an expression of our own page
    assert isinstance(answer, bool)
    return answer


class _Map(SimpleNamespace):
    """A map as expressions see it."""

    def __getattr__(self, name: str) -> None:
        """Nil, where it lacks the key."""
        return


@pytest.mark.parametrize(("status", "body", "word"), ANSWERS)
def test_h6_gitops_promoter_goes_on_with_a_success_alone(
    status: int, body: Mapping[str, str], word: str
) -> None:
    expression = block_with("WebRequestCommitStatus")["spec"]["success"]["when"]["expression"]
    response = SimpleNamespace(StatusCode=status, Body=_Map(**body))

    assert holds(expression, Response=response) is (word == "success")
    assert holds(expression, Response=None) is False, "a new commit inherits nothing"


@pytest.mark.parametrize(("status", "body", "word"), ANSWERS)
def test_h6_kargo_ends_with_a_yes_or_a_no_and_polls_otherwise(
    status: int, body: Mapping[str, str], word: str
) -> None:
    config = block_with("uses: http")["config"]
    response = SimpleNamespace(status=status, body=_Map(**body))

    failed = holds(config["failureExpression"], response=response)
    succeeded = holds(config["successExpression"], response=response)

    assert (failed, succeeded) == (word == "failure", word == "success")


@pytest.mark.parametrize("phase", ["success", "pending", "failure"])
def test_h6_argo_rollouts_is_inconclusive_while_it_waits(phase: str) -> None:
    (metric,) = block_with("AnalysisTemplate")["spec"]["metrics"]

    failed = holds(metric["failureCondition"], result=phase)
    succeeded = holds(metric["successCondition"], result=phase)

    assert (failed, succeeded) == (phase == "failure", phase == "success")
    assert metric["provider"]["web"]["jsonPath"] == "{$.phase}"
    assert metric["count"] >= metric["inconclusiveLimit"]
    assert metric["count"] >= metric["failureLimit"] + metric["consecutiveSuccessLimit"]


def test_h6_the_job_of_argo_cd_tries_once_and_has_an_end() -> None:
    job = block_with("PreSync")["spec"]

    assert (job["backoffLimit"], job["template"]["spec"]["restartPolicy"]) == (0, "Never")
    assert job["activeDeadlineSeconds"] > 0
