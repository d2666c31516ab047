"""The image and the compose file name what exists, and keep their promises; no container engine is
needed to see it.
"""

import fnmatch
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from gate.config import PREFIX, Settings

ROOT = Path(__file__).parents[1]
SETTINGS = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
SECRETS = {f"{setting}_FILE" for setting in SETTINGS}


def instructions(name: str) -> list[str]:
    """The values of one instruction of the Dockerfile, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return re.findall(rf"^(?:{name})\s+(.+?)\s*$", text, re.MULTILINE)


def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return parsed


def is_sent_to_the_builder(path: str) -> bool:
    """As .dockerignore says: the last line that matches decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().split("\n"):
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!")
            if fnmatch.fnmatch(path, pattern) or path.startswith(f"{pattern}/"):
                sent = line.startswith("!")
    return sent


def test_every_copied_path_exists_and_is_sent() -> None:
    sources = [
        path
        for copy in instructions("COPY")
        if "--from" not in copy
        for path in copy.split()[:-1]
        if not path.startswith("--")
    ]

    assert [path for path in sources if not (ROOT / path).exists()] == []
    assert [path for path in sources if not is_sent_to_the_builder(path)] == []


@pytest.mark.parametrize("path", [".git", ".venv", ".gate", "secrets", "tests"])
def test_what_the_image_does_not_need_is_not_sent(path: str) -> None:
    assert not is_sent_to_the_builder(path)


def test_the_image_does_not_run_as_root() -> None:
    assert instructions("USER") == ["10001"]


def test_command_and_health_check_run_without_a_shell() -> None:
    assert json.loads(instructions("CMD")[-1]) == ["gate", "serve", "--host", "0.0.0.0"]  # noqa: S104 - inside a container
    assert "/readyz" in json.loads(instructions("HEALTHCHECK")[0].partition("CMD")[2])[-1]
    assert instructions("STOPSIGNAL") == ["SIGTERM"]


def test_d23_base_images_are_named_by_digest_and_there_is_one_of_each() -> None:
    bases = [value.partition(" AS ")[0] for value in instructions("FROM")]
    images = [service["image"] for service in compose()["services"].values() if "image" in service]

    assert [
        one
        for one in (*bases, *images)
        if not re.fullmatch(r"[a-z]+:[\w.-]+@sha256:[0-9a-f]{64}", one)
    ] == []
    assert len(set(bases)) == 1
    assert images


def test_d23_documents_name_actions_by_commit() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "actions").rglob("*.yml")]
    used = [
        (page.name, *one)
        for page in pages
        for one in re.findall(
            r"^\s*(?:- )?uses: ([\w.-]+/[^@\s]+)@?(\S*)", page.read_text(), re.MULTILINE
        )
    ]
    included = [one for page in pages for one in re.findall(r"/-/raw/([^/]+)/", page.read_text())]

    assert len(used) >= 5
    assert [one for one in used if not re.fullmatch(r"[0-9a-f]{40}", one[-1])] == []
    assert [one for one in included if not re.fullmatch(r"[0-9a-f]{40}", one)] == []


def test_everything_is_installed_by_hash() -> None:
    installs = [
        part for run in instructions("RUN") for part in run.split("&&") if "pip install" in part
    ]

    assert installs
    assert [
        part for part in installs if "--require-hashes" not in part and "--no-index" not in part
    ] == []


def test_the_image_sets_only_settings_that_exist() -> None:
    assert set(re.findall(r"\b(GATE_\w+)=", " ".join(instructions("ENV")))) <= SETTINGS


def test_compose_sets_only_settings_that_exist() -> None:
    assert set(compose()["services"]["gate"]["environment"]) <= SETTINGS | SECRETS


def test_compose_writes_no_secret_down() -> None:
    values = [
        str(value)
        for service in compose()["services"].values()
        for value in service["environment"].values()
    ]

    assert [
        value
        for value in values
        if "password" in value.lower() and not value.startswith("/run/secrets/")
    ] == []


@pytest.mark.parametrize("service", ["gate", "postgres"])
def test_compose_runs_with_a_read_only_root_and_named_secrets(service: str) -> None:
    described = compose()["services"][service]

    assert described["read_only"] is True
    assert "/tmp" in described["tmpfs"]  # noqa: S108 - the path inside the container
    assert set(described["secrets"]) <= set(compose()["secrets"])


def test_the_image_installs_what_the_tests_ran_with() -> None:
    tested = pins("requirements-dev.lock")

    for lock in ("requirements.lock", "requirements-build.lock"):
        assert {
            name: version for name, version in pins(lock).items() if tested.get(name) != version
        } == {}


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]

    assert (
        names([*project["dependencies"], *extras["postgres"]]) - set(pins("requirements.lock"))
        == set()
    )
    assert names(extras["dev"]) - set(pins("requirements-dev.lock")) == set()


@pytest.mark.parametrize(
    "lock", ["requirements.lock", "requirements-dev.lock", "requirements-build.lock"]
)
def test_a_lock_names_no_index_and_pins_everything_by_hash(lock: str) -> None:
    text = (ROOT / lock).read_text()

    assert re.findall(r"https?:|--index|--find-links|^-", text, re.MULTILINE) == []
    assert len(re.findall(r"^\S+==.+\\\n    --hash=sha256:", text, re.MULTILINE)) == len(pins(lock))


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


def names(requirements: list[str]) -> set[str]:
    return {
        re.split(r"[\[<>=~! ]", requirement)[0].lower().replace("_", "-")
        for requirement in requirements
    }
