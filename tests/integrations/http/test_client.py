"""Asking other systems: private places only, a few seconds, a limited answer, no redirect, no proxy
(A26).
"""

import pytest

from gate.errors import SourceUnavailable
from gate.integrations.http.client import is_private, read_json
from tests.identity_provider import KEYS, Provider, provider
from tests.loopback import Answer, down, drip, garbage, huge, redirect

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("answer", "because"),
    [
        pytest.param(drip, "did not answer within 0.2 s", id="slow"),
        pytest.param(huge, "more than 1,048,576 bytes", id="huge"),
        pytest.param(redirect, "answered 302", id="elsewhere"),
        pytest.param(down, "answered 500", id="down"),
        pytest.param(garbage, "no JSON", id="not what was asked for"),
    ],
)
async def test_an_answer_that_is_none_is_one_kind_of_error(answer: Answer, because: str) -> None:
    with provider() as running:
        running.answer = answer

        with pytest.raises(SourceUnavailable, match=because) as raised:
            await read_json(running.url + KEYS, within_seconds=0.2 if answer is drip else 3)

        assert (raised.value.status, raised.value.problem) == (503, "busy")
        assert running.hits == [KEYS]


async def test_nobody_listening_is_the_same_kind_of_error() -> None:
    with provider() as running:
        url = running.url

    with pytest.raises(SourceUnavailable, match="could not be asked"):
        await read_json(url)


async def test_settings_of_the_machine_lead_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    with provider() as running, provider() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)

        assert await read_json(running.url + KEYS) == running.key_set

        assert proxy.hits == []


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("http://gate.example.com/keys", False),
        ("http://127.0.0.1.example.com/keys", False),
        ("http://user:secret@127.0.0.1/keys", False),
        ("ftp://127.0.0.1/keys", False),
        ("file:///etc/passwd", False),
        ("https://", False),
        ("http://[::1", False),
        ("https://gate.example.com/keys", True),
        ("http://127.0.0.1:8080/keys", True),
        ("http://[::1]:8080/keys", True),
        ("http://localhost/keys", True),
    ],
)
def test_only_a_private_place_is_asked(url: str, *, private: bool) -> None:
    assert is_private(url) is private


async def test_a_place_that_is_not_private_is_not_asked_and_its_secrets_are_not_repeated() -> None:
    with pytest.raises(SourceUnavailable) as raised:
        await read_json("http://user:secret@gate.example.com/keys?token=secret#secret")

    assert "is not asked" in raised.value.detail
    assert "secret" not in raised.value.detail


async def test_a_test_provider_is_one_of_its_own() -> None:
    with provider() as one, provider() as other:
        await read_json(one.url + KEYS)

        assert (one.hits, other.hits) == ([KEYS], [])
        assert isinstance(one, Provider)
