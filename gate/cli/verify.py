"""`gate verify-admission`: the check in the deploy step. Needs no network and no server."""

from datetime import UTC, datetime
from pathlib import Path

from gate.core.change import Artifact
from gate.errors import Invalid
from gate.ledger.dsse import StatementError
from gate.ledger.note import KeyTextError, VerifierKey
from gate.ledger.statement import verify_admission

FILE_BYTES_MAX = 1024 * 1024


def verify(file: Path, *, key: str, commit: str, environment: str, run: str, artifacts: list[str]) -> None:
    """Raises `Invalid` with what differs."""
    try:
        statement = verify_admission(
            _read(file),
            VerifierKey.parse(_key_text(key)),
            commit=commit,
            environment=environment,
            run_id=run,
            artifacts=[_artifact(text) for text in artifacts],
            at=datetime.now(UTC),
        )
    except (StatementError, KeyTextError) as error:
        raise Invalid(f"not admitted: {error}") from None
    print(f"admitted: {statement.service} {statement.commit[:12]} to {statement.environment}, change {statement.change}")


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(FILE_BYTES_MAX)
    except OSError as error:
        raise Invalid(f"{file} cannot be read ({error.strerror})") from None


def _key_text(key: str) -> str:
    """The key itself, or the file that holds it."""
    try:
        path = Path(key)
        return _read(path).decode(errors="replace").strip() if path.is_file() else key
    except (OSError, ValueError):  # longer than a path may be, or with a character that none has
        return key


def _artifact(text: str) -> Artifact:
    name, found, digest = text.partition("=")
    if not found or not name or not digest:
        raise Invalid(f"--artifact {text}: write NAME=DIGEST, such as app=sha256:…")
    return Artifact(name, digest)
