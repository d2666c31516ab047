"""Replay of a decision: whether the decision follows again from its record alone."""

from sqlalchemy import Connection

from gate.core.canonical import digest
from gate.core.decision.replay import replay
from gate.core.policy.set import NO_POLICIES, Policies, policies_of
from gate.flow.answers.replay import ReplayAnswer, replay_answer
from gate.flow.caller import Caller
from gate.flow.changes.known import visible_change
from gate.flow.gate import Gate
from gate.flow.queries.look import record_of
from gate.storage.ledger import ledger
from gate.storage.ledger.exporting import kept_policies


async def replayed(gate: Gate, change_id: str, number: int | None, by: Caller) -> ReplayAnswer:
    """Return the replay of the decision with this number, or without a number of the one in force.

    Raises `NotFound` for a change that the caller may not see, and for a number that the change
    lacks.
    """
    known = await visible_change(gate, change_id, by)
    wanted = number or known.stored.decision
    return await gate.store.read_slowly(_replayed, known.stored.id, wanted)


def _replayed(conn: Connection, change: str, number: int) -> ReplayAnswer:
    record = record_of(conn, change, number)
    policies: Policies | None = None

    def named(revision: str) -> Policies | None:
        nonlocal policies
        policies = _policies(conn, revision)
        return policies

    found = replay(record, named)
    sha256 = digest(record)
    sealed = ledger.record_of_decision(conn, change, number)
    if sha256 != sealed:
        tampered = f"the ledger has the digest {sealed} of this record, its bytes have {sha256}"
        found = found._replace(differences=(tampered, *found.differences))
    recorded = found.recorded
    policy = policies.named(recorded.decision.policy) if policies and recorded else None
    return replay_answer(change, number, sha256, found, policy)


def _policies(conn: Connection, revision: str) -> Policies | None:
    """Return the policies of this revision, or None if they are not kept.

    They are read from the stored files, not from memory, so that the replay notices a file that was
    altered in the database.
    """
    if not revision:
        return NO_POLICIES
    content = kept_policies(conn, revision)
    return None if content is None else policies_of(content)
