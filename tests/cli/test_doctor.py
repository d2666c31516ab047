"""`gate doctor`: what is missing, and what to do about it; never a secret."""

from pathlib import Path

import pytest

from tests.cli.running import gate


def lines(out: str, mark: str) -> list[str]:
    """What it says of the things that are so."""
    return [line.removeprefix(mark).strip() for line in out.splitlines() if line.startswith(mark)]


def test_an_empty_place_lacks_everything(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_POLICIES", "nowhere")

    done = gate("doctor")

    assert done.code == 1
    assert lines(done.out, "WRONG") == [
        f"database: there is no database at {here}/.gate/gate.db; gate serve or gate db upgrade makes one",
        "policies: nowhere is no folder; name the folder of your policies with --policies or GATE_POLICIES",
        f"signing key: there is none at {here}/.gate/gate.key, so nothing can be admitted; `gate ledger key` makes one",
    ]


def test_all_is_well_after_the_first_steps(here: Path) -> None:
    gate("db", "upgrade")

    done = gate("doctor")

    assert (done.code, lines(done.out, "WRONG")) == (0, [])
    assert lines(done.out, "ok")[:2] == [f"database: {here}/.gate/gate.db", f"policies: 2 in {here}/policies"]


def test_secrets_are_stars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_DATABASE_URL", "postgresql+psycopg://gate:hunter2@127.0.0.1:1/gate")

    done = gate("doctor")

    assert done.code == 1
    assert "hunter2" not in done.out + done.err
    assert "GATE_DATABASE_URL = **********" in done.out


@pytest.mark.parametrize(("name", "value"), [("GATE_PORT", "99999"), ("GATE_POLICY_ACTIVATION", "maybe"), ("GATE_RATE_LIMIT", "-1")])
def test_a_setting_that_cannot_be_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)

    done = gate("doctor")

    assert (done.code, done.err.startswith(name)) == (1, True)
