"""`gate verify-admission`: the check in the deploy step, with a file and a key alone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from gate.core.change import Run
from gate.ledger.note import SigningKey
from gate.ledger.statement import AdmissionStatement, sign_envelope
from tests.builders import commit_of, image_of
from tests.cli.running import Done, gate

KEY = SigningKey.generate("gate.example.com/decisions")
IMAGE = image_of("a")


def statement(at: datetime) -> AdmissionStatement:
    """An admission of that time."""
    return AdmissionStatement(
        change="chg_1",
        service="checkout",
        environment="production",
        repository="acme/checkout",
        repository_id=1001,
        commit=commit_of("a"),
        artifacts=(IMAGE,),
        run=Run("17", 2, "deploy"),
        policy_revision="r" * 64,
        subject_digest="d" * 64,
        admitted_at=at,
        expires_at=at + timedelta(minutes=15),
        type="standard",
    )


@pytest.fixture
def envelope(here: Path) -> Path:
    """An admission of a moment ago."""
    path = here / "admission.json"
    path.write_bytes(orjson.dumps(sign_envelope(KEY, statement(datetime.now(UTC).replace(microsecond=0)))))
    return path


def verify(file: Path, *artifacts: str, **different: str) -> Done:
    """Whether it admits what it is about, with one thing different."""
    asked = {"key": str(KEY.verifier), "commit": commit_of("a"), "environment": "production", "run": "17"} | different
    options = [part for name, text in asked.items() for part in (f"--{name}", text)]
    return gate("verify-admission", str(file), *options, *(part for one in artifacts for part in ("--artifact", one)))


@pytest.mark.parametrize(
    ("different", "words"),
    [
        ({"commit": commit_of("b")}, "not admitted: commit differs"),
        ({"commit": commit_of("a")[:12]}, "not admitted: commit differs"),
        ({"environment": "prod"}, "not admitted: environment differs"),
        ({"run": "18"}, "not admitted: run differs"),
        ({"key": str(SigningKey.generate("gate.example.com/decisions").verifier)}, "not admitted: none of the 1 signatures was made by"),
        ({"key": "nonsense"}, "not admitted: "),
        ({"key": "x" * 5_000}, "not admitted: "),
        ({"key": "."}, "not admitted: "),
    ],
)
def test_another_thing_is_not_admitted(envelope: Path, different: dict[str, str], words: str) -> None:
    done = verify(envelope, **different)

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(words)


@pytest.mark.parametrize(
    ("artifact", "words"),
    [
        (f"image={image_of('b').digest}", "not admitted: artifact image="),
        (f"other={IMAGE.digest}", "not admitted: artifact other="),
        ("image", "--artifact image: write NAME=DIGEST, such as app=sha256:…"),
        (f"={IMAGE.digest}", f"--artifact ={IMAGE.digest}: write NAME=DIGEST"),
    ],
)
def test_another_artifact_is_not_admitted(envelope: Path, artifact: str, words: str) -> None:
    done = verify(envelope, artifact)

    assert (done.code, done.err.startswith(words)) == (1, True)


@pytest.mark.parametrize("minutes", [-17, 2])
def test_an_admission_of_another_time_is_none(here: Path, minutes: int) -> None:
    path = here / "old.json"
    path.write_bytes(orjson.dumps(sign_envelope(KEY, statement(datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=minutes)))))

    assert verify(path).code == 1


@pytest.mark.parametrize("content", [b"", b"{}", b"<html>", b"[" * 100_000, b"\xff"])
def test_what_is_no_envelope_admits_nothing(here: Path, content: bytes) -> None:
    (here / "bad.json").write_bytes(content)

    assert verify(here / "bad.json").code == 1


def test_a_file_that_is_not_there_admits_nothing(here: Path) -> None:
    done = verify(here / "nowhere.json")

    assert (done.code, done.err) == (1, f"{here}/nowhere.json cannot be read (No such file or directory)\n")


def test_exactly_this_is_admitted(envelope: Path) -> None:
    done = verify(envelope, f"image={IMAGE.digest}")

    assert (done.code, done.out) == (0, "admitted: checkout aaaaaaaaaaaa to production, change chg_1\n")


def test_the_key_may_be_in_a_file(envelope: Path, here: Path) -> None:
    (here / "verifier").write_text(f"{KEY.verifier}\n")

    assert verify(envelope, key="verifier").code == 0
