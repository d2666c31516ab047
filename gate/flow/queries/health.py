"""Can this server decide? If not, why, and what an operator does."""

from gate.flow.gate import Gate


async def ready(gate: Gate) -> list[str]:
    """Why this server cannot decide, empty when it can.

    A broken policy file is no reason: the last good set decides.
    """
    troubles = (await gate.store.unready(), gate.signing.stopped)
    return [trouble for trouble in troubles if trouble is not None]


async def lacking(gate: Gate) -> list[str]:
    """What an operator must mend although the gate decides: no load balancer should take the server
    out because of it.
    """
    problem = await gate.signing.problem()
    return [] if problem is None else [problem]
