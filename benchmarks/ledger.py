"""The ledger: verifying an export beside a bare hash loop over the same bytes, and a proof in a
large log beside one in a small log. `python -m benchmarks.ledger`; ends with 1 when a target is
missed.

Each ratio is of one run, its two sides in turns: what the machine does besides meets both.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from hashlib import sha256
from io import StringIO
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import Connection, insert

from benchmarks.surroundings import say, scratch
from gate.cli.ledger import offline
from gate.core.canonical import canonical
from gate.ledger.tiles import TILE_BYTES, TILE_HEIGHT, TILE_WIDTH
from gate.storage import migrate
from gate.storage.database.engine import connect, open_engine
from gate.storage.ledger.tree import tree_of_proof
from gate.storage.tables.schema_ledger import tiles
from tests.ledger.exports import (
    KEY,
    administration,
    admission,
    approval,
    closure,
    decision,
    entry,
    export_of,
)

ENTRIES, LEAVES_FEW, LEAVES_MANY = 1_000_000, 10_000, 10_000_000
RECORD_BYTES = 4_400
"""The size of a record in the tests of the flow; by a policy of 30 rules it is larger."""

TURNS, PROOFS = 3, 400
VERIFY_RATIO_MAX, PROOF_RATIO_MAX = 2.0, 1.3
TILES_AT_ONCE = 1_000


def main() -> int:
    """Both ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--leaves", type=int, default=LEAVES_MANY)
    asked = parser.parse_args()
    with scratch() as folder:
        met = [
            _verifying(folder, "entries of changes", asked.entries, _changes),
            _proving(folder, asked.leaves),
        ]
        # The worst case has no target: hashing alone, the tree's nodes too, is 1.9 x.
        _verifying(folder, "refusals", asked.entries, _refusals)
    return 0 if all(met) else 1


def _changes(entries: int) -> list[dict[str, Any]]:
    """Changes that somebody approves, that are admitted and closed; each has a record."""
    filler = "-" * RECORD_BYTES
    story = []
    for number in range(entries // 4):
        name = f"chg_{number:026}"
        record = canonical({"change": name, "filler": filler})
        decided = decision(name, record=sha256(record).hexdigest(), **{"$record": record})
        acts = [approval(change=name), admission("per_ben", change=name), closure(change=name)]
        story += [decided, *acts]
    return story


def _refusals(entries: int) -> list[dict[str, Any]]:
    """Entries that have no record, and are as short as entries are."""
    return [
        entry("refusal", problem="not_allowed", operation="admission", by=f"token:{number:08}")
        for number in range(entries)
    ]


def _verifying(
    folder: Path, what: str, entries: int, story: Callable[[int], list[dict[str, Any]]]
) -> bool:
    file, key = folder / "ledger.ndjson", str(KEY.verifier)
    with file.open("wb") as opened:
        # Not kept, because collecting garbage would look through all of it while it is verified.
        opened.writelines(export_of([*administration(), *story(entries)]))

    def hashed() -> None:
        with file.open("rb") as lines:
            for line in lines:
                sha256(line).digest()

    def verified() -> None:
        with redirect_stdout(StringIO()):
            if offline.verify(file, [key], []) != offline.VERIFIED:
                raise RuntimeError("the export of the benchmark does not verify")

    bare, whole = _in_turns(hashed, verified)
    return _said(
        f"verifying {entries:,} {what}, {file.stat().st_size / 1e6:.0f} MB",
        whole,
        bare,
        VERIFY_RATIO_MAX,
    )


def _proving(folder: Path, many: int) -> bool:
    url = f"sqlite:///{folder}/gate.sqlite"
    migrate.upgrade(url)
    engine = open_engine(url)
    dice = random.Random(1)  # noqa: S311 - which entry is proved is no secret
    with connect(engine, url) as conn:
        _fill(conn, many)

        def proving(size: int) -> Callable[[], None]:
            def prove() -> None:
                for _ in range(PROOFS):
                    index = dice.randrange(size)
                    tree_of_proof(conn, size, index).inclusion_proof(index)

            return prove

        few, large = _in_turns(proving(LEAVES_FEW), proving(many))
    return _said(
        f"{PROOFS} proofs among {many:,} entries, beside {LEAVES_FEW:,}",
        large,
        few,
        PROOF_RATIO_MAX,
    )


def _fill(conn: Connection, leaves: int) -> None:
    """Tiles of random hashes: a proof reads as many of them, whatever they say."""
    level = 0
    while hashes := leaves >> TILE_HEIGHT * level:
        numbers = range(-(-hashes // TILE_WIDTH))
        for begin in range(0, len(numbers), TILES_AT_ONCE):
            some = numbers[begin : begin + TILES_AT_ONCE]
            rows = [
                {"level": level, "number": number, "hashes": os.urandom(TILE_BYTES)}
                for number in some
            ]
            conn.execute(insert(tiles), rows)
        level += 1
    conn.commit()


def _in_turns(one: Callable[[], None], other: Callable[[], None]) -> tuple[float, float]:
    """Median seconds of each."""
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(TURNS):
        for act, times in zip((one, other), spent, strict=True):
            begins = time.perf_counter()
            act()
            times.append(time.perf_counter() - begins)
    return median(spent[0]), median(spent[1])


def _said(what: str, taken: float, beside: float, ratio_max: float) -> bool:
    ratio = taken / beside
    met = ratio <= ratio_max
    say(
        f"{what}: {taken:.2f} s, beside {beside:.2f} s: {ratio:.2f} x, at most {ratio_max} x"
        f"{'' if met else ': MISSED'}"
    )
    return met


if __name__ == "__main__":
    sys.exit(main())
