"""What an attacker meets: the running service with the shipped policies, and a change that waits
for people.
"""

from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx

from gate.flow.caller import Role
from tests.api.asgi import problem_name
from tests.api.served import COMMIT, IMAGE, Served, request

_run = count(1)
OTHER = {"name": "image", "digest": "sha256:" + "cd" * 32}


@dataclass(frozen=True, slots=True)
class World:
    """The pipeline has a token, and people are signed in."""

    service: Served
    pipeline: httpx.AsyncClient

    async def submit(self, **fields: Any) -> dict[str, Any]:
        """A change of `web` to production, which two people have to approve."""
        run = fields.pop("run", {"id": f"run-{next(_run)}"})
        body = {**request(), "environment": "production", "run": run, **fields}
        answer = await self.pipeline.post("/v1/changes", json=body)
        assert answer.status_code in {200, 201}, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def act(
        self, who: str, change: dict[str, Any], act: str = "approvals", **body: Any
    ) -> str:
        """What somebody gets who approves, or does something else: the state of the change, or the
        name of the problem.
        """
        given = {"subject_digest": change["subject_digest"], "comment": "looked at it", **body}
        http = await self.service.signed_in(who)
        return said(
            await http.post(
                f"/v1/changes/{change['id']}/{act}",
                json={k: v for k, v in given.items() if v is not None},
            )
        )

    async def approved(self, **fields: Any) -> dict[str, Any]:
        """The same, approved by two people."""
        change = await self.submit(**fields)
        assert [await self.act(who, change) for who in ("ada", "ben")] == ["pending", "approved"]
        return change

    async def admit(self, change: dict[str, Any], **different: Any) -> str:
        """`admitted`, or the name of the problem."""
        body = {
            "commit": COMMIT,
            "artifacts": [IMAGE],
            "environment": "production",
            "run": {"id": change["run"]["id"]},
            **different,
        }
        answer = await self.pipeline.post(f"/v1/changes/{change['id']}/admission", json=body)
        return "admitted" if answer.status_code == httpx.codes.OK else problem_name(answer)

    async def read(self, change: dict[str, Any]) -> dict[str, Any]:
        """As it is now."""
        found: dict[str, Any] = (await self.pipeline.get(f"/v1/changes/{change['id']}")).json()
        return found


async def world_of(service: Served) -> World:
    """With a pipeline for `web`."""
    return World(service, service.anybody(await service.token(Role.PIPELINE, "web")))


def said(answer: httpx.Response) -> str:
    """The state that an answer shows, or the name of its problem."""
    return (
        str(answer.json()["state"])
        if answer.status_code == httpx.codes.OK
        else problem_name(answer)
    )
