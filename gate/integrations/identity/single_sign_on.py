"""Single sign-on by OpenID Connect: code and PKCE, and an id token of which every part is
checked.
"""

import asyncio
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import jwt
import structlog
from authlib.oauth2.auth import ClientAuth  # type: ignore[import-untyped]  # it ships no types
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request  # type: ignore[import-untyped]  # the same
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]  # the same
from jwt.exceptions import PyJWTError

from gate.core.messages.external import Begun, External
from gate.errors import SourceUnavailable
from gate.integrations.http.client import is_private, read_json, send_form
from gate.integrations.identity.jwks import Keys

ALGORITHM = "RS256"
"""The algorithm by which every provider must be able to sign. A token that names another one is
refused."""

LEEWAY_SECONDS = 60
ISSUED_SECONDS_MAX = 600
"""An id token comes straight from its issuer: an older one was kept by somebody."""

GROUPS_MAX = 500
GROUP_LENGTH_MAX = 200
SUBJECT_LENGTH_MAX = 255
ID_TOKEN_LENGTH_MAX = 64 * 1024
CODE_LENGTH_MAX = 4_000
DISCOVERY_SECONDS = 3_600.0
COOL_DOWN_SECONDS = 10.0
"""How long the provider's document is not read again after it could not be read."""

EXCHANGES_AT_ONCE_MAX = 8
"""The most requests to the provider at once, so that made-up codes cause no more than these."""

SECRET_BYTES = 32
SCOPES = ("openid", "email", "profile")
GROUPS = "groups"
"""The claim, and the scope where the provider knows one of that name."""

_ANSWERS = frozenset({200, 400, 401})
_OPTIONS: Any = {
    "require": ["iss", "sub", "aud", "exp", "iat"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}

_log = structlog.get_logger("gate.single_sign_on")

ReadJson: TypeAlias = Callable[[str], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Client:
    """The gate's id and secret at the provider."""

    id: str
    secret: str


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The used part of the discovery document."""

    authorization: str
    token: str
    scopes: tuple[str, ...]
    secret_in_body: bool
    names_issuer: bool


class SingleSignOn:
    """One provider.

    What it says is kept for an hour; whoever comes meanwhile waits for one reading at most.
    """

    def __init__(
        self,
        issuer: str,
        client: Client,
        *,
        keys: Keys | None = None,
        read: ReadJson = read_json,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._client = client
        self._keys = keys or Keys(issuer)
        self._read = read
        self._monotonic = monotonic
        self._endpoints: Endpoints | None = None
        self._read_at = self._asked_at = float("-inf")
        self._reading: asyncio.Task[Endpoints] | None = None
        self._exchanging = 0

    async def begin(self, redirect: str) -> Begun:
        """Return a new sign-in with the address to which the browser is sent. Raises
        `SourceUnavailable`.
        """
        endpoints = await self._discover()
        state, nonce, verifier = (secrets.token_urlsafe(SECRET_BYTES) for _ in range(3))
        url: str = prepare_grant_uri(
            endpoints.authorization,
            self._client.id,
            "code",
            redirect_uri=redirect,
            scope=" ".join(endpoints.scopes),
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return Begun(url, state, nonce, verifier)

    async def finish(
        self, begun: Begun, redirect: str, code: str, issuer: str | None, now: datetime
    ) -> External | None:
        """Return who came back with this code, or None for anything but the sign-in that was begun.

        `issuer` is what the provider's answer says of itself (RFC 9207). Raises
        `SourceUnavailable`.
        """
        endpoints = await self._discover()
        if len(code) > CODE_LENGTH_MAX or issuer not in (
            {self._issuer} if endpoints.names_issuer else {self._issuer, None}
        ):
            return None
        if self._exchanging >= EXCHANGES_AT_ONCE_MAX:
            raise SourceUnavailable(
                "too many people come back from the identity provider at once; start again in a "
                "moment"
            )
        self._exchanging += 1
        try:
            token = await self._exchange(endpoints, begun, redirect, code)
        finally:
            self._exchanging -= 1
        if token is None:
            return None
        claims = await self._verified(token, now.timestamp())
        if claims is None or not hmac.compare_digest(
            str(claims.get("nonce")).encode(), begun.nonce.encode()
        ):
            _log.warning("an id token was refused", issuer=self._issuer)
            return None
        return External(self._issuer, claims["sub"], _email(claims), _groups(claims.get(GROUPS)))

    async def _discover(self) -> Endpoints:
        now = self._monotonic()
        if self._endpoints is not None and now - self._read_at <= DISCOVERY_SECONDS:
            return self._endpoints
        if self._reading is None or self._reading.done():
            if now - self._asked_at < COOL_DOWN_SECONDS:
                detail = f"{self._issuer} could not be asked a moment ago; try again"
                raise SourceUnavailable(detail, retry_after_seconds=int(COOL_DOWN_SECONDS))
            self._asked_at = now
            self._reading = asyncio.create_task(self._read_document())
        # Others wait for the same: one who gives up ends it for nobody.
        return await asyncio.shield(self._reading)

    async def _read_document(self) -> Endpoints:
        document = await self._read(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        found = self._endpoints = _endpoints_of(document, self._issuer)
        self._read_at, self._asked_at = self._monotonic(), float("-inf")
        return found

    async def _exchange(
        self, endpoints: Endpoints, begun: Begun, redirect: str, code: str
    ) -> str | None:
        """Return the id token for this code, or None if the provider refuses the code or sends no
        token.
        """
        body = prepare_token_request(
            "authorization_code", redirect_uri=redirect, code=code, code_verifier=begun.verifier
        )
        method = "client_secret_post" if endpoints.secret_in_body else "client_secret_basic"
        auth = ClientAuth(self._client.id, self._client.secret, method)
        url, headers, body = auth.prepare("POST", endpoints.token, {}, body)
        answer = await send_form(url, body, headers, may_answer=_ANSWERS)
        token = answer.get("id_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or len(token) > ID_TOKEN_LENGTH_MAX:
            _log.warning(
                "no id token was given",
                issuer=self._issuer,
                error=str(answer.get("error") if isinstance(answer, dict) else "")[:100],
            )
            return None
        return token

    async def _verified(self, token: str, now: float) -> Mapping[str, Any] | None:
        try:
            header = jwt.get_unverified_header(token)
        except (PyJWTError, ValueError, RecursionError):
            return None
        kid = header.get("kid")
        if header.get("alg") != ALGORITHM or "crit" in header or not isinstance(kid, str):
            return None
        key = await self._keys.find(kid)
        if key is None:
            return None
        try:
            claims = jwt.decode(
                token,
                key,
                [ALGORITHM],
                audience=self._client.id,
                issuer=self._issuer,
                options=_OPTIONS,
            )
        except PyJWTError:
            return None
        return claims if _is_good(claims, self._client.id, now) else None


def _endpoints_of(document: Any, issuer: str) -> Endpoints:
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise SourceUnavailable(
            f"the discovery document of {issuer} names another issuer; look at GATE_SSO_ISSUER"
        )
    places = [document.get(f"{name}_endpoint") for name in ("authorization", "token")]
    secure = issuer.startswith("https:")
    for place in places:
        if (
            not isinstance(place, str)
            or not is_private(place)
            or (secure and not place.startswith("https:"))
        ):
            raise SourceUnavailable(
                f"the discovery document of {issuer} has no endpoint that may be used"
            )
    methods = _texts(document.get("token_endpoint_auth_methods_supported"))
    scopes = (*SCOPES, GROUPS) if GROUPS in _texts(document.get("scopes_supported")) else SCOPES
    return Endpoints(
        authorization=str(places[0]),
        token=str(places[1]),
        scopes=scopes,
        secret_in_body="client_secret_post" in methods and "client_secret_basic" not in methods,
        names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _is_good(claims: Mapping[str, Any], client: str, now: float) -> bool:
    """Return whether the token is for this client alone, valid now, and about somebody."""
    audience, party = claims["aud"], claims.get("azp")
    if (party is not None and party != client) or (
        isinstance(audience, list) and len(audience) > 1 and party is None
    ):
        return False
    subject, expires, issued = claims["sub"], claims["exp"], claims["iat"]
    begins = claims.get("nbf", issued)
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_LENGTH_MAX:
        return False
    if any(
        isinstance(at, bool) or not isinstance(at, int | float) or not at < float("inf")
        for at in (expires, issued, begins)
    ):
        return False
    fresh = max(issued, begins) <= now + LEEWAY_SECONDS and issued > now - ISSUED_SECONDS_MAX
    return bool(fresh and expires > now - LEEWAY_SECONDS)


def _email(claims: Mapping[str, Any]) -> str | None:
    """Return the address if it is ASCII and the provider does not call it unverified, or None.

    Letters beyond ASCII could look like others.
    """
    email, verified = claims.get("email"), claims.get("email_verified", True)
    if not isinstance(email, str) or not email.isascii() or verified not in {True, "true"}:
        return None
    return email


def _groups(claimed: object) -> tuple[str, ...]:
    """Return the groups, cut at `GROUPS_MAX`, because a person in fewer groups may only do less."""
    names = [claimed] if isinstance(claimed, str) else _texts(claimed)
    return tuple(dict.fromkeys(name for name in names if 0 < len(name) <= GROUP_LENGTH_MAX))[
        :GROUPS_MAX
    ]


def _texts(value: object) -> list[str]:
    if isinstance(value, list):
        return [one for one in value if isinstance(one, str)]
    return []
