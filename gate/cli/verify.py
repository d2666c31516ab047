"""`gate verify-admission`: the check in the deploy step. Needs no network and no server."""

from datetime import UTC, datetime
from pathlib import Path

from gate.cli.ledger.offline import can_be_read
from gate.core.change import Artifact
from gate.errors import Invalid
from gate.ledger.dsse import StatementError
from gate.ledger.note import KeyTextError, VerifierKey
from gate.ledger.statement import Deployment, verify_admission

FILE_BYTES_MAX = 1024 * 1024


def verify(file: Path, key: str, deployment: Deployment, *, allow_observed: bool) -> None:
    """Verify an admission for this deployment. Raises `Invalid` with what differs."""
    content = _read(file)
    try:
        statement = verify_admission(
            content, _key(key), deployment, at=datetime.now(UTC), allow_observed=allow_observed
        )
    except (StatementError, KeyTextError) as error:
        raise Invalid(f"not admitted: {error}") from None
    print(
        f"admitted: {statement.service} {statement.commit[:12]} to {statement.environment}, "
        f"change {statement.change}"
    )


def read_artifact(text: str) -> Artifact:
    """Return the artifact in one value of `--artifact`."""
    name, found, digest = text.partition("=")
    if not found or not name or not digest:
        raise Invalid(f"--artifact {text}: write NAME=DIGEST, such as app=sha256:…")
    return Artifact(name, digest)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(FILE_BYTES_MAX)
    except OSError as error:
        raise Invalid(f"{file} cannot be read ({error.strerror})") from None


def _key(key: str) -> VerifierKey:
    """Return the key: the text itself, or the content of a file or a pipe such as `<(…)`."""
    source = Path(key)
    if not can_be_read(source):
        try:
            return VerifierKey.parse(key)
        except KeyTextError as error:
            raise KeyTextError(
                f"--key is no file that is there, so it must be the key itself: {error}"
            ) from None
    try:
        return VerifierKey.parse(_read(source).decode(errors="replace"))
    except KeyTextError as error:
        raise KeyTextError(f"--key {source}: {error}") from None
