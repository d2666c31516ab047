"""`gate ledger export` and `verify`, as an auditor uses them: to the end, interrupted, continued,
spoilt, and as one file.
"""

import asyncio
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import update

from gate.cli.ledger import offline
from gate.cli.ledger.program import PARTS
from gate.flow.changes import review
from gate.flow.commands import ReviewCommand
from gate.flow.entries import append_entry
from gate.ledger.format import Kind
from gate.ledger.note import SigningKey
from gate.storage.database.engine import sqlite_path
from gate.storage.ledger import sealing
from gate.storage.store import transaction
from gate.storage.tables.schema import changes
from tests.builders import commit_of
from tests.cli.running import Done, gate
from tests.flow.ledger.exported import settle
from tests.flow.shop import ADA, open_shop

ALONE = """
import runpy, sys, sysconfig
program, *sys.argv[1:] = sys.argv[1:]
sys.argv[0] = program
try:
    runpy.run_path(program, run_name="__main__")
except SystemExit as ended:
    code = ended.code
foreign = {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names - {"gate", "__main__", "_cffi_backend"}
print("foreign:", *sorted(name for name in foreign if not name.startswith("_")), file=sys.stderr)
print("gate from:", sys.modules["gate"].__file__, file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture
def database(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The database of a gate that told some stories, and was stopped."""
    asyncio.run(live_through_some(sqlite_url, tmp_path))
    monkeypatch.setenv("GATE_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("GATE_SIGNING_KEY_FILE", str(tmp_path / "gate.key"))
    return sqlite_url


async def live_through_some(url: str, folder: Path) -> None:
    async with open_shop(url, folder) as shop:
        await shop.deploy("a")
        large = await shop.submit("b", claims={"diff.lines_added": 500}, base=commit_of("a"))
        await review.approve(
            shop.gate, large["id"], ReviewCommand(large["subject_digest"], "looks right"), ADA
        )
        await shop.admit(await shop.read(large))
        await settle(shop)


async def go_on(url: str, folder: Path, letter: str) -> None:
    """Another change, sealed and signed."""
    async with open_shop(url, folder) as shop:
        await shop.submit(letter, service="web")
        await settle(shop)


def many_entries(url: str, folder: Path, entries: int) -> None:
    """So many more, without the changes that would take long."""
    with transaction(url) as tx:
        for number in range(entries):
            append_entry(
                tx,
                Kind.REFUSAL,
                None,
                problem="not_allowed",
                operation="test",
                by=f"token:{number}",
            )
        while sealing.seal(tx):
            pass
    asyncio.run(only_settle(url, folder))


async def only_settle(url: str, folder: Path) -> None:
    async with open_shop(url, folder) as shop:
        await settle(shop)


def key() -> str:
    return gate("ledger", "key").out.strip()


def verify(file: Path, *more: str) -> Done:
    return gate("ledger", "verify", str(file), "--key", key(), *more)


def exported(here: Path, name: str = "ledger.ndjson") -> Path:
    done = gate("ledger", "export", "--out", str(here / name))
    assert done.code == 0, done.err
    return here / name


def test_an_export_verifies_and_says_what_was_proved(database: str, here: Path) -> None:
    file = exported(here)
    done = verify(file)

    assert done.code == 0, done.err
    assert done.out.startswith("verified: ")
    assert "2 decisions of 2 changes" in done.out
    assert "signed: gate.example.com/decisions" in done.out
    assert all(json.loads(line) for line in file.read_text().splitlines())
    assert file.stat().st_mode & 0o077 == 0
    assert database


def test_an_export_grows_with_the_ledger(database: str, here: Path, tmp_path: Path) -> None:
    file = exported(here)
    many_entries(database, tmp_path, 600)
    fresh = exported(here, "fresh.ndjson")
    asyncio.run(go_on(database, tmp_path, "c"))

    done = gate("ledger", "export", "--out", str(file))
    assert verify(file).code == 0
    assert file.read_bytes() != fresh.read_bytes()
    again = gate("ledger", "export", "--out", str(fresh))
    assert "from entry 512 on" in again.out
    assert fresh.read_bytes() == file.read_bytes()
    assert done.code == 0


@pytest.mark.parametrize("keep", [0, 10, 500, 60_000, 150_000, 180_000])
def test_an_export_that_was_interrupted_goes_on(
    database: str, here: Path, tmp_path: Path, keep: int
) -> None:
    many_entries(database, tmp_path, 1_000)
    whole = exported(here).read_bytes()
    assert keep < len(whole)
    broken = here / "broken.ndjson"
    broken.write_bytes(whole[:keep])

    assert verify(broken).code == 1
    assert gate("ledger", "export", "--out", str(broken)).code == 0
    assert broken.read_bytes() == whole


@pytest.mark.parametrize("entries", [0, 600])
def test_an_export_of_what_a_restored_backup_has_not_is_not_written_over(
    database: str, here: Path, tmp_path: Path, entries: int
) -> None:
    many_entries(database, tmp_path, entries)
    file = here / "ledger.ndjson"
    backup = here / "backup.sqlite"
    assert gate("db", "backup", str(backup)).code == 0
    asyncio.run(go_on(database, tmp_path, "c"))
    many_entries(database, tmp_path, 300)
    lost = exported(here).read_bytes()

    kept = sqlite_path(database)
    assert kept is not None
    for one in kept.parent.glob(f"{kept.name}*"):
        one.unlink()
    shutil.copy(backup, kept)
    done = gate("ledger", "export", "--out", str(file))

    assert (done.code, done.out, file.read_bytes() == lost) == (1, "", True)
    assert "has entries that this ledger does not have: a backup was restored" in done.err


def test_what_is_no_export_of_this_ledger_is_not_written_over(database: str, here: Path) -> None:
    other = here / "notes.txt"
    other.write_text("something else\n")

    done = gate("ledger", "export", "--out", str(other))
    assert (done.code, other.read_text()) == (1, "something else\n")
    assert "no export of this ledger" in done.err
    assert gate("ledger", "export", "--out", str(here / "not there" / "x")).code == 1
    assert database


def test_the_first_bad_entry_is_named_with_what_is_wrong(database: str, here: Path) -> None:
    file = exported(here)
    lines = file.read_bytes().splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if b'"kind":"approval"' in line)
    index = sum(line.startswith(b'{"entry"') for line in lines[:place])
    lines[place] = lines[place].replace(b'"by":"per_ada"', b'"by":"per_ben"')
    file.write_bytes(b"".join(lines))

    done = verify(file)
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[0] == f"entry {index}: this is not the entry that was sealed here"
    assert f"the first at entry {index}" in done.err.splitlines()[-1]
    assert database


def test_a_checkpoint_that_was_kept_is_compared(database: str, here: Path, tmp_path: Path) -> None:
    line = next(
        line for line in exported(here).read_text().splitlines() if line.startswith('{"checkpoint"')
    )
    kept = here / "kept"
    kept.mkdir()
    (kept / "one.checkpoint").write_text(json.loads(line)["checkpoint"])
    asyncio.run(go_on(database, tmp_path, "c"))
    file = exported(here)

    done = verify(file, "--since", str(kept))
    assert (done.code, "kept outside: 1" in done.out) == (0, True)
    size = (kept / "one.checkpoint").read_text().splitlines()[1]
    forged = (kept / "one.checkpoint").read_text().replace(f"\n{size}\n", "\n1\n")
    (kept / "one.checkpoint").write_text(forged)
    assert verify(file, "--since", str(kept / "one.checkpoint")).code == 1
    assert "cannot be read" in verify(file, "--since", str(here / "nothing")).err
    (here / "empty").mkdir()
    assert "has no file" in verify(file, "--since", str(here / "empty")).err


@pytest.mark.parametrize("given", ["no key", "other.example.com+00000000+AAAA"])
def test_without_the_logs_own_key_nothing_is_proved(database: str, here: Path, given: str) -> None:
    file = exported(here)

    assert "not verified: --key" in gate("ledger", "verify", str(file), "--key", given).err
    assert "no key was given" in gate("ledger", "verify", str(file)).err
    stranger = SigningKey.generate("gate.example.com/decisions").verifier
    assert gate("ledger", "verify", str(file), "--key", str(stranger)).code == 1
    assert database


def test_a_file_with_several_keys_is_read(database: str, here: Path) -> None:
    file = exported(here)
    keys = here / "keys.txt"
    keys.write_text(f"{SigningKey.generate('gate.example.com/decisions').verifier}\n\n{key()}\n")

    assert gate("ledger", "verify", str(file), "--key", str(keys)).code == 0
    assert database


def test_without_a_file_the_database_itself_is_verified(database: str) -> None:
    good = gate("ledger", "verify")
    with transaction(database) as tx:
        tx.conn.execute(
            update(changes).where(changes.c.state == "deploying").values(state="approved")
        )
    bad = gate("ledger", "verify")

    assert (good.code, good.out.startswith("verified: ")) == (0, True), good.err
    assert bad.code == 1
    assert "is approved in the database, by its entries it is deploying" in bad.err


def test_a71_a_change_without_an_entry_is_found_in_the_database(database: str) -> None:
    with transaction(database) as tx:
        tx.execute("INSERT INTO changes SELECT * FROM (SELECT * FROM changes LIMIT 1) WHERE false")
        row = tx.conn.execute(changes.select().limit(1)).mappings().one()
        tx.conn.execute(changes.insert().values({**row, "id": "chg_unheard", "run_key": None}))

    done = gate("ledger", "verify")
    assert done.code == 1
    assert "chg_unheard is in the database, and the ledger has no entry of it" in done.err


def test_nothing_is_exported_before_anything_is_signed(
    sqlite_url: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE_DATABASE_URL", sqlite_url)

    done = gate("ledger", "export", "--out", str(here / "x"))
    assert (done.code, "nothing of the ledger is signed yet" in done.err) == (1, True)
    assert not (here / "x").exists()


def test_the_verifier_as_one_file_needs_nothing_of_the_gate(database: str, here: Path) -> None:
    file, program = exported(here), here / "verify.pyz"
    assert gate("ledger", "verify", "--save-as", str(program)).code == 0
    spoilt = here / "spoilt.ndjson"
    spoilt.write_bytes(file.read_bytes().replace(b'"by":"per_ada"', b'"by":"per_ben"'))

    good, bad = (alone(program, str(one), "--key", key()) for one in (file, spoilt))

    assert good.returncode == 0, good.stderr
    assert good.stdout == verify(file).out
    assert bad.returncode == 1
    assert "this is not the entry that was sealed here" in bad.stderr
    assert "foreign: cryptography\n" in good.stderr
    assert f"gate from: {program}" in good.stderr
    with zipfile.ZipFile(program) as opened:
        assert len(opened.namelist()) == len(PARTS) + 1
    assert "is there already" in gate("ledger", "verify", "--save-as", str(program)).err
    assert database


def alone(program: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run it in a Python that finds the gate nowhere else."""
    command = [sys.executable, "-c", ALONE, str(program), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=program.parent)  # noqa: S603 - our own


@pytest.mark.parametrize("processors", [2, 4])
def test_a_large_export_is_judged_by_several_processes_with_the_same_verdict(
    database: str, here: Path, monkeypatch: pytest.MonkeyPatch, processors: int
) -> None:
    file = exported(here)
    spoilt = here / "spoilt.ndjson"
    spoilt.write_bytes(file.read_bytes().replace(b'"by":"per_ada"', b'"by":"per_ben"'))
    broken = here / "broken.ndjson"
    broken.write_bytes(file.read_bytes().replace(b'"kind":"approval"', b'"kind":"approved"'))
    together = [verify(one) for one in (file, spoilt, broken)]

    monkeypatch.setattr(offline, "APART_BYTES_MIN", 0)
    monkeypatch.setattr("os.cpu_count", lambda: processors)

    assert [verify(one) for one in (file, spoilt, broken)] == together
    assert [done.code for done in together] == [0, 1, 1]
    assert database


def test_f11_a_backup_of_the_database_verifies_like_the_database(
    database: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gate("db", "backup", str(here / "backup.sqlite")).code == 0
    monkeypatch.setenv("GATE_DATABASE_URL", f"sqlite:///{here / 'backup.sqlite'}")

    assert gate("ledger", "verify").code == 0
    assert database


def test_every_decision_of_an_export_is_made_again(database: str, here: Path) -> None:
    file = exported(here)

    done = verify(file, "--replay")
    assert (done.code, done.err) == (0, "")
    assert "decided again: 2 decisions, each the same as recorded" in done.out

    own = gate("ledger", "verify", "--replay")
    assert "decided again: 2 decisions, each the same as recorded" in own.out
    assert database


def test_a_decision_that_its_record_does_not_give_is_found_and_placed(
    database: str, here: Path
) -> None:
    file = exported(here)
    forged = file.read_bytes().replace(b'"overdue_reviews":0', b'"overdue_reviews":3', 1)
    file.write_bytes(forged)
    place = next(n for n, line in enumerate(entries_of(forged)) if b'"kind":"decision"' in line)

    done = verify(file, "--replay")

    assert done.code == 1
    assert f"entry {place}: decided again it is not the same: outcome was recorded" in done.err
    assert database


def entries_of(export: bytes) -> list[bytes]:
    return [line for line in export.splitlines() if line.startswith(b'{"entry":')]
