"""Verifies identity tokens of pipelines: who signed, for whom, and until when.

Whatever is wrong with a token, the caller gets the same answer, so that it reveals nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt

from gate.core.workload import Provider, Workload
from gate.integrations.identity.claims import Unreadable, workload_of
from gate.integrations.identity.jwks import Keys

ALGORITHM = "RS256"
LEEWAY_SECONDS = 60
AGE_SECONDS_MAX = 24 * 3600
"""The age, from `iat`, at which a token no longer counts. A GitLab token is valid as long as its
job may run, which can be weeks."""

TOKEN_LENGTH_MAX = 16 * 1024
KID_LENGTH_MAX = 200
_INSTANT_MAX = 2**40
_REQUIRED = ("iss", "sub", "aud", "exp", "iat")
_TYPES = ("JWT", None)


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer whose tokens the gate accepts, for one audience."""

    url: str
    provider: Provider
    audience: str
    keys: Keys


class IdentityTokens:
    """The allowed issuers. No request is ever sent to another one."""

    def __init__(self, issuers: Sequence[Issuer]) -> None:
        self._issuers = {issuer.url: issuer for issuer in issuers}

    async def verify(self, token: str, now: datetime) -> Workload | None:
        """Return the job that the token was issued to, or None for a token that is not valid now.

        Raises `SourceUnavailable` if the keys of the issuer cannot be read, and `NotAllowed` for a
        valid token of a fork's job.
        """
        unchecked = _read(token)
        issuer = self._issuers.get(unchecked.issuer) if unchecked else None
        if unchecked is None or issuer is None:
            return None
        key = await issuer.keys.find(unchecked.kid)
        if key is None:
            return None
        try:
            claims = jwt.decode(
                token,
                key,
                [ALGORITHM],
                audience=issuer.audience,
                issuer=issuer.url,
                options=_OPTIONS,
            )
            return workload_of(
                issuer.provider, claims, _expiry(claims, issuer.audience, now.timestamp())
            )
        except (jwt.PyJWTError, Unreadable):
            return None


@dataclass(frozen=True, slots=True)
class _Unchecked:
    """The content of an unverified token. It is used only to find the key that must have signed the
    token.
    """

    issuer: str
    kid: str


def _read(token: str) -> _Unchecked | None:
    if len(token) > TOKEN_LENGTH_MAX:
        return None
    try:
        kid = _kid(jwt.get_unverified_header(token))
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
    except (jwt.PyJWTError, Unreadable, ValueError, RecursionError):
        # A token may be any bytes, for example JSON that is too deep or has too long numbers.
        return None
    return _Unchecked(issuer, kid) if isinstance(issuer, str) else None


# Times are checked below, by the clock of the gate.
_OPTIONS: Any = {
    "require": list(_REQUIRED),
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}


def _kid(header: Mapping[str, Any]) -> str:
    """Return the key id of a header, which may contain no extension that the gate does not know.

    A key that the header contains or points to is never used.
    """
    if (
        header.get("alg") != ALGORITHM
        or "crit" in header
        or "b64" in header
        or header.get("typ") not in _TYPES
    ):
        raise Unreadable("header")
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= KID_LENGTH_MAX:
        raise Unreadable("kid")
    return kid


def _expiry(claims: Mapping[str, Any], audience: str, now: float) -> datetime:
    """Return when the token expires.

    Raises `Unreadable` if it is not valid now, or valid for another audience too.
    """
    if claims["aud"] not in (audience, [audience]):
        raise Unreadable("aud")
    issued, expires = _instant(claims["iat"]), _instant(claims["exp"])
    begins = _instant(claims.get("nbf", issued))
    ends = min(expires, issued + AGE_SECONDS_MAX)
    if (
        max(issued, begins) > now + LEEWAY_SECONDS
        or ends <= now - LEEWAY_SECONDS
        or expires <= issued
    ):
        raise Unreadable("time")
    return datetime.fromtimestamp(ends, UTC)


def _instant(value: object) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or not 0 <= value <= _INSTANT_MAX
    ):
        raise Unreadable("instant")
    return float(value)
