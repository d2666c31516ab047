"""A GitLab that speaks the protocol and refuses what the real one refuses: bad tokens, unknown
places, wrong verbs and fields.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.integrations.fake_github import CREATED, Canned, opened_issue, reply, was_opened

TOKEN = "glpat-test"  # noqa: S105 - of a fake
PROJECT = 20
ISSUES_PARAMS = frozenset(
    {"scope", "order_by", "sort", "created_after", "labels", "per_page", "page"}
)

Json = Any
Route = tuple[str, str, frozenset[str], Callable[..., Canned]]


@dataclass(slots=True)
class FakeGitLab:
    """What it knows is given by the test, by the very words of the interface; a path that is not
    here is not there.
    """

    compares: dict[tuple[str, str], Json] = field(default_factory=dict)  # by from and to
    answers: dict[str, Json] = field(
        default_factory=dict
    )  # by path below the project; a list has pages
    deployments: list[Json] = field(default_factory=list)
    approved: dict[int, Json] = field(default_factory=dict)
    played: list[int] = field(default_factory=list)
    issues: list[Json] = field(default_factory=list)  # newest first
    troubles: list[int] = field(default_factory=list)  # statuses for new issues; 502 is lost
    requests: list[httpx.Request] = field(default_factory=list)
    failing: dict[str, Canned] = field(default_factory=dict)  # by a part of the path
    page_size: int = 100

    async def open_client(self) -> httpx.AsyncClient:
        """As the gate opens one."""
        return httpx.AsyncClient(transport=httpx.MockTransport(self.handle), follow_redirects=False)

    async def handle(self, request: httpx.Request) -> httpx.Response:
        """The answer to one request."""
        await request.aread()
        self.requests.append(request)
        return self._answer(request).response()

    def _answer(self, request: httpx.Request) -> Canned:
        path = request.url.raw_path.decode().partition("?")[0]
        for part, answer in self.failing.items():
            if part in path:
                return answer
        if request.headers.get("private-token") != TOKEN:
            return reply(401, {"message": "401 Unauthorized"})
        below = path.removeprefix(f"/api/v4/projects/{PROJECT}")
        if below == path:
            return reply(404, {"message": "404 Project Not Found"})
        for verb, pattern, params, answer_to in self._routes():
            found = re.fullmatch(pattern, below)
            if found and verb == request.method:
                unknown = set(request.url.params.keys()) - params
                assert not unknown, f"{path} has no parameters {unknown}"
                return answer_to(request, **found.groupdict())
        return self._known(request, below)

    def _routes(self) -> tuple[Route, ...]:
        listing = frozenset(
            {"environment", "status", "order_by", "sort", "per_page", "page", "updated_after"}
        )
        return (
            ("GET", "/repository/compare", frozenset({"from", "to", "straight"}), self._compare),
            ("GET", "/deployments", listing, self._deployments),
            ("POST", r"/deployments/(?P<deployment>\d+)/approval", frozenset(), self._approve),
            ("POST", "/issues", frozenset(), self._open_issue),
            ("GET", "/issues", ISSUES_PARAMS, self._issues),
            ("GET", r"/issues/(?P<number>\d+)", frozenset(), self._issue),
            ("POST", r"/jobs/(?P<job>\d+)/play", frozenset(), self._play),
        )

    def _known(self, request: httpx.Request, below: str) -> Canned:
        if request.method != "GET" or self.answers.get(below) is None:
            return reply(404, {"message": "404 Not found"})
        return self._paged(request, self.answers[below])

    def _paged(self, request: httpx.Request, found: Json) -> Canned:
        if not isinstance(found, list):
            return reply(200, found)
        size, page = (
            min(int(request.url.params.get("per_page", 20)), self.page_size),
            int(request.url.params.get("page", 1)),
        )
        after = str(page + 1) if page * size < len(found) else ""
        return reply(200, found[(page - 1) * size : page * size], x_next_page=after)

    def _compare(self, request: httpx.Request) -> Canned:
        assert request.url.params["straight"] in {"true", "false"}
        found = self.compares.get((request.url.params["from"], request.url.params["to"]))
        return reply(404, {"message": "404 Ref Not Found"}) if found is None else reply(200, found)

    def _deployments(self, request: httpx.Request) -> Canned:
        wanted = request.url.params
        found = [
            one
            for one in self.deployments
            if one["status"] == wanted.get("status", one["status"])
            and one["environment"]["name"] == wanted.get("environment", one["environment"]["name"])
            and one.get("updated_at", "9") >= wanted.get("updated_after", "")
        ]
        if "updated_after" in wanted:
            # the real one refuses the filter with any other order
            assert wanted["order_by"] == "updated_at"
            found.sort(key=lambda one: str(one["updated_at"]), reverse=wanted["sort"] == "desc")
        return self._paged(request, found)

    def _open_issue(self, request: httpx.Request) -> Canned:
        said = json.loads(request.content)
        if set(said) != {"title", "description"} or not said["title"]:
            return reply(400, {"error": "title is missing"})
        number, status = len(self.issues) + 1, self.troubles.pop(0) if self.troubles else CREATED
        opened = opened_issue(number) | said | {"iid": number, "state": "opened"}
        if was_opened(status):
            self.issues.insert(0, opened)
        return reply(status, opened if status == CREATED else {"message": "Not so"})

    def _issues(self, request: httpx.Request) -> Canned:
        wanted = request.url.params
        if "labels" in wanted:
            return self._known(request, "/issues")
        assert (wanted["scope"], wanted["order_by"], wanted["sort"]) == (
            *("all", "created_at", "desc"),
        )
        return self._paged(request, self.issues)

    def _issue(self, _: httpx.Request, number: str) -> Canned:
        found = next((one for one in self.issues if one["iid"] == int(number)), None)
        return reply(404, {"message": "404 Not found"}) if found is None else reply(200, found)

    def _approve(self, request: httpx.Request, deployment: str) -> Canned:
        said = json.loads(request.content)
        known = next((one for one in self.deployments if one["id"] == int(deployment)), None)
        if known is None:
            return reply(404, {"message": "404 Not found"})
        if set(said) - {"status", "comment", "represented_as"} or said.get("status") not in {
            "approved",
            "rejected",
        }:
            return reply(400, {"error": "status does not have a valid value"})
        if known["status"] != "blocked" or int(deployment) in self.approved:
            return reply(400, {"message": "This deployment is not waiting for approvals."})
        self.approved[int(deployment)] = said
        return reply(
            201,
            {
                "user": {"username": "gate"},
                "status": said["status"],
                "comment": said.get("comment"),
            },
        )

    def _play(self, request: httpx.Request, job: str) -> Canned:
        assert request.content == b""
        self.played.append(int(job))
        return reply(200, {"id": int(job), "status": "pending"})
