"""What the pages on systemd, the image and compose say is true of the files that they are about."""

import re
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from gate.cli.serve import GRACE_SECONDS
from gate.config import PREFIX, Settings
from tests.cli.running import gate
from tests.documents import ROOT, Document
from tests.live import GATE
from tests.test_image import instructions

FOLDER = ROOT / "docs/deploy"
UNIT = FOLDER / "gate.service"
KNOWN = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
KNOWN |= {f"{name}_FILE" for name in KNOWN}
VERIFY_SECONDS = 30


class Unit(RawConfigParser):
    """A unit file: names with their capitals, and the last of several values."""

    def optionxform(self, optionstr: str) -> str:
        """As it is written."""
        return optionstr


@pytest.fixture
def unit() -> Unit:
    """The unit that is shipped."""
    read = Unit(strict=False)
    read.read(UNIT)
    return read


def page(name: str) -> Document:
    return Document(f"docs/deploy/{name}", (FOLDER / name).read_text())


def test_the_unit_starts_a_command_that_exists_in_a_folder_that_may_be_written(unit: Unit) -> None:
    service = unit["Service"]
    program, *words = service["ExecStart"].split()

    assert Path(program).name == "gate"
    assert gate(*words, "--help").code == 0
    assert service["WorkingDirectory"] == f"/var/lib/{service['StateDirectory']}"
    assert service["Environment"].partition("=")[0] in KNOWN
    assert (
        service["ProtectSystem"],
        service["NoNewPrivileges"],
        service["CapabilityBoundingSet"],
    ) == (
        "strict",
        "yes",
        "",
    )


def test_the_unit_starts_again_what_has_ended_and_stops_it_in_order(unit: Unit) -> None:
    assert unit["Service"]["Restart"] == "always"
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
    assert int(unit["Service"]["TimeoutStopSec"]) > GRACE_SECONDS


def test_systemd_takes_the_unit_where_there_is_one_to_ask(tmp_path: Path) -> None:
    """A machine without systemd cannot say; the other tests hold there as well."""
    program = shutil.which("systemd-analyze")
    if program is None:
        return
    file = tmp_path / "gate.service"
    file.write_text(UNIT.read_text().replace("/opt/gate/bin/gate", GATE))

    done = subprocess.run(  # noqa: S603 - a program of systemd, with a file of our own
        [program, "verify", str(file)],
        capture_output=True,
        text=True,
        timeout=VERIFY_SECONDS,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_settings_in_the_page_on_systemd_are_those_of_the_gate() -> None:
    named = set(re.findall(r"\b(GATE_[A-Z_]+)=", page("systemd.md").text))

    assert len(named) >= 3
    assert named <= KNOWN


def test_own_policies_take_the_place_where_the_image_has_its_own() -> None:
    (block,) = [one for one in page("compose.md").blocks if "override" in one.marks]
    override: dict[str, Any] = yaml.safe_load(block.text)
    compose: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    (service,) = override["services"]
    (volume,) = override["services"][service]["volumes"]
    (place,) = re.findall(r"GATE_POLICIES=(\S+)", " ".join(instructions("ENV")))

    assert service in compose["services"]
    assert volume.split(":")[1:] == [place, "ro"]
    assert set(override["services"][service]["environment"]) <= KNOWN
    others = compose["services"][service]["volumes"]
    assert place not in {one.split(":")[1] for one in others}


def test_the_page_on_the_image_says_what_the_image_is() -> None:
    said = page("image.md").text

    assert f"| user | {instructions('USER')[0]}," in said
    assert f"| port | {instructions('EXPOSE')[0]} |" in said
    assert f"| stop | {instructions('STOPSIGNAL')[0]};" in said
    assert instructions("VOLUME") == ["/data"]
    assert f"have {GRACE_SECONDS} seconds" in said
