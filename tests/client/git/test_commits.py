"""Who made the commits of a range, and whether they repair something or take something back."""

from pathlib import Path
from typing import Any

import pytest

from gate.client.git.commits import commits_between, fixes_defect, people
from gate.client.git.run import Repository
from tests.client.repositories import ENV, Repo


def range_of(repo: Repo, base: str) -> tuple[Repository, Any]:
    repository = Repository(str(repo.folder), ENV)
    return repository, commits_between(repository, base, repo.head()).commits


def people_of(repo: Repo, base: str) -> list[str]:
    return people(range_of(repo, base)[1])


@pytest.mark.parametrize(
    ("message", "repairs"),
    [
        pytest.param("fix: the sum", True, id="conventional"),
        pytest.param("Fix the sum", True, id="any case"),
        pytest.param("bugs are no fun", False, id="a longer word at the start"),
        pytest.param("hotfix/42 for the sum", True, id="hotfix at the start"),
        pytest.param("the sum is a hotfix", False, id="hotfix elsewhere"),
        pytest.param("Correct a regression", True, id="regression"),
        pytest.param("This fixed the sum", True, id="fixed"),
        pytest.param("prefix the sum", False, id="prefix"),
        pytest.param("add a fixture", False, id="fixture"),
        pytest.param("defects are listed", False, id="plural"),
        pytest.param("add a list\n\nfixes #42", False, id="the body does not count"),
    ],
)
def test_only_the_subject_line_says_that_a_commit_repairs(
    tmp_path: Path,
    message: str,
    repairs: bool,  # noqa: FBT001 - a table
) -> None:
    repo = Repo(tmp_path)
    base = repo.commit({"a": "1\n"})
    repo.commit({"a": "2\n"}, message=message)
    repository, commits = range_of(repo, base)

    assert fixes_defect(repository, base, repo.head(), commits) is repairs


@pytest.mark.parametrize(("lines", "repairs"), [(9, False), (10, False), (11, True)])
def test_more_than_half_of_the_lines_must_come_from_repairs(
    tmp_path: Path,
    lines: int,
    repairs: bool,  # noqa: FBT001 - a table
) -> None:
    repo = Repo(tmp_path)
    base = repo.commit({"a": "1\n"})
    repo.commit({"b": "x\n" * 10}, message="add")
    repo.commit({"c": "x\n" * lines}, message="fix")
    repository, commits = range_of(repo, base)

    assert fixes_defect(repository, base, repo.head(), commits) is repairs


def test_a_repair_without_lines_repairs_nothing(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    base = repo.commit({"a": "1\n"})
    repo.commit(message="fix nothing")
    repository, commits = range_of(repo, base)

    assert fixes_defect(repository, base, repo.head(), commits) is False


@pytest.mark.parametrize(
    ("message", "reverts"),
    [
        ('Revert "add a list"', True),
        ("undo\n\nThis reverts commit 0123456789abcdef.", True),
        ("Reverting is fun", False),
        ('say: Revert "x"', False),
    ],
)
def test_a_revert_is_known_by_what_git_writes(tmp_path: Path, message: str, reverts: bool) -> None:  # noqa: FBT001 - a table
    repo = Repo(tmp_path)
    base = repo.commit({"a": "1\n"})
    repo.commit({"a": "2\n"}, message=message)

    assert [one.reverts for one in range_of(repo, base)[1]] == [reverts]


def test_authors_committers_and_co_authors_are_named_and_github_itself_is_not(
    tmp_path: Path,
) -> None:
    repo = Repo(tmp_path)
    base = repo.commit({"a": "1\n"})
    message = (
        "add\n\ntext\n\nCo-authored-by: Cy <cy@example.com>\nco-authored-by: BEN "
        "<Ben@Example.com>\nCo-Authored-By: somebody\n"
    )
    repo.commit({"a": "2\n"}, message=message, author="ben", committer="dan")
    github = {"GIT_COMMITTER_NAME": "GitHub", "GIT_COMMITTER_EMAIL": "noreply@github.com"}
    repo.git("commit", "--quiet", "--allow-empty", "--message", "web", env=github)

    found = ["ada@example.com", "ben@example.com", "dan@example.com", "cy@example.com", "somebody"]
    assert people_of(repo, base) == found


def test_c13_whoever_writes_as_github_is_not_left_out(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    base = repo.commit({"a": "1\n"})
    names = {"GIT_AUTHOR_EMAIL": "noreply@github.com", "GIT_COMMITTER_EMAIL": "noreply@github.com"}
    repo.git("commit", "--quiet", "--allow-empty", "--message", "x", env=names)

    assert people_of(repo, base) == ["noreply@github.com"]


def test_c14_a_mailmap_names_nobody_else(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    base = repo.commit(
        {
            ".mailmap": "Ada <ada@example.com> <mallory@example.com>\nCy <cy@example.com> "
            "<cy@old.example.com>\n"
        }
    )
    repo.commit(
        {"a": "1\n"}, message="add\n\nCo-authored-by: Cy <cy@old.example.com>", author="mallory"
    )
    _, commits = range_of(repo, base)

    assert commits[0].person == "mallory@example.com"
    assert people_of(repo, base) == ["mallory@example.com", "ada@example.com", "cy@old.example.com"]


def test_an_author_without_address_is_named_by_name(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    base = repo.commit({"a": "1\n"})
    repo.git(
        "commit",
        "--quiet",
        "--allow-empty",
        "--message",
        "x",
        env={"GIT_AUTHOR_NAME": "No Mail", "GIT_AUTHOR_EMAIL": ""},
    )

    assert people_of(repo, base) == ["No Mail", "ada@example.com"]
