"""Reminders of reviews that wait long: to the approvers, and after twice that time to others too,
as the policy says.
"""

from datetime import timedelta

import orjson

from gate.core.policy.policy import Policy
from gate.flow.gate import Gate
from gate.flow.notifications.chat import REMINDER, TARGET
from gate.storage.database.tx import Tx
from gate.storage.messages import reminders
from gate.storage.messages.outbox import queue_messages
from gate.storage.messages.reminders import Due

EVERY_SECONDS = 30.0
AGAIN, ESCALATED = 1, 2


async def remind(gate: Gate) -> None:
    """Send the reminders that are due now.

    Each one is recorded in the transaction that puts its message into the outbox.
    """
    policies = (await gate.rulebooks.current()).policies.all
    if any(policy.remind is not None for policy in policies):
        await gate.store.write(_remind, policies)


def _remind(tx: Tx, policies: tuple[Policy, ...]) -> None:
    for policy in policies:
        if policy.remind is None:
            continue
        after = timedelta(seconds=policy.remind.after_seconds)
        if policy.remind.escalate_to:
            # Before the reminders, so that what is overdue already is brought up once, not twice.
            overdue = reminders.take_due(tx, policy.name, stage=ESCALATED, older_than=2 * after)
            _queue_reminders(tx, overdue, ESCALATED)
        due = reminders.take_due(tx, policy.name, stage=AGAIN, older_than=after)
        _queue_reminders(tx, due, AGAIN)
    reminders.forget_settled(tx)


def _queue_reminders(tx: Tx, due: list[Due], stage: int) -> None:
    messages = [
        (one.change, orjson.dumps({"kind": REMINDER, "stage": stage, "number": one.decision}))
        for one in due
    ]
    queue_messages(tx, TARGET, messages)
