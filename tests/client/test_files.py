"""The checkout decides neither what is read as a plan nor where answers are written (C14)."""

import os
from pathlib import Path

import pytest

from gate.client import files
from gate.client.arguments import run
from tests.client.checks import a_repo
from tests.client.fake_gate import fake_gate
from tests.client.worlds import a_world

NEEDED = ["check", "--service=a", "--environment=b", "--url=https://gate.example.com"]


@pytest.mark.parametrize("way", ["a link", "a link inside", "a folder that is a link"])
def test_c14_a_plan_that_is_a_link_is_not_sent_anywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    folder = tmp_path / "repo"
    (folder / ".git").mkdir(parents=True)
    (tmp_path / "secret").write_text("TOKEN=1")
    (folder / ".git" / "config").write_text("TOKEN=2")
    (folder / "ROLLBACK.md").symlink_to(
        {"a link": "../secret", "a link inside": ".git/config"}.get(way, "nothing")
    )
    (folder / "plans").symlink_to("../")
    name = "plans/secret" if way == "a folder that is a link" else "ROLLBACK.md"

    assert run([*NEEDED, f"--rollback-plan={name}"], a_world(folder)) == 2
    said = capsys.readouterr()
    assert "is a link" in said.err.replace("\n", " ")
    assert "TOKEN=" not in said.err + said.out


def test_a_plan_is_read_from_a_checkout_that_is_itself_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "plan").write_text("go back")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "elsewhere").symlink_to("real/plan")

    assert files.read_text(str(tmp_path / "link"), "plan", 100) == "go back"
    assert files.read_text(str(tmp_path / "link"), str(tmp_path / "elsewhere"), 100) == "go back"
    assert files.read_text(str(tmp_path / "link"), "../elsewhere", 100) == "go back"
    with pytest.raises(OSError, match="larger than 6 bytes"):
        files.read_text(str(tmp_path / "link"), "plan", 6)


@pytest.mark.parametrize("name", ["admission.json", "gate.env"])
def test_c14_an_answer_takes_the_place_of_a_link_and_follows_none(
    tmp_path: Path, name: str
) -> None:
    folder = a_repo(tmp_path).folder
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (folder / name).symlink_to(precious)
    asked = [
        "check",
        "--service=checkout",
        "--environment=staging",
        "--output=gitlab",
        "--statement=admission.json",
    ]
    with fake_gate() as gate:
        assert run(asked, a_world(folder, env={"GATE_URL": gate.url})) == 0

    assert precious.read_text() == "mine"
    assert not (folder / name).is_symlink()
    assert (folder / name).stat().st_size > 0


def test_what_is_written_has_the_usual_permissions(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        files.write(tmp_path / "plain", "x")
        files.write(tmp_path / "own", "x", files.OWNER_ONLY)
    finally:
        os.umask(before)

    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("plain", "own")] == [0o644, 0o600]
