"""Which rules serve which control. It is read from the policies in force, so it is never out of
date.
"""

from gate.core.policy.controls import entries, served
from gate.flow.answers.controls import ControlsAnswer, control_answer, served_answer
from gate.flow.gate import Gate


async def controls(gate: Gate) -> ControlsAnswer:
    """Return every control that the gate knows or that a policy in force names."""
    book = await gate.rulebooks.current()
    now = gate.clock()
    today = now.date()
    found = served(book.policies.all)
    return ControlsAnswer(
        at=now,
        policies=book.revisions.policies,
        controls=tuple(control_answer(name, found[name], today) for name in found),
        overdue=tuple(
            served_answer(one, today)
            for one in entries(book.policies.all)
            if one.grounds.overdue(today)
        ),
    )
