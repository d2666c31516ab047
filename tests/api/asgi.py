"""Drives an app without a server: requests go straight in, problems come out."""

from collections.abc import Mapping
from typing import Any

import httpx
from starlette.types import ASGIApp

BASE_URL = "https://gate.example.com"


def client(app: ASGIApp, token: str | None = None) -> httpx.AsyncClient:
    """A client of this app; an error of the app reaches the test as the caller would see it."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url=BASE_URL,
        headers=headers,
    )


def problem(response: httpx.Response) -> Mapping[str, Any]:
    """The problem document, checked to be one."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    document: dict[str, Any] = response.json()
    assert document["status"] == response.status_code
    assert document["instance"] == "urn:gate:request:" + response.headers["x-request-id"]
    return document


def problem_name(response: httpx.Response) -> str:
    """The last word of its type."""
    kind: str = problem(response)["type"]
    assert kind.startswith("urn:gate:problem:")
    return kind.removeprefix("urn:gate:problem:")
