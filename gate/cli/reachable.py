"""Asks the systems that the settings name whether they answer, and whether they know the gate.

Nothing is changed there.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from gate.app import single_sign_on
from gate.config import Settings
from gate.errors import GateError, SourceUnavailable
from gate.integrations.github.app import PERMISSIONS, App
from gate.integrations.github.facts import HEADERS as GITHUB_HEADERS
from gate.integrations.gitlab.facts import API, GitLab
from gate.integrations.gitlab.facts import HEADERS as GITLAB_HEADERS
from gate.integrations.http import shapes
from gate.integrations.http.client import OpenClient, open_client
from gate.integrations.http.rest import Rest
from gate.integrations.identity.jwks import Keys

SECONDS_MAX = 10.0
"""The time limit for all systems together, which are asked at the same time."""

_MORE = ("write", "admin")
"""The permissions that include reading."""

Question: TypeAlias = Callable[[], Awaitable[str]]
"""Asks one system, and returns a sentence about it. Raises a `GateError` that says what
is wrong."""


def examine(settings: Settings, open_client: OpenClient = open_client) -> list[tuple[bool, str]]:
    """Return one line for each system that the settings name."""
    return asyncio.run(_ask_all(_questions(settings, open_client)))


async def _ask_all(questions: dict[str, Question]) -> list[tuple[bool, str]]:
    return await asyncio.gather(*(_ask(name, question) for name, question in questions.items()))


async def _ask(name: str, question: Question) -> tuple[bool, str]:
    try:
        async with asyncio.timeout(SECONDS_MAX):
            return True, f"{name}: {await question()}"
    except TimeoutError:
        return False, f"{name}: no answer within {SECONDS_MAX:g} s"
    except GateError as error:
        return False, f"{name}: {error.detail}"


def _questions(settings: Settings, open_client: OpenClient) -> dict[str, Question]:
    """Return the question for each system, by its name in the output.

    A system that is only half configured is reported elsewhere and not asked.
    """
    questions: dict[str, Question] = {}
    app_id, key = settings.github_app_id, settings.github_app_key.get_secret_value()
    if app_id and key:
        github = Rest(settings.github_api_url, GITHUB_HEADERS, open_client)
        questions["GitHub answers"] = lambda: _github(github, app_id, key)
    token = settings.gitlab_token.get_secret_value()
    if token:
        gitlab = Rest(settings.gitlab_url.rstrip("/"), GITLAB_HEADERS, open_client)
        questions["GitLab answers"] = lambda: _gitlab(gitlab, token)
    if settings.sso_issuer is not None and settings.base_url and not settings.sso_lacks:
        questions["single sign-on answers"] = lambda: _sign_in(settings)
    for one in settings.issuers or ():
        keys = Keys(one.issuer, one.jwks_uri)
        questions[f"issuer {one.issuer}"] = lambda keys=keys: _keys(keys)  # type: ignore[misc]  # a default binds this one
    return questions


async def _github(rest: Rest, app_id: str, key: str) -> str:
    """Ask GitHub for the App's name, and whether it may read what decisions need."""
    try:
        body = (await rest.get("/app", App(app_id, key, rest).credential())).body
    finally:
        await rest.close()
    granted = shapes.fields(body, "permissions")
    lacking = [
        f"{name}: {access}"
        for name, access in PERMISSIONS.items()
        if granted.get(name) not in (access, *_MORE)
    ]
    name = shapes.text(body, "slug")
    if lacking:
        raise SourceUnavailable(
            f"{rest.host} knows the App {name}, which lacks {', '.join(lacking)}; grant it "
            "in the App's settings"
        )
    return f"{rest.host} knows the App {name}"


async def _gitlab(rest: Rest, token: str) -> str:
    """Ask GitLab for its version, with the token."""
    try:
        body = (await rest.get(f"{API}/version", GitLab(rest, token).credential)).body
    finally:
        await rest.close()
    return f"{rest.host} takes the token, and is version {shapes.text(body, 'version')}"


async def _sign_in(settings: Settings) -> str:
    """Ask the identity provider for its description, which says where people are sent."""
    provider = single_sign_on(settings)
    if provider is None:
        raise SourceUnavailable("it is off")
    await provider.begin(settings.address)
    await _keys(Keys(settings.sso_issuer or ""))
    return f"{settings.sso_issuer} describes itself and has keys"


async def _keys(keys: Keys) -> str:
    """Read the keys of an issuer, by asking for one that does not exist."""
    await keys.find("")
    return "its keys can be read"
