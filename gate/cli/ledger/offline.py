"""`gate ledger verify`: needs a file and a key; no server, no database, nothing but Python and
`cryptography`.

The same file is the main program of the one that `gate ledger verify --save-as` writes, for
auditors who install nothing of the gate.
"""

import argparse
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from gate.ledger.checkpoint import (
    NOTE_BYTES_MAX,
    PROOF_BYTES_MAX,
    PROOF_FIRST_LINE,
    NoteError,
    read_proof,
    verify_proof,
)
from gate.ledger.export import FAULTS_MAX, Faults, read_export
from gate.ledger.lives import LifeCheck
from gate.ledger.note import KEY_TEXT_LENGTH_MAX, KeyTextError, VerifierKey
from gate.ledger.tree import ProofError
from gate.ledger.verify import TreeCheck

VERIFIED, NOT_VERIFIED = 0, 1
CHECKPOINT_SUFFIX = ".checkpoint"
APART_BYTES_MIN = 32 * 1024 * 1024
"""From this size on the lives of changes are judged by a second process, while this one derives the
tree."""

_LINES_BETWEEN_SIGNS = 8_192
_BAR = 20


Replay = Callable[[Iterable[bytes], Faults], str]
"""Makes the decisions of an export again; answers what can be said of it. It needs all of the gate,
so the verifier that stands alone has none."""


class CannotVerify(Exception):
    """A file or a key that cannot be read: nothing is known, which is no proof."""


@dataclass(slots=True)
class Verdict:
    """What one reading of an export has found."""

    faults: list[tuple[int, str]] = field(default_factory=list)
    entries: int = 0
    decisions: int = 0
    changes: int = 0
    lines: tuple[str, ...] = ()


def main(argv: Sequence[str] | None = None) -> int:
    """Verify a file; 0 when everything in it is proved."""
    parser = argparse.ArgumentParser(
        prog="gate-verify", description="Verify an export of the gate's ledger, or a proof."
    )
    parser.add_argument("file", type=Path, help="an export, or a .tlog-proof")
    parser.add_argument(
        "--key",
        action="append",
        required=True,
        help="the verifier key, or a file with one or more; may be repeated",
    )
    parser.add_argument(
        "--since",
        action="append",
        default=[],
        type=Path,
        help="a checkpoint that was kept, or a folder of them",
    )
    asked = parser.parse_args(argv)
    try:
        return verify(asked.file, asked.key, asked.since)
    except CannotVerify as error:
        print(f"not verified: {error}", file=sys.stderr)
        return NOT_VERIFIED


def verify(
    file: Path, keys: Sequence[str], since: Sequence[Path], replay: Replay | None = None
) -> int:
    """Say what was proved, or the first bad entry and what is wrong with it.

    `replay` also makes every decision of an export again. Raises `CannotVerify`.
    """
    known = [key for text in keys for key in read_keys(text)]
    if not known:
        raise CannotVerify(
            "no key was given: --key takes the verifier key, or a file that holds it"
        )
    with _opened(file) as opened:
        begins = opened.read(len(PROOF_FIRST_LINE))
    if begins == PROOF_FIRST_LINE.encode():
        if replay is not None:
            raise CannotVerify("a proof has no record in it that could be decided again")
        return _verify_proof(file, known)
    kept = [note for path in since for note in read_checkpoints(path)]
    verdict = _judged(file, known, kept)
    if replay is not None:
        with _opened(file) as opened:
            add_replay(verdict, replay, _shown(opened, file.stat().st_size))
    return print_verdict(verdict)


def add_replay(verdict: Verdict, replay: Replay, lines: Iterable[bytes]) -> None:
    """Add what making all decisions again has found."""
    faults = Faults()
    said = replay(lines, faults)
    verdict.faults = sorted([*verdict.faults, *faults], key=lambda fault: fault[0])
    verdict.lines = (*verdict.lines, said)


def print_verdict(verdict: Verdict) -> int:
    """Print the verdict; the exit code."""
    if not verdict.faults:
        print("\n".join(verdict.lines))
        return VERIFIED
    first, _ = verdict.faults[0]
    for index, what in verdict.faults:
        print(f"entry {index}: {_visible(what)}", file=sys.stderr)
    more = " or more" if len(verdict.faults) >= FAULTS_MAX else ""
    print(
        f"not verified: {len(verdict.faults)}{more} faults, the first at entry {first}",
        file=sys.stderr,
    )
    return NOT_VERIFIED


def judge(
    lines: Iterable[bytes], keys: Sequence[VerifierKey], kept: Sequence[bytes]
) -> tuple[Verdict, LifeCheck]:
    """Both checks in one reading."""
    faults = Faults()
    tree, lives = TreeCheck(keys, kept, faults), LifeCheck(faults)
    entries = read_export(lines, (tree, lives), faults)
    return _verdict(faults, entries, tree, lives.decisions, len(lives.changes), len(kept)), lives


def read_keys(text: str) -> list[VerifierKey]:
    """The key itself, or those in the lines of a file or a pipe. Raises `CannotVerify`."""
    source = Path(text)
    if _can_be_read(source):
        with _opened(source) as opened:
            text = opened.read(KEY_TEXT_LENGTH_MAX * 16).decode(errors="replace")
    try:
        return [VerifierKey.parse(line) for line in text.splitlines() if line.strip()]
    except KeyTextError as error:
        raise CannotVerify(f"--key: {error}") from None


def read_checkpoints(path: Path) -> list[bytes]:
    """A checkpoint, or all of a folder and those below it. Raises `CannotVerify`."""
    files = sorted(path.rglob(f"*{CHECKPOINT_SUFFIX}")) if path.is_dir() else [path]
    if not files:
        raise CannotVerify(f"{path} has no file that ends with {CHECKPOINT_SUFFIX}")
    notes = []
    for file in files:
        with _opened(file) as opened:
            notes.append(opened.read(NOTE_BYTES_MAX + 1))
    return notes


def _judged(file: Path, keys: Sequence[VerifierKey], kept: Sequence[bytes]) -> Verdict:
    size = file.stat().st_size
    if size < APART_BYTES_MIN or (os.cpu_count() or 1) < 2:  # noqa: PLR2004 - one for each
        with _opened(file) as opened:
            return judge(_shown(opened, size), keys, kept)[0]
    with ProcessPoolExecutor(1) as apart:
        lives: Future[tuple[list[tuple[int, str]], int, int]] = apart.submit(_lives, file)
        faults = Faults()
        tree = TreeCheck(keys, kept, faults)
        with _opened(file) as opened:
            entries = read_export(_shown(opened, size), (tree,), faults)
        others, decisions, changes = lives.result()
    for index, what in others:
        faults.add(index, what)
    return _verdict(faults, entries, tree, decisions, changes, len(kept))


def _lives(file: Path) -> tuple[list[tuple[int, str]], int, int]:
    """In a process of its own. What is no line at all is told by the other one."""
    faults = Faults()
    lives = LifeCheck(faults)
    with _opened(file) as opened:
        read_export(opened, (lives,), _Ignored(faults))
    return list(faults), lives.decisions, len(lives.changes)


class _Ignored(Faults):
    """For what another process tells already."""

    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self._faults = faults

    def add(self, index: int, what: str) -> None:
        """Nothing."""


def _verdict(
    faults: Faults, entries: int, tree: TreeCheck, decisions: int, changes: int, kept: int
) -> Verdict:
    lines = [
        (
            f"verified: {entries:,} entries, {decisions:,} decisions of {changes:,} changes, "
            f"{tree.checkpoints:,} checkpoints"
        )
    ]
    if tree.head is not None:
        lines.append(
            f"signed: {tree.head.origin}, {tree.head.size:,} entries, root {tree.head.root.hex()}"
        )
    if kept:
        lines.append(
            f"checkpoints that were kept outside: {kept}, each of them the beginning of this log"
        )
    for number, size in enumerate(tree.epochs, 2):
        lines.append(
            f"epoch {number} begins after {size:,} entries: a backup was restored, and what "
            "had been signed after that is gone"
        )
    return Verdict(list(faults), entries, decisions, changes, tuple(lines))


def _verify_proof(file: Path, keys: Sequence[VerifierKey]) -> int:
    with _opened(file) as opened:
        content = opened.read(PROOF_BYTES_MAX + 1)
    try:
        proof = read_proof(content)
        if proof.extra is None:
            raise CannotVerify(
                "the proof does not have the entry in it; there is nothing to be proved"
            )
        head = verify_proof(proof, proof.extra, keys)
    except (NoteError, ProofError) as error:
        raise CannotVerify(str(error)) from None
    print(f"verified: entry {proof.index:,} of {head.origin}, among {head.size:,} signed entries")
    print(_visible(proof.extra.decode(errors="replace")))
    return VERIFIED


def _shown(opened: BinaryIO, size: int) -> Iterator[bytes]:
    """The lines, with a bar on a terminal."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield from opened
        return
    done = 0
    for number, line in enumerate(opened):
        done += len(line)
        if number % _LINES_BETWEEN_SIGNS == 0:
            show_bar("verifying", done, size)
        yield line
    clear_bar()


def show_bar(words: str, done: int, whole: int) -> None:
    """A line on standard error that is written over; on a terminal alone."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        filled = _BAR * done // max(whole, 1)
        print(
            f"\r\x1b[K[{'#' * filled}{'.' * (_BAR - filled)}] {words}",
            end="",
            file=sys.stderr,
            flush=True,
        )


def clear_bar() -> None:
    """Leave nothing."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise CannotVerify(f"{path} cannot be read ({error.strerror})") from None


def _can_be_read(source: Path) -> bool:
    try:
        return not stat.S_ISDIR(source.stat().st_mode)
    except (
        OSError,
        ValueError,
    ):  # a key is longer than a name may be, or has a character that none has
        return False


def _visible(text: str) -> str:
    """What a line of an export says goes to a terminal: no character of it may do anything
    there.
    """
    return "".join(
        character if character.isprintable() else f"\\x{ord(character):02x}" for character in text
    )
