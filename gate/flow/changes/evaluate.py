"""A change is judged like a submit, and nothing is recorded."""

from gate.core.change import Change
from gate.flow.answers.decision import EvaluationAnswer, evaluation_answer
from gate.flow.caller import Caller
from gate.flow.changes.compose import Texts, asked, decide_change
from gate.flow.changes.workloads import bound_to
from gate.flow.gate import Gate


async def evaluate_change(gate: Gate, change: Change, by: Caller) -> EvaluationAnswer:
    """Return what would be decided now, with every fact that it is made from."""
    book = await gate.rulebooks.current()
    here = bound_to(by, change, book)
    texts = Texts(book.text_ids)
    made = await decide_change(gate, here, book, "", asked(here, texts))
    return evaluation_answer(
        made.record,
        book.policies.named(made.record.decision.policy),
        {**made.gathered.said, **texts.by_id},
    )
