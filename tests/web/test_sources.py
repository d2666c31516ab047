"""Where the code of a change is read, and what differs between two decisions."""

from typing import Any

import pytest

from gate.web.difference import between
from gate.web.sources import FILES_SHOWN, links, summary

GITHUB = "https://token.actions.githubusercontent.com"
COMMIT, BASE = "c" * 40, "b" * 40


def change(**different: Any) -> dict[str, Any]:
    """A change as its page knows it."""
    usual = {
        "run": None,
        "commit": COMMIT,
        "base": BASE,
        "repository": {"issuer": GITHUB, "id": 1, "name": "acme/checkout"},
    }
    return usual | different


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
            {"issuer": "https://gitlab.example.com", "id": 1, "name": "acme/checkout"},
            id="a host that we do not know",
        ),
        pytest.param(
            {"issuer": GITHUB, "id": 1, "name": "acme/../../evil.example.com/x?y"},
            id="a name that is no name",
        ),
        pytest.param({"issuer": GITHUB, "id": 1, "name": "javascript:alert(1)"}, id="a script"),
    ],
)
def test_nothing_else_becomes_an_address(repository: Any) -> None:
    assert links(change(repository=repository, run={"url": "javascript:alert(1)"})) == []


def test_a_long_list_of_files_is_cut_and_counted_and_silence_stays_unknown() -> None:
    told = summary({"diff.files": {"value": [str(n) for n in range(20)], "origin": "claimed"}})

    assert (len(told["files"]), told["more_files"], told["added"]) == (
        FILES_SHOWN,
        20 - FILES_SHOWN,
        None,
    )
    assert summary({})["files"] is None


def decision(number: int, digest: str, **facts: Any) -> dict[str, Any]:
    """One decision with these facts."""
    return {
        "decision": number,
        "subject_digest": digest,
        "outcome": "pending",
        "type": "normal",
        "risk": {"band": "low", "score": 6},
        "policy": {"name": "production", "revision": "r"},
        "required": [{"by": ["release-managers"], "count": 1}],
        "hold": None,
        "facts": {
            name.replace("__", "."): {"value": value, "origin": "claimed"}
            for name, value in facts.items()
        },
    }


def test_only_what_differs_is_told_and_unknown_is_said() -> None:
    now = decision(
        2, "new", diff__lines_added=900, change__fixes_defect=True, diff__files=["a", "b"]
    )
    shown = decision(1, "old", diff__lines_added=5, diff__files=["a"], author__count=1)

    told = between([now, shown], "old")

    assert told is not None
    assert (told["shown"], told["now"]) == (1, 2)
    assert {row["what"]: (row["before"], row["now"]) for row in told["rows"]} == {
        "author.count": ("1", "unknown"),
        "change.fixes_defect": ("unknown", "yes"),
        "diff.files": ("a", "a, b"),
        "diff.lines_added": ("5", "900"),
    }


def test_a_decision_that_never_was_has_no_difference() -> None:
    assert between([decision(1, "old")], "forged") is None
    assert between([], "old") is None
