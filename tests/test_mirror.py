"""Tests stand where they are looked for: a folder for each folder of gate/, and the name of the
file they are about.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.mirror import ROOT, TESTS, about

OTHER_FOLDERS: Mapping[str, str] = {
    "actions": "the GitHub actions and the GitLab template",
    "attacks": "what attackers try at the running service, by number",
    "benchmarks": "benchmarks/",
    "benchmarks/decisions": "benchmarks/decisions/",
    "benchmarks/flat": "benchmarks/flat/",
    "faults": "what breaks around the gate, by number",
    "deploy": "docs/deploy: what an operator takes over",
}
FOLDERS = sorted({file.parent.relative_to(TESTS) for file in TESTS.rglob("test_*.py")} - {Path()})


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_a_folder_of_tests_mirrors_a_folder_of_the_gate(folder: Path) -> None:
    assert (ROOT / "gate" / folder).is_dir() or str(folder) in OTHER_FOLDERS, (
        f"tests/{folder} mirrors nothing: there is no gate/{folder}"
    )


@pytest.mark.parametrize(
    "folder", [folder for folder in FOLDERS if str(folder) not in OTHER_FOLDERS], ids=str
)
def test_a_test_stands_in_the_room_of_the_file_that_it_is_named_for(folder: Path) -> None:
    strays = {}
    for test in (TESTS / folder).glob("test_*.py"):
        name = test.name.removeprefix("test_")
        namesakes = [
            file.relative_to(ROOT) for file in (ROOT / "gate" / folder.parts[0]).rglob(name)
        ]
        if namesakes and not (ROOT / "gate" / folder / name).exists():
            strays[test.name] = namesakes

    assert strays == {}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        pytest.param(
            "gate/flow/changes/admit.py",
            ["tests/flow/changes/test_admit.py"],
            id="the test of its name",
        ),
        pytest.param(
            "gate/client/check.py",
            ["tests/client/test_check.py", "tests/client/test_check_down.py"],
            id="and those that go on with it",
        ),
        pytest.param("gate/core/yaml", ["tests/core/yaml"], id="a folder"),
        pytest.param(
            "gate/api/__init__.py", ["tests/api"], id="what nobody imports by name: its room"
        ),
        pytest.param(
            "gate/storage/migrations/env.py",
            ["tests/storage"],
            id="a room without tests: the one above",
        ),
        pytest.param("tests/test_config.py", ["tests/test_config.py"], id="a test"),
        pytest.param(
            "tests/identity_provider.py",
            ["tests/actions/test_github.py"],
            id="what tests share: those that import it",
        ),
        pytest.param("actions/check/action.yml", ["tests/actions"], id="what is no code"),
    ],
)
def test_the_tests_of_a_file_are_found(path: str, found: list[str]) -> None:
    assert set(found) <= {str(file.relative_to(ROOT)) for file in about(path)}


def test_a_file_without_a_test_of_its_name_is_tested_by_those_that_import_it() -> None:
    found = {str(file.relative_to(ROOT)) for file in about("gate/flow/caller.py")}

    assert "tests/flow/identity/test_access.py" in found
    assert "tests/core/test_canonical.py" not in found


@pytest.mark.parametrize("path", ["gate/nothing.py", "../elsewhere.py", "/etc/passwd"])
def test_what_is_not_there_has_no_tests(path: str) -> None:
    with pytest.raises(LookupError, match="no file or folder of this repository"):
        about(path)
