"""`gate ledger checkpoint` and `proof`: what a stranger fetches from a running gate, keeps, and
compares.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gate.flow.caller import Role
from gate.ledger.checkpoint import Checkpoint, read_checkpoint, sign_checkpoint
from gate.ledger.note import SigningKey
from tests.api.served import request
from tests.cli.running import Done, gate
from tests.live import LiveGate, serving, token_of
from tests.shipped import never_frozen

pytestmark = pytest.mark.server
RUNS = iter(range(1_000))


@pytest.fixture(scope="module")
def live(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGate]:
    """A running gate with one change."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "gate.sqlite").write_bytes(sqlite_template.read_bytes())
    with serving(
        LiveGate(folder, f"sqlite:///{folder / 'gate.sqlite'}", never_frozen(folder))
    ) as running:
        submitted(running)
        yield running


def submitted(live: LiveGate) -> str:
    """Another change, whose decision is signed; its id."""
    headers = {"Authorization": f"Bearer {token_of(live, Role.PIPELINE)}"}
    with httpx.Client(base_url=live.url, headers=headers, timeout=60) as http:
        change: str = http.post("/v1/changes", json=request(f"cli-{next(RUNS)}")).json()["id"]
        assert http.get(f"/v1/changes/{change}/proof", params={"wait": 30}).status_code == 200
    return change


def key_of(live: LiveGate, folder: Path) -> Path:
    file = folder / "gate.pub"
    file.write_bytes(httpx.get(f"{live.url}/v1/ledger/key").content)
    return file


def anchored(live: LiveGate, here: Path, *more: str) -> Done:
    return gate(
        "ledger",
        "checkpoint",
        "--url",
        live.url,
        "--key",
        str(key_of(live, here)),
        "--anchor",
        str(here / "anchor"),
        *more,
    )


def kept(here: Path) -> list[Path]:
    return sorted((here / "anchor").rglob("*.checkpoint"))


def test_a_checkpoint_is_printed_as_it_was_signed(live: LiveGate) -> None:
    done = gate("ledger", "checkpoint", "--url", live.url)

    assert done.code == 0
    assert read_checkpoint(done.out.encode()).size > 0


def test_a_proof_is_written_and_verifies_offline(live: LiveGate, here: Path) -> None:
    change, file = submitted(live), here / "decision.tlog-proof"
    asked = ("--out", str(file), "--url", live.url, "--token", token_of(live, Role.AUDITOR))
    assert gate("ledger", "proof", change, *asked).code == 0

    done = gate("ledger", "verify", str(file), "--key", str(key_of(live, here)))
    assert done.code == 0, done.err
    assert f'"change":"{change}"' in done.out
    file.write_bytes(file.read_bytes().replace(b"index ", b"index 1"))
    assert gate("ledger", "verify", str(file), "--key", str(key_of(live, here))).code == 1
    assert "404" in gate("ledger", "proof", "chg_none", *asked).err


def test_an_anchor_keeps_every_head_once_and_compares_them(live: LiveGate, here: Path) -> None:
    auditor = ("--token", token_of(live, Role.AUDITOR))
    first = anchored(live, here, *auditor)
    submitted(live)
    second = anchored(live, here, *auditor)
    sizes = [read_checkpoint(file.read_bytes()).size for file in kept(here)]

    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert "the first of this log" in first.out
    assert "continues the one before it" in second.out
    assert sizes == sorted(set(sizes))
    assert len(sizes) == 2


def test_an_anchor_is_committed_where_it_is_told_to(live: LiveGate, here: Path) -> None:
    (here / "anchor").mkdir()
    for command in (
        ["init", "-q"],
        ["config", "user.email", "audit@example.com"],
        ["config", "user.name", "Audit"],
    ):
        subprocess.run(["git", *command], cwd=here / "anchor", check=True)  # noqa: S603, S607 - git of the path

    done = anchored(live, here, "--commit")

    log = subprocess.run(
        ["git", "log", "--format=%s"],  # noqa: S607 - the same
        cwd=here / "anchor",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.code == 0, done.err
    assert log.stdout.endswith("entries\n")
    assert "not compared" not in done.out


def test_what_cannot_be_committed_is_said(live: LiveGate, here: Path) -> None:
    done = anchored(live, here, "--commit")

    assert (done.code, "git add in" in done.err) == (1, True)


@pytest.mark.parametrize(
    ("forge", "says"),
    [
        pytest.param(
            lambda size: (size + 5, b"x" * 32), "entries are gone", id="more entries than now"
        ),
        pytest.param(lambda size: (size, b"x" * 32), "two different histories", id="another root"),
        pytest.param(
            lambda size: (size - 1, b"x" * 32), "does not continue", id="another beginning"
        ),
    ],
)
def test_a65_a_log_that_does_not_continue_what_was_kept_is_an_alarm(
    live: LiveGate, here: Path, forge: Any, says: str
) -> None:
    auditor = ("--token", token_of(live, Role.AUDITOR))
    submitted(live)  # and signed, with all that came before: the log has this size from now on
    anchored(live, here, *auditor)
    (file,) = kept(here)
    head = read_checkpoint(file.read_bytes())
    size, root = forge(head.size)
    file.write_bytes(
        sign_checkpoint(SigningKey.generate(head.origin), Checkpoint(head.origin, size, root))
    )

    done = anchored(live, here, *auditor)
    assert (done.code, "ALARM" in done.err, says in done.err) == (1, True, True), done.err
    assert len(kept(here)) == 1


def test_a66_another_epoch_is_an_alarm(live: LiveGate, here: Path) -> None:
    anchored(live, here)
    (file,) = kept(here)
    origin = f"{read_checkpoint(file.read_bytes()).origin}/epoch-2"
    file.write_bytes(sign_checkpoint(SigningKey.generate(origin), Checkpoint(origin, 1, b"x" * 32)))

    assert "a backup was restored" in anchored(live, here).err


def test_a_checkpoint_of_another_key_is_not_kept(live: LiveGate, here: Path) -> None:
    other = str(
        SigningKey.generate(
            read_checkpoint(httpx.get(f"{live.url}/v1/ledger/checkpoint").content).origin
        ).verifier
    )
    done = gate(
        "ledger", "checkpoint", "--url", live.url, "--key", other, "--anchor", str(here / "anchor")
    )

    assert (done.code, "no checkpoint of this key" in done.err) == (1, True)
    assert kept(here) == []
    assert (
        gate("ledger", "checkpoint", "--url", live.url, "--anchor", str(here / "anchor")).code == 1
    )
    assert gate("ledger", "checkpoint", "--url", "http://127.0.0.1:9").code == 1
