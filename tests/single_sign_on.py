"""A small identity provider of people, of the tests' own: discovery, authorize, token, keys; it can
lie in every way.
"""

import hashlib
import json
import threading
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from itertools import count
from time import time
from typing import Any
from urllib.parse import parse_qs, urlencode

from jwt import api_jws

from tests.identity_provider import private_key, public_jwk
from tests.loopback import Answer, begin, on_loopback, send

DISCOVERY, KEYS, AUTHORIZE, TOKEN = (
    "/.well-known/openid-configuration",
    "/keys",
    "/authorize",
    "/token",
)
CLIENT, SECRET = "the-gate", "a secret: with/odd%characters"

_serial = count(1)


@dataclass(slots=True)
class RequestDetails:
    """What a browser was sent with: the provider gives a code for it, once."""

    redirect: str
    nonce: str
    challenge: str
    person: dict[str, Any]


@dataclass(slots=True)
class PeopleProvider:
    """One provider on loopback.

    `person` is who is signed in there, as claims; `claims` is what it says beside the usual.
    """

    url: str
    kid: str = "first"
    published: list[str] = field(default_factory=lambda: ["first"])
    person: dict[str, Any] = field(
        default_factory=lambda: {"sub": "00u1", "email": "ada@example.com", "email_verified": True}
    )
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    document: dict[str, Any] = field(
        default_factory=dict
    )  # what its discovery document says otherwise
    key: str | None = None  # another key than the one that `kid` names
    answers: dict[str, Answer] = field(default_factory=dict)  # by path: how it misbehaves
    hits: list[str] = field(default_factory=list)
    bodies: list[dict[str, list[str]]] = field(default_factory=list)
    codes: dict[str, RequestDetails] = field(default_factory=dict)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def settings(self) -> dict[str, Any]:
        """As an operator gives them."""
        return {"sso_issuer": self.url, "sso_client_id": CLIENT, "sso_client_secret": SECRET}

    def discovery(self) -> dict[str, Any]:
        """Its document."""
        usual = {
            "issuer": self.url,
            "authorization_endpoint": self.url + AUTHORIZE,
            "token_endpoint": self.url + TOKEN,
            "jwks_uri": self.url + KEYS,
            "scopes_supported": ["openid", "email", "profile", "groups"],
            "authorization_response_iss_parameter_supported": True,
        }
        return {
            name: value for name, value in {**usual, **self.document}.items() if value is not None
        }

    def authorize(self, query: dict[str, list[str]]) -> str:
        """Where a browser goes on with its code, as if whoever sits before it had just signed
        in.
        """
        code = f"code-{next(_serial)}"
        self.codes[code] = RequestDetails(
            query["redirect_uri"][0],
            query["nonce"][0],
            query["code_challenge"][0],
            dict(self.person),
        )
        return (
            query["redirect_uri"][0]
            + "?"
            + urlencode({"code": code, "state": query["state"][0], "iss": self.url})
        )

    def token(self, body: dict[str, list[str]], authorization: str) -> tuple[int, dict[str, Any]]:
        """An id token for a code, once, for whoever proves that they asked for it."""
        asked = self.codes.pop(body.get("code", [""])[0], None)
        proved = (
            b64decode(authorization.removeprefix("Basic ")).decode() == f"{CLIENT}:{SECRET}"
            if authorization
            else False
        )
        proved = proved or (body.get("client_id"), body.get("client_secret")) == (
            [CLIENT],
            [SECRET],
        )
        verifier = body.get("code_verifier", [""])[0]
        challenge = (
            urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        )
        if not proved:
            return 401, {"error": "invalid_client"}
        if (
            asked is None
            or body.get("redirect_uri") != [asked.redirect]
            or challenge != asked.challenge
        ):
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "unused", "token_type": "Bearer", "id_token": self.sign(asked)}

    def sign(self, asked: RequestDetails) -> str:
        """The id token; None leaves a claim out."""
        now = int(time())
        usual = {
            "iss": self.url,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked.nonce,
            **asked.person,
        }
        said = {
            name: value for name, value in {**usual, **self.claims}.items() if value is not None
        }
        header = {
            name: value
            for name, value in {"kid": self.kid, "typ": "JWT", **self.header}.items()
            if value is not None
        }
        return api_jws.encode(
            json.dumps(said).encode(),
            private_key(self.key or self.kid),
            header.pop("alg", "RS256"),
            header,
        )

    def rotate(self, kid: str) -> None:
        """From now on it signs with this key, and publishes no other."""
        self.kid, self.published = kid, [kid]


@contextmanager
def people_provider() -> Iterator[PeopleProvider]:
    """A provider that runs, and ends with the test."""
    with on_loopback(_Handler, PeopleProvider) as started:
        yield started


class _Handler(BaseHTTPRequestHandler):
    """Every path is counted."""

    provider: PeopleProvider

    def do_GET(self) -> None:
        """Discovery, keys, and a browser that comes to sign in."""
        running = self.provider
        path, _, query = self.path.partition("?")
        running.hits.append(path)
        if path in running.answers:
            running.answers[path](self)
        elif path == DISCOVERY:
            send(self, json.dumps(running.discovery()).encode())
        elif path == KEYS:
            send(
                self,
                json.dumps(
                    {"keys": [public_jwk(kid, private_key(kid)) for kid in running.published]}
                ).encode(),
            )
        elif path == AUTHORIZE:
            begin(self, 302, Location=running.authorize(parse_qs(query)))
        else:
            begin(self, 404)

    def do_POST(self) -> None:
        """A code is exchanged."""
        running = self.provider
        running.hits.append(self.path)
        body = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode())
        running.bodies.append(body)
        if self.path in running.answers:
            running.answers[self.path](self)
            return
        status, answer = running.token(body, self.headers.get("Authorization", ""))
        send(self, json.dumps(answer).encode(), status)
