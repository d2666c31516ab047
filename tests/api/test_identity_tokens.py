"""Pipelines without a secret: whose token is taken, and when (A20, A21, A25 to A27)."""

import asyncio
import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from time import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gate.flow.caller import NOBODY
from tests.api.asgi import problem
from tests.api.pipelines import Pipelines, pipelines, status_page
from tests.identity_provider import by_hand, github, private_key, provider, public_jwk
from tests.loopback import down

pytestmark = pytest.mark.anyio
MINUTE = 60
HOUR = 3600


def at(offsets: Mapping[str, int]) -> dict[str, int]:
    """Claims so many seconds from now."""
    return {name: int(time()) + seconds for name, seconds in offsets.items()}


A20: Mapping[str, Mapping[str, Any]] = {
    "another audience": {"aud": "https://other.example.com"},
    "two audiences": {"aud": ["https://gate.example.com", "https://other.example.com"]},
    "the same audience twice": {"aud": ["https://gate.example.com", "https://gate.example.com"]},
    "no audience in a list": {"aud": []},
    "an audience with a slash": {"aud": "https://gate.example.com/"},
    "no audience": {"aud": None},
    "an issuer with a slash": {"iss": "{issuer}/"},
    "an issuer that is longer": {"iss": "{issuer}.example.com"},
    "another issuer": {"iss": "https://token.actions.githubusercontent.com"},
    "an issuer in a list": {"iss": ["{issuer}"]},
    "no expiry": {"exp": None},
    "an expiry as text": {"exp": "never"},
    "an expiry that is no number": {"exp": float("nan")},
    "an endless expiry": {"exp": float("inf")},
    "an expiry that is true": {"exp": True},
    "no time of issue": {"iat": None},
    "no subject": {"sub": None},
    "no id": {"jti": None},
    "no repository id": {"repository_id": None},
    "a repository id that is a name": {"repository_id": "acme"},
    "no run": {"run_id": None},
    "no attempt": {"run_attempt": None},
    "attempt zero": {"run_attempt": "0"},
    "no commit": {"sha": None},
    "no event": {"event_name": None},
    "a control character": {"environment": "prod\n"},
}
A27: Mapping[str, tuple[Mapping[str, int], bool]] = {
    "just expired": ({"iat": -400, "nbf": -400, "exp": -30}, True),
    "expired": ({"iat": -400, "nbf": -400, "exp": -120}, False),
    "a little early": ({"iat": 30, "nbf": 30, "exp": 300}, True),
    "early": ({"iat": 120, "nbf": 120, "exp": 300}, False),
    "begins later": ({"iat": 0, "nbf": 120, "exp": 300}, False),
    "five minutes ahead": ({"iat": 5 * MINUTE, "nbf": 5 * MINUTE, "exp": 10 * MINUTE}, False),
    "expired before it was issued": ({"iat": 10, "nbf": 0, "exp": 5}, False),
    "a day old": ({"iat": -24 * HOUR - 120, "nbf": -24 * HOUR - 120, "exp": HOUR}, False),
    "almost a day old": ({"iat": -23 * HOUR, "nbf": -23 * HOUR, "exp": HOUR}, True),
}


async def test_a20_whatever_is_wrong_with_a_token_the_answer_is_the_same(world: Pipelines) -> None:
    tokens = {
        name: world.github.github(**_filled(claims, world.github.url))
        for name, claims in A20.items()
    }

    answers = {name: await world.submit(token) for name, token in tokens.items()}

    assert {name: response.status_code for name, response in answers.items()} == dict.fromkeys(
        A20, 401
    )
    assert {problem(response)["detail"] for response in answers.values()} == {NOBODY}
    assert await world.changes() == 0
    assert (
        await world.submit(world.github.github(aud=["https://gate.example.com"]))
    ).status_code == 201


async def test_a21_a_header_is_believed_in_nothing(world: Pipelines) -> None:
    with provider() as listener:
        tokens = {name: forge(world, listener.url) for name, forge in FORGED.items()}

        answers = {name: await world.submit(token) for name, token in tokens.items()}

        assert {name: response.status_code for name, response in answers.items()} == dict.fromkeys(
            FORGED, 401
        )
        assert {problem(response)["detail"] for response in answers.values()} == {NOBODY}
        assert listener.hits == []
    assert await world.changes() == 0
    assert (await world.submit(world.github.github())).status_code == 201


async def test_a25_a_flood_of_unknown_keys_reaches_the_issuer_once_and_keeps_nobody_out(
    world: Pipelines,
) -> None:
    assert (await world.evaluate(world.github.github())).status_code == 200
    before = len(world.github.hits)
    flood = [
        by_hand({"alg": "RS256", "kid": f"unknown-{k}"}, {"iss": world.github.url})
        for k in range(500)
    ]
    http = world.service.anybody()

    answers = await asyncio.gather(
        *(http.get("/v1/changes", headers={"Authorization": f"Bearer {token}"}) for token in flood)
    )

    assert {response.status_code for response in answers} == {401}
    assert len(world.github.hits) - before <= 1
    assert (await world.evaluate(world.github.github())).status_code == 200


async def test_a25_an_issuer_that_nobody_lists_is_never_asked(world: Pipelines) -> None:
    with provider() as stranger:
        assert (await world.submit(stranger.github())).status_code == 401

        assert stranger.hits == []


async def test_a26_while_nobody_knows_the_keys_nobody_passes(world: Pipelines) -> None:
    world.github.answer = down
    refused = await world.submit(world.github.github())
    again = await world.submit(world.github.github())

    assert (refused.status_code, again.status_code) == (503, 503)
    assert int(refused.headers["Retry-After"]) > 0
    assert world.github.key_hits == 1
    assert (await world.submit(world.gitlab.gitlab(), status_page())).status_code == 201


async def test_a26_keys_that_are_known_do_without_the_issuer(world: Pipelines) -> None:
    assert (await world.evaluate(world.github.github())).status_code == 200
    world.github.answer = down

    assert (await world.submit(world.github.github())).status_code == 201
    assert (await world.submit(world.github.sign(github(), key="another"))).status_code == 401


async def test_a27_clocks_may_differ_by_a_minute(world: Pipelines) -> None:
    answers = {
        name: await world.evaluate(world.github.github(**at(offsets)))
        for name, (offsets, _) in A27.items()
    }

    assert {name: response.status_code == 200 for name, response in answers.items()} == {
        name: good for name, (_, good) in A27.items()
    }
    assert {response.status_code for response in answers.values()} == {200, 401}


async def test_a_public_issuer_is_trusted_only_where_the_operator_lists_nobody(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with pipelines(sqlite_url, tmp_path) as world:
        token = by_hand(
            {"alg": "RS256", "kid": "x"}, {"iss": "https://token.actions.githubusercontent.com"}
        )

        assert (await world.submit(token)).status_code == 401


def _filled(claims: Mapping[str, Any], issuer: str) -> dict[str, Any]:
    return json.loads(json.dumps(dict(claims)).replace("{issuer}", issuer))  # type: ignore[no-any-return]  # an object comes back as one


def _signed_with_the_public_key(world: Pipelines, _: str) -> str:
    """HS256, with what everybody knows as the secret."""
    secret = (
        private_key("first")
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    token = by_hand(
        {"alg": "HS256", "typ": "JWT", "kid": "first"}, {"iss": world.github.url, **github()}, b""
    )
    seal = hmac.new(secret, token.rstrip(".").encode(), hashlib.sha256).digest()
    return token + urlsafe_b64encode(seal).rstrip(b"=").decode()


def _unsigned(alg: str) -> Callable[[Pipelines, str], str]:
    return lambda world, _: by_hand(
        {"alg": alg, "kid": "first"}, {"iss": world.github.url, **github()}, b""
    )


def _header(**header: Any) -> Callable[[Pipelines, str], str]:
    """A good token but for what its header asks for."""
    return lambda world, url: world.github.sign(
        github(), **{name: _at(value, url) for name, value in header.items()}
    )


def _at(value: Any, url: str) -> Any:
    return value.replace("{url}", url) if isinstance(value, str) else value


def _stranger(**header: Any) -> Callable[[Pipelines, str], str]:
    """Signed with a key of the attacker's own, which the header brings or points to."""
    return lambda world, url: world.github.sign(
        github(), key="attacker", **{name: _at(value, url) for name, value in header.items()}
    )


def _changed(world: Pipelines, _: str) -> str:
    """The claims of a good token, put right afterwards."""
    head, claims, seal = world.github.github(repository_id="666").split(".")
    better = json.loads(urlsafe_b64decode(claims + "==")) | {"repository_id": "1003"}
    return ".".join(
        [head, urlsafe_b64encode(json.dumps(better).encode()).rstrip(b"=").decode(), seal]
    )


FORGED: Mapping[str, Callable[[Pipelines, str], str]] = {
    "no algorithm": _unsigned("none"),
    "no algorithm, in other letters": _unsigned("nOnE"),
    "the public key as a secret": _signed_with_the_public_key,
    "another algorithm": _header(alg="RS512"),
    "PSS in place of PKCS": _header(alg="PS256"),
    "a key of the attacker's": _stranger(),
    "a key in the header": _stranger(jwk=public_jwk("attacker", private_key("attacker"))),
    "an address of keys": _stranger(jku="{url}/keys", kid="attacker"),
    "an address of a certificate": _stranger(x5u="{url}/keys"),
    "a path as key id": _stranger(kid="../../dev/null"),
    "an injection as key id": _stranger(kid="x' UNION SELECT 'secret"),
    "an unknown critical header": _header(crit=["exp"]),
    "a critical header of its own": _header(crit=["b64"], b64=True),
    "another type": _header(typ="at+jwt"),
    "claims put right afterwards": _changed,
    "no token at all": lambda *_: "a.b.c",
    "three dots": lambda *_: "...",
    "a very deep one": lambda *_: f"{'W' * 8000}.{'W' * 4000}.x",
    "a very long one": lambda world, _: world.github.github(actor="x" * 20_000),
}
