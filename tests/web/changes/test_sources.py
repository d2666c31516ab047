"""Where the code of a change is read, and what differs between two decisions."""

from typing import Any

import pytest

from gate.core.change import Repository
from gate.flow.answers.change import ChangeAnswer
from gate.flow.answers.decision import DecisionAnswer
from gate.flow.answers.parts import RunAnswer
from gate.web.changes.difference import between
from gate.web.changes.sources import FILES_SHOWN, links, summary
from tests.answers import change_answer, decision_answer, fact

GITHUB = "https://token.actions.githubusercontent.com"
COMMIT, BASE = "c" * 40, "b" * 40


def change(**different: Any) -> ChangeAnswer:
    """A change of a repository on a known host."""
    repository = Repository(GITHUB, 1, "acme/checkout")
    usual = {"commit": COMMIT, "base": BASE, "repository": repository}
    return change_answer(**usual | different)


def test_a_repository_of_a_known_host_leads_to_its_commit_and_its_difference() -> None:
    assert links(change()) == [
        {"label": "The commit", "address": f"https://github.com/acme/checkout/commit/{COMMIT}"},
        {
            "label": "The difference to what runs",
            "address": f"https://github.com/acme/checkout/compare/{BASE}...{COMMIT}",
        },
    ]


@pytest.mark.parametrize(
    "repository",
    [
        pytest.param(None, id="none"),
        pytest.param(
            Repository("https://gitlab.example.com", 1, "acme/checkout"),
            id="a host that we do not know",
        ),
        pytest.param(
            Repository(GITHUB, 1, "acme/../../evil.example.com/x?y"),
            id="a name that is no name",
        ),
        pytest.param(Repository(GITHUB, 1, "javascript:alert(1)"), id="a script"),
    ],
)
def test_nothing_else_becomes_an_address(repository: Any) -> None:
    run = RunAnswer("1", 1, "", "javascript:alert(1)")

    assert links(change(repository=repository, run=run)) == []


def test_a_long_list_of_files_is_cut_and_counted_and_silence_stays_unknown() -> None:
    found = summary({"diff.files": fact([str(n) for n in range(20)])})

    assert (len(found["files"]), found["more_files"], found["added"]) == (
        FILES_SHOWN,
        20 - FILES_SHOWN,
        None,
    )
    assert summary({})["files"] is None


def decision(number: int, digest: str, **facts: Any) -> DecisionAnswer:
    """One decision with these facts."""
    claimed = {name.replace("__", "."): fact(value) for name, value in facts.items()}
    return decision_answer(number, subject_digest=digest, facts=claimed)


def test_only_what_differs_is_told_and_unknown_is_said() -> None:
    now = decision(
        2, "new", diff__lines_added=900, change__fixes_defect=True, diff__files=["a", "b"]
    )
    shown = decision(1, "old", diff__lines_added=5, diff__files=["a"], author__count=1)

    found = between([now, shown], "old")

    assert found is not None
    assert (found.shown, found.now) == (1, 2)
    assert {row.what: (row.before, row.now) for row in found.rows} == {
        "author.count": ("1", "unknown"),
        "change.fixes_defect": ("unknown", "yes"),
        "diff.files": ("a", "a, b"),
        "diff.lines_added": ("5", "900"),
    }


def test_a_decision_that_never_was_has_no_difference() -> None:
    assert between([decision(1, "old")], "forged") is None
    assert between([], "old") is None
