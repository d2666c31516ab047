"""Objects that git itself would not write, and a server may not have refused (C14)."""

from pathlib import Path

from gate.client.git.baseline import Place
from gate.client.git.facts import git_facts
from gate.client.git.run import Repository
from tests.client.git.test_hostile import attacked
from tests.client.repositories import ENV


def test_c14_commits_that_git_itself_would_not_write_are_no_crash(tmp_path: Path) -> None:
    repo, base = attacked(tmp_path / "repo")
    tree = repo.git("rev-parse", "HEAD^{tree}")
    for people in (
        (
            "author Ada <ada@example.com> 99999999999999999999 +0000\ncommitter Ada "
            "<ada@example.com> 99999999999999999999 +0000"
        ),
        "author Ada <ada@example.com>\ncommitter Ada <ada@example.com>",
        "author\ncommitter",
        "author <> -1 +0000\ncommitter <> -1 +0000",
        "author A <a@x> <mallory@x> 1 +0000\ncommitter A <a@x> 1 +0000\nencoding UTF-16LE",
    ):
        text = f"tree {tree}\nparent {base}\n{people}\n\nx\0y\x01\x1e\n".encode()
        commit = repo.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", given=text)
        repository = Repository(str(repo.folder), ENV)
        found = git_facts(
            repository, commit, place=Place(base), asked_base=None, now=float(repo.at)
        )

        assert found.facts["diff"]["lines_added"] == 10_002
        after = repo.git("commit-tree", tree, "-p", commit, "-m", "after it")
        found = git_facts(
            repository, after, place=Place(commit), asked_base=None, now=float(repo.at)
        )

        assert found.facts["diff"]["lines_added"] == 0


def test_c14_a_tree_that_names_a_file_twice_is_no_crash(tmp_path: Path) -> None:
    repo, base = attacked(tmp_path / "repo")
    blobs = [
        bytes.fromhex(repo.git("hash-object", "-w", "--stdin", given=text))
        for text in (b"1\n", b"2\n3\n")
    ]
    names = (b"a", b"a", b"..", b".git", b"")
    content = b"".join(b"100644 %s\0%s" % (name, blob) for name in names for blob in blobs)
    tree = repo.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", given=content)
    commit = repo.git("commit-tree", tree, "-p", base, "-m", "twice")
    repository = Repository(str(repo.folder), ENV)

    for before, after in ((base, commit), (commit, base)):
        found = git_facts(
            repository, after, place=Place(before), asked_base=None, now=float(repo.at)
        )
        assert (found.facts["diff"]["lines_added"] is None) is bool(found.notices)


def test_c14_names_longer_than_any_folder_takes_make_the_list_unknown_and_keep_the_count(
    tmp_path: Path,
) -> None:
    repo, base = attacked(tmp_path / "repo")
    blob = repo.git("hash-object", "-w", "--stdin", given=b"nothing like it\n")
    entries = b"".join(
        b"100644 blob %s\t%s\0" % (blob.encode(), name)
        for name in (b"x" * 100_000, b".. ", b"a\nb")
    )
    tree = repo.git("mktree", "-z", "--missing", given=entries)
    commit = repo.git("commit-tree", tree, "-p", base, "-m", "long")
    diff = git_facts(
        Repository(str(repo.folder), ENV),
        commit,
        place=Place(base),
        asked_base=None,
        now=float(repo.at),
    ).facts["diff"]

    assert diff["files"] is None
    assert diff["files_changed"] == 3 + len(
        repo.git("ls-tree", "-r", "--name-only", base).splitlines()
    )
