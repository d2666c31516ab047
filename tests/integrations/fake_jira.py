"""A Jira that speaks the protocol and refuses what the real one refuses: bad tokens, wrong verbs,
unknown fields, other projects.
"""

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.integrations.fake_github import CREATED, Canned, reply, was_opened

URL, PROJECT = "https://acme.atlassian.net", "OPS"
USER, TOKEN = "gate@example.com", "jira-test"
WANTED = f"Basic {base64.b64encode(f'{USER}:{TOKEN}'.encode()).decode()}"
FIELDS = {"project", "issuetype", "summary", "description", "labels"}
SUMMARY_LENGTH_MAX = 255

Json = Any


SETTINGS = {
    "jira_url": URL,
    "jira_user": USER,
    "jira_token": TOKEN,
    "jira_project": PROJECT,
    "issues": "jira",
}


@dataclass(slots=True)
class FakeJira:
    """One project. Cloud has another address for the search than a server of one's own."""

    is_cloud: bool = True
    issues: dict[str, Json] = field(default_factory=dict)  # by key
    troubles: list[int] = field(default_factory=list)  # statuses for new issues; 502 is lost
    requests: list[httpx.Request] = field(default_factory=list)
    failing: dict[str, Canned] = field(default_factory=dict)  # by a part of the path

    async def open_client(self) -> httpx.AsyncClient:
        """As the gate opens one."""
        return httpx.AsyncClient(transport=httpx.MockTransport(self.handle), follow_redirects=False)

    async def handle(self, request: httpx.Request) -> httpx.Response:
        """The answer to one request."""
        await request.aread()
        self.requests.append(request)
        return self._answer(request).response()

    def set_category(self, key: str, category: str) -> None:
        """Move an issue to a status of this category."""
        status = {"name": "Whatever it is called", "statusCategory": {"key": category}}
        self.issues[key]["fields"]["status"] = status

    def _answer(self, request: httpx.Request) -> Canned:
        path = request.url.path.removeprefix("/rest/api/2")
        for part, answer in self.failing.items():
            if part in path:
                return answer
        if request.headers.get("authorization") != WANTED:
            return reply(401, {"errorMessages": ["You are not authenticated."]})
        if (request.method, path) == ("POST", "/issue"):
            return self._open(json.loads(request.content))
        if (request.method, path) == ("GET", "/search/jql" if self.is_cloud else "/search"):
            return self._search(request.url.params)
        found = self.issues.get(path.removeprefix("/issue/"))
        if request.method != "GET" or found is None:
            return reply(
                404, {"errorMessages": ["Issue does not exist or you do not have permission"]}
            )
        return reply(200, found)

    def _open(self, said: Json) -> Canned:
        fields = said["fields"]
        whole = set(fields) == FIELDS and set(said) == {"fields"}
        if not whole or fields["project"] != {"key": PROJECT} or not fields["summary"]:
            return reply(400, {"errors": {"project": "valid project is required"}})
        if len(fields["summary"]) > SUMMARY_LENGTH_MAX or "\n" in fields["summary"]:
            return reply(400, {"errors": {"summary": "The summary is invalid"}})
        status = self.troubles.pop(0) if self.troubles else CREATED
        if not was_opened(status):
            return reply(status, {"errorMessages": ["Not so"]})
        key = f"{PROJECT}-{len(self.issues) + 1}"
        self.issues[key] = {"id": f"{10_000 + len(self.issues)}", "key": key, "fields": fields}
        self.set_category(key, "new")
        made = {"id": self.issues[key]["id"], "key": key, "self": f"{URL}/rest/api/2/issue/{key}"}
        return reply(status, made if status == CREATED else None)

    def _search(self, params: httpx.QueryParams) -> Canned:
        found = re.fullmatch(rf'project = "{PROJECT}" AND labels = "(\w+)"', params["jql"])
        assert found is not None, params["jql"]
        label = found.group(1)
        return reply(
            200,
            {"issues": [one for one in self.issues.values() if label in one["fields"]["labels"]]},
        )
