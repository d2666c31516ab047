"""A GitHub that speaks the protocol and refuses what the real one refuses: bad tokens, wrong verbs,
unknown fields, long texts.
"""

import json
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

APP_ID = "4711"
INSTALLATION = 35
COMMENT_LENGTH_MAX = 1_024
REPORTS_MAX = 10
TITLE_LENGTH_MAX = 255
CREATED, SERVER_ERROR = 201, 500
ACCESS_TOKENS = r"/app/installations/(?P<installation>\d+)/access_tokens"
JWT_SECONDS_MAX = 600

Json = Any


@cache
def app_key() -> rsa.RSAPrivateKey:
    """One for all tests: making it takes a while."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def app_key_text() -> str:
    """As GitHub gives it to the owner of the App."""
    return (
        app_key()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        .decode()
    )


def opened_issue(number: int) -> dict[str, Json]:
    """What GitHub and GitLab say of an issue that was opened now."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"number": number, "state": "open", "created_at": now, "labels": []}


def was_opened(status: int) -> bool:
    """Whether there is an issue after this answer, or after that it was lost."""
    return status == CREATED or status >= SERVER_ERROR


class _Bytes(httpx.AsyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content


@dataclass(frozen=True, slots=True)
class Canned:
    """An answer that can be given again."""

    status: int
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> httpx.Response:
        """As it comes over the wire: a stream, unread."""
        return httpx.Response(self.status, headers=self.headers, stream=_Bytes(self.content))


def reply(status: int, body: Json = None, **headers: str) -> Canned:
    """JSON, or nothing."""
    content = b"" if body is None else json.dumps(body).encode()
    return Canned(
        status, content, {name.replace("_", "-"): value for name, value in headers.items()}
    )


Route = tuple[str, str, frozenset[str], Callable[..., Canned]]


@dataclass(slots=True)
class FakeGitHub:
    """What it knows is given by the test, by the very words of the interface."""

    repositories: dict[str, int] = field(default_factory=lambda: {"acme/checkout": 1001})
    compares: dict[str, Json] = field(default_factory=dict)  # "base...head"
    pulls: dict[str, list[Json]] = field(default_factory=dict)  # by commit
    reviews: dict[int, list[Json]] = field(default_factory=dict)
    pull_commits: dict[int, list[Json]] = field(default_factory=dict)
    check_runs: dict[str, list[Json]] = field(default_factory=dict)
    statuses: dict[str, list[Json]] = field(default_factory=dict)
    branches: dict[str, Json] = field(default_factory=dict)
    deployments: dict[str, list[Json]] = field(default_factory=dict)  # by environment, newest first
    deployment_statuses: dict[int, list[Json]] = field(default_factory=dict)
    issues: list[Json] = field(default_factory=list)  # newest first
    troubles: list[int] = field(default_factory=list)  # statuses for new issues; 502 is lost
    runs: dict[str, Json] = field(default_factory=dict)
    commits: dict[str, Json] = field(default_factory=dict)  # by hash, or tags/NAME
    writers: dict[str, str] = field(
        default_factory=dict
    )  # what GitHub permits whom; others are not known
    contents: dict[tuple[str, str], Json] = field(default_factory=dict)  # by path and commit
    waiting: dict[str, set[str]] = field(default_factory=dict)  # environments that wait, by run
    deliveries: list[Json] = field(default_factory=list)
    decided: dict[tuple[str, str], Json] = field(default_factory=dict)  # by run and environment
    reports: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    redelivered: list[int] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    failing: dict[str, Canned] = field(default_factory=dict)  # by a part of the path
    permissions: frozenset[str] = frozenset(
        {"actions", "checks", "contents", "deployments", "pull_requests", "statuses"}
    )
    prefix: str = ""
    tokens: dict[str, float] = field(default_factory=dict)
    page_size: int = 100

    @property
    def transport(self) -> httpx.MockTransport:
        """For a client."""
        return httpx.MockTransport(self.handle)

    async def open_client(self) -> httpx.AsyncClient:
        """As the gate opens one."""
        return httpx.AsyncClient(transport=self.transport, follow_redirects=False)

    def asked(self, ending: str) -> int:
        """How many requests went to paths with that ending."""
        return sum(request.url.path.endswith(ending) for request in self.requests)

    async def handle(self, request: httpx.Request) -> httpx.Response:
        """The answer to one request."""
        await request.aread()
        self.requests.append(request)
        return self._answer(request).response()

    def _answer(self, request: httpx.Request) -> Canned:
        if (
            not request.headers.get("user-agent")
            or request.headers.get("accept") != "application/vnd.github+json"
        ):
            return reply(403, {"message": "Request forbidden by administrative rules."})
        assert request.headers["x-github-api-version"] == "2022-11-28"
        path = request.url.raw_path.decode().partition("?")[0].removeprefix(self.prefix)
        for part, answer in self.failing.items():
            if part in path:
                return answer
        for verb, pattern, params, answer_to in self._routes():
            found = re.fullmatch(pattern, path)
            if found and verb == request.method:
                unknown = set(request.url.params.keys()) - params
                assert not unknown, f"{path} has no parameters {unknown}"
                return answer_to(request, **found.groupdict())
        return reply(404, {"message": "Not Found"})

    def _routes(self) -> tuple[Route, ...]:
        repo, none, pages = (
            r"/repos/(?P<repo>[^/]+/[^/]+)",
            frozenset[str](),
            frozenset({"per_page", "page"}),
        )
        return (
            ("GET", repo, none, self._repository),
            ("GET", rf"{repo}/installation", none, self._installation),
            ("POST", ACCESS_TOKENS, none, self._access_token),
            (
                "GET",
                r"/app/hook/deliveries",
                frozenset({"per_page", "cursor", "status"}),
                self._list_deliveries,
            ),
            ("POST", r"/app/hook/deliveries/(?P<delivery>\d+)/attempts", none, self._redeliver),
            ("GET", rf"{repo}/compare/(?P<span>[^/]+)", pages, self._compare),
            ("GET", rf"{repo}/commits/(?P<sha>[0-9a-f]+)/pulls", pages, self._pulls),
            ("GET", rf"{repo}/pulls/(?P<number>\d+)/reviews", pages, self._reviews),
            ("GET", rf"{repo}/pulls/(?P<number>\d+)/commits", pages, self._pull_commits),
            (
                "GET",
                rf"{repo}/commits/(?P<sha>[0-9a-f]+)/check-runs",
                pages | {"filter"},
                self._check_runs,
            ),
            ("GET", rf"{repo}/commits/(?P<sha>[0-9a-f]+)/status", pages, self._status),
            ("GET", rf"{repo}/commits/(?P<ref>(?:tags/)?[^/]+)", none, self._commit),
            ("GET", rf"{repo}/collaborators/(?P<login>[^/]+)/permission", none, self._permission),
            ("GET", rf"{repo}/contents/(?P<path>.+)", frozenset({"ref"}), self._contents),
            ("GET", rf"{repo}/branches/(?P<branch>[^/]+)", none, self._branch),
            ("GET", rf"{repo}/deployments", pages | {"environment", "sha"}, self._deployments),
            (
                "GET",
                rf"{repo}/deployments/(?P<number>\d+)/statuses",
                pages,
                self._deployment_statuses,
            ),
            (
                "GET",
                rf"{repo}/issues",
                pages | {"labels", "state", "sort", "direction"},
                self._issues,
            ),
            ("POST", rf"{repo}/issues", none, self._open_issue),
            ("GET", rf"{repo}/issues/(?P<number>\d+)", none, self._issue),
            ("GET", rf"{repo}/actions/runs/(?P<run>\d+)", none, self._run),
            ("GET", rf"{repo}/actions/runs/(?P<run>\d+)/pending_deployments", none, self._pending),
            (
                "POST",
                rf"{repo}/actions/runs/(?P<run>\d+)/deployment_protection_rule",
                none,
                self._decide,
            ),
        )

    # As the App

    def _is_app(self, request: httpx.Request) -> bool:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            claims = jwt.decode(
                token, app_key().public_key(), ["RS256"], options={"require": ["iat", "exp", "iss"]}
            )
        except jwt.PyJWTError:
            return False
        return bool(
            claims["iss"] == APP_ID
            and claims["exp"] - time.time() <= JWT_SECONDS_MAX
            and claims["iat"] <= time.time()
        )

    def _installation(self, request: httpx.Request, repo: str) -> Canned:
        if not self._is_app(request):
            return reply(401, {"message": "A JSON web token could not be decoded"})
        return (
            reply(200, {"id": INSTALLATION})
            if repo in self.repositories
            else reply(404, {"message": "Not Found"})
        )

    def _access_token(self, request: httpx.Request, installation: str) -> Canned:
        if not self._is_app(request) or installation != str(INSTALLATION):
            return reply(401, {"message": "A JSON web token could not be decoded"})
        asked = json.loads(request.content)
        if set(asked) - {"repository_ids", "repositories", "permissions"}:
            return reply(422, {"message": "Invalid request. Unknown keys"})
        names = {identity: name for name, identity in self.repositories.items()}
        if (
            not set(asked["repository_ids"]) <= names.keys()
            or not asked["permissions"].keys() <= self.permissions
        ):
            return reply(
                422, {"message": "The permissions requested are not granted to this installation."}
            )
        token = f"ghs_{len(self.tokens)}_" + "x" * 300
        self.tokens[token] = time.time() + 3_600
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.tokens[token]))
        listed = [{"id": one, "full_name": names[one]} for one in asked["repository_ids"]]
        return reply(
            201,
            {
                "token": token,
                "expires_at": expires,
                "permissions": asked["permissions"],
                "repositories": listed,
            },
        )

    def _list_deliveries(self, request: httpx.Request) -> Canned:
        if not self._is_app(request):
            return reply(401, {"message": "A JSON web token could not be decoded"})
        begin = int(request.url.params.get("cursor", 0))
        size = min(int(request.url.params.get("per_page", 30)), self.page_size)
        more = begin + size < len(self.deliveries)
        link = (
            f"<https://api.github.com/app/hook/deliveries?per_page={size}&cursor={begin + size}>; "
            'rel="next"'
            if more
            else ""
        )
        return reply(200, self.deliveries[begin : begin + size], link=link)

    def _redeliver(self, request: httpx.Request, delivery: str) -> Canned:
        if not self._is_app(request):
            return reply(401, {"message": "A JSON web token could not be decoded"})
        self.redelivered.append(int(delivery))
        return reply(202, {})

    # As an installation

    def _refusal(self, request: httpx.Request, repo: str) -> Canned | None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.tokens.get(token, 0) < time.time():
            return reply(401, {"message": "Bad credentials"})
        return None if repo in self.repositories else reply(404, {"message": "Not Found"})

    def _repository(self, request: httpx.Request, repo: str) -> Canned:
        found = {"id": self.repositories.get(repo), "full_name": repo}
        return self._refusal(request, repo) or reply(200, found)

    def _listed(
        self, request: httpx.Request, repo: str, listed: list[Json], key: str | None = None
    ) -> Canned:
        refused = self._refusal(request, repo)
        if refused is not None:
            return refused
        size, page = (
            min(int(request.url.params.get("per_page", 30)), self.page_size),
            int(request.url.params.get("page", 1)),
        )
        part = listed[(page - 1) * size : page * size]
        link = (
            f'<https://api.github.com/x?page={page + 1}>; rel="next"'
            if page * size < len(listed)
            else ""
        )
        return reply(200, {key: part, "total_count": len(listed)} if key else part, link=link)

    def _compare(self, request: httpx.Request, repo: str, span: str) -> Canned:
        refused = self._refusal(request, repo)
        found = self.compares.get(span)
        return refused or (
            reply(404, {"message": "Not Found"}) if found is None else reply(200, found)
        )

    def _pulls(self, request: httpx.Request, repo: str, sha: str) -> Canned:
        return self._listed(request, repo, self.pulls.get(sha, []))

    def _reviews(self, request: httpx.Request, repo: str, number: str) -> Canned:
        return self._listed(request, repo, self.reviews.get(int(number), []))

    def _pull_commits(self, request: httpx.Request, repo: str, number: str) -> Canned:
        return self._listed(request, repo, self.pull_commits.get(int(number), []))

    def _check_runs(self, request: httpx.Request, repo: str, sha: str) -> Canned:
        return self._listed(request, repo, self.check_runs.get(sha, []), "check_runs")

    def _status(self, request: httpx.Request, repo: str, sha: str) -> Canned:
        return self._listed(request, repo, self.statuses.get(sha, []), "statuses")

    def _there(self, request: httpx.Request, repo: str, found: Json) -> Canned:
        return self._refusal(request, repo) or (
            reply(404, {"message": "Not Found"}) if found is None else reply(200, found)
        )

    def _commit(self, request: httpx.Request, repo: str, ref: str) -> Canned:
        return self._there(request, repo, self.commits.get(ref))

    def _permission(self, request: httpx.Request, repo: str, login: str) -> Canned:
        permission = self.writers.get(login)
        user = {"login": login, "type": "Bot" if login.endswith("[bot]") else "User"}
        return self._there(
            request,
            repo,
            permission and {"permission": permission, "role_name": permission, "user": user},
        )

    def _contents(self, request: httpx.Request, repo: str, path: str) -> Canned:
        return self._there(request, repo, self.contents.get((path, request.url.params["ref"])))

    def _branch(self, request: httpx.Request, repo: str, branch: str) -> Canned:
        return self._there(request, repo, self.branches.get(branch))

    def _deployments(self, request: httpx.Request, repo: str) -> Canned:
        wanted = request.url.params.get("environment")
        found = (
            sorted(chain(*self.deployments.values()), key=lambda one: -one["id"])
            if wanted is None
            else self.deployments.get(wanted, [])
        )
        return self._listed(request, repo, found)

    def _open_issue(self, request: httpx.Request, repo: str) -> Canned:
        refused, said = self._refusal(request, repo), json.loads(request.content)
        if refused is not None:
            return refused
        if set(said) != {"title", "body"} or not 0 < len(said["title"]) <= TITLE_LENGTH_MAX:
            return reply(422, {"message": "Validation Failed"})
        status = self.troubles.pop(0) if self.troubles else 201
        opened = opened_issue(len(self.issues) + 1) | said
        if was_opened(status):
            self.issues.insert(0, opened)
        return reply(status, opened if status == CREATED else {"message": "Not so"})

    def _issue(self, request: httpx.Request, repo: str, number: str) -> Canned:
        found = (one for one in self.issues if one["number"] == int(number))
        return self._there(request, repo, next(found, None))

    def _issues(self, request: httpx.Request, repo: str) -> Canned:
        wanted = request.url.params
        assert (wanted["state"], wanted["sort"], wanted["direction"]) == ("all", "created", "desc")
        named = [
            one
            for one in self.issues
            if "labels" not in wanted
            or wanted["labels"] in {label["name"] for label in one["labels"]}
        ]
        return self._listed(request, repo, named)

    def _deployment_statuses(self, request: httpx.Request, repo: str, number: str) -> Canned:
        return self._listed(request, repo, self.deployment_statuses.get(int(number), []))

    def _run(self, request: httpx.Request, repo: str, run: str) -> Canned:
        return self._there(request, repo, self.runs.get(run))

    def _pending(self, request: httpx.Request, repo: str, run: str) -> Canned:
        found = [{"environment": {"name": name}} for name in sorted(self.waiting.get(run, ()))]
        return self._refusal(request, repo) or reply(200, found)

    def _decide(self, request: httpx.Request, repo: str, run: str) -> Canned:
        refused = self._refusal(request, repo)
        if refused is not None:
            return refused
        said: Mapping[str, Json] = json.loads(request.content)
        place = (run, said.get("environment_name", ""))
        if (
            not _is_decision(said)
            or place in self.decided
            or place[1] not in self.waiting.get(run, ())
        ):
            return reply(422, {"message": "Validation Failed"})
        if "state" in said:
            self.decided[place] = said
            self.waiting[run].discard(place[1])
            return reply(204)
        if len(self.reports.setdefault(place, [])) >= REPORTS_MAX:
            return reply(422, {"message": "Validation Failed"})
        self.reports[place].append(said["comment"])
        return reply(204)


def _is_decision(said: Mapping[str, Json]) -> bool:
    """One of the two forms, within their limits."""
    known = set(said) <= {"environment_name", "state", "comment"} and bool(
        said.get("environment_name")
    )
    fits = len(said.get("comment", "")) <= COMMENT_LENGTH_MAX
    return (
        known
        and fits
        and (
            said["state"] in {"approved", "rejected"}
            if "state" in said
            else bool(said.get("comment"))
        )
    )
