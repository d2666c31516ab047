"""`gate verify-admission`: the check in the deploy step, with a file and a key alone."""

import os
import shlex
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from gate.core.change import Run
from gate.ledger.note import SigningKey
from gate.ledger.statement import AdmissionStatement, sign_envelope
from tests.builders import commit_of, image_of
from tests.cli.running import Done, gate
from tests.live import GATE

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
    path.write_bytes(
        orjson.dumps(sign_envelope(KEY, statement(datetime.now(UTC).replace(microsecond=0))))
    )
    return path


def verify(file: Path, *artifacts: str, **different: str) -> Done:
    """Whether it admits what it is about, with one thing different."""
    return gate("verify-admission", str(file), *options(*artifacts, **different))


def options(*artifacts: str, **different: str) -> list[str]:
    """The flags for what the envelope is about; an option that is empty is left out."""
    asked = {
        "key": str(KEY.verifier),
        "service": "checkout",
        "commit": commit_of("a"),
        "environment": "production",
        "run": "17",
    }
    named = [
        part for name, text in (asked | different).items() if text for part in (f"--{name}", text)
    ]
    return [
        *named,
        *(part for one in artifacts or (f"image={IMAGE.digest}",) for part in ("--artifact", one)),
    ]


@pytest.mark.parametrize(
    ("different", "words"),
    [
        (
            {"service": "web"},
            "not admitted: service differs: admitted was 'checkout', asked is 'web'",
        ),
        ({"service": "checkout-eu"}, "not admitted: service differs"),
        ({"commit": commit_of("b")}, "not admitted: commit differs"),
        ({"commit": commit_of("a")[:12]}, "not admitted: commit differs"),
        ({"environment": "prod"}, "not admitted: environment differs"),
        ({"run": "18"}, "not admitted: run differs"),
        (
            {"key": str(SigningKey.generate("gate.example.com/decisions").verifier)},
            "not admitted: none of the 1 signatures was made by",
        ),
        (
            {"key": "nonsense"},
            (
                "not admitted: --key is no file that is there, so it must be the key itself: "
                "no key: allowed is"
            ),
        ),
        (
            {"key": "x" * 5_000},
            "not admitted: --key is no file that is there, so it must be the key itself",
        ),
        (
            {"key": "."},
            "not admitted: --key is no file that is there, so it must be the key itself",
        ),
        (
            {"key": "policies/catalog.yaml"},
            "not admitted: --key policies/catalog.yaml: no key: allowed is",
        ),
    ],
)
def test_b8_another_thing_is_not_admitted(
    envelope: Path, different: dict[str, str], words: str
) -> None:
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
def test_b8_another_artifact_is_not_admitted(envelope: Path, artifact: str, words: str) -> None:
    done = verify(envelope, artifact)

    assert (done.code, done.err.startswith(words)) == (1, True)


@pytest.mark.parametrize("missing", ["key", "service", "commit", "environment", "run"])
def test_b8_nothing_is_admitted_that_is_not_named(envelope: Path, missing: str) -> None:
    done = verify(envelope, **{missing: ""})

    assert (done.code, done.out, f"--{missing}" in done.err) == (2, "", True)


def test_b8_an_admitted_artifact_that_is_not_named_is_not_admitted(envelope: Path) -> None:
    named = options()
    del named[named.index("--artifact") :]

    done = gate("verify-admission", str(envelope), *named)

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(
        f"not admitted: artifact image={IMAGE.digest} was admitted, but is not named here"
    )


def test_b8_what_a_gate_only_observed_is_admitted_where_that_is_allowed(here: Path) -> None:
    path = here / "observed.json"
    path.write_bytes(
        orjson.dumps(
            sign_envelope(
                KEY, replace(statement(datetime.now(UTC).replace(microsecond=0)), observed=True)
            )
        )
    )

    refused, allowed = (
        verify(path),
        gate("verify-admission", str(path), "--allow-observed", *options()),
    )

    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("not admitted: the gate only observes checkout in production")
    assert (allowed.code, allowed.out.startswith("admitted: checkout")) == (0, True)


@pytest.mark.parametrize("minutes", [-17, 2])
def test_an_admission_of_another_time_is_none(here: Path, minutes: int) -> None:
    path = here / "old.json"
    path.write_bytes(
        orjson.dumps(
            sign_envelope(
                KEY,
                statement(datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=minutes)),
            )
        )
    )

    assert verify(path).code == 1


@pytest.mark.parametrize("content", [b"", b"{}", b"<html>", b"[" * 100_000, b"\xff"])
def test_what_is_no_envelope_admits_nothing(here: Path, content: bytes) -> None:
    (here / "bad.json").write_bytes(content)

    assert verify(here / "bad.json").code == 1


def test_a_file_that_is_not_there_admits_nothing(here: Path) -> None:
    done = verify(here / "nowhere.json")

    assert (done.code, done.err) == (
        1,
        f"{here}/nowhere.json cannot be read (No such file or directory)\n",
    )


def test_b8_exactly_this_is_admitted(envelope: Path) -> None:
    done = verify(envelope)

    assert (done.code, done.out) == (
        0,
        "admitted: checkout aaaaaaaaaaaa to production, change chg_1\n",
    )


def test_b8_the_key_may_be_in_a_file(envelope: Path, here: Path) -> None:
    (here / "verifier").write_text(f"{KEY.verifier}\n")

    assert verify(envelope, key="verifier").code == 0


@pytest.mark.parametrize(
    ("held", "code"),
    [
        pytest.param(str(KEY.verifier), 0, id="the key"),
        pytest.param("nonsense", 1, id="no key"),
        pytest.param("", 1, id="nothing, because whatever should write it has failed"),
    ],
)
def test_b8_the_key_may_come_through_a_pipe(
    envelope: Path, here: Path, held: str, code: int
) -> None:
    (here / "verifier").write_text(held)
    command = shlex.join([GATE, "verify-admission", str(envelope), *options(key="KEY")]).replace(
        "KEY", "<(cat verifier)"
    )

    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)  # noqa: S603, S607 - the shell is the case

    assert (done.returncode, "no key: allowed is" in done.stderr) == (code, code == 1)


def test_b8_the_statement_may_come_through_a_pipe(envelope: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, envelope.read_bytes())
    os.close(writing)

    assert verify(Path(f"/dev/fd/{reading}")).code == 0
    os.close(reading)
