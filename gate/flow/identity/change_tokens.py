"""The token of one change: made from a secret and stored nowhere.

It names the change, the token for which it was issued, what that proved, and until when that is
valid at most; a seal covers all of it. So a repeated answer always has the same token, and the
token ends with the one for which it was issued.
"""

import hmac
import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeAlias

from gate.core.change import FINAL
from gate.core.decision.admission import proof_by
from gate.core.instants import from_us, to_us
from gate.core.workload import Workload
from gate.flow.caller import Caller, ChangeHolder, Machine
from gate.flow.gate import Gate
from gate.storage.changes import changes
from gate.storage.identity.tokens import StoredToken
from gate.storage.tables.stored_change import StoredChange

PREFIX = "gatec_"
GOOD_AFTER_THE_END = timedelta(hours=24)

_TOKEN = re.compile(r"gatec_([0-9a-z]{26})_([tu])([0-9A-Za-z-]{1,40})_([0-9a-f]{64})", re.ASCII)
_BY_TOKEN, _UNTIL = "t", "u"
"""The letter says what follows it: the id of an API token; or the second at which an identity token
ends, a hyphen, and the fingerprint of what it proves."""

FindToken: TypeAlias = Callable[[str], Awaitable[StoredToken | None]]


def change_token(secret: bytes, change: str, by: Caller) -> str:
    """Return the token of a change, with which it can be read, admitted, closed and canceled.

    `by` is the caller who has just asked for the change.
    """
    return _sealed(secret, change, _earner(by))


async def holder(gate: Gate, text: str, find: FindToken) -> ChangeHolder | None:
    """Return the holder of a change token, or None for any other text and a token that is over.

    It is over 24 hours after the final state of the change, and as soon as the token for which it
    was issued is no longer valid.
    """
    found = _TOKEN.fullmatch(text)
    change = f"chg_{found[1]}" if found else ""
    earner = f"{found[2]}{found[3]}" if found else ""
    right = _sealed(gate.secrets.change_tokens, change, earner)
    if not hmac.compare_digest(text.encode(errors="replace"), right.encode()):
        return None
    stored = await gate.store.read(changes.read, change)
    now = gate.clock()
    if stored is None or _over(stored, now) or not await _is_backed(gate, stored, earner, find):
        return None
    proof = None if earner.startswith(_BY_TOKEN) else earner.partition("-")[2]
    return ChangeHolder(change, stored.caller, proof)


async def _is_backed(gate: Gate, stored: StoredChange, earner: str, find: FindToken) -> bool:
    now, rest = gate.clock(), earner[1:]
    if earner.startswith(_BY_TOKEN):
        kept = await find(rest)
        return kept is not None and kept.token.is_good_at(now)
    if now >= from_us(int(rest.partition("-")[0]) * 1_000_000):
        return False
    issuer, repository = stored.repository_issuer, stored.repository_id
    if issuer is None or repository is None:
        return False
    catalogue = (await gate.rulebooks.current()).catalogue
    return stored.service in catalogue.services_of(issuer, repository)


def _earner(by: Caller) -> str:
    if isinstance(by, Machine):
        return f"{_BY_TOKEN}{by.id}"
    if isinstance(by, Workload):
        proof = proof_by(by.run, by.facts)
        return f"{_UNTIL}{to_us(by.expires_at) // 1_000_000}-{proof.fingerprint}"
    raise TypeError(f"{type(by).__name__} asks for no change")


def _sealed(secret: bytes, change: str, earner: str) -> str:
    # `hmac.digest` would release the GIL, and taking it back costs more than the seal.
    seal = hmac.new(secret, f"{change} {earner}".encode(), "sha256")
    return f"{PREFIX}{change.removeprefix('chg_')}_{earner}_{seal.hexdigest()}"


def _over(stored: StoredChange, now: datetime) -> bool:
    if stored.state_at(now) not in FINAL:
        return False
    # A change that was refused at once, or whose expiry is not written yet, has no `ended_at`.
    ended = stored.ended_at or stored.expires_at or stored.valid_until or stored.decided_at
    return now - ended > GOOD_AFTER_THE_END
