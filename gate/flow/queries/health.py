"""Can this server decide? If not, why, and what an operator does."""

from gate.flow.gate import Gate


async def ready(gate: Gate) -> list[str]:
    """What is wrong, empty when all is well. A broken policy file is not: the last good set decides."""
    trouble = await gate.store.unready()
    return [] if trouble is None else [trouble]
