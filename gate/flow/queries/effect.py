"""The effect of a window that somebody is about to declare: which changes would it hold?"""

from gate.core.calendar import freeze
from gate.core.calendar.calendar import Reach
from gate.core.change import State
from gate.flow.answers.calendar import EffectAnswer
from gate.flow.commands import FreezeCommand
from gate.flow.gate import Gate
from gate.storage.changes import holds
from gate.storage.changes.holds import Crowd


async def effect(gate: Gate, command: FreezeCommand) -> EffectAnswer:
    """Return how many changes a window would hold if it began now. Nothing is declared."""
    book = await gate.rulebooks.current()
    catalogue = book.catalogue
    reach = Reach(
        services=frozenset(command.services),
        environments=frozenset(map(catalogue.environment_named, command.environments)),
    )
    reached = [
        crowd
        for crowd in await gate.store.read(holds.crowds, gate.clock())
        if freeze.covers(reach, freeze.scope_of(catalogue, crowd.service, crowd.environment))
    ]
    passing = [one for one in reached if one.excused and not command.stop and _waits(one)]
    held = [one for one in reached if one.is_held and _waits(one) and one not in passing]
    new = [one for one in reached if _waits(one) and one not in passing and not one.is_held]
    return EffectAnswer(
        holds=_sum(new),
        approved=_sum([one for one in new if one.state is State.APPROVED]),
        held=_sum(held),
        excused=_sum(passing),
        deploying=_sum([one for one in reached if one.state is State.DEPLOYING]),
    )


def _waits(crowd: Crowd) -> bool:
    return crowd.state is not State.DEPLOYING


def _sum(crowds: list[Crowd]) -> int:
    return sum(one.changes for one in crowds)
