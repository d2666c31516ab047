"""Rotation of the signing key, and a new epoch after a restore: what an operator does, step by step
(A66, F30).
"""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gate.cli.ledger import keys
from gate.flow.queries import upkeep
from gate.flow.signing import read_key
from gate.ledger.checkpoint import read_checkpoint
from gate.ledger.note import VerifierKey
from gate.storage.ledger import heads
from tests.cli.running import gate
from tests.flow.ledger.exported import settle
from tests.flow.shop import BASE_URL, open_shop


@pytest.fixture
def database(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A gate that was served once, and stopped."""
    monkeypatch.setenv("GATE_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("GATE_BASE_URL", BASE_URL)
    monkeypatch.setenv("GATE_SIGNING_KEY_FILE", str(tmp_path / "gate.key"))
    assert serve(sqlite_url, tmp_path, "a") == []
    return sqlite_url


def serve(url: str, folder: Path, *letters: str) -> list[str]:
    """Start, take these changes, seal and sign, stop; why it was not ready."""

    async def served() -> list[str]:
        async with open_shop(url, folder) as shop:
            for letter in letters:
                await shop.submit(letter, service="web")
            await settle(shop)
            return await upkeep.ready(shop.gate)

    return asyncio.run(served())


def newest(url: str, folder: Path) -> bytes:
    """The newest signed head."""

    async def read() -> bytes:
        async with open_shop(url, folder) as shop:
            found = await shop.gate.store.read(heads.newest_checkpoint)
            assert found is not None
            return found[1]

    return asyncio.run(read())


def verified(here: Path, key: str, *since: Path) -> tuple[int, str]:
    """Export and verify anew."""
    file = here / "ledger.ndjson"
    file.unlink(missing_ok=True)
    assert gate("ledger", "export", "--out", str(file)).code == 0
    done = gate("ledger", "verify", str(file), "--key", key, *[f"--since={one}" for one in since])
    return done.code, done.out + done.err


def test_f30_a_new_key_signs_and_whoever_has_the_old_one_verifies_all(
    database: str, here: Path, tmp_path: Path
) -> None:
    old = gate("ledger", "key").out.strip()
    (here / "old.checkpoint").write_bytes(newest(database, tmp_path))

    done = gate("ledger", "key", "--rotate")
    new = done.out.strip()

    assert done.code == 0, done.err
    assert (new != old, gate("ledger", "key").out.strip()) == (True, new)
    assert serve(database, tmp_path, "b", "c") == []
    assert (
        VerifierKey.parse(new).hint.rpartition("+")[0]
        == read_checkpoint(newest(database, tmp_path)).origin
    )
    for key in (old, new):
        assert verified(here, key, here / "old.checkpoint")[0] == 0
    kept = [file for file in tmp_path.glob("gate.key.*") if file.suffix != ".guard"]
    assert [str(read_key(file, BASE_URL).verifier) for file in kept] == [old]  # type: ignore[union-attr]  # a key's file
    assert all(file.stat().st_mode & 0o077 == 0 for file in tmp_path.glob("gate.key*"))


def test_f30_a_server_with_the_old_key_is_unready_and_signs_nothing(
    database: str, tmp_path: Path
) -> None:
    before = (tmp_path / "gate.key").read_bytes()
    gate("ledger", "key", "--rotate")
    (tmp_path / "gate.key").write_bytes(before)

    (unready,) = serve(database, tmp_path, "b")
    assert "give it that key" in unready


def test_f30_a_rotation_that_was_interrupted_is_finished(
    database: str, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = gate("ledger", "key").out.strip()
    with monkeypatch.context() as cut:
        cut.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            keys.rotate()
    assert gate("ledger", "key").out.strip() == old

    assert gate("ledger", "key", "--rotate").code == 0
    assert serve(database, tmp_path, "b") == []
    assert verified(here, old)[0] == 0


def test_a_key_that_does_not_sign_the_ledger_hands_nothing_over(
    database: str, tmp_path: Path
) -> None:
    (tmp_path / "gate.key").unlink()
    assert "there is no key" in gate("ledger", "key", "--rotate").err
    assert database


def test_f11_f13_a66_a_restored_backup_is_signed_again_only_in_a_new_epoch(
    database: str, here: Path, tmp_path: Path
) -> None:
    old = gate("ledger", "key").out.strip()
    backup = here / "backup.sqlite"
    assert gate("db", "backup", str(backup)).code == 0
    (here / "before.checkpoint").write_bytes(newest(database, tmp_path))
    assert serve(database, tmp_path, "b", "c") == []
    (here / "lost.checkpoint").write_bytes(newest(database, tmp_path))
    restore(backup, tmp_path / "gate.sqlite")

    (unready,) = serve(database, tmp_path, "d")
    done = gate("ledger", "epoch", "--comment", "disk failed, backup of Sunday")
    new = done.out.strip()

    assert "restored from an older backup" in unready
    assert done.code == 0, done.err
    assert new.startswith("gate.example.com/decisions/epoch-2+")
    assert serve(database, tmp_path, "e") == []
    assert (
        read_checkpoint(newest(database, tmp_path)).origin == "gate.example.com/decisions/epoch-2"
    )
    for key in (old, new):
        code, said = verified(here, key, here / "before.checkpoint")
        assert (code, "epoch 2 begins after" in said) == (0, True), said
    code, said = verified(here, old, here / "lost.checkpoint")
    assert (code, "entries were signed when the checkpoint was kept" in said) == (1, True)
    assert "not needed" in gate("ledger", "epoch", "--comment", "again").err


def test_no_epoch_is_opened_where_nothing_was_lost(database: str, tmp_path: Path) -> None:
    assert "a new epoch is not needed" in gate("ledger", "epoch", "--comment", "just so").err
    (tmp_path / "gate.key.guard").unlink()
    assert "there is no guard" in gate("ledger", "epoch", "--comment", "just so").err
    assert database


def restore(backup: Path, database: Path) -> None:
    """As an operator does: the files of the log of changes belong to the database that is
    replaced.
    """
    for suffix in ("-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    shutil.copy(backup, database)
    with closing(sqlite3.connect(database)) as opened:
        assert opened.execute("PRAGMA quick_check").fetchone() == ("ok",)
