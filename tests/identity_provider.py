"""A small OpenID provider of the tests' own: it signs real tokens, and can be slow, huge, down or
somebody else.
"""

import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler
from itertools import count
from time import time
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt import api_jws
from jwt.algorithms import RSAAlgorithm

from tests.loopback import Answer, on_loopback, send

AUDIENCE = "https://gate.example.com"
COMMIT = "c0ffee" + "0" * 34
DISCOVERY, KEYS, RUNNER = "/.well-known/openid-configuration", "/keys", "/runner?"

_serial = count(1)


@cache
def private_key(name: str, bits: int = 2048) -> RSAPrivateKey:
    """A key of that name, the same all the time: making one takes a while."""
    _ = name
    return generate_private_key(65_537, bits)


def public_jwk(kid: str, key: RSAPrivateKey) -> dict[str, Any]:
    """The public part, as a key set has it."""
    return {
        **json.loads(RSAAlgorithm.to_jwk(key.public_key())),
        "kid": kid,
        "use": "sig",
        "alg": "RS256",
    }


def github(**claims: Any) -> dict[str, Any]:
    """The claims of a GitHub job of `acme/storefront`; None leaves a claim out."""
    now = int(time())
    return _said(
        {
            "jti": f"github-{next(_serial)}",
            "sub": "repo:acme/storefront:ref:refs/heads/main",
            "aud": AUDIENCE,
            "repository": "acme/storefront",
            "repository_id": "1003",
            "repository_owner": "acme",
            "repository_owner_id": "65",
            "actor": "kofi-mensah",
            "actor_id": "12",
            "ref": "refs/heads/main",
            "ref_type": "branch",
            "ref_protected": "true",
            "sha": COMMIT,
            "run_id": "9001",
            "run_number": "10",
            "run_attempt": "1",
            "event_name": "push",
            "workflow": "Deploy",
            "job_workflow_ref": "acme/automation/.github/workflows/deploy.yml@refs/heads/main",
            "nbf": now - 600,
            "iat": now,
            "exp": now + 300,
        },
        claims,
    )


def gitlab(**claims: Any) -> dict[str, Any]:
    """The claims of a GitLab job of `acme/status-page`; None leaves a claim out."""
    now = int(time())
    return _said(
        {
            "jti": f"gitlab-{next(_serial)}",
            "sub": "project_path:acme/status-page:ref_type:branch:ref:main",
            "aud": AUDIENCE,
            "namespace_id": "72",
            "namespace_path": "acme",
            "project_id": "20",
            "project_path": "acme/status-page",
            "user_id": "1",
            "user_login": "goran.gl",
            "user_email": "goran@example.com",
            "pipeline_id": "574",
            "pipeline_source": "push",
            "job_id": "302",
            "ref": "main",
            "ref_type": "branch",
            "ref_path": "refs/heads/main",
            "ref_protected": "true",
            "runner_id": 1,
            "sha": COMMIT,
            "ci_config_ref_uri": "gitlab.example.com/acme/status-page//.gitlab-ci.yml@refs/heads/main",
            "nbf": now - 5,
            "iat": now,
            "exp": now + 3600,
        },
        claims,
    )


def _said(usual: Mapping[str, Any], different: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**usual, **different}.items() if value is not None}


@dataclass(slots=True)
class Provider:
    """One issuer on loopback.

    `hits` are the paths it was asked for; `answer` is how it misbehaves.
    """

    url: str
    kid: str = "first"
    published: list[str] = field(default_factory=lambda: ["first"])
    hits: list[str] = field(default_factory=list)
    answer: Answer | None = None
    document: dict[str, Any] = field(
        default_factory=dict
    )  # what its discovery document says otherwise
    job: Callable[[str], dict[str, Any]] | None = (
        None  # the claims for an audience, where it is also the runner of a job
    )
    released: threading.Event = field(
        default_factory=threading.Event
    )  # set at the end: whoever is slow may go

    def sign(self, claims: Mapping[str, Any], *, key: str | None = None, **header: Any) -> str:
        """A token with these claims. `key` is another key than the one that `kid` names."""
        content = json.dumps({"iss": self.url, **claims}).encode()
        headers = {"typ": "JWT", "kid": self.kid, **header}
        return api_jws.encode(
            content, private_key(key or self.kid), headers.pop("alg", "RS256"), headers
        )

    def github(self, **claims: Any) -> str:
        """The token of a GitHub job."""
        return self.sign(github(**claims))

    def gitlab(self, **claims: Any) -> str:
        """The token of a GitLab job."""
        return self.sign(gitlab(**claims))

    def rotate(self, kid: str) -> None:
        """From now on it signs with this key, and publishes no other."""
        self.kid, self.published = kid, [kid]

    def setting(self, provider: str, **different: Any) -> dict[str, Any]:
        """As one of `GATE_ISSUERS`."""
        return {"issuer": self.url, "provider": provider, **different}

    @property
    def key_set(self) -> dict[str, Any]:
        """What it publishes."""
        return {"keys": [public_jwk(kid, private_key(kid)) for kid in self.published]}

    @property
    def key_hits(self) -> int:
        """How often its keys were asked for."""
        return self.hits.count(KEYS)


@contextmanager
def provider() -> Iterator[Provider]:
    """A provider that runs, and ends with the test."""
    with on_loopback(_Handler, Provider) as started:
        yield started


class _Handler(BaseHTTPRequestHandler):
    """Discovery and keys; every path is counted."""

    provider: Provider

    def do_GET(self) -> None:
        """One request."""
        running = self.provider
        running.hits.append(self.path)
        if self.path == DISCOVERY:
            send(
                self,
                json.dumps(
                    {"issuer": running.url, "jwks_uri": running.url + KEYS, **running.document}
                ).encode(),
            )
        elif running.job is not None and self.path.startswith(RUNNER):
            audience = parse_qs(self.path.partition("?")[2])["audience"][0]
            send(self, json.dumps({"value": running.sign(running.job(audience))}).encode())
        elif running.answer is not None:
            running.answer(self)
        else:
            send(self, json.dumps(running.key_set).encode())


def by_hand(
    header: Mapping[str, Any], claims: Mapping[str, Any], signature: bytes = b"x" * 256
) -> str:
    """A token that no library would make."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
