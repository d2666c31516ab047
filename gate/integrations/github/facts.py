"""Asks GitHub for verified facts about one change.

All parts are asked at the same time, and a part that fails leaves the others their answer.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import quote

import httpx

from gate.core.catalogue.catalogue import PROVIDER_ISSUERS
from gate.core.change import Repository
from gate.core.facts import Value
from gate.core.messages.host import (
    HostFacts,
    HostQuestion,
    Review,
    Reviews,
    Verdict,
)
from gate.core.messages.host_reports import RunSeen
from gate.errors import SourceUnavailable
from gate.integrations.code_host import measure
from gate.integrations.code_host.answer import Answer
from gate.integrations.code_host.merged import holds_no_more
from gate.integrations.code_host.place import PER_PAGE
from gate.integrations.github import read
from gate.integrations.github.app import Pass
from gate.integrations.github.place import Place
from gate.integrations.http import shapes
from gate.integrations.http.rest import Rest

PUBLIC_API = "https://api.github.com"
HEADERS: Mapping[str, str] = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
    "User-Agent": "change-gate",
}
DEPLOYMENTS_LOOKED_AT = 5
PULLS_READ_MAX = 5
"""Pull requests that bring one commit. More of them are not read, so its reviews are unknown."""

PULL_COMMITS_MAX = 250
"""GitHub lists no more of a pull request, so a list of exactly so many may have been cut."""

REVIEWERS_ASKED_MAX = 20
"""Approvers of one commit whom the host is asked about; whether the others may write is unknown."""

RENAMES_ASKED_MAX = 10
"""Files of one comparison that may only have moved; the lines of more of them stay unknown."""


def issuer_of(api_url: str) -> str:
    """Return the issuer of the identity tokens of the GitHub at this address.

    It is the public GitHub, a company's own cloud, or a server.
    """
    url = httpx.URL(api_url)
    if api_url.rstrip("/") == PUBLIC_API:
        return PROVIDER_ISSUERS["github"]
    if url.host.endswith(".ghe.com"):
        return f"https://token.actions.{url.host.removeprefix('api.')}"
    return f"{url.scheme}://{url.netloc.decode()}/_services/token"


class Access(Protocol):
    """The way in: an App, or a token that a job lends."""

    async def pass_for(self, repository: Repository) -> Pass:
        """Return a pass. Raises `SourceUnavailable` if it does not read this repository."""

    def forget(self, repository: Repository) -> None:
        """Forget the pass of a repository, because GitHub refused it."""


class GitHub:
    """One GitHub: the public one, or a company's own."""

    def __init__(self, rest: Rest, access: Access) -> None:
        self.rest = rest
        self.access = access

    @property
    def name(self) -> str:
        """The host that is asked."""
        return self.rest.host

    async def facts(self, question: HostQuestion) -> HostFacts:
        """Return the facts. Raises `SourceUnavailable` if GitHub lets the gate read nothing."""
        answer, here = Answer(), await self.at(question.repository)
        return await answer.filled(
            compare=_compare(here, question, answer),
            review=_review(here, question, answer),
            check=_check(here, question, answer),
            protect=_protect(here, question, answer),
        )

    async def run(self, repository: Repository, run: str) -> RunSeen:
        """Return a run as GitHub itself describes it. Raises `SourceUnavailable`."""
        here = await self.at(repository)
        body = (await here.get(f"/actions/runs/{quote(run, safe='')}")).body
        seen = read.run_seen(body)
        ref = await _whole_ref(here, seen.ref, seen.commit)
        if ref is None:
            return seen
        return replace(seen, ref=ref, workflow=read.workflow(body, here.full_name, ref))

    async def at(self, repository: Repository) -> "Place":
        """Return one repository, to be asked about anything else.

        Raises `SourceUnavailable` if GitHub does not let the gate read it.
        """
        return Place(
            self.rest,
            await self.access.pass_for(repository),
            lambda: self.access.forget(repository),
        )


async def _compare(here: Place, question: HostQuestion, answer: Answer) -> None:
    """Add what changed since the last successful deployment, and who changed it."""
    trusted = question.base or await _last_deployed(here, question)
    base = trusted or question.claimed_base
    if base is None:
        return
    seen = await here.compare(base, question.commit)
    answer.hands += read.hands(seen.commits)
    answer.brings(shapes.text(one, "sha") for one in seen.commits)
    answer.all_hands = seen.all_commits
    if trusted is None:
        return
    # Everybody who may push can report a deployment to the host. So the difference is measured from
    # that commit, but it does not prove that all authors are known.
    answer.base = question.base
    # A commit behind the base takes changes back, so the comparison is reversed.
    if seen.status == "behind":
        files = _turned_round((await here.compare(question.commit, base)).files)
    elif seen.status == "diverged":
        # The host lists what changed since the two parted, and not what this deployment changes.
        files = None
    else:
        files = await _with_moved(here, base, seen)
    _measure(answer, seen, files)


def _turned_round(files: Sequence[measure.File] | None) -> tuple[measure.File, ...] | None:
    if files is None:
        return None
    return tuple(
        file._replace(lines=file.lines and measure.Lines(file.lines.deleted, file.lines.added))
        for file in files
    )


async def _with_moved(
    here: Place, base: str, seen: read.Compared
) -> tuple[measure.File, ...] | None:
    """Return the files, with no lines for those that only moved.

    GitHub shows a moved file like one that it takes for binary.
    """
    if seen.files is None or len(seen.renames) > RENAMES_ASKED_MAX:
        return seen.files
    before = await asyncio.gather(
        *(here.get_if_there(f"/contents/{quote(one.before)}", ref=base) for one in seen.renames)
    )
    moved = {
        one.path
        for one, body in zip(seen.renames, before, strict=True)
        if read.blob(body) == one.blob
    }
    return tuple(
        one._replace(lines=measure.Lines(0, 0)) if one.path in moved else one for one in seen.files
    )


def _measure(answer: Answer, seen: read.Compared, files: tuple[measure.File, ...] | None) -> None:
    values: dict[str, Value] = {"diff.commits": seen.total_commits}
    if seen.all_commits:
        values["author.count"] = read.authors(seen.commits)
    else:
        answer.trouble.append(
            f"{seen.total_commits} commits since the base are more than are listed"
        )
    messages = seen.messages if seen.all_commits else None
    untold = "binary by content or attribute, or submodules"
    answer.measured(values, messages, files, untold=untold)


async def _last_deployed(here: Place, question: HostQuestion) -> str | None:
    """Return the commit of the last successful deployment by GitHub's own records."""
    for environment in question.environments:
        reply = await here.get(
            "/deployments", environment=environment, per_page=DEPLOYMENTS_LOOKED_AT
        )
        for one in shapes.items([reply.body], 0):
            statuses = await here.get(
                f"/deployments/{shapes.number(one, 'id')}/statuses", per_page=PER_PAGE
            )
            if read.deployed(shapes.items([statuses.body], 0)):
                return shapes.text(one, "sha")
    return None


async def _review(here: Place, question: HostQuestion, answer: Answer) -> None:
    pulls = read.pull_requests(
        await here.every(f"/commits/{question.commit}/pulls"), question.commit
    )
    if not pulls:
        answer.reviews = Reviews()
        return
    if len(pulls) > PULLS_READ_MAX:
        raise SourceUnavailable(
            f"{question.commit[:12]} belongs to more than {PULLS_READ_MAX} pull requests, which "
            "are not all read"
        )
    answer.hands += [pull.by for pull in pulls if pull.by is not None]
    reviewed, wrote = await asyncio.gather(
        asyncio.gather(*(_reviewed(here, pull, question.commit) for pull in pulls)),
        asyncio.gather(*(_wrote(here, pull) for pull in pulls)),
    )
    for commits in wrote:
        answer.hands += read.hands(commits)
        answer.pulls(shapes.text(one, "sha") for one in commits)
    asked = await _with_permissions(here, read.reviews(reviewed), answer)
    answer.reviews = Reviews(asked, pulls[0].number)


async def _reviewed(here: Place, pull: read.PullRequest, commit: str) -> read.Reviewed:
    """Return the reviews of a pull request.

    They count for the commit if it is the head itself, or a merge that changes nothing else.
    """
    listed = await here.every(f"/pulls/{pull.number}/reviews")
    counts = pull.is_head or (pull.is_merge and await _holds_no_more(here, commit, pull.head))
    return read.Reviewed(listed, pull.head if counts else None)


async def _wrote(here: Place, pull: read.PullRequest) -> Sequence[Any]:
    """Return the commits of a pull request, without comparing them with any base.

    Whoever squashes it may leave authors out of the commit's message, and whoever claims a base
    chooses it.
    """
    commits = await here.every_if_there(f"/pulls/{pull.number}/commits")
    if len(commits) >= PULL_COMMITS_MAX:
        raise SourceUnavailable(
            f"pull request {pull.number} may have more commits than the {PULL_COMMITS_MAX} "
            "that are listed"
        )
    return commits


async def _holds_no_more(here: Place, commit: str, head: str) -> bool:
    """Return whether the merge holds what the head holds, or changes in its branch what it changes.

    Who made and signed it proves nothing: GitHub signs whatever is written in its pages.
    """
    merge = await here.get_if_there(f"/commits/{commit}")
    held, onto = read.tree(merge), read.first_parent(merge)
    if held is not None and held == read.tree(await here.get_if_there(f"/commits/{head}")):
        return True
    if onto is None:
        return False
    merged, reviewed = await asyncio.gather(here.compare(onto, commit), here.compare(onto, head))
    return holds_no_more(merged.touched, reviewed.touched)


async def _with_permissions(
    here: Place, said: tuple[Review, ...], answer: Answer
) -> tuple[Review, ...]:
    """Return the reviews, with GitHub's permissions of those who approved.

    `author_association` would not be enough, because anybody outside may have it.
    """
    approving = [one for one in said if one.verdict is Verdict.APPROVES and one.of_commit][
        :REVIEWERS_ASKED_MAX
    ]
    known = await asyncio.gather(*(_may_write(here, one.by, answer) for one in approving))
    may_write = {one.by: allowed for one, allowed in zip(approving, known, strict=True)}
    return tuple(replace(one, may_write=may_write.get(one.by)) for one in said)


async def _may_write(here: Place, by: str, answer: Answer) -> bool | None:
    """Return whether this person may write, or None if GitHub does not say.

    A permission that cannot be read leaves the others their answer.
    """
    login = by.partition(":")[2].partition("#")[0]
    try:
        return read.may_write(
            await here.get_if_there(f"/collaborators/{quote(login, safe='')}/permission")
        )
    except SourceUnavailable as error:
        answer.trouble.append(error.detail)
        return None


async def _check(here: Place, question: HostQuestion, answer: Answer) -> None:
    runs, statuses = await asyncio.gather(
        here.every(f"/commits/{question.commit}/check-runs", "check_runs", filter="latest"),
        here.every(f"/commits/{question.commit}/status", "statuses"),
    )
    answer.values.update(read.check_facts(runs, statuses, question.run))


async def _protect(here: Place, question: HostQuestion, answer: Answer) -> None:
    """Add the branch that the caller names, if the commit is on it, and whether it is protected.

    Nothing is asked where an identity token proves the branch.
    """
    name = read.branch_name(question.ref)
    if question.proves_ref or name is None:
        return
    branch = await _branch_of(here, name, question.commit)
    # Without such a branch it is a tag, or nothing: whether it is protected stays unknown.
    if branch is not None:
        answer.values["change.ref"] = f"refs/heads/{name}"
        answer.values["change.ref_protected"] = shapes.flag(branch, "protected")


async def _branch_of(here: Place, name: str, commit: str) -> Any:
    """Return the branch of that name if the commit is on it, or None."""
    branch = await here.get_if_there(f"/branches/{quote(name, safe='')}")
    if branch is None:
        return None
    tip = shapes.text(branch, "commit", "sha")
    if tip == commit:
        return branch
    compared = await here.get_if_there(f"/compare/{commit}...{tip}")
    if shapes.maybe_text(compared, "status") in {"ahead", "identical"}:
        return branch
    return None


async def _whole_ref(here: Place, name: str | None, commit: str) -> str | None:
    """Return `refs/heads/main` for `main` if the commit is on that branch, the ref of a tag if it
    is one, or None.
    """
    name = read.branch_name(name)
    if name is None:
        return None
    if await _branch_of(here, name, commit) is not None:
        return f"refs/heads/{name}"
    tag = await here.get_if_there(f"/commits/tags/{quote(name, safe='')}")
    return f"refs/tags/{name}" if shapes.the(tag, "sha") == commit else None
