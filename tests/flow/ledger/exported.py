"""The ledger of a gate in service, sealed, signed, exported and verified as a stranger would."""

from collections.abc import Sequence

from sqlalchemy import Connection

from gate.flow.ledger import publish
from gate.ledger.export import Faults, end_line, header_line, read_export
from gate.ledger.lives import LifeCheck
from gate.ledger.note import VerifierKey
from gate.ledger.verify import TreeCheck
from gate.storage.ledger.exporting import block_lines, extent, unknown_lines
from tests.flow.shop import Shop


async def settle(shop: Shop) -> None:
    """Everything that was told is sealed and signed."""
    await publish.turn(shop.gate, "first")


async def exported(shop: Shop) -> list[bytes]:
    """Every line of an export of what is signed by now."""
    return await shop.gate.store.read(lines_of)


async def faults_of(shop: Shop, *, since: Sequence[bytes] = ()) -> list[tuple[int, str]]:
    """What a verifier finds in an export, by place."""
    key = (await shop.gate.signing.own()).verifier
    return found_in(await exported(shop), key, since)


def found_in(
    lines: list[bytes], key: VerifierKey, since: Sequence[bytes] = ()
) -> list[tuple[int, str]]:
    """The faults of these lines."""
    faults = Faults()
    read_export(lines, (TreeCheck([key], since, faults), LifeCheck(faults)), faults)
    return list(faults)


def lines_of(conn: Connection) -> list[bytes]:
    """The same on this connection, whatever its transaction has changed."""
    whole = extent(conn)
    blocks = [line for block in range(whole.blocks) for line in block_lines(conn, whole, block)]
    return [header_line(whole.origin), *blocks, *unknown_lines(conn, whole), end_line(whole.size)]
