"""The hammer: writers who deploy as fast as they can, and readers who check everything that they
are served, whatever the writers, the sealer and the publisher do meanwhile.

`make hammer` runs it for as long as one likes; the tests run it for a few changes.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from gate.core.change import Result, Run
from gate.errors import Unavailable
from gate.flow.ledger import publish, served
from gate.ledger.checkpoint import Checkpoint, open_checkpoint, read_proof, verify_proof
from gate.ledger.note import VerifierKey
from gate.ledger.tiles import TILE_HEIGHT, TILE_WIDTH, Tree, tile_path
from gate.ledger.tree import HASH_BYTES, hash_leaf, verify_consistency, verify_inclusion
from gate.storage import migrate
from tests.builders import commit_of
from tests.flow.ledger.exported import faults_of
from tests.flow.shop import AUDITOR, Shop, open_shop

ENTRIES_LOOKED_AT = 8
"""By each reader at each head, chosen at random."""


@dataclass(slots=True)
class Hammer:
    """What readers remember: a head may grow, an entry never changes, no proof ever fails."""

    shop: Shop
    key: VerifierKey
    dice: random.Random
    changes: list[str] = field(default_factory=list)
    heads: list[Checkpoint] = field(default_factory=list)
    notes: list[bytes] = field(default_factory=list)
    entries: dict[int, bytes] = field(default_factory=dict)
    proofs: int = 0

    async def write(self, name: str, changes: int) -> None:
        """Deploy one change after the other to a place of one's own."""
        service = self.dice.choice(["checkout", "ledger", "web"])
        base = None
        for number in range(changes):
            letter = commit_of("abcdef"[number % 6])
            change = await self.shop.submit(
                "a",
                commit=letter,
                service=service,
                environment="staging",
                base=base,
                run=_run(f"{name}-{number}"),
            )
            self.changes.append(change["id"])
            if change["state"] == "approved":
                await self.shop.admit(change)
                await self.shop.close(change, self.dice.choice([Result.SUCCESSFUL, *Result]))

    async def publish(self, done: asyncio.Event) -> None:
        """Two servers seal and sign in turns."""
        while not done.is_set():
            for holder in ("first", "second"):
                await publish.turn(self.shop.gate, holder)
                await asyncio.sleep(0)

    async def read(self, done: asyncio.Event) -> None:
        """Check whatever is served, until the writers are done and once after that."""
        last = False
        while not last:
            last = done.is_set()
            await self.look()

    async def look(self) -> None:
        """The newest head against every one before it, entries against it, a proof by a change."""
        try:
            note = await served.checkpoint(self.shop.gate)
        except Unavailable:  # nothing is signed yet
            await asyncio.sleep(0)
            return
        head = open_checkpoint(note, [self.key])
        tree = await self._tree(head.size)
        assert tree.root() == head.root, "the tiles do not give the root that was signed"
        for before in self.heads[-3:]:
            small, large = sorted((before, head), key=lambda one: one.size)
            grown = tree if large is head else await self._tree(large.size)
            proof_of = grown.consistency_proof(small.size)
            verify_consistency(small.size, large.size, proof_of, small.root, large.root)
        self.heads.append(head)
        self.notes.append(note)
        for index in {self.dice.randrange(head.size) for _ in range(ENTRIES_LOOKED_AT)}:
            body = await served.entry(self.shop.gate, str(index))
            assert self.entries.setdefault(index, body) == body, f"entry {index} has changed"
            hashes = tree.inclusion_proof(index)
            verify_inclusion(index, head.size, hash_leaf(body), hashes, head.root)
        if self.changes:
            await self.prove(self.dice.choice(self.changes))

    async def prove(self, change: str) -> None:
        """A decision that is signed is proved; one that is not is said to be none yet."""
        try:
            found = read_proof(await served.proof(self.shop.gate, change, "decision", AUDITOR, 0))
        except Unavailable:
            return
        verify_proof(found, found.extra or b"", [self.key])
        self.proofs += 1

    async def _tree(self, size: int) -> Tree:
        """The tree of the first so many entries, from tiles as they are served."""
        tiles: dict[tuple[int, int], bytes] = {}
        level = 0
        while hashes := size >> TILE_HEIGHT * level:
            for number in range(-(-hashes // TILE_WIDTH)):
                width = min(hashes - number * TILE_WIDTH, TILE_WIDTH)
                path = tile_path(level, number, width)
                tiles[level, number] = await served.tile(self.shop.gate, path)
                assert len(tiles[level, number]) == width * HASH_BYTES
            level += 1
        return Tree(size, lambda level, number: tiles.get((level, number), b""))


async def hammer(shop: Shop, *, writers: int, readers: int, changes: int, seed: int) -> Hammer:
    """Run all of them together; at the end the whole log is exported and verified."""
    key = (await shop.gate.signing.own()).verifier
    found = Hammer(shop, key, random.Random(seed))  # noqa: S311 - which entry is looked at is no secret
    done = asyncio.Event()
    async with asyncio.TaskGroup() as others:
        others.create_task(found.publish(done))
        for _ in range(readers):
            others.create_task(found.read(done))
        async with asyncio.TaskGroup() as all_writers:
            for number in range(writers):
                all_writers.create_task(found.write(f"{seed}-{number}", changes))
        done.set()
    await publish.turn(shop.gate, "first")
    proved = found.proofs
    await found.look()
    for change in found.changes:
        await found.prove(change)
    assert found.proofs >= proved + len(found.changes), "a signed decision has no proof"
    faults = await faults_of(shop, since=found.notes)
    assert faults == [], faults
    return found


async def main() -> None:
    """Round after round, each with another seed, until it is interrupted or a round fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=0, help="0: until interrupted")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    number = 0
    while not asked.rounds or number < asked.rounds:
        seed, number = asked.seed + number, number + 1
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{folder}/gate.sqlite"
            migrate.upgrade(url)
            async with open_shop(url, Path(folder)) as shop:
                found = await hammer(shop, writers=8, readers=4, changes=40, seed=seed)
                sys.stdout.write(
                    f"seed {seed}: {len(found.changes)} changes, {len(found.heads)} heads, "
                    f"{len(found.entries)} entries and {found.proofs} proofs checked, no fault\n"
                )


def _run(name: str) -> Run:
    return Run(name, 1, "deploy")


if __name__ == "__main__":
    asyncio.run(main())
