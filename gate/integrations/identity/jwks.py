"""Keeps the public keys of one issuer by id, reads them again at a bounded rate, and uses none that
is older than an hour.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, cast

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm
from jwt.exceptions import InvalidKeyError

from gate.errors import SourceUnavailable
from gate.integrations.http.client import is_private, read_json

COOL_DOWN_SECONDS = 60.0
"""How long the keys are not read again, however many tokens name an unknown key, because anybody
can send such tokens."""

EMPTY_COOL_DOWN_SECONDS = 10.0
"""The pause between two readings while there are no keys. It is short, because until then nobody
can be let in."""

REFRESH_AFTER_SECONDS = 300.0
"""Keys older than this are read again in the background, so that a key which the issuer has
withdrawn is soon gone."""

AGE_SECONDS_MAX = 3_600.0
"""Keys older than this are not used, for whatever reason there are no newer ones."""

KEYS_MAX = 100
RSA_BITS_MIN = 2_048
RSA_BITS_MAX = 8_192

_log = structlog.get_logger("gate.jwks")

ReadJson: TypeAlias = Callable[[str], Awaitable[Any]]


class Keys:
    """The keys of one issuer. Without `jwks_uri` its discovery document says where they are."""

    def __init__(
        self,
        issuer: str,
        jwks_uri: str | None = None,
        read: ReadJson = read_json,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._given_uri = jwks_uri
        self._found_uri: str | None = None
        self._read = read
        self._monotonic = monotonic
        self._keys: Mapping[str, RSAPublicKey] = {}
        self._read_at = self._asked_at = float("-inf")
        self._trouble: SourceUnavailable | None = None
        self._reading: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> RSAPublicKey | None:
        """Return the key of this id, or None if the issuer has none.

        Raises `SourceUnavailable` if the keys cannot be read.
        """
        now = self._monotonic()
        if now - self._read_at > AGE_SECONDS_MAX:
            self._keys = {}
        known = self._keys.get(kid)
        if known is not None:
            if now - self._read_at > REFRESH_AFTER_SECONDS:
                # And answer from what is there.
                self._ask(now)
            return known
        reading = self._ask(now)
        if reading is not None:
            # Others wait for the same: one who gives up ends it for nobody.
            await asyncio.shield(reading)
        known = self._keys.get(kid)
        if known is None and self._trouble is not None:
            raise self._trouble
        return known

    def _ask(self, now: float) -> asyncio.Task[None] | None:
        """Return the reading that is under way, or start one if the last is long enough ago."""
        if self._reading is None or self._reading.done():
            pause = COOL_DOWN_SECONDS if self._keys else EMPTY_COOL_DOWN_SECONDS
            if now - self._asked_at < pause:
                return None
            self._asked_at = now
            self._reading = asyncio.create_task(self._refresh())
        return self._reading

    async def _refresh(self) -> None:
        try:
            self._keys = _keys_of(await self._read(await self._uri()), self._issuer)
        except SourceUnavailable as error:
            detail = (
                f"the keys of {self._issuer} cannot be read, so its tokens cannot be checked: "
                f"{error.detail}; ask again"
            )
            self._trouble = SourceUnavailable(
                detail, retry_after_seconds=int(EMPTY_COOL_DOWN_SECONDS)
            )
            self._found_uri = None
            _log.warning(
                "the keys of an issuer cannot be read", issuer=self._issuer, error=error.detail
            )
        else:
            self._trouble, self._read_at = None, self._monotonic()

    async def _uri(self) -> str:
        uri = self._given_uri or self._found_uri
        if uri is None:
            document = await self._read(
                f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
            )
            uri = self._found_uri = _jwks_uri_of(document, self._issuer)
        return uri


def _jwks_uri_of(document: Any, issuer: str) -> str:
    """Return the address of the keys from a discovery document.

    The document must be that of this issuer, and an https issuer's keys must be at https too.
    """
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise SourceUnavailable("its discovery document names another issuer")
    uri = document.get("jwks_uri")
    if (
        not isinstance(uri, str)
        or not is_private(uri)
        or (issuer.startswith("https:") and not uri.startswith("https:"))
    ):
        raise SourceUnavailable("its discovery document has no jwks_uri that may be asked")
    return uri


def _keys_of(document: Any, issuer: str) -> dict[str, RSAPublicKey]:
    """Return the keys for RS256; keys of other kinds are ignored."""
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise SourceUnavailable(f"the key set of {issuer} has no list of keys")
    found: dict[str, RSAPublicKey] = {}
    for one in listed[:KEYS_MAX]:
        key = _key_of(one)
        if key is not None:
            found.setdefault(one["kid"], key)
    return found


def _key_of(one: Any) -> RSAPublicKey | None:
    if not isinstance(one, dict) or not isinstance(one.get("kid"), str) or one.get("kty") != "RSA":
        return None
    if one.get("use", "sig") != "sig" or one.get("alg", "RS256") != "RS256":
        return None
    try:
        # Only the public parts are read, even if the issuer serves the private ones by mistake.
        public = {"kty": "RSA", "n": one["n"], "e": one["e"]}
        key = cast("RSAPublicKey", RSAAlgorithm.from_jwk(public))
    except (InvalidKeyError, KeyError, TypeError, ValueError):
        return None
    return key if RSA_BITS_MIN <= key.key_size <= RSA_BITS_MAX else None
