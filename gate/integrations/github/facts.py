"""GitHub as a source of verified facts: everything about one change, asked at once, each part on its own."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from gate.core.catalogue.catalogue import PROVIDER_ISSUERS
from gate.core.change import Repository
from gate.core.facts import Value
from gate.core.messages.host import FROM_BASE, OF_CHECKS, OF_REF, OF_REVIEWS, HostAsk, HostFacts, Reviews
from gate.core.messages.tidings import RunSeen
from gate.errors import SourceUnavailable
from gate.integrations.code_host import measure
from gate.integrations.code_host.answer import Answer
from gate.integrations.github import read
from gate.integrations.github.app import App, Pass
from gate.integrations.http import shapes
from gate.integrations.http.rest import Refused, Reply, Rest

PUBLIC_API = "https://api.github.com"
HEADERS: Mapping[str, str] = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
    "User-Agent": "change-gate",
}
PER_PAGE = 100
PAGES_MAX = 5
DEPLOYMENTS_LOOKED_AT = 5

_UNAUTHORIZED = 401
_NOT_FOUND = 404

T = TypeVar("T")


def issuer_of(api_url: str) -> str:
    """Who issues the identity tokens of the GitHub behind this address: the public one, a cloud of one's own, or a server."""
    url = httpx.URL(api_url)
    if api_url.rstrip("/") == PUBLIC_API:
        return PROVIDER_ISSUERS["github"]
    if url.host.endswith(".ghe.com"):
        return f"https://token.actions.{url.host.removeprefix('api.')}"
    return f"{url.scheme}://{url.netloc.decode()}/_services/token"


class GitHub:
    """One GitHub: the public one, or a server of one's own."""

    def __init__(self, rest: Rest, app: App) -> None:
        self.rest = rest
        self.app = app

    @property
    def name(self) -> str:
        """The host that is asked."""
        return self.rest.host

    async def facts(self, ask: HostAsk) -> HostFacts:
        """What it says. Raises `SourceUnavailable` where the App cannot get in at all."""
        answer, here = Answer(), await self.at(ask.repository)
        await asyncio.gather(
            answer.part(FROM_BASE, _compare(here, ask, answer)),
            answer.part(OF_REVIEWS, _review(here, ask, answer)),
            answer.part(OF_CHECKS, _check(here, ask, answer)),
            answer.part(OF_REF, _protect(here, ask, answer)),
        )
        return answer.done()

    async def run(self, repository: Repository, run: str) -> RunSeen:
        """A run as GitHub itself describes it. Raises `SourceUnavailable`."""
        here = await self.at(repository)
        return read.run_seen((await here.get(f"/actions/runs/{quote(run, safe='')}")).body, here.full_name)

    async def at(self, repository: Repository) -> "Place":
        """Everything else of one repository. Raises `SourceUnavailable` where the App cannot get in."""
        return Place(self.rest, await self.app.pass_for(repository), lambda: self.app.forget(repository))


class Place:
    """One repository, asked with its own pass."""

    def __init__(self, rest: Rest, pass_: Pass, forget: Callable[[], None]) -> None:
        self._rest = rest
        self._pass = pass_
        self._forget = forget

    @property
    def full_name(self) -> str:
        """What GitHub calls it today."""
        return self._pass.full_name

    async def get(self, path: str, **params: str | int) -> Reply:
        """Raises `Refused` for any status but 200."""
        return await self._seen(self._rest.get(self._pass.path + path, self._pass.credential, params or None))

    async def post(self, path: str, body: Mapping[str, str], wanted: frozenset[int]) -> Reply:
        """Once. Raises `Refused` for any other status than those that are wanted."""
        return await self._seen(self._rest.post(self._pass.path + path, self._pass.credential, body, wanted))

    async def _seen(self, asking: Awaitable[Reply]) -> Reply:
        try:
            return await asking
        except Refused as refused:
            if refused.status == _UNAUTHORIZED:  # taken back before its time; the next asking gets another
                self._forget()
            raise

    async def every(self, path: str, *key: str, **params: str | int) -> list[Any]:
        """All pages of a list. Raises `SourceUnavailable` for more than are read: part of a list says nothing."""
        found: list[Any] = []
        for page in range(1, PAGES_MAX + 1):
            reply = await self.get(path, **params, per_page=PER_PAGE, **({"page": page} if page > 1 else {}))
            found += shapes.items(reply.body, *key) if key else shapes.items([reply.body], 0)
            if not reply.has_next:
                return found
        raise SourceUnavailable(f"{path} has more than {PAGES_MAX * PER_PAGE} entries, which are not all read")

    async def compare(self, base: str, head: str) -> read.Compared:
        """What `head` has that `base` lacks."""
        try:
            return read.compared((await self.get(f"/compare/{base}...{head}")).body)
        except Refused as refused:
            if refused.status == _NOT_FOUND:
                raise SourceUnavailable(f"{self._pass.full_name} does not know both {base[:12]} and {head[:12]}") from None
            raise


async def _compare(here: Place, ask: HostAsk, answer: Answer) -> None:
    """What changed since the last successful deployment, and who changed it."""
    trusted = ask.base or await _last_deployed(here, ask)
    base = trusted or ask.claimed_base
    if base is None:
        return
    seen = await here.compare(base, ask.commit)
    answer.hands += read.hands(seen.commits)
    answer.commits = tuple(shapes.text(one, "sha") for one in seen.commits)
    answer.all_hands = seen.all_commits
    if trusted is None:
        return
    answer.base = trusted
    files = seen.files
    if seen.status == "behind":  # what takes it back is the same, the other way round
        back = (await here.compare(ask.commit, base)).files
        files = None if back is None else tuple(measure.File(one.path, one.deleted, one.added) for one in back)
    elif seen.status == "diverged":  # the list has what changed since the two parted, not what changes here
        files = None
    _measure(answer, seen, files)


def _measure(answer: Answer, seen: read.Compared, files: tuple[measure.File, ...] | None) -> None:
    values: dict[str, Value] = {"diff.commits": seen.total_commits}
    if seen.all_commits:
        values["diff.reverts"] = any(one.reverts for one in seen.messages)
        values["author.count"] = read.authors(seen.commits)
    else:
        answer.trouble.append(f"{seen.total_commits} commits since the base are more than are listed")
    if files is None:
        answer.trouble.append("the list of changed files is not whole")
    else:
        values.update(measure.diff_facts(files))
    fixes = measure.fixes_defect(seen.messages, files) if seen.all_commits else None
    answer.measured(values, fixes, whole=seen.all_commits and files is not None)


async def _last_deployed(here: Place, ask: HostAsk) -> str | None:
    """By GitHub's own records, where the gate has none."""
    for environment in ask.environments:
        reply = await here.get("/deployments", environment=environment, per_page=DEPLOYMENTS_LOOKED_AT)
        for one in shapes.items([reply.body], 0):
            statuses = await here.get(f"/deployments/{shapes.number(one, 'id')}/statuses", per_page=PER_PAGE)
            if read.deployed(shapes.items([statuses.body], 0)):
                return shapes.text(one, "sha")
    return None


async def _review(here: Place, ask: HostAsk, answer: Answer) -> None:
    found = read.pull_request(await here.every(f"/commits/{ask.commit}/pulls"), ask.commit)
    if found is None:
        answer.reviews = Reviews()
        return
    if found.by is not None:
        answer.hands.append(found.by)
    listed = await here.every(f"/pulls/{found.number}/reviews")
    answer.reviews = Reviews(read.reviews(listed, found.head), found.number, found.is_head)


async def _check(here: Place, ask: HostAsk, answer: Answer) -> None:
    runs, statuses = await asyncio.gather(
        here.every(f"/commits/{ask.commit}/check-runs", "check_runs", filter="latest"),
        here.every(f"/commits/{ask.commit}/status", "statuses"),
    )
    answer.values.update(read.check_facts(runs, statuses, ask.run))


async def _protect(here: Place, ask: HostAsk, answer: Answer) -> None:
    """Whether the commit is on the branch that the caller names, and the branch protected. A token says it better."""
    name = read.branch_name(ask.ref)
    if ask.proves_ref or name is None:
        return
    try:
        branch = (await here.get(f"/branches/{quote(name, safe='')}")).body
    except Refused as refused:
        if refused.status == _NOT_FOUND:
            return  # a tag, or nothing at all: whether it is protected stays unknown
        raise
    tip = shapes.text(branch, "commit", "sha")
    on_branch = tip == ask.commit or (await here.compare(ask.commit, tip)).status in {"ahead", "identical"}
    if on_branch:
        answer.values["change.ref"] = f"refs/heads/{name}"
        answer.values["change.ref_protected"] = shapes.flag(branch, "protected")
