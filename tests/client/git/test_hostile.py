"""The repository that is judged bends nothing: the facts stay the same, and nothing of its own
runs.
"""

import os
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from gate.client.git.baseline import Place
from gate.client.git.facts import GitFacts, git_facts
from gate.client.git.run import GitFailed, Repository
from tests.client.repositories import ENV, Repo

NOWHERE = "b" * 40
"""A commit that is not here: whoever is asked for facts against it has to fetch."""

LINES = "".join(f"line {number}\n" for number in range(5_000))
NOTHING: Mapping[str | bytes, str] = {
    ".gitattributes": "# nothing\n",
    ".mailmap": "# nothing\n",
    ".gitmodules": "# nothing\n",
}
Bending = Callable[[Repo, str], None]


def attacked(folder: Path, tracked: Mapping[str | bytes, str] | None = None) -> tuple[Repo, str]:
    """A large change by somebody new; `tracked` are files that were merged before it."""
    repo = Repo(folder)
    before: dict[str | bytes, str | bytes | None] = {"src/a.py": "1\n", "src/b.py": "1\n2\n"}
    base = repo.commit({**before, **NOTHING, **(tracked or {})})
    repo.commit(
        {"src/a.py": LINES, "src/b.py": "fix\n", "src/nul.js": "\0\n" + LINES},
        message="fix: all",
        author="mallory",
    )
    return repo, base


def measured(
    repo: Repo, base: str, env: Mapping[str, str] = ENV, folder: Path | None = None
) -> GitFacts:
    repository = Repository(str(folder or repo.folder), env)
    return git_facts(
        repository, repo.head(), place=Place(base), asked_base=None, now=float(repo.at)
    )


def test_c14_every_line_counts_whatever_the_content(tmp_path: Path) -> None:
    repo, base = attacked(tmp_path)
    found = measured(repo, base)
    diff = found.facts["diff"]

    assert (diff["files"], diff["lines_added"], diff["lines_deleted"]) == (
        ["src/a.py", "src/b.py", "src/nul.js"],
        10_002,
        3,
    )
    assert found.facts["author"]["known"] is False
    assert found.authors == ["mallory@example.com", "ada@example.com"]


TRACKED: Mapping[str, Mapping[str | bytes, str]] = {
    "attributes: no difference": {".gitattributes": "*.py -diff\n*.js binary\n"},
    "attributes: a driver": {".gitattributes": "* diff=own -text ident merge=own\n"},
    "attributes: in a folder": {
        "src/.gitattributes": "* -diff\n",
        ".gitattributes": "[attr]gone -diff -text\n* gone\n",
    },
    "mailmap: somebody known": {".mailmap": "Ada <ada@example.com> <mallory@example.com>\n"},
}


@pytest.mark.parametrize("name", TRACKED)
def test_c14_files_that_are_deployed_do_not_bend_how_they_are_measured(
    tmp_path: Path, name: str
) -> None:
    plain = measured(*attacked(tmp_path / "plain"))
    repo, base = attacked(tmp_path / "bent", TRACKED[name])
    repo.git("config", "diff.own.binary", "true")
    found = measured(repo, base)
    if name.startswith("attributes: in"):
        assert found.facts["diff"]["lines_added"] == plain.facts["diff"]["lines_added"]
        return

    assert found.facts == plain.facts
    assert found.authors == plain.authors


def _run_of(kind: str) -> Bending:
    """A setting by which git would run a program of the repository's own."""

    def bend(repo: Repo, program: str) -> None:
        repo.git("config", kind, program)

    return bend


def _hooks(repo: Repo, program: str) -> None:
    hooks = repo.folder / "hooks-of-its-own"
    hooks.mkdir()
    for name in (
        "reference-transaction",
        "post-index-change",
        "post-checkout",
        "pre-auto-gc",
        "fsmonitor-watchman",
    ):
        (hooks / name).write_text(f"#!/bin/sh\n{program}\n")
        (hooks / name).chmod(0o755)
        (repo.folder / ".git" / "hooks" / name).write_text(f"#!/bin/sh\n{program}\n")
        (repo.folder / ".git" / "hooks" / name).chmod(0o755)
    repo.git("config", "core.hooksPath", str(hooks))


def _driver(repo: Repo, program: str) -> None:
    (repo.folder / ".git" / "info").mkdir(exist_ok=True)
    (repo.folder / ".git" / "info" / "attributes").write_text("* diff=own filter=own\n")
    for name in ("textconv", "command"):
        repo.git("config", f"diff.own.{name}", f"{program}; true")
    for name in ("clean", "smudge", "process"):
        repo.git("config", f"filter.own.{name}", program)


def _remote(address: str, **settings: str) -> Bending:
    def bend(repo: Repo, program: str) -> None:
        repo.git("config", "remote.origin.url", address.format(program=program, folder=repo.folder))
        for name, value in settings.items():
            repo.git("config", f"remote.origin.{name}", value.format(program=program))

    return bend


def _instead(repo: Repo, program: str) -> None:
    repo.git("config", "remote.origin.url", "https://gate.invalid/acme/checkout")
    repo.git(
        "config",
        f"url.ext::sh -c {program.replace(' ', '% ')}%.insteadOf",
        "https://gate.invalid/acme/checkout",
    )


def _promisor(repo: Repo, program: str) -> None:
    repo.git("config", "extensions.partialClone", "origin")
    repo.git("config", "core.repositoryFormatVersion", "1")
    _remote("file://{folder}", promisor="true", uploadpack="{program};")(repo, program)


def _included(repo: Repo, program: str) -> None:
    (repo.folder / "settings").write_text(
        f"[core]\n\tfsmonitor = {program}\n\tpager = {program}\n[diff]\n\texternal = {program}\n"
    )
    repo.git("config", "include.path", "../settings")


def _alternates(repo: Repo, program: str) -> None:
    other = Repo(repo.folder.parent / "other")
    other.commit({"x": "1\n"})
    (repo.folder / ".git" / "objects" / "info" / "alternates").write_text(
        f"{other.folder}/.git/objects\n"
    )
    repo.git("config", "core.alternateRefsCommand", f"{program};")
    _remote("file://{folder}")(repo, program)


def _replaced(repo: Repo, program: str) -> None:
    """The commit and its tree are shown as others."""
    _ = program
    tree = repo.git("rev-parse", "HEAD~1^{tree}")
    other = repo.git("commit-tree", tree, "-p", "HEAD~1", "-m", "nothing")
    repo.git("replace", repo.head(), other)
    repo.git("replace", repo.git("rev-parse", "HEAD^{tree}"), tree)


def _grafted(repo: Repo, program: str) -> None:
    _ = program
    (repo.folder / ".git" / "info").mkdir(exist_ok=True)
    (repo.folder / ".git" / "info" / "grafts").write_text(
        f"{repo.git('rev-parse', 'HEAD~1')} {repo.git('rev-parse', 'HEAD~1')}\n"
    )


def _settings(repo: Repo, program: str) -> None:
    for name, value in {
        "core.bigFileThreshold": "10",
        "core.attributesFile": "/dev/null",
        "core.askPass": program,
        "core.quotePath": "true",
        "diff.ignoreSubmodules": "all",
        "diff.renames": "copies",
        "diff.renameLimit": "1",
        "diff.orderFile": "no-such-file",
        "diff.interHunkContext": "1000",
        "diff.indentHeuristic": "false",
        "diff.statGraphWidth": "1",
        "log.mailmap": "true",
        "mailmap.file": "settings",
        "mailmap.blob": "HEAD:.mailmap",
        "i18n.logOutputEncoding": "UTF-16",
        "gpg.program": program,
        "log.showSignature": "true",
        "log.excludeDecoration": "*",
        "pager.log": program,
        "alias.log": f"!{program}",
    }.items():
        repo.git("config", name, value)


BENDINGS: Mapping[str, Bending] = {
    "fsmonitor": _run_of("core.fsmonitor"),
    "pager": _run_of("core.pager"),
    "external difference": _run_of("diff.external"),
    "ssh": _run_of("core.sshCommand"),
    "hooks": _hooks,
    "drivers": _driver,
    "ext transport": _remote("ext::sh -c {program}"),
    "upload-pack": _remote("file://{folder}", uploadpack="{program};"),
    "remote helper": _remote("file://{folder}", vcs="ext"),
    "address instead": _instead,
    "promisor": _promisor,
    "included file": _included,
    "alternates": _alternates,
    "replaced objects": _replaced,
    "grafts": _grafted,
    "many settings": _settings,
}


def program(folder: Path) -> tuple[str, Path]:
    """A program, and the file that is there once it has run."""
    ran = folder / "ran"
    place = folder / "program"
    place.write_text(f"#!/bin/sh\ntouch '{ran}'\n")
    place.chmod(0o755)
    return str(place), ran


@pytest.mark.parametrize("name", BENDINGS)
def test_c14_a_configuration_bends_no_fact_and_runs_nothing(tmp_path: Path, name: str) -> None:
    runs, ran = program(tmp_path)
    repo, base = attacked(tmp_path / "repo")
    plain = measured(repo, base)
    commit = repo.head()
    BENDINGS[name](repo, runs)
    repository = Repository(str(repo.folder), ENV)
    found = git_facts(repository, commit, place=Place(base), asked_base=None, now=float(repo.at))
    unknown = git_facts(
        repository, commit, place=Place(NOWHERE), asked_base=None, now=float(repo.at)
    )

    assert found == plain
    assert unknown.facts["diff"]["lines_added"] is None
    assert not ran.exists()


def test_c14_a_program_that_git_does_run_leaves_its_mark(tmp_path: Path) -> None:
    runs, ran = program(tmp_path)
    repo, base = attacked(tmp_path / "repo")
    _driver(repo, runs)
    with suppress(subprocess.CalledProcessError):
        repo.git("diff", "--ext-diff", base)

    assert ran.exists()


def environment(folder: Path, runs: str) -> dict[str, str]:
    """Every variable by which git lets itself be bent."""
    other = folder / "elsewhere"
    other.mkdir()
    (other / "config").write_text(f"[diff]\n\texternal = {runs}\n[core]\n\tfsmonitor = {runs}\n")
    return {
        "GIT_EXTERNAL_DIFF": runs,
        "GIT_DIFF_OPTS": "--unified=9",
        "GIT_ALLOW_PROTOCOL": "ext:file",
        "GIT_ATTR_SOURCE": "HEAD",
        "GIT_REPLACE_REF_BASE": "refs/heads/",
        "GIT_NAMESPACE": "other",
        "GIT_INDEX_FILE": str(other / "index"),
        "GIT_OBJECT_DIRECTORY": str(other),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(other),
        "GIT_SHALLOW_FILE": str(other / "config"),
        "GIT_GRAFT_FILE": str(other / "config"),
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "diff.external",
        "GIT_CONFIG_VALUE_0": runs,
        "GIT_CONFIG_KEY_1": "core.fsmonitor",
        "GIT_CONFIG_VALUE_1": runs,
        "GIT_CONFIG_PARAMETERS": f"'core.pager'='{runs}'",
        "GIT_EXEC_PATH": str(other),
        "GIT_TRACE": str(folder / "ran"),
        "GIT_PAGER": runs,
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_GLOB_PATHSPECS": "1",
        "GIT_ICASE_PATHSPECS": "1",
        "GIT_DEFAULT_HASH": "sha256",
        "PAGER": runs,
    }


def test_c14_variables_bend_no_fact_and_run_nothing(tmp_path: Path) -> None:
    runs, ran = program(tmp_path)
    repo, base = attacked(tmp_path / "repo")
    plain = measured(repo, base)

    assert measured(repo, base, {**ENV, **environment(tmp_path, runs)}) == plain
    assert not ran.exists()


def test_c14_a_git_beside_the_code_is_not_the_git_that_is_asked(tmp_path: Path) -> None:
    runs, ran = program(tmp_path)
    repo, base = attacked(tmp_path / "repo")
    plain = measured(repo, base)
    (repo.folder / "git").symlink_to(runs)

    for path in (f".{os.pathsep}{ENV['PATH']}", f"{os.pathsep}{ENV['PATH']}"):
        assert measured(repo, base, {**ENV, "PATH": path}) == plain
    assert not ran.exists()


def test_c14_a_bare_repository_among_the_files_is_not_believed(tmp_path: Path) -> None:
    runs, ran = program(tmp_path)
    repo, base = attacked(tmp_path / "repo")
    inner = repo.folder / "docs"
    repo.git("clone", "--quiet", "--bare", f"file://{repo.folder}", str(inner))
    with (inner / "config").open("a") as config:
        config.write(
            f"[core]\n\tfsmonitor = {runs}\n\tsshCommand = {runs}\n[remote "
            f'"origin"]\n\tuploadpack = {runs};\n'
        )
    for known in (True, False):  # a git before 2.38 does not know the setting
        bare = Repo(inner / "..") if known else repo
        with pytest.raises(GitFailed, match="bare"):
            git_facts(
                Repository(str(inner), old_git(tmp_path) if not known else ENV),
                bare.head(),
                place=Place(NOWHERE),
                asked_base=None,
                now=float(repo.at),
            )

    assert measured(repo, base).facts["diff"]["lines_added"] == 10_002
    assert not ran.exists()


def test_c14_a_submodule_is_seen_whatever_its_settings_and_nobody_counted_its_lines(
    tmp_path: Path,
) -> None:
    repo = Repo(tmp_path)
    base = repo.commit(
        {
            ".gitmodules": '[submodule "inner"]\n\tpath = vendor/inner\n\turl = ./x\n\tignore = '
            "all\n",
            "a": "1\n",
        }
    )
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{base},vendor/inner")
    repo.git("commit", "--quiet", "--message", "vendored")
    base = repo.head()
    repo.git("update-index", "--cacheinfo", f"160000,{base},vendor/inner")
    repo.git("commit", "--quiet", "--message", "newer")
    repo.git("config", "diff.ignoreSubmodules", "all")
    diff = measured(repo, base).facts["diff"]

    assert (diff["files"], diff["files_changed"]) == (["vendor/inner"], 1)
    assert [diff[name] for name in ("lines_added", "lines_deleted", "lines_before", "entropy")] == [
        None
    ] * 4


def old_git(folder: Path) -> dict[str, str]:
    """A git that believes every bare repository, whatever the setting says."""
    place = folder / "old" / "git"
    place.parent.mkdir()
    place.write_text(
        '#!/bin/sh\nfor one; do shift; case "$one" in safe.*=*) set -- "$@" '
        'safe.bareRepository=all;; *) set -- "$@" "$one";; esac; done\n'
        f'PATH="{ENV["PATH"]}" exec git "$@"\n'
    )
    place.chmod(0o755)
    return {**ENV, "PATH": f"{place.parent}{os.pathsep}{ENV['PATH']}"}


def test_c14_a_bare_repository_that_the_operator_names_is_read(tmp_path: Path) -> None:
    repo, base = attacked(tmp_path / "repo")
    repo.git("clone", "--quiet", "--bare", f"file://{repo.folder}", str(tmp_path / "bare"))

    assert measured(repo, base, {**ENV, "GIT_DIR": str(tmp_path / "bare")}, tmp_path) == measured(
        repo, base
    )


def test_c14_a_git_folder_behind_a_link_or_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    repo, base = attacked(tmp_path / "repo")
    plain, commit = measured(repo, base), repo.head()
    (repo.folder / ".git").rename(tmp_path / "moved")
    for kind in ("link", "file"):
        place = repo.folder / ".git"
        place.unlink(missing_ok=True)
        if kind == "link":
            place.symlink_to(tmp_path / "moved")
        else:
            place.write_text(f"gitdir: {tmp_path}/moved\n")
        repository = Repository(str(repo.folder / "src"), ENV)

        assert (
            git_facts(repository, commit, place=Place(base), asked_base=None, now=float(repo.at))
            == plain
        )


def test_c14_a_branch_that_is_called_like_a_commit_is_not_that_commit(tmp_path: Path) -> None:
    repo, base = attacked(tmp_path / "repo")
    commit = repo.head()
    repo.git("tag", commit[:8], base)
    repo.git("branch", commit[:10], base)
    repository = Repository(str(repo.folder), ENV)

    assert (repository.resolve(commit[:8]), repository.resolve(commit[:10])) == (commit, commit)
