"""The documents tell the truth: commands run, links lead somewhere, tables are what the code
says.
"""

import importlib
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from gate import __version__
from gate.cli.spelling import misspelt
from gate.core.rulebook.bundle import read_bundle
from tests import forked, reference
from tests.documents import LANGUAGES, MARKS, ROOT, Block, Document, broken_links, documents
from tests.forked import Order
from tests.live import GATE, LiveGate, serving

DOCUMENTS = {document.path: document for document in documents()}
BLOCKS = [block for document in DOCUMENTS.values() for block in document.blocks]
HOSTS = {
    "127.0.0.1", "gate.example.com", "ci.example.com", "github.example.com", "gitlab.example.com", "id.example.com", "github.com",
    "api.github.com", "gitlab.com",
    "token.actions.SUBDOMAIN.ghe.com", "keepachangelog.com", "semver.org", "www.rfc-editor.org", "www.standardwebhooks.com",
    "token.actions.githubusercontent.com", "app.terraform.io", "jira.example.com", "wiki.example.com",
}  # fmt: skip
WITH_SCRIPTS = [
    path for path, document in DOCUMENTS.items() if any(block.runs for block in document.blocks)
]
POLICY_BLOCKS = [block for block in BLOCKS if "policy" in block.marks]


def test_links_lead_somewhere() -> None:
    assert [
        broken for document in DOCUMENTS.values() for broken in broken_links(document, DOCUMENTS)
    ] == []


def test_a_broken_link_is_found() -> None:
    document = Document(
        "docs/README.md",
        "# A heading\n[a](nowhere.md) [b](#a-heading) [c](#no-heading) [d](../README.md#try-it)",
    )

    assert list(broken_links(document, {**DOCUMENTS, document.path: document})) == [
        "docs/README.md: nowhere.md is not there",
        "docs/README.md: #no-heading has no such heading",
    ]


def test_every_document_is_linked_from_another() -> None:
    linked = {
        (ROOT / document.path).parent.joinpath(link.partition("#")[0]).resolve()
        for document in DOCUMENTS.values()
        for link in document.links
    }
    alone = {
        path
        for path in DOCUMENTS
        if path.startswith("docs/") and (ROOT / path).resolve() not in linked
    }

    assert alone - {"docs/README.md"} == set()


@pytest.mark.parametrize("path", DOCUMENTS)
def test_blocks_say_what_they_are(path: str) -> None:
    for block in DOCUMENTS[path].blocks:
        assert block.language in LANGUAGES, (
            f"{path}:{block.line}: {block.language!r} is not one of {sorted(LANGUAGES)}"
        )
        assert set(block.marks) <= MARKS, f"{path}:{block.line}: {sorted(block.marks)}"


@pytest.mark.parametrize("path", DOCUMENTS)
def test_only_known_hosts_are_named(path: str) -> None:
    assert DOCUMENTS[path].hosts - HOSTS == set()


@pytest.mark.parametrize("path", DOCUMENTS)
def test_nothing_points_into_a_machine_or_is_left_for_later(path: str) -> None:
    assert (
        re.findall(
            r"/(?:home|root|work|Users)/|\b(?:TODO|TBD|FIXME)\b|lorem ipsum", DOCUMENTS[path].text
        )
        == []
    )


def test_the_files_that_a_reader_is_led_through_are_there() -> None:
    page = (ROOT / "docs/explanation/the-path-of-a-change.md").read_text()
    named = re.findall(r"`([a-z_/]+\.py)`", page)

    assert len(named) > 20
    assert [path for path in named if not (ROOT / "gate" / path).is_file()] == []


def test_every_setting_that_is_named_is_one() -> None:
    text = "\n".join(document.text for document in DOCUMENTS.values())
    named = set(re.findall(r"\bGATE_[A-Z][A-Z_]*[A-Z]\b", text))

    assert list(misspelt(named)) == []


@pytest.mark.parametrize("name", reference.PAGES)
def test_a_page_made_from_the_code_is_current(name: str) -> None:
    written = (reference.FOLDER / name).read_text(encoding="utf-8")

    assert written == reference.PAGES[name](), f"docs/reference/{name} is out of date: make docs"


def test_every_limit_is_the_one_in_the_code() -> None:
    rows = re.findall(
        r"\| ([\d,]+) \| `([\w.]+)\.(\w+)` \|", DOCUMENTS["docs/reference/limits.md"].text
    )
    written = {f"{module}.{name}": int(limit.replace(",", "")) for limit, module, name in rows}

    assert written == {
        f"{module}.{name}": getattr(importlib.import_module(module), name)
        for _, module, name in rows
    }
    assert len(rows) > 1


def test_the_changelog_has_room_for_the_next_change_and_knows_this_version() -> None:
    text = DOCUMENTS["CHANGELOG.md"].text

    assert "## [Unreleased]" in text
    assert __version__ == "0.1.0" or f"## [{__version__}]" in text


@pytest.mark.parametrize(
    "block",
    [block for block in BLOCKS if block.language == "sh"],
    ids=lambda block: f"{block.path}:{block.line}",
)
def test_commands_and_flags_exist(block: Block) -> None:
    assert [wrong for command in block.commands for wrong in _unknown(command)] == []


@pytest.mark.parametrize("block", POLICY_BLOCKS, ids=lambda block: f"{block.path}:{block.line}")
def test_a_policy_in_the_documents_is_understood(block: Block) -> None:
    shipped = {
        name: (ROOT / "policies" / name).read_text() for name in ("catalog.yaml", "calendar.yaml")
    }

    bundle = read_bundle({**shipped, "example.yaml": block.text})

    assert len(bundle.policies.all) == 1


def test_h7_every_sentence_of_the_page_on_troubles_is_one_that_the_gate_says() -> None:
    rows = re.findall(
        r"^\| `([^`]+)` \|", DOCUMENTS["docs/how-to/troubleshooting.md"].text, re.MULTILINE
    )
    code = " ".join(
        # a sentence may go on in the next line of the source
        re.sub(r'"\s*f?"', "", file.read_text(encoding="utf-8"))
        for file in sorted((ROOT / "gate").rglob("*.py"))
    )

    assert len(rows) > 15
    assert [sentence for sentence in rows if sentence not in code] == []


@pytest.mark.server
@pytest.mark.parametrize("path", WITH_SCRIPTS)
def test_scripts_run(path: str, tmp_path: Path) -> None:
    with demo(tmp_path) as environment:
        repository = tmp_path / "repository"
        make_repository(repository)
        state = tmp_path / "state"
        state.write_text(
            "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
        )
        for block in DOCUMENTS[path].blocks:
            if block.runs:
                run_script(block, repository, state)


def run_script(block: Block, repository: Path, state: Path) -> None:
    """One block in a shell of its own; variables live on to the next one."""
    lines = [
        f"set -a; source {shlex.quote(str(state))}",
        f"trap 'export -p > {shlex.quote(str(state))}' EXIT",
        "set -euo pipefail",
        block.text,
    ]
    folder = ROOT if block.marks.get("in") == "source" else repository
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GATE_")}

    done = subprocess.run(  # noqa: S603 - the document's own words
        ["bash", "-c", "\n".join(lines)],  # noqa: S607 - the document's own words
        cwd=folder,
        env=inherited,
        capture_output=True,
        text=True,
        check=False,
    )

    wanted = block.marks.get("exit", "0")
    assert wanted == "any" or done.returncode == int(wanted), (
        f"{block.path}:{block.line} ended with {done.returncode}\n{done.stdout}{done.stderr}"
    )


@contextmanager
def demo(folder: Path) -> Iterator[dict[str, str]]:
    """`gate serve --demo` as `make run` starts it, and the variables that it tells the reader to
    export.
    """
    gate = LiveGate(
        folder=folder,
        database_url=f"sqlite:///{folder / 'demo.sqlite'}",
        policies=ROOT / "policies",
    )
    with serving(gate, GATE, "serve", "--demo"):
        exports = re.findall(r"^export (\w+)=(.+)$", gate.log.read_text(), re.MULTILINE)
        assert {name for name, _ in exports} >= {"GATE_URL", "GATE_TOKEN", "PATH"}, (
            gate.log.read_text()
        )
        variables = {name: os.path.expandvars(shlex.split(value)[0]) for name, value in exports}
        path = f"{forked.programs()}{os.pathsep}{variables['PATH']}"
        yield {**variables, "PATH": path}


def make_repository(folder: Path) -> None:
    """Any git repository will do: two commits by one person."""
    folder.mkdir()
    git = ["git", "-C", str(folder), "-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    subprocess.run([*git, "init", "--quiet", "--initial-branch=main"], check=True)  # noqa: S603 - git with fixed words
    for number in range(2):
        (folder / "basket.py").write_text(f"price = {number}\n")
        subprocess.run([*git, "add", "."], check=True)  # noqa: S603 - git with fixed words
        subprocess.run(  # noqa: S603 - git with fixed words
            [*git, "commit", "--quiet", "--message", f"Change the price to {number}"], check=True
        )


def _unknown(command: str) -> Iterator[str]:
    """Commands of `gate` and targets of `make` that are not there, and flags that a command does
    not have.
    """
    inner = re.findall(r"\$\(([^()]*)\)", command)
    commands = [re.sub(r"\$\([^()]*\)", "VALUE", command), *inner]
    found = [
        words
        for one in commands
        for words in re.findall(
            r"(?:^|[;&|] *|run --rm gate |exec gate )(make|gate) +([^|;&)>]*)", one
        )
    ]
    for words in found:
        program, arguments = words[0], shlex.split(words[1])
        if program == "make":
            yield from (
                f"make {word}"
                for word in arguments
                if re.fullmatch(r"[a-z][a-z-]*", word) and word not in _targets()
            )
            continue
        names = [word for word in arguments[:2] if re.fullmatch(r"[a-z][a-z-]*", word)]
        help_text = _help(*names) or _help(*names[:1])
        if help_text is None:
            yield f"gate {' '.join(names)}"
            continue
        yield from (
            f"gate {' '.join(names)} {word}"
            for word in arguments
            if word.startswith("--") and word.partition("=")[0] not in help_text
        )


@cache
def _targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@cache
def _help(*names: str) -> str | None:
    """What `--help` says, in one line a flag; None when there is no such command."""
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    done = forked.run(Order([GATE, *names, "--help"], environment, str(ROOT)))
    return done.stdout if done.returncode == 0 else None
