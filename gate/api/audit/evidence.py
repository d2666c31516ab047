"""The evidence about one change, for auditors: a replay of its decision, the notices it owes, and
the pack that proves everything.
"""

from typing import Annotated

from fastapi import APIRouter, Query

from gate.api.http.answers import Answer, answer
from gate.api.http.permits import ChangeReader, GateDep, Reviewer
from gate.api.http.route import GateRoute
from gate.api.models.queries import ReplayQuery
from gate.api.models.reviews import NoticeRequest
from gate.api.problems import documented
from gate.flow.answers.controls import NoticeAnswer
from gate.flow.answers.replay import ReplayAnswer
from gate.flow.audit import evidence, notices, replay

ZIP = b"application/zip"

router = APIRouter(prefix="/v1/changes", tags=["changes"], route_class=GateRoute)


@router.get("/{change_id}/replay", response_model=ReplayAnswer)
async def replay_decision(
    change_id: str, query: Annotated[ReplayQuery, Query()], by: ChangeReader, gate: GateDep
) -> Answer:
    """Decide once more from the record alone: the same score, reasons and outcome, or each
    difference.
    """
    return answer(await replay.replayed(gate, change_id, query.decision, by))


@router.get("/{change_id}/notice", response_model=NoticeAnswer)
async def read_notice(change_id: str, by: ChangeReader, gate: GateDep) -> Answer:
    """Return the notice to customers for a change that a policy puts in one of FedRAMP's notice
    classes.

    It says which notices are owed, by which day, and which were given. 404 for any other change.
    """
    return answer(await notices.notice(gate, change_id, by))


@router.post("/{change_id}/notices", response_model=NoticeAnswer, responses=documented(409))
async def give_notice(
    change_id: str, request: NoticeRequest, by: Reviewer, gate: GateDep
) -> Answer:
    """Record that customers were given the notice of this duty. The gate itself sends nothing."""
    return answer(await notices.give(gate, change_id, request.command(), by))


@router.get(
    "/{change_id}/evidence",
    responses={
        200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}},
        **documented(503),
    },
)
async def read_evidence(change_id: str, by: ChangeReader, gate: GateDep) -> Answer:
    """Return everything about one change in one archive.

    It has records, policies, proofs of every entry, and answers that people can read. `gate ledger
    verify FILE --key KEY` checks it offline.
    """
    packed = await evidence.evidence(gate, change_id, by)
    name = f'attachment; filename="{change_id}.zip"'
    return Answer(packed, media_type=ZIP, headers={"Content-Disposition": name})
