"""What a change is measured against: what runs there, the merge base with the default branch, or
nothing at all.
"""

from pathlib import Path

from gate.client.git.facts import unknown_facts
from tests.client.git.test_facts import facts_of, shallow_clone
from tests.client.repositories import Repo


def test_the_merge_base_is_taken_only_where_the_server_knows_none(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    first = repo.commit({"a": "1\n"})
    fork = repo.commit({"a": "2\n"})
    repo.git("checkout", "--quiet", "-b", "feature")
    repo.commit({"b": "1\n"})

    assert facts_of(repo).base == fork
    assert facts_of(repo, running=first).base == first
    assert facts_of(repo, running=first, base="HEAD~1").base == fork


def test_the_remote_default_branch_comes_before_a_local_one(tmp_path: Path) -> None:
    origin = Repo(tmp_path / "origin")
    base = origin.commit({"a": "1\n"})
    origin.git("branch", "--move", "trunk")
    origin.git("clone", "--quiet", f"file://{origin.folder}", str(tmp_path / "clone"))
    clone = Repo(tmp_path / "clone")
    clone.git("branch", "main")
    clone.commit({"b": "1\n"})

    assert facts_of(clone).base == base


def test_where_nothing_was_ever_admitted_everything_is_new_and_the_author_unknown(
    tmp_path: Path,
) -> None:
    repo = Repo(tmp_path)
    repo.commit({"src/a": "1\n2\n", "b": "1\n"}, author="ben")
    repo.commit({"src/a": "1\n2\n3\n", "c": "x\0y\n"}, message='Revert "add"')
    facts = facts_of(repo, first=True)

    assert facts.base is None
    assert facts.facts["diff"] == {
        "files": ["b", "c", "src/a"],
        "files_changed": 3,
        "lines_added": 5,
        "lines_deleted": 0,
        "lines_before": 0,
        "commits": 2,
        "directories": 2,
        "subsystems": 2,
        "entropy": 1.371,
        "file_authors": 0,
        "days_since_touched": 3_650,
        "prior_changes": 0,
        "reverts": True,
    }
    assert facts.facts["author"] == unknown_facts()["author"]
    assert facts.facts["change"]["fixes_defect"] is None
    assert facts.authors == ["ada@example.com"]
    assert "nothing was ever admitted there" in facts.notices[0]


def test_a_first_deployment_from_a_shallow_clone_knows_its_files_and_not_its_commits(
    tmp_path: Path,
) -> None:
    origin = Repo(tmp_path / "origin")
    origin.commit({"a": "1\n"})
    origin.commit({"b": "1\n"})
    clone = shallow_clone(origin, tmp_path / "clone")
    diff = facts_of(clone, first=True).facts["diff"]

    assert (diff["files"], diff["lines_added"], diff["commits"], diff["reverts"]) == (
        ["a", "b"],
        2,
        None,
        None,
    )


def test_the_merge_base_is_taken_before_everything_is_new(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    fork = repo.commit({"a": "1\n"})
    repo.git("checkout", "--quiet", "-b", "feature")
    repo.commit({"b": "1\n"})
    facts = facts_of(repo, first=True)

    assert (facts.base, facts.facts["diff"]["files"]) == (fork, ["b"])


def test_a_base_that_is_given_by_hand_and_not_here_is_unknown_also_at_first(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    repo.commit({"a": "1\n"})

    assert facts_of(repo, first=True, base="b" * 40).facts["diff"] == unknown_facts()["diff"]
    assert (
        facts_of(repo, first=True, base="no-such-branch").facts["diff"] == unknown_facts()["diff"]
    )
