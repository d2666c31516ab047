"""`gate ledger verify`: verifies an export with a key, without a server or a database.

It needs only Python and `cryptography`, because it is also the main program of the file that
`gate ledger verify --save-as` writes, for auditors who do not install the gate.
"""

import argparse
import os
import stat
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from gate.cli.progress import clear_bar, has_bar, show_bar
from gate.core.counting import counted
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
from gate.ledger.pack import FILES_MAX, PACK_BYTES_MAX, PackCheck, is_plain_name
from gate.ledger.shares import Share
from gate.ledger.tree import ProofError
from gate.ledger.verify import TreeCheck

VERIFIED, NOT_VERIFIED = 0, 1
CHECKPOINT_SUFFIX = ".checkpoint"
APART_BYTES_MIN = 32 * 1024 * 1024
"""The size of an export from which other processes judge the lives of changes while this one
computes the tree."""

APART_MAX = 3
"""How many other processes, as far as there are processors: with more the tree takes longest."""

ZIP_BEGINS = b"PK\x03\x04"
"""An evidence pack is a zip archive."""

_BUFFER_BYTES = 256 * 1024
"""With the usual 8 KiB a line with a record is put together from pieces, which takes as long as
hashing it."""

_LINES_BETWEEN_SIGNS = 8_192


Replay = Callable[[Iterable[bytes], Faults], str]
"""Makes the decisions of an export again, and returns a sentence about the result. It needs all of
the gate, so the stand-alone verifier has none."""


class CannotVerify(Exception):
    """A file or a key cannot be read, so nothing is known, which is no proof."""


@dataclass(slots=True)
class Verdict:
    """The result of verifying an export."""

    faults: list[tuple[int, str]] = field(default_factory=list)
    entries: int = 0
    decisions: int = 0
    changes: int = 0
    lines: tuple[str, ...] = ()


def main(argv: Sequence[str] | None = None) -> int:
    """Verify a file, and return the exit code, 0 if everything in it is proved."""
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
    """Print what was proved, or the first bad entry and its fault, and return the exit code.

    `replay` also makes every decision of the export again. Raises `CannotVerify`.
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
    if begins.startswith(ZIP_BEGINS):
        if replay is not None:
            raise CannotVerify("about/replay.json has what the gate said; replay an export")
        return print_verdict(_judged_pack(file, known))
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
    """Print the verdict and return the exit code."""
    if not verdict.faults:
        print("\n".join(verdict.lines))
        return VERIFIED
    first, _ = verdict.faults[0]
    for index, what in verdict.faults:
        print(f"entry {index}: {_visible(what)}", file=sys.stderr)
    many = len(verdict.faults) >= FAULTS_MAX
    faults = f"{FAULTS_MAX} or more faults" if many else counted(len(verdict.faults), "fault")
    print(
        f"not verified: {faults}, the first at entry {first}",
        file=sys.stderr,
    )
    return NOT_VERIFIED


def judge(
    lines: Iterable[bytes], keys: Sequence[VerifierKey], kept: Sequence[bytes]
) -> tuple[Verdict, LifeCheck]:
    """Return the verdict on an export, and what its lines say about the lives of changes."""
    faults = Faults()
    tree, lives = TreeCheck(keys, kept, faults), LifeCheck(faults)
    entries = read_export(lines, (tree, lives), faults)
    return _verdict(faults, entries, tree, lives.decisions, len(lives.changes), len(kept)), lives


def read_keys(text: str) -> list[VerifierKey]:
    """Return the keys: the text itself, or the lines of a file or a pipe. Raises `CannotVerify`."""
    source = Path(text)
    if can_be_read(source):
        with _opened(source) as opened:
            text = opened.read(KEY_TEXT_LENGTH_MAX * 16).decode(errors="replace")
    try:
        return [VerifierKey.parse(line) for line in text.splitlines() if line.strip()]
    except KeyTextError as error:
        raise CannotVerify(f"--key: {error}") from None


def read_checkpoints(path: Path) -> list[bytes]:
    """Return a checkpoint, or all in a folder and the folders below it. Raises `CannotVerify`."""
    files = sorted(path.rglob(f"*{CHECKPOINT_SUFFIX}")) if path.is_dir() else [path]
    if not files:
        raise CannotVerify(f"{path} has no file that ends with {CHECKPOINT_SUFFIX}")
    notes = []
    for file in files:
        with _opened(file) as opened:
            notes.append(opened.read(NOTE_BYTES_MAX + 1))
    return notes


def _judged_pack(file: Path, keys: Sequence[VerifierKey]) -> Verdict:
    """Return the verdict on an evidence pack, which has everything about one change."""
    try:
        with zipfile.ZipFile(file) as packed:
            parts = packed.infolist()
            if len(parts) > FILES_MAX or sum(one.file_size for one in parts) > PACK_BYTES_MAX:
                raise CannotVerify(f"{file} is larger than any evidence pack")
            _require_plain_names(file, parts)
            files = {one.filename: packed.read(one) for one in parts}
    except (zipfile.BadZipFile, OSError, RuntimeError, ValueError, zlib.error) as error:
        raise CannotVerify(f"{file} cannot be unpacked: {error}") from None
    check = PackCheck(files, keys)
    check.run()
    head, decisions = check.head, counted(check.decisions, "decision")
    lines = [f"verified: {_entries(check.entries)} and {decisions} of {check.change}"]
    if head is not None:
        lines.append(f"signed: {head.origin}, {_entries(head.size)}, root {head.root.hex()}")
    lines.append("not proved: what is under about/, which is there to be read")
    return Verdict(list(check.faults), check.entries, check.decisions, 1, tuple(lines))


def _require_plain_names(file: Path, parts: Sequence[zipfile.ZipInfo]) -> None:
    """Raise `CannotVerify` if unpacking would give people other files than those verified here."""
    names: set[str] = set()
    for one in parts:
        kind = stat.S_IFMT(one.external_attr >> 16)
        name = one.filename
        if not is_plain_name(name) or kind not in (0, stat.S_IFREG):
            raise CannotVerify(
                f"{file} has {ascii(name)[:80]} in it, which would be unpacked to another place "
                "than it says; do not unpack it"
            )
        if name in names:
            raise CannotVerify(
                f"{file} has {name} twice, of which only one would be verified; do not unpack it"
            )
        names.add(name)


def _judged(file: Path, keys: Sequence[VerifierKey], kept: Sequence[bytes]) -> Verdict:
    size = file.stat().st_size
    shares = min((os.cpu_count() or 1) - 1, APART_MAX)
    if size < APART_BYTES_MIN or shares < 1:
        with _opened(file) as opened:
            return judge(_shown(opened, size), keys, kept)[0]
    with ProcessPoolExecutor(shares) as apart:
        lives = [apart.submit(_lives, file, Share(number, shares)) for number in range(shares)]
        faults = Faults()
        tree = TreeCheck(keys, kept, faults)
        with _opened(file) as opened:
            entries = read_export(_shown(opened, size), (tree,), faults)
        judged = [one.result() for one in lives]
    # An entry that is for all shares may be a fault of each.
    for index, what in dict.fromkeys(fault for found, _, _ in judged for fault in found):
        faults.add(index, what)
    decisions = sum(number for _, number, _ in judged)
    changes = sum(number for _, _, number in judged)
    return _verdict(faults, entries, tree, decisions, changes, len(kept))


def _lives(file: Path, share: Share) -> tuple[list[tuple[int, str]], int, int]:
    """Judge the lives of some changes, in another process."""
    faults = Faults()
    lives = LifeCheck(faults, share)
    with _opened(file) as opened:
        # The first process reports the faults of the lines themselves.
        read_export(opened, (lives,), Faults())
    return list(faults), lives.decisions, len(lives.changes)


def _verdict(
    faults: Faults, entries: int, tree: TreeCheck, decisions: int, changes: int, kept: int
) -> Verdict:
    lines = [
        (
            f"verified: {_entries(entries)}, {counted(decisions, 'decision')} of "
            f"{counted(changes, 'change')}, {counted(tree.checkpoints, 'checkpoint')}"
        )
    ]
    if tree.head is not None:
        lines.append(
            f"signed: {tree.head.origin}, {_entries(tree.head.size)}, root {tree.head.root.hex()}"
        )
    if kept:
        lines.append(
            f"checkpoints that were kept outside: {kept}, each of them the beginning of this log"
        )
    for number, size in enumerate(tree.epochs, 2):
        lines.append(
            f"epoch {number} begins after {_entries(size)}: a backup was restored, and what "
            "had been signed after that is gone"
        )
    return Verdict(list(faults), entries, decisions, changes, tuple(lines))


def _entries(number: int) -> str:
    return counted(number, "entry", "entries")


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


def _shown(opened: BinaryIO, size: int) -> Iterable[bytes]:
    """Return the lines of a file, which show a progress bar while they are read on a terminal."""
    return _with_bar(opened, size) if has_bar() else opened


def _with_bar(opened: BinaryIO, size: int) -> Iterator[bytes]:
    done = 0
    for number, line in enumerate(opened):
        done += len(line)
        if number % _LINES_BETWEEN_SIGNS == 0:
            show_bar("verifying", done, size)
        yield line
    clear_bar()


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb", buffering=_BUFFER_BYTES)
    except OSError as error:
        raise CannotVerify(f"{path} cannot be read ({error.strerror})") from None


def can_be_read(source: Path) -> bool:
    """Return whether there is a file or a pipe, and no folder, at this place."""
    try:
        return not stat.S_ISDIR(source.stat().st_mode)
    except (OSError, ValueError):
        # The text of a key is longer than a file's name may be, or has a character that none has.
        return False


def _visible(text: str) -> str:
    """Return a text of an export with control characters escaped, because a terminal shows it."""
    return "".join(
        character if character.isprintable() else f"\\x{ord(character):02x}" for character in text
    )
