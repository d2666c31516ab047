"""What `make run` installs, and that the wheel runs with nothing beside it but what it declares."""

import os
import subprocess
import sys
import zipfile
from email import message_from_bytes
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.live import LiveGate, serving
from tests.test_documents import make_repository

ROOT = Path(__file__).parents[1]


def planned(target: str, environment: Path) -> str:
    """What make would do for this target."""
    done = subprocess.run(  # noqa: S603 - make with fixed words
        ["make", "--no-print-directory", "--dry-run", target, f"VENV={environment}"],  # noqa: S607 - the make of the machine
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_make_run_installs_what_the_gate_needs_and_no_tool_of_a_developer(tmp_path: Path) -> None:
    steps = planned("run", tmp_path / "new")

    assert "--requirement requirements.lock" in steps
    assert "requirements-dev.lock" not in steps
    assert steps.splitlines()[-1] == f"exec {tmp_path}/new/bin/gate serve --demo"


def test_make_run_says_what_it_does_before_it_takes_long(tmp_path: Path) -> None:
    steps = planned("run", tmp_path / "new").splitlines()

    said = next(number for number, step in enumerate(steps) if "installing the gate" in step)
    assert said < next(
        number for number, step in enumerate(steps) if "requirements.lock --" in step
    )


@pytest.mark.parametrize("mark", [".runnable", ".installed"])
def test_nothing_is_installed_twice(mark: str, tmp_path: Path) -> None:
    (tmp_path / ".runnable").touch()
    (tmp_path / ".installed").touch()
    target = {".runnable": "run", ".installed": "install"}[mark]

    assert "pip" not in planned(target, tmp_path)


@pytest.mark.slow
@pytest.mark.server
def test_the_wheel_decides_in_an_environment_with_nothing_but_what_it_declares(
    tmp_path: Path,
) -> None:
    installed = environment_of(built_wheel(tmp_path), tmp_path / "installed")
    make_repository(tmp_path / "repository")
    server = LiveGate(
        tmp_path, "", tmp_path / "policies"
    )  # there is no such folder: the wheel brings policies of its own

    with serving(server, str(installed), "serve", "--demo"):
        banner = server.log.read_text().splitlines()
        exports = dict(
            line.removeprefix("export ").split("=", 1)
            for line in banner
            if line.startswith("export ")
        )
        asked = subprocess.run(  # noqa: S603 - our own command line
            [
                installed,
                "check",
                "--service",
                "checkout",
                "--environment",
                "staging",
                "--url",
                server.url,
                "--token",
                exports["GATE_TOKEN"],
            ],
            cwd=tmp_path / "repository",
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )

        assert asked.returncode == 0, asked.stdout + asked.stderr
        assert exports["PATH"] == f"{installed.parent}:$PATH"
        assert Path(exports["GATE_POLICIES"]).is_relative_to(installed.parents[1])
        assert server.stop() == 0
    assert importable(
        installed, "gate", "fastapi", "pytest", "hatchling", "mypy", "psycopg", "playwright"
    ) == ["gate", "fastapi"]


def built_wheel(folder: Path) -> Path:
    """Built as the image builds it."""
    build = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "--target",
        "wheel",
        "--directory",
        str(folder / "wheel"),
    ]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)  # noqa: S603 - our own build
    (built,) = (folder / "wheel").glob("*.whl")
    return built


def environment_of(wheel: Path, environment: Path) -> Path:
    """The `gate` of a new environment that holds the wheel and what its metadata asks for, and
    nothing else.

    Nothing is downloaded. The packages are those of this environment, which came by hash from the
    lock; each is linked into the new one, so a package that only developers have is missing there
    as it is for a user.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)  # noqa: S603 - an empty one
    packages = next(environment.glob("lib/python*/site-packages"))
    for package in {found.name: found for found in needed(asked_for(wheel)).values()}.values():
        link(package, packages)
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python")]
    subprocess.run(  # noqa: S603 - our own wheel
        [*pip, "install", "--quiet", "--no-index", "--no-deps", str(wheel)],
        capture_output=True,
        check=True,
    )
    return environment / "bin" / "gate"


def asked_for(wheel: Path) -> list[str]:
    """The requirements that the metadata of the wheel names."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name)).get_all("Requires-Dist", [])


def needed(
    requirements: list[str],
    extra: str = "",
    found: dict[tuple[str, str], Distribution] | None = None,
) -> dict[tuple[str, str], Distribution]:
    """What these requirements of a package and its extra ask for, and what that asks for, by name
    and extra.
    """
    found = {} if found is None else found
    for requirement in map(Requirement, requirements):
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            for wanted in {"", *requirement.extras} - {
                known for name, known in found if name == requirement.name
            }:
                found[requirement.name, wanted] = distribution(requirement.name)
                needed(found[requirement.name, wanted].requires or [], wanted, found)
    return found


def link(package: Distribution, packages: Path) -> None:
    """Have the files of an installed package in another environment; its scripts are left out."""
    for file in package.files or ():
        if ".." not in file.parts:
            place = packages / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(Path(str(package.locate_file(file))))


def importable(installed: Path, *names: str) -> list[str]:
    """Which of these modules a program of that environment finds."""
    script = (
        f"from importlib.util import find_spec\nprint(*[name for name in {names!r} if "
        "find_spec(name)])"
    )
    done = subprocess.run(  # noqa: S603 - look-ups alone
        [installed.with_name("python"), "-c", script], capture_output=True, text=True, check=True
    )
    return done.stdout.split()
