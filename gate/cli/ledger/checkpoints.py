"""`gate ledger checkpoint` and `gate ledger proof`: the newest signed head, copies of it where the
gate cannot reach them, and the proof of one decision as a file.

Whoever holds the database and the key can write another history. Only a head that was kept
elsewhere shows it, so an anchor is worth as much as its distance from the gate: another machine,
another administrator.
"""

import os
import subprocess
from pathlib import Path
from urllib.parse import quote, urlencode

from gate.cli.ledger.offline import CHECKPOINT_SUFFIX, read_checkpoints, read_keys
from gate.client.connection.transport import Request, TransportFailed, send
from gate.client.show.text import visible
from gate.core.counting import counted
from gate.errors import Invalid
from gate.ledger.checkpoint import (
    Checkpoint,
    NoteError,
    epoch_of,
    name_of,
    open_checkpoint,
    read_checkpoint,
)
from gate.ledger.note import VerifierKey
from gate.ledger.tiles import TILE_HEIGHT, TILE_WIDTH, Tree, tile_path
from gate.ledger.tree import ProofError, verify_consistency

ASK_SECONDS = 30.0
GIT_SECONDS = 60
_OK = 200


def show(url: str) -> None:
    """Print the newest signed head as it was signed."""
    print(fetch(url, "/v1/ledger/checkpoint").decode(), end="")


def anchor(folder: Path, url: str, token: str, keys: list[str], *, commit: bool) -> None:
    """Keep the newest head in a folder, unless it contradicts one that is there.

    With a token that may read the log the two are compared by a consistency proof. Without one only
    sizes and equal heads are compared. Raises `Invalid` with the contradiction.
    """
    note = fetch(url, "/v1/ledger/checkpoint")
    head = _opened(note, [key for text in keys for key in read_keys(text)])
    place = folder / name_of(head.origin).replace(":", "_")
    kept = _newest(place)
    if kept is not None:
        _require_continued(kept, head, url, token)
    file = (
        place
        / f"{epoch_of(head.origin, name_of(head.origin)):03}-{head.size:012}{CHECKPOINT_SUFFIX}"
    )
    if kept == head:
        print(f"{file} is there already: nothing was signed since")
        return
    place.mkdir(parents=True, exist_ok=True)
    file.write_bytes(note)
    if commit:
        _commit(folder, file, f"{head.origin}: {counted(head.size, 'entry', 'entries')}")
    compared = (
        "and continues the one before it"
        if kept and token
        else "the first of this log"
        if kept is None
        else "not compared: no token"
    )
    print(f"{file}: {counted(head.size, 'entry', 'entries')}, {compared}")


def fetch(url: str, path: str, token: str = "", *, wait: int = 0) -> bytes:
    """Return the body of the gate's answer. Raises `Invalid` if it is an error."""
    headers = {
        "User-Agent": "gate-client",
        **({"Authorization": f"Bearer {token}"} if token else {}),
    }
    asked = f"{url.rstrip('/')}{path}"
    try:
        reply = send(Request("GET", asked, headers, None, ASK_SECONDS + wait), os.environ)
    except TransportFailed as error:
        raise Invalid(f"{asked}: {error}") from None
    if reply.status != _OK:
        raise Invalid(
            f"{asked} answered {reply.status}: "
            f"{visible(reply.content.decode(errors='replace'), length_max=500)}"
        )
    return reply.content


def _opened(note: bytes, keys: list[VerifierKey]) -> Checkpoint:
    """Return the checkpoint of a note that one of these keys has signed, in any epoch."""
    origin = note.partition(b"\n")[0].decode(errors="replace")
    try:
        return open_checkpoint(
            note,
            [
                VerifierKey(origin, key.public)
                for key in keys
                if epoch_of(origin, name_of(key.name))
            ],
        )
    except (NoteError, ValueError) as error:
        raise Invalid(f"what the gate serves is no checkpoint of this key: {error}") from None


def _newest(place: Path) -> Checkpoint | None:
    """Return the newest head that was kept; a later epoch is newer than every earlier one."""
    files = sorted(place.glob(f"*{CHECKPOINT_SUFFIX}"))
    if not files:
        return None
    try:
        return read_checkpoint(read_checkpoints(files[-1])[0])
    except NoteError as error:
        raise Invalid(
            f"{files[-1]} is no checkpoint ({error}); put it back from the history of the folder"
        ) from None


def _require_continued(kept: Checkpoint, head: Checkpoint, url: str, token: str) -> None:
    """Raise `Invalid` if the head that is served now does not continue the one that was kept."""
    name = name_of(head.origin)
    before, now = epoch_of(kept.origin, name), epoch_of(head.origin, name)
    if before != now:
        raise Invalid(
            f"ALARM: {head.origin} takes the place of {kept.origin}: a backup was restored, and "
            "what was signed after it is gone. Ask the operators why, then begin a new folder"
        )
    if kept.size > head.size:
        raise Invalid(
            f"ALARM: {kept.size} entries were signed when the last checkpoint was kept, "
            f"{head.size} are now: entries are gone"
        )
    if kept.size == head.size and kept.root != head.root:
        raise Invalid(f"ALARM: two different histories of {head.size} entries were signed")
    if not token or kept.size in {0, head.size}:
        return

    def read(level: int, number: int) -> bytes:
        width = min((head.size >> TILE_HEIGHT * level) - number * TILE_WIDTH, TILE_WIDTH)
        return fetch(url, f"/v1/ledger/tile/{tile_path(level, number, width)}", token)

    try:
        proof = Tree(head.size, read).consistency_proof(kept.size)
        verify_consistency(kept.size, head.size, proof, kept.root, head.root)
    except ProofError as error:
        raise Invalid(
            f"ALARM: what is signed now does not continue the checkpoint of {kept.size} "
            f"entries that was kept: {error}"
        ) from None


def _commit(folder: Path, file: Path, words: str) -> None:
    for command in (
        ["add", "--", str(file.absolute())],
        ["commit", "--quiet", "--message", words, "--", str(file.absolute())],
    ):
        done = subprocess.run(  # noqa: S603 - git of the path, with a file of our own name
            ["git", "-C", str(folder), *command],  # noqa: S607 - git of the path, with a file of our own name
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise Invalid(
                f"git {command[0]} in {folder} failed: "
                f"{visible(done.stderr.strip(), length_max=500)}"
            )


def write_proof(change: str, kind: str, out: Path, *, url: str, token: str, wait: int) -> None:
    """Wait until the decision of this change is signed, and write its proof to `out`.

    Raises `Invalid`.
    """
    query = urlencode({"kind": kind, "wait": wait})
    content = fetch(url, f"/v1/changes/{quote(change, safe='')}/proof?{query}", token, wait=wait)
    try:
        out.write_bytes(content)
    except OSError as error:
        raise Invalid(f"{out} cannot be written ({error.strerror})") from None
    print(f"{out} proves the {kind} of {change}; check it with gate ledger verify {out} --key KEY")
