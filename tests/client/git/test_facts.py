"""Facts of git, over real repositories: what is unknown stays unknown, and what is known is
exact.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from gate.client.git.baseline import Place
from gate.client.git.facts import GitFacts, git_facts, no_git_facts, unknown_facts
from gate.client.git.run import Repository
from tests.client.repositories import DAY, ENV, Repo, import_stream


def facts_of(
    repo: Repo,
    commit: str = "HEAD",
    *,
    running: str | None = None,
    base: str | None = None,
    first: bool = False,
    **more: Any,
) -> GitFacts:
    repository = Repository(str(repo.folder), ENV)
    found = repository.resolve(commit) or commit
    return git_facts(
        repository, found, place=Place(running, first), asked_base=base, now=float(repo.at), **more
    )


def shallow_clone(repo: Repo, folder: Path, *, depth: int = 1) -> Repo:
    repo.git("clone", "--quiet", f"--depth={depth}", f"file://{repo.folder}", str(folder))
    clone = Repo(folder)
    clone.at = repo.at
    return clone


# what cannot be known


def test_without_a_base_diff_and_author_are_unknown_but_the_people_of_the_commit_are_named(
    tmp_path: Path,
) -> None:
    repo = Repo(tmp_path)
    repo.commit({"a": "1\n"}, author="ben")
    facts = facts_of(repo)

    assert facts.base is None
    assert facts.facts["diff"] == unknown_facts()["diff"]
    assert facts.facts["author"] == unknown_facts()["author"]
    assert facts.facts["change"] == {"fixes_defect": None, "age_hours": 0}
    assert facts.authors == ["ben@example.com", "ada@example.com"]
    assert "on the default branch already" in facts.notices[0]


# a base that is not here


def test_a_base_that_nobody_has_leaves_everything_about_the_diff_unknown(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    repo.commit({"a": "1\n"})
    facts = facts_of(repo, running="b" * 40)

    assert facts.base == "b" * 40
    assert facts.facts["diff"] == unknown_facts()["diff"]
    assert "could not be fetched" in facts.notices[0]


def test_a_base_that_is_no_revision_is_said_so(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    repo.commit({"a": "1\n"})
    facts = facts_of(repo, base="--output=/tmp/x")

    assert facts.base is None
    assert facts.facts["diff"]["files_changed"] is None
    assert "is no commit of this repository" in facts.notices[0]


def test_a_commit_that_is_not_here_has_no_facts(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    repo.commit({"a": "1\n"})
    facts = facts_of(repo, "c" * 40)

    assert (facts.commit, facts.facts, facts.authors) == ("c" * 40, unknown_facts(), [])
    assert "is not in this clone" in facts.notices[0]


def test_a_shallow_clone_fetches_the_base_and_leaves_history_unknown(tmp_path: Path) -> None:
    origin = Repo(tmp_path / "origin")
    base = origin.commit({"a/x": "1\n2\n"})
    origin.commit({"a/x": "1\n2\n3\n"}, author="ben")
    origin.commit({"b": "1\n"}, author="cy")
    clone = shallow_clone(origin, tmp_path / "clone")
    facts = facts_of(clone, running=base)

    diff = facts.facts["diff"]
    assert (diff["files"], diff["lines_added"], diff["lines_before"]) == (["a/x", "b"], 2, 2)
    unknown = ("commits", "reverts", "file_authors", "days_since_touched", "prior_changes")
    assert [diff[name] for name in unknown] == [None] * 5
    assert facts.facts["author"] == unknown_facts()["author"]
    assert facts.facts["change"]["fixes_defect"] is None
    assert facts.authors == ["cy@example.com", "ada@example.com"]
    assert any("shallow" in notice for notice in facts.notices)
    assert clone.git("rev-parse", "--is-shallow-repository") == "true"


def test_a_shallow_clone_that_holds_the_whole_range_knows_the_commits_but_not_the_history(
    tmp_path: Path,
) -> None:
    origin = Repo(tmp_path / "origin")
    origin.commit({"a": "0\n"})
    base = origin.commit({"a": "1\n"})
    origin.commit({"a": "2\n"}, message="fix the sum")
    origin.commit({"b": "1\n"}, message="more")
    facts = facts_of(shallow_clone(origin, tmp_path / "clone", depth=3), running=base)

    assert facts.facts["diff"]["commits"] == 2
    assert facts.facts["change"]["fixes_defect"] is True
    assert facts.facts["author"]["changes"] is None


def test_a_base_that_cannot_be_fetched_is_unknown(tmp_path: Path) -> None:
    origin = Repo(tmp_path / "origin")
    base = origin.commit({"a": "1\n"})
    origin.commit({"a": "2\n"})
    clone = shallow_clone(origin, tmp_path / "clone")
    clone.git("remote", "set-url", "origin", f"file://{tmp_path}/gone")
    facts = facts_of(clone, running=base)

    assert facts.facts["diff"] == unknown_facts()["diff"]
    assert facts.authors == ["ada@example.com"]


def test_fetching_a_base_does_not_make_a_whole_clone_shallow(tmp_path: Path) -> None:
    origin = Repo(tmp_path / "origin")
    origin.commit({"a": "1\n"})
    origin.git("branch", "side")
    origin.commit({"a": "2\n"})
    origin.git("checkout", "--quiet", "side")
    base = origin.commit({"a": "3\n"})
    origin.git(
        "clone",
        "--quiet",
        "--single-branch",
        "--branch=main",
        f"file://{origin.folder}",
        str(tmp_path / "clone"),
    )
    facts = facts_of(Repo(tmp_path / "clone"), running=base)

    assert facts.facts["diff"]["files"] == ["a"]
    assert facts.facts["author"]["changes"] == 2
    assert Repo(tmp_path / "clone").git("rev-parse", "--is-shallow-repository") == "false"


def test_history_over_its_time_is_unknown_and_the_rest_is_kept(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    base = repo.commit({"a": "1\n"})
    repo.commit({"a": "1\n2\n"})
    facts = facts_of(repo, running=base, history_seconds=0)

    assert facts.facts["diff"]["lines_added"] == 1
    assert facts.facts["diff"]["prior_changes"] is None
    assert facts.facts["author"] == unknown_facts()["author"]
    assert any("time for reading the history is used up" in notice for notice in facts.notices)


def test_a_list_over_its_limit_is_unknown_and_its_counts_are_kept(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    many: dict[bytes, bytes | None] = {
        b"d%d/s%d/f%d" % (number % 7, number % 40, number): b"1\n2\n" for number in range(10_000)
    }
    repo.fast_import(
        import_stream([("ada", repo.at, {b"a": b"1\n"}), ("ada", repo.at + DAY, many)])
    )
    diff = facts_of(repo, running=repo.git("rev-parse", "HEAD~1")).facts["diff"]

    assert diff["files"] is None
    assert (
        diff["files_changed"],
        diff["lines_added"],
        diff["subsystems"],
        diff["directories"],
    ) == (10_000, 20_000, 7, 280)
    assert diff["entropy"] == pytest.approx(13.2877, abs=0.0001)
    assert (diff["prior_changes"], diff["days_since_touched"]) == (0, 3_650)


@pytest.mark.parametrize(("count", "known"), [(3_000, True), (3_001, False)])
def test_three_thousand_paths_are_a_list_and_one_more_is_not(
    tmp_path: Path,
    count: int,
    known: bool,  # noqa: FBT001 - a table
) -> None:
    repo = Repo(tmp_path)
    repo.fast_import(
        import_stream(
            [
                ("ada", 1, {b"a": b"1\n"}),
                ("ada", 2, {b"f%d" % number: b"" for number in range(count)}),
            ]
        )
    )

    assert (
        facts_of(repo, running=repo.git("rev-parse", "HEAD~1")).facts["diff"]["files"] is not None
    ) is known


@pytest.mark.parametrize(("length", "known"), [(500, True), (501, False)])
def test_a_path_of_501_bytes_makes_the_list_unknown(
    tmp_path: Path,
    length: int,
    known: bool,  # noqa: FBT001 - a table
) -> None:
    repo = Repo(tmp_path)
    path = (b"x" * 200 + b"/" + b"y" * 200 + b"/").ljust(length, b"z")
    repo.fast_import(import_stream([("ada", 1, {b"a": b"1\n"}), ("ada", 2, {path: b"1\n"})]))
    diff = facts_of(repo, running=repo.git("rev-parse", "HEAD~1")).facts["diff"]

    assert (diff["files"] is not None, diff["files_changed"]) == (known, 1)


def test_without_git_everything_is_unknown() -> None:
    facts = no_git_facts("a" * 40, "git was not found")

    assert (facts.facts, facts.base, facts.authors) == (unknown_facts(), None, [])


# what is known


def test_c14_a_rename_is_one_file_and_both_its_paths_are_named(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    content = "".join(f"line {number}\n" for number in range(20))
    base = repo.commit({"old/name.py": content})
    repo.commit({"old/name.py": None, "new/name.py": content + "one more\n"}, author="ben")
    diff = facts_of(repo, running=base).facts["diff"]

    assert (diff["files"], diff["files_changed"], diff["lines_added"], diff["lines_deleted"]) == (
        ["new/name.py", "old/name.py"],
        1,
        1,
        0,
    )
    assert (
        diff["lines_before"],
        diff["prior_changes"],
        diff["file_authors"],
        diff["days_since_touched"],
    ) == (20, 1, 1, 1)


def test_lines_of_binary_files_count_like_all_others_because_a_nul_makes_any_file_one(
    tmp_path: Path,
) -> None:
    repo = Repo(tmp_path)
    base = repo.commit({"logo.png": b"\0\1\2\n\n", "a.txt": "1\n"})
    repo.commit({"logo.png": b"\0\1\2\3\n\n", "a.txt": "1\n2\n"})
    diff = facts_of(repo, running=base).facts["diff"]

    assert (
        diff["files_changed"],
        diff["lines_added"],
        diff["lines_deleted"],
        diff["lines_before"],
    ) == (2, 2, 1, 3)


def test_a_submodule_is_a_file_whose_lines_nobody_counted(tmp_path: Path) -> None:
    inner = Repo(tmp_path / "inner")
    first = inner.commit({"a": "1\n"})
    second = inner.commit({"a": "2\n"})
    repo = Repo(tmp_path / "outer")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{first},vendor/inner")
    repo.git("commit", "--quiet", "--message", "submodule")
    base = repo.head()
    repo.git("update-index", "--cacheinfo", f"160000,{second},vendor/inner")
    repo.git("commit", "--quiet", "--message", "newer")
    repo.git("config", "diff.ignoreSubmodules", "all")
    diff = facts_of(repo, running=base).facts["diff"]

    assert (diff["files"], diff["lines_added"], diff["lines_before"]) == (
        ["vendor/inner"],
        None,
        None,
    )


def test_paths_with_newlines_quotes_and_foreign_bytes_are_counted_right(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    paths = [
        b'dir/with "quotes"\nand a line',
        b"\nbegins with one",
        b"\xff\xfe/not utf-8",
        "ünïcode/ß".encode(),
        b"\x01" + b"a" * 40,
        b":(top)x",
        b"tab\there",
    ]
    base = repo.commit(dict.fromkeys(paths, "1\n"))
    repo.commit(dict.fromkeys(paths, "1\n2\n"), author="ben")
    diff = facts_of(repo, running=base).facts["diff"]

    assert sorted(diff["files"]) == sorted(path.decode(errors="backslashreplace") for path in paths)
    assert "\\xff\\xfe/not utf-8" in diff["files"]
    assert (
        diff["lines_added"],
        diff["subsystems"],
        diff["prior_changes"],
        diff["days_since_touched"],
    ) == (7, 4, 1, 1)


def test_merges_count_as_commits_and_touch_nothing_by_themselves(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    repo.commit({"a": "1\n", "b": "1\n", "c": "1\n"})
    for branch, author in (("one", "ben"), ("two", "cy"), ("three", "dan")):
        repo.git("checkout", "--quiet", "-b", branch, "main")
        repo.commit({branch: "1\n"}, author=author)
    repo.git("checkout", "--quiet", "main")
    base = repo.head()
    repo.merge("one", "two", "three")
    facts = facts_of(repo, running=base)

    assert (facts.facts["diff"]["commits"], facts.facts["diff"]["files"]) == (
        4,
        ["one", "three", "two"],
    )
    assert facts.facts["author"] == {
        "changes": 0,
        "recent_changes": 0,
        "subsystem_changes": 0,
        "count": 4,
        "known": False,
    }
    assert sorted(facts.authors) == [f"{name}@example.com" for name in ("ada", "ben", "cy", "dan")]
    after = repo.head()
    repo.commit({"one": "2\n"}, author="ben")
    assert facts_of(repo, running=after).facts["diff"]["prior_changes"] == 1


def test_the_first_commit_and_a_foreign_root_are_part_of_a_range(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    base = repo.commit({"a": "1\n"})
    repo.git("checkout", "--quiet", "--orphan", "other")
    repo.git("rm", "--quiet", "-rf", ".")
    repo.commit({"b": "other\n2\n"}, message="fix: all", author="ben")
    facts = facts_of(repo, running=base)

    assert (
        facts.facts["diff"]["commits"],
        facts.facts["diff"]["lines_added"],
        facts.facts["diff"]["lines_deleted"],
    ) == (1, 2, 1)
    assert facts.facts["change"]["fixes_defect"] is True


def test_an_empty_range_is_known_to_be_empty(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    base = repo.commit({"a": "1\n"})
    facts = facts_of(repo, running=base)

    assert facts.facts["diff"] == {
        "files": [],
        "files_changed": 0,
        "lines_added": 0,
        "lines_deleted": 0,
        "lines_before": 0,
        "commits": 0,
        "directories": 0,
        "subsystems": 0,
        "entropy": 0.0,
        "file_authors": 0,
        "days_since_touched": 3_650,
        "prior_changes": 0,
        "reverts": False,
    }
    assert facts.facts["author"] == {
        "changes": 0,
        "recent_changes": 0,
        "subsystem_changes": 0,
        "count": 0,
        "known": False,
    }
    assert facts.authors == []


def test_going_back_has_a_diff_but_no_commits(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    old = repo.commit({"a": "1\n"})
    running = repo.commit({"a": "1\n2\n3\n"})
    diff = facts_of(repo, old, running=running).facts["diff"]

    assert (diff["commits"], diff["lines_deleted"], diff["lines_before"]) == (0, 2, 3)


def test_settings_of_the_user_do_not_bend_the_facts(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    base = repo.commit({"old.py": "1\n2\n3\n4\n5\n", "d/x": "1\n"})
    repo.commit(
        {"old.py": None, "new.py": "1\n2\n3\n4\n5\n", "d/x": "fix\n"}, message="fix x", author="ben"
    )
    plain = facts_of(repo, running=base)
    for name, value in {
        "diff.renames": "false",
        "diff.external": "false",
        "diff.relative": "true",
        "diff.noprefix": "true",
        "diff.algorithm": "patience",
        "log.follow": "true",
        "log.showSignature": "true",
        "log.diffMerges": "first-parent",
        "color.ui": "always",
        "core.quotePath": "true",
        "format.pretty": "oneline",
        "log.date": "relative",
    }.items():
        repo.git("config", name, value)
    (tmp_path / "d").mkdir(exist_ok=True)
    inside = Repository(
        str(tmp_path / "d"), {**ENV, "GIT_LITERAL_PATHSPECS": "1", "GIT_EXTERNAL_DIFF": "false"}
    )

    assert facts_of(repo, running=base) == plain
    assert (
        git_facts(inside, repo.head(), place=Place(base), asked_base=None, now=float(repo.at))
        == plain
    )


def test_a_repository_of_the_newer_format_is_measured_like_any_other(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "old")
    newer = tmp_path / "newer"
    newer.mkdir()
    repo.git("init", "--quiet", "--object-format=sha256", "--initial-branch=main", str(newer))
    newest = Repo(newer)
    for one in (repo, newest):
        one.commit({"a": "1\n", "b": "x\0"})
        one.commit({"a": "1\n2\n", "b": None}, author="ben")

    found = [facts_of(one, running=one.git("rev-parse", "HEAD~1")) for one in (repo, newest)]
    assert found[0].facts == found[1].facts
    assert [len(one.commit) for one in found] == [40, 64]
    assert facts_of(newest, first=True).facts["diff"]["lines_added"] == 2


def test_age_is_whole_hours_and_never_negative(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    repo.commit({"a": "1\n"})
    for shift, hours in ((-5_000, 0), (3_599, 0), (3_600, 1), (90_000, 25)):
        later = git_facts(
            Repository(str(repo.folder), ENV),
            repo.head(),
            place=Place(),
            asked_base=None,
            now=repo.at + shift,
        )
        assert later.facts["change"]["age_hours"] == hours


def test_a_named_bare_repository_and_a_worktree_work_too(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "origin")
    base = repo.commit({"a": "1\n"})
    commit = repo.commit({"a": "2\n"})
    repo.git("clone", "--quiet", "--bare", f"file://{repo.folder}", str(tmp_path / "bare"))
    repo.git("worktree", "add", "--quiet", str(tmp_path / "tree"), commit)

    bare = Repository(str(tmp_path), {**ENV, "GIT_DIR": str(tmp_path / "bare")})
    for repository in (bare, Repository(str(tmp_path / "tree"), ENV)):
        found = git_facts(
            repository, commit, place=Place(base), asked_base=None, now=float(repo.at)
        )
        assert found.facts["diff"]["files"] == ["a"]
    assert os.path.samefile(bare.git_folder, tmp_path / "bare")  # noqa: PTH121 - links are followed
