"""Requests made up from the OpenAPI document: every answer is one that the document names, and none is a fault of the gate."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from gate.api.router import build_api
from gate.flow.caller import Role
from tests.api.served import Served, served

SCHEMA = schemathesis.openapi.from_dict(build_api().openapi())
FOUND = [found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)]
OPERATIONS = {f"{one.method} {one.path}": one for one in FOUND}
ENDLESS = {"get /v1/events"}
"""A stream has no end that a test could wait for."""

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 4


@dataclass(frozen=True, slots=True)
class Door:
    """The running service, asked from a thread of its own."""

    portal: BlockingPortal
    admin: httpx.AsyncClient
    pipeline: httpx.AsyncClient

    def ask(self, case: schemathesis.Case[Any]) -> httpx.Response:
        """The answer to what was made up."""
        given = case.as_transport_kwargs(base_url="https://gate.example.com")
        known = {name: given[name] for name in ("method", "url", "headers", "params", "json", "content") if given.get(name) is not None}
        if given.get("data") is not None:
            known["content"] = given["data"]

        async def send() -> httpx.Response:
            http = self.pipeline if case.path.startswith("/v1/changes") else self.admin
            return await http.request(**known)

        return self.portal.call(send)


async def _client(service: Served, role: Role) -> httpx.AsyncClient:
    """With a token of that role; without the check of answers, which is done here."""
    token = await service.token(role)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(service.app, raise_app_exceptions=False),
        base_url="https://gate.example.com",
        headers={"Authorization": f"Bearer {token}"},
    )


@pytest.fixture(scope="module")
def door(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """One service for all of it."""
    folder = tmp_path_factory.mktemp("schema")
    (folder / "gate.sqlite").write_bytes(sqlite_template.read_bytes())
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(served(f"sqlite:///{folder / 'gate.sqlite'}", folder)) as service,
    ):
        yield Door(portal, portal.call(_client, service, Role.ADMIN), portal.call(_client, service, Role.PIPELINE))


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - ENDLESS))
def test_what_is_made_up_from_the_document_is_answered_as_it_says(door: Door, name: str) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def ask(data: st.DataObject) -> None:
        case = data.draw(OPERATIONS[name].as_strategy())
        case.validate_response(door.ask(case), checks=CHECKS)

    ask()
