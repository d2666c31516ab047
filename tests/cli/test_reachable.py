"""`gate doctor` asks the systems that it is configured for, and says what they answer (E26)."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from gate.cli import reachable
from gate.cli.reachable import examine
from gate.config import Settings
from gate.integrations.github.app import PERMISSIONS
from tests.integrations.fake_github import APP_ID, app_key_text, reply
from tests.single_sign_on import CLIENT, SECRET, people_provider

GITHUB = {"github_app_id": APP_ID, "github_app_key": app_key_text()}
GITLAB = {"gitlab_token": "glpat-secret"}
APP = {"slug": "change-gate", "permissions": dict(PERMISSIONS)}


def found(
    answer: Callable[[httpx.Request], httpx.Response], **given: Any
) -> list[tuple[bool, str]]:
    """What is said with these settings when every host answers so."""

    async def open_client() -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(answer))

    return examine(Settings.read({}, **given, base_url="https://gate.example.com"), open_client)


def answering(status: int, body: Any) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: reply(status, body).response()


def refusing(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody listens")


def test_nobody_is_asked_whom_no_setting_names() -> None:
    def never(request: httpx.Request) -> httpx.Response:
        raise AssertionError(request.url)

    assert found(never) == []
    assert (
        found(never, github_app_id=APP_ID, github_webhook_secret="s", gitlab_webhook_token="s")  # noqa: S106 - made up
        == []
    )


def test_hosts_that_know_the_gate_are_named() -> None:
    assert found(answering(200, APP), **GITHUB) == [
        (True, "GitHub answers: api.github.com knows the App change-gate")
    ]
    assert found(answering(200, {"version": "17.5.0"}), **GITLAB) == [
        (True, "GitLab answers: gitlab.com takes the token, and is version 17.5.0")
    ]


def test_what_the_app_may_not_read_is_named() -> None:
    granted = {name: access for name, access in PERMISSIONS.items() if name != "checks"}
    granted |= {"deployments": "read", "contents": "write"}

    ((good, line),) = found(answering(200, APP | {"permissions": granted}), **GITHUB)

    assert (good, "lacks checks: read, deployments: write; grant" in line) == (False, True)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(
            answering(401, {"message": "Bad credentials"}), "answered 401", id="another key"
        ),
        pytest.param(refusing, "could not be asked", id="nobody listens"),
        pytest.param(answering(200, {"hello": "world"}), "was promised", id="somebody else"),
    ],
)
@pytest.mark.parametrize("settings", [GITHUB, GITLAB], ids=["GitHub", "GitLab"])
def test_a_host_that_does_not_know_the_gate_is_wrong(
    settings: dict[str, Any], answer: Callable[[httpx.Request], httpx.Response], words: str
) -> None:
    ((good, line),) = found(answer, **settings)

    assert (good, words in line) == (False, True)
    assert "glpat-secret" not in line


def test_all_are_asked_at_the_same_time_and_none_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reachable, "SECONDS_MAX", 0)

    async def forever(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def open_client() -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(forever))

    said = examine(Settings.read({}, **GITHUB, **GITLAB), open_client)

    assert said == [
        (False, "GitHub answers: no answer within 0 s"),
        (False, "GitLab answers: no answer within 0 s"),
    ]


def test_an_identity_provider_and_an_issuer_are_asked_for_their_keys() -> None:
    with people_provider() as provider:
        settings = Settings.read(
            {},
            base_url="https://gate.example.com",
            sso_issuer=provider.url,
            sso_client_id=CLIENT,
            sso_client_secret=SECRET,
            issuers=[{"issuer": provider.url, "provider": "github"}],
        )
        good = examine(settings)
        provider.document = {"issuer": "https://somebody.example.com"}
        bad = examine(settings)

    assert good == [
        (True, f"single sign-on answers: {provider.url} describes itself and has keys"),
        (True, f"issuer {provider.url}: its keys can be read"),
    ]
    assert [fine for fine, _ in bad] == [False, False]
    assert all("names another issuer" in line for _, line in bad)
