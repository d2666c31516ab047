"""The house rules hold for every file, and each rule finds a planted violation."""

from pathlib import Path

import pytest

from tests import architecture
from tests.architecture import Module, check, modules

ROOT = Path(__file__).parents[1]
FOR_TESTS_TOO = (
    architecture.imports_are_absolute,
    architecture.modules_say_what_they_are_for,
    architecture.names_say_something,
    architecture.names_are_no_riddles,
    architecture.files_are_short,
    architecture.functions_are_short,
    architecture.nothing_is_left_for_later,
    architecture.excuses_give_rule_and_reason,
)


@pytest.mark.slow
def test_the_package_keeps_the_house_rules() -> None:
    wrong = [line for module in modules(ROOT, "gate", "benchmarks") for line in check(module)]

    assert wrong == []


@pytest.mark.slow
def test_the_tests_keep_the_rules_that_are_for_them() -> None:
    wrong = [
        f"{module.path}:{line}: {what}"
        for module in modules(ROOT, "tests")
        for rule in FOR_TESTS_TOO
        for line, what in rule(module)
    ]

    assert wrong == []


def test_no_folder_holds_more_files_than_a_reader_looks_through() -> None:
    assert architecture.full_folders(modules(ROOT, "gate", "benchmarks")) == []
    assert architecture.full_folders([Module(f"gate/x/{n}.py", "") for n in range(26)]) == [
        "gate/x has 26 files, at most 25"
    ]


def test_a_small_file_has_a_reason_and_a_reason_has_a_small_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    everything = modules(ROOT, "gate", "benchmarks")
    assert architecture.small_files(everything) == []

    reasons = set(architecture.SMALL_FILES)
    monkeypatch.setattr(architecture, "SMALL_FILES", {})
    found = architecture.small_files([*everything, Module("gate/core/x.py", "A = 1\n" * 29)])

    assert (
        "gate/core/x.py has 29 lines: fold it into the file where a reader would look first"
        in found
    )
    assert reasons - {line.partition(" ")[0] for line in found} == set()


def test_no_part_packs_its_lines() -> None:
    assert architecture.packed_parts(modules(ROOT, "gate")) == []
    assert architecture.packed_parts([Module("gate/x/y.py", "a = [1, 2, 3, 4, 5, 6]\n")]) == [
        "x has 12.0 nodes a line, at most 7.6"
    ]


@pytest.mark.slow
def test_written_down_exceptions_are_still_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    files, functions = set(architecture.LONG_FILES), set(architecture.LONG_FUNCTIONS)
    monkeypatch.setattr(architecture, "LONG_FILES", {})
    monkeypatch.setattr(architecture, "LONG_FUNCTIONS", {})
    everything = modules(ROOT, "gate", "tests", "benchmarks")

    long_files = {one.path for one in everything if any(architecture.files_are_short(one))}
    long_functions = {
        f"{one.path}:{what.partition(' ')[0]}"
        for one in everything
        for _, what in architecture.functions_are_short(one)
    }

    assert (files - long_files, functions - long_functions) == (set(), set())


@pytest.mark.parametrize(
    ("path", "source", "wrong"),
    [
        pytest.param(
            "gate/core/x.py",
            "from gate.flow import submit",
            "core may not import gate.flow",
            id="upwards",
        ),
        pytest.param(
            "gate/core/x.py",
            "from gate import ledger",
            "core may not import gate.ledger",
            id="upwards, the other form",
        ),
        pytest.param(
            "gate/ledger/x.py",
            "import gate.storage.tables",
            "ledger may not import gate.storage.tables",
            id="from the ledger",
        ),
        pytest.param(
            "gate/errors.py",
            "from gate.core import facts",
            "errors may not import gate.core",
            id="from the lowest line",
        ),
        pytest.param(
            "gate/storage/x.py",
            "from gate.integrations import http",
            "storage may not import gate.integrations",
            id="strangers",
        ),
        pytest.param(
            "gate/integrations/x.py",
            "from gate.storage import x",
            "integrations may not import gate.storage",
            id="strangers, back",
        ),
        pytest.param(
            "gate/flow/x.py",
            "from gate.integrations import http",
            "flow may not import gate.integrations",
            id="handed in",
        ),
        pytest.param(
            "gate/core/x.py",
            "from gate.config import Settings",
            "core may not import gate.config",
            id="a setting in core",
        ),
        pytest.param(
            "gate/client/x.py",
            "from gate.errors import Invalid",
            "client may not import gate.errors",
            id="client knows nobody",
        ),
        pytest.param(
            "gate/client/x.py",
            "import httpx",
            "client may not import httpx: standard library only",
            id="client needs nothing",
        ),
        pytest.param(
            "gate/api/x.py",
            "from gate.client import ask",
            "api may not import gate.client",
            id="nobody knows the client",
        ),
        pytest.param(
            "gate/api/x.py",
            "from gate.cli import main",
            "api may not import gate.cli",
            id="nobody knows the command line",
        ),
        pytest.param(
            "gate/api/x.py",
            "if 1:\n    from gate.app import a",
            "api may not import gate.app",
            id="hidden in a block",
        ),
        pytest.param(
            "gate/shop/x.py", "", "shop has no place in the table of parts", id="a new part"
        ),
        pytest.param("gate/core/x.py", "import os", "core may not import os", id="the system"),
        pytest.param(
            "gate/core/x.py",
            "import sqlalchemy",
            "core may not import sqlalchemy",
            id="the database",
        ),
        pytest.param(
            "gate/core/x.py",
            "from urllib.request import urlopen",
            "core may not import urllib.request",
            id="the network",
        ),
        pytest.param(
            "gate/core/x.py",
            "from pathlib import Path",
            "core may not import pathlib.Path",
            id="the file system",
        ),
        pytest.param(
            "gate/ledger/x.py",
            "from time import time",
            "ledger may not import time",
            id="the clock",
        ),
        pytest.param(
            "gate/core/x.py",
            "import datetime\ndatetime.datetime.now()",
            "core may not call datetime.now",
            id="the clock, called",
        ),
        pytest.param(
            "gate/core/x.py",
            "from datetime import date\ndate.today()",
            "core may not call date.today",
            id="today",
        ),
        pytest.param("gate/core/x.py", "open('a')", "core may not call open", id="a file"),
        pytest.param("gate/api/x.py", "from . import y", "relative import", id="relative"),
        pytest.param(
            "gate/api/__init__.py",
            "import os",
            "an __init__.py holds one docstring",
            id="a package that does something",
        ),
        pytest.param(
            "gate/__init__.py",
            "DEBUG = 1",
            "an __init__.py holds one docstring",
            id="more than the version",
        ),
        pytest.param("gate/api/utils.py", "", "utils says nothing", id="a vague name"),
        pytest.param("gate/api/common/__init__.py", "", "common says nothing", id="a vague folder"),
        pytest.param(
            "gate/api/x.py",
            "def tell_all(): ...",
            "tell may mean many things; write report, record, append or send",
            id="a word for many things",
        ),
        pytest.param("gate/api/x.py", "class OldStanding: ...", "track record", id="in a class"),
        pytest.param("gate/api/x.py", "from a import b as desk", "waiting list", id="an alias"),
        pytest.param("gate/api/x.py", "self.HOUSE: int = 1", "housekeeping", id="an attribute"),
        pytest.param(
            "gate/api/x.py", "class TokenAsk: ...", "write …Request, …Command", id="an ask"
        ),
        pytest.param("gate/api/x.py", "A = 1\n" * 400, "401 lines, at most 400", id="a long file"),
        pytest.param(
            "gate/api/x.py",
            "def f():\n" + "    a = 1\n" * 60,
            "f has 61 lines, at most 60",
            id="a long function",
        ),
        pytest.param(
            "gate/api/x.py", "a = 1  # TO" + "DO: later", "DO in a comment", id="left for later"
        ),
        pytest.param(
            "gate/api/x.py",
            "a = 1  # no" + "qa",
            "noqa names no rule",
            id="an excuse for everything",
        ),
        pytest.param(
            "gate/api/x.py",
            "a = 1  # no" + "qa: S105",
            "noqa gives no reason",
            id="an excuse without a reason",
        ),
        pytest.param(
            "gate/api/x.py",
            "a = 1  # type: ig" + "nore",
            "type: ignore names no rule",
            id="any type will do",
        ),
        pytest.param(
            "gate/api/x.py",
            "a = 1  # type: ig" + "nore[arg-type]",
            "type: ignore gives no reason",
            id="a type without a reason",
        ),
    ],
)
def test_a_planted_violation_is_found(path: str, source: str, wrong: str) -> None:
    found = check(Module(path=path, source=f'"""What it is for."""\n{source}'))

    assert [line for line in found if wrong in line] != [], found


def test_a_module_without_a_docstring_is_found() -> None:
    assert check(Module(path="gate/api/x.py", source="a = 1\n")) == [
        "gate/api/x.py:1: no docstring"
    ]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        pytest.param(
            "gate/flow/x.py",
            "from gate.storage import writer\nfrom gate.core.facts import Fact",
            id="downwards",
        ),
        pytest.param(
            "gate/app.py",
            "from gate import worker\nfrom gate.integrations import http",
            id="the top joins the parts",
        ),
        pytest.param(
            "gate/cli/x.py",
            "from gate.client import ask\nfrom gate import app, __version__",
            id="the command line uses the client",
        ),
        pytest.param(
            "gate/client/x.py",
            "import urllib.request\nfrom gate.client.ask import ask",
            id="the client and itself",
        ),
        pytest.param(
            "gate/core/x.py",
            "from zoneinfo import ZoneInfo\nimport re2\nfrom gate.errors import Invalid",
            id="core computes",
        ),
        pytest.param(
            "gate/core/x.py", "from pathlib import PurePosixPath", id="a path that touches nothing"
        ),
        pytest.param(
            "gate/ledger/x.py",
            "from cryptography.exceptions import InvalidSignature",
            id="the ledger signs",
        ),
        pytest.param(
            "gate/core/x.py",
            "def f(at):\n    return at.now_or_later()\n",
            id="a method of another name",
        ),
        pytest.param("gate/__init__.py", '__version__ = "1.0.0"', id="the version"),
        pytest.param(
            "gate/config.py", "from gate.errors import Invalid", id="the lowest line but one"
        ),
        pytest.param(
            "gate/api/x.py",
            "a = 1  # no" + "qa: S105 - the name of a header, no secret",
            id="an excuse with rule and reason",
        ),
    ],
)
def test_what_is_allowed_passes(path: str, source: str) -> None:
    assert check(Module(path=path, source=f'"""What it is for."""\n{source}\n')) == []
