"""`gate policy`: what is wrong with the files, said before anything runs by them."""

import json
import os
from pathlib import Path
from shutil import copytree

import pytest

from tests.cli.running import gate
from tests.flow.shop import policy_text

CASES = """
policy: production
cases:
  - name: a small change passes
    facts: {environment: {name: production, tier: production}, diff: {lines_added: 5}}
    expect: {outcome: EXPECTED}
"""


def test_a_folder_that_is_not_there_is_named(here: Path) -> None:
    done = gate("policy", "check", "nowhere")

    assert (done.code, done.out) == (1, "")
    assert (
        done.err == "nowhere is no folder; name the folder of your policies with --policies or "
        "GATE_POLICIES\n"
    )
    assert here.exists()


def test_every_fault_is_a_line_with_its_place(here: Path) -> None:
    (here / "policies" / "production.yaml").write_text(policy_text(rules="7", parallel="maybe"))
    (here / "policies" / "catalog.yaml").write_text("people: [ada]\n")

    done = gate("policy", "check")

    lines = done.err.splitlines()
    assert done.code == 1
    assert [line.split(":")[0] for line in lines] == [
        "catalog.yaml",
        "production.yaml",
        "production.yaml",
    ]
    assert all(line.split(":")[1].isdigit() for line in lines)


def test_a_file_that_is_no_text_is_named(here: Path) -> None:
    (here / "policies" / "production.yaml").write_bytes(b"\xff\xfe")

    done = gate("policy", "check")

    assert (done.code, done.err) == (1, "policies/production.yaml is not UTF-8; save it as UTF-8\n")


def test_good_files_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_POLICIES", "policies")

    done = gate("policy", "check")

    first, second = done.out.splitlines()
    assert (done.code, first) == (0, "policies: production (enforce), staging (enforce)")
    assert second.startswith("3 services, 2 environments, revision ")


def test_cases_that_are_not_as_they_say_fail(here: Path) -> None:
    (here / "policies" / "tests").mkdir()
    (here / "policies" / "tests" / "production.test.yaml").write_text(
        CASES.replace("EXPECTED", "rejected")
    )

    done = gate("policy", "test")

    assert done.code == 1
    assert done.out.startswith("FAIL production: a small change passes (")
    assert done.out.endswith("0 passed, 1 failed\n")


def test_cases_that_are_as_they_say_pass(here: Path) -> None:
    (here / "policies" / "tests").mkdir()
    (here / "policies" / "tests" / "production.test.yaml").write_text(
        CASES.replace("EXPECTED", "approved")
    )

    done = gate("policy", "test")

    assert (done.code, done.out) == (
        0,
        "ok   production: a small change passes\n1 passed, 0 failed\n",
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda _: None, "policies/tests is no folder", id="no folder of cases"),
        pytest.param(
            lambda tests: tests.mkdir(), "policies/tests has no cases; write some", id="no cases"
        ),
    ],
)
def test_without_cases_nothing_has_passed(here: Path, make: object, words: str) -> None:
    assert callable(make)
    make(here / "policies" / "tests")

    done = gate("policy", "test")

    assert done.code == 1
    assert words in done.err


def test_the_schema_is_json_for_editors() -> None:
    done = gate("policy", "schema")

    assert done.code == 0
    assert json.loads(done.out)["properties"]["policy"]


def test_section_9_a_difference_names_every_line_that_another_folder_changes(here: Path) -> None:
    copytree(here / "policies", here / "other")
    (here / "other" / "production.yaml").write_text(policy_text(valid_for="9h"))
    (here / "other" / "more.yaml").write_text(policy_text("more", "other"))

    same = gate("policy", "diff", "policies", "policies")
    done = gate("policy", "diff", "policies", "other")

    lines = done.out.splitlines()
    assert (same.code, len(same.out.splitlines())) == (0, 1)
    assert done.code == 0
    assert "+valid_for: 9h" in lines
    assert f"--- {os.devnull}" in lines
    assert lines[-1].startswith("policies: revision ")


def test_a_difference_to_files_that_are_wrong_is_refused(here: Path) -> None:
    copytree(here / "policies", here / "other")
    (here / "other" / "production.yaml").write_text(policy_text(parallel="maybe"))

    done = gate("policy", "diff", "policies", "other")

    assert (done.code, done.out) == (1, "")
