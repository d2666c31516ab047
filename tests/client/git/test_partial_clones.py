"""A clone without contents brings those that changed, and nothing that a path could ask for."""

from pathlib import Path

from tests.client.git.test_hostile import attacked, measured, program
from tests.client.repositories import Repo


def test_c14_a_partial_clone_brings_what_changed_and_no_more(tmp_path: Path) -> None:
    runs, ran = program(tmp_path)
    repo, base = attacked(tmp_path / "repo")
    repo.commit(
        {f":1 2 --upload-pack={runs.replace('/', chr(92))} 3 4": "x\n", ":1 2 --all 3 4": "x\n"},
        author="mallory",
    )
    for name in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
        repo.git("config", name, "true")
    repo.git(
        "clone",
        "--quiet",
        "--no-checkout",
        "--filter=blob:none",
        f"file://{repo.folder}",
        str(tmp_path / "clone"),
    )
    clone = Repo(tmp_path / "clone")
    clone.at = repo.at
    plain, found = measured(repo, base), measured(clone, base)

    assert found == plain
    assert not ran.exists()


def test_c14_a_partial_clone_that_cannot_ask_says_what_is_missing(tmp_path: Path) -> None:
    repo, base = attacked(tmp_path / "repo")
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.git(
        "clone",
        "--quiet",
        "--no-checkout",
        "--filter=blob:none",
        f"file://{repo.folder}",
        str(tmp_path / "clone"),
    )
    clone = Repo(tmp_path / "clone")
    clone.git("remote", "set-url", "origin", f"file://{tmp_path}/gone")
    found = measured(clone, base)

    assert found.facts["diff"]["lines_added"] is None
    assert any("partial" in notice for notice in found.notices)
