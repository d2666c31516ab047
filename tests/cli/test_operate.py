"""What an operator runs: the database, the signing key, the documents."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gate import __version__
from gate.ledger.note import VerifierKey
from tests.cli.running import gate


def test_the_version_is_printed_alone() -> None:
    assert gate("version").out == f"{__version__}\n"


def test_the_openapi_document_is_json() -> None:
    document = json.loads(gate("openapi").out)

    assert document["openapi"].startswith("3.1")
    assert "/v1/changes" in document["paths"]


# The database


def test_upgrade_makes_a_database_with_its_key_for_its_owner_alone(here: Path) -> None:
    first, second = gate("db", "upgrade"), gate("db", "upgrade")

    database = here / ".gate" / "gate.db"
    assert (first.code, second.code) == (0, 0)
    assert first.out.splitlines()[0].startswith(f"{database} has revision ")
    assert second.out == first.out.splitlines(keepends=True)[0]
    assert {(here / ".gate" / name).stat().st_mode & 0o777 for name in ("gate.db", "gate.key")} == {
        0o600
    }


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (
            "mysql://localhost/gate",
            "the database URL begins with mysql; allowed are sqlite and postgresql+psycopg",
        ),
        ("sqlite://", "the database URL names no file"),
        ("nonsense", "the database URL cannot be read"),
    ],
)
def test_a_database_that_cannot_be_is_refused(
    url: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE_DATABASE_URL", url)

    for command in (("db", "upgrade"), ("db", "backup", "copy.db"), ("token", "list")):
        done = gate(*command)
        assert (done.code, done.err.startswith(words)) == (1, True)


def test_f26_a_newer_database_is_refused(here: Path) -> None:
    gate("db", "upgrade")
    with sqlite3.connect(here / ".gate" / "gate.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '2099_01_01_later'")
    connection.close()

    for command in (("db", "upgrade"), ("token", "list")):
        done = gate(*command)
        assert done.code == 1
        assert "2099_01_01_later, which this release does not know; run a newer release" in done.err


def test_f11_a_backup_is_a_whole_database_for_its_owner_alone(here: Path) -> None:
    gate("db", "upgrade")
    gate("token", "create", "--role", "auditor")

    done = gate("db", "backup", "copy.db")

    copy = sqlite3.connect(here / "copy.db")
    assert (done.code, done.out) == (
        0,
        f"{here}/.gate/gate.db was copied to copy.db; keep it with the signing key\n",
    )
    assert (
        copy.execute("SELECT count(*) FROM tokens").fetchone(),
        copy.execute("PRAGMA quick_check").fetchone(),
    ) == ((1,), ("ok",))
    assert (here / "copy.db").stat().st_mode & 0o777 == 0o600
    copy.close()


def test_a_backup_of_what_stands_under_an_odd_name(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE_DATABASE_URL", f"sqlite:///{here}/50%25 ?#.db")
    gate("db", "upgrade")

    assert gate("db", "backup", "copy.db").code == 0


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("there.db", "there.db is there already; name a new file"),
        ("nowhere/copy.db", "nowhere/copy.db cannot be written (No such file or directory)"),
    ],
)
def test_a_backup_overwrites_nothing_and_says_what_is_in_its_way(
    here: Path, target: str, words: str
) -> None:
    gate("db", "upgrade")
    (here / "there.db").write_text("precious")

    done = gate("db", "backup", target)

    assert (done.code, done.err) == (1, f"{words}\n")
    assert (here / "there.db").read_text() == "precious"


def test_a_backup_of_what_is_no_database_leaves_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "damaged.db").write_text(
        "no database at all, but long enough to be looked at as one" * 20
    )
    monkeypatch.setenv("GATE_DATABASE_URL", "sqlite:///damaged.db")

    done = gate("db", "backup", "copy.db")

    assert (done.code, (here / "copy.db").exists()) == (1, False)
    assert "was not copied" in done.err


def test_a_backup_without_a_database_says_where_it_looked(here: Path) -> None:
    done = gate("db", "backup", "copy.db")

    assert (done.code, (here / ".gate").exists()) == (1, False)
    assert done.err.startswith(
        f"there is no database at {here}/.gate/gate.db; set GATE_DATABASE_URL to the one "
        "that the running gate"
    )


@pytest.mark.parametrize(
    "command",
    [
        ("token", "create", "--role", "auditor"),
        ("people", "invite", "ada@example.com"),
        ("db", "backup", "copy.db"),
        ("ledger", "key"),
    ],
)
def test_e25_beside_a_demo_its_database_is_named_ready_to_paste(
    here: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = f"sqlite:///{here}/.gate/demo.db"
    monkeypatch.setenv("GATE_DATABASE_URL", demo)
    gate("db", "upgrade")
    monkeypatch.delenv("GATE_DATABASE_URL")

    done = gate(*command)

    assert (done.code, done.out) == (1, "")
    assert (
        f"the demo keeps its records in {here}/.gate/demo.db: export GATE_DATABASE_URL={demo} ("
        in done.err
    )
    assert not (here / ".gate" / "gate.db").exists()


def test_a_server_is_backed_up_by_its_own_means(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_DATABASE_URL", "postgresql+psycopg://gate@db/gate")

    assert "back it up with pg_dump" in gate("db", "backup", "copy.db").err


# The key


def test_the_key_is_printed_alone_and_stays(here: Path) -> None:
    gate("db", "upgrade")

    first, second = gate("ledger", "key"), gate("ledger", "key")

    assert (first.code, first.out) == (0, second.out)
    assert VerifierKey.parse(first.out).name == "127.0.0.1:8080/decisions"
    assert (here / ".gate" / "gate.key").is_file()


def test_a_lost_key_is_never_replaced_where_something_was_written(here: Path) -> None:
    gate("db", "upgrade")
    gate("token", "create", "--role", "auditor")
    (here / ".gate" / "gate.key").unlink()

    done = gate("ledger", "key")

    assert (done.code, done.out) == (1, "")
    assert (
        "is missing, but the ledger is not empty: put the key back that belongs to it" in done.err
    )
    assert not (here / ".gate" / "gate.key").exists()


def test_for_a_server_the_key_is_made_where_it_was_asked_for(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE_DATABASE_URL", "postgresql+psycopg://gate@db/gate")
    nowhere = gate("ledger", "key")
    monkeypatch.setenv("GATE_SIGNING_KEY_FILE", str(here / "keys" / "signing.key"))

    made = gate("ledger", "key")

    assert (nowhere.code, nowhere.err) == (1, "no key file is named; set GATE_SIGNING_KEY_FILE\n")
    assert (made.code, made.err.startswith(f"made {here}/keys/signing.key; keep it safe")) == (
        0,
        True,
    )
    assert gate("ledger", "key").out == made.out
    assert (here / "keys" / "signing.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"nonsense", "signing key"), (b"\xff\xfe", "signing key"), (b"", "signing key")],
)
def test_a_file_that_is_no_key_is_refused_and_never_shown(
    here: Path, content: bytes, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "bad.key").write_bytes(content)
    monkeypatch.setenv("GATE_SIGNING_KEY_FILE", "bad.key")
    gate("db", "upgrade")

    done = gate("ledger", "key")

    assert (done.code, words in done.err, "nonsense" in done.err) == (1, True, False)
    assert (here / "bad.key").read_bytes() == content


def test_a_command_beside_a_server_starts_without_the_app() -> None:
    imports = "import gate.cli.operate, gate.cli.people, gate.cli.tokens, gate.cli.ledger.exports"
    shown = f"{imports}; import sys; print(*sorted({{'fastapi', 'gate.app'}} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", shown], capture_output=True, check=True)  # noqa: S603 - our own words

    assert done.stdout.split() == []
