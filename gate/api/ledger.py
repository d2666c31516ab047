"""`/v1/ledger`: the log itself, for whoever verifies it, and proofs of what was decided about one
change.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request

from gate.api.http.answers import Answer
from gate.api.http.permits import ChangeReader, GateDep, Reader
from gate.api.http.route import GateRoute
from gate.api.http.waiting import while_connected
from gate.api.models.open import EntryAnswer
from gate.api.models.queries import ProofQuery
from gate.api.problems import documented
from gate.flow.ledger import served
from gate.flow.ledger.served import CHECKPOINT_KEPT_SECONDS, TILE_KEPT_SECONDS

TEXT = b"text/plain; charset=utf-8"
BYTES = b"application/octet-stream"
_FRESH = {"Cache-Control": f"public, max-age={CHECKPOINT_KEPT_SECONDS}"}
_FOREVER = {"Cache-Control": f"private, max-age={TILE_KEPT_SECONDS}, immutable"}
"""Private, because not everybody may read them: no cache on the way hands them to somebody else."""

router = APIRouter(tags=["ledger"], route_class=GateRoute)


def _said(media_type: str, **schema: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {media_type: {"schema": {"type": "string", **schema}}}}}


@router.get("/v1/ledger/key", responses={**_said("text/plain"), **documented(503)})
async def verifier_key(gate: GateDep) -> Answer:
    """Return the verifier key, as `gate verify-admission --key` takes it.

    Keep a copy, because it is what you verify the gate by.
    """
    return Answer(f"{await served.verifier_key(gate)}\n".encode(), media_type=TEXT)


@router.get("/v1/ledger/checkpoint", responses={**_said("text/plain"), **documented(503)})
async def checkpoint(gate: GateDep) -> Answer:
    """Return the newest signed head of the ledger.

    Keep copies: they prove later that nothing before them was changed.
    """
    return Answer(await served.checkpoint(gate), media_type=TEXT, headers=_FRESH)


@router.get(
    "/v1/ledger/tile/{tile:path}", responses=_said("application/octet-stream", format="binary")
)
async def tile(tile: str, _: Reader, gate: GateDep) -> Answer:
    """Return hashes of the tree, `<level>/<number>`, or a bundle of entries, `entries/<number>`, as
    c2sp.org/tlog-tiles has them.
    """
    return Answer(await served.tile(gate, tile), media_type=BYTES, headers=_FOREVER)


@router.get("/v1/ledger/entries/{index}", response_model=EntryAnswer)
async def entry(index: str, _: Reader, gate: GateDep) -> Answer:
    """Return one entry, in the exact bytes whose hash is in the tree."""
    return Answer(await served.entry(gate, index), headers=_FOREVER)


@router.get("/v1/changes/{change_id}/proof", responses={**_said("text/plain"), **documented(503)})
async def proof(
    change_id: str,
    query: Annotated[ProofQuery, Query()],
    by: ChangeReader,
    gate: GateDep,
    request: Request,
) -> Answer:
    """Return the proof that the newest entry of a kind about this change is in the ledger.

    It can be checked offline (c2sp.org/tlog-proof).
    """
    proving = served.proof(gate, change_id, query.kind, by, query.wait)
    return Answer(await while_connected(request, proving), media_type=TEXT)
