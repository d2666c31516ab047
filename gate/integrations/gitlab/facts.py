"""Asks GitLab, gitlab.com or a company's own server, for verified facts about one change.

All parts are asked at the same time, and a part that fails leaves the others their answer.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from gate.core.change import Repository
from gate.core.facts import TEXT_LENGTH_MAX, Value
from gate.core.messages.host import (
    HostFacts,
    HostQuestion,
    Review,
    Reviews,
    Verdict,
)
from gate.core.messages.host_reports import RunHeld, RunSeen
from gate.errors import SourceUnavailable
from gate.integrations.code_host.answer import Answer
from gate.integrations.code_host.merged import holds_no_more
from gate.integrations.code_host.place import NOT_FOUND, PER_PAGE, HostPlace
from gate.integrations.gitlab import read
from gate.integrations.http import shapes
from gate.integrations.http.rest import Credential, Refused, Rest

HEADERS: Mapping[str, str] = {"Accept": "application/json", "User-Agent": "change-gate"}
API = "/api/v4"
REQUESTS_READ_MAX = 5
"""Merge requests that bring one commit. More of them are not read, so its reviews are unknown."""

REVIEWERS_ASKED_MAX = 20
"""Approvers of one commit whom GitLab is asked about; whether the others may write is unknown."""


class GitLab:
    """One GitLab, with one access token."""

    def __init__(self, rest: Rest, token: str) -> None:
        self.rest = rest
        self.credential = Credential("token", {"PRIVATE-TOKEN": token})

    @property
    def name(self) -> str:
        """The host that is asked."""
        return self.rest.host

    async def facts(self, question: HostQuestion) -> HostFacts:
        """Return the facts; those of a part that fails are silent."""
        answer, here = Answer(), self.at(question.repository.id)
        return await answer.filled(
            compare=_compare(here, question, answer),
            review=_review(here, question, answer),
            check=_check(here, question, answer),
            protect=_protect(here, question, answer),
        )

    async def run(self, repository: Repository, run: str) -> RunSeen:
        """Return the job of a deployment that waits, by the id of the deployment.

        Raises `SourceUnavailable`.
        """
        here = self.at(repository.id)
        body = (await here.get(f"/deployments/{quote(run, safe='')}")).body
        source = read.source(body, "deployable", "pipeline")
        # An old GitLab has the source only in the answer about the pipeline.
        if source is None:
            source = read.source(await here.get_if_there(f"/pipelines/{read.pipeline(body)}"))
        seen = read.run_seen(body, source or "")
        host = repository.issuer.partition("://")[2].rstrip("/")
        return replace(seen, workflow=read.workflow(await here.get_if_there(""), host, seen.ref))

    async def held(self, repository: Repository) -> list[RunHeld]:
        """Return deployments that wait for an approval, because GitLab has no webhook for them.

        Raises `SourceUnavailable`.
        """
        here = self.at(repository.id)
        reply = await here.get("/deployments", status="blocked", per_page=PER_PAGE)
        listed = shapes.items([reply.body], 0)
        return [
            RunHeld(
                repository.issuer,
                repository.id,
                repository.name,
                str(shapes.number(one, "id")),
                shapes.text(one, "environment", "name")[:TEXT_LENGTH_MAX],
            )
            for one in listed
        ]

    def at(self, project: int) -> "Project":
        """Return one project, to be asked about anything else."""
        return Project(self.rest, self.credential, project)


class Project(HostPlace):
    """One project, by its numeric id."""

    def __init__(self, rest: Rest, credential: Credential, project: int) -> None:
        super().__init__(rest, f"{API}/projects/{project}", credential)

    async def compare(self, base: str, head: str, *, straight: bool = True) -> read.Compared:
        """Return what changes when `head` replaces `base`, whichever of them is older.

        Without `straight`, return what `head` changed since the two parted.
        """
        params = {"from": base, "to": head, "straight": "true" if straight else "false"}
        try:
            return read.compared((await self.get("/repository/compare", **params)).body)
        except Refused as refused:
            if refused.status == NOT_FOUND:
                raise SourceUnavailable(
                    f"{self._rest.host} does not know both {base[:12]} and {head[:12]} in "
                    "this project"
                ) from None
            raise


async def _compare(here: Project, question: HostQuestion, answer: Answer) -> None:
    """Add what changed since the last successful deployment, and who changed it."""
    trusted = question.base or await _last_deployed(here, question)
    base = trusted or question.claimed_base
    if base is None:
        return
    seen = await here.compare(base, question.commit)
    answer.hands += read.hands(seen.commits)
    answer.brings(shapes.text(one, "id") for one in seen.commits)
    answer.all_hands = seen.all_commits
    if trusted is None:
        return
    # Everybody who may push can report a deployment to the host. So the difference is measured from
    # that commit, but it does not prove that all authors are known.
    answer.base = question.base
    values: dict[str, Value] = {}
    if seen.all_commits:
        values["diff.commits"] = len(seen.commits)
        values["author.count"] = read.authors(seen.commits)
    else:
        answer.trouble.append("the list of commits may not be whole")
    messages = seen.messages if seen.all_commits else None
    untold = "large, moved, binary or submodules"
    answer.measured(values, messages, seen.files, untold=untold)


async def _last_deployed(here: Project, question: HostQuestion) -> str | None:
    """Return the commit of the last successful deployment by GitLab's own records."""
    for environment in question.environments:
        params: dict[str, str | int] = {
            "environment": environment,
            "status": "success",
            "order_by": "id",
            "sort": "desc",
            "per_page": 1,
        }
        for one in shapes.items([(await here.get("/deployments", **params)).body], 0):
            return shapes.text(one, "sha")
    return None


async def _review(here: Project, question: HostQuestion, answer: Answer) -> None:
    found = read.merge_requests(
        await here.every(f"/repository/commits/{question.commit}/merge_requests"), question.commit
    )
    if not found:
        answer.reviews = Reviews()
        return
    if len(found) > REQUESTS_READ_MAX:
        raise SourceUnavailable(
            f"{question.commit[:12]} belongs to more than {REQUESTS_READ_MAX} merge requests, "
            "which are not all read"
        )
    answer.hands += [one.by for one in found if one.by is not None]
    rules = await here.get_if_there("/approvals")
    resets = shapes.the(rules, "reset_approvals_on_push") is True
    said, wrote = await asyncio.gather(
        asyncio.gather(*(_said(here, one, question.commit, resets=resets) for one in found)),
        asyncio.gather(
            *(here.every_if_there(f"/merge_requests/{one.number}/commits") for one in found)
        ),
    )
    # All commits of the request count, because a squashed commit may leave authors out, and the
    # caller chooses a claimed base.
    for commits in wrote:
        answer.hands += read.hands(commits)
        answer.pulls(shapes.text(one, "id") for one in commits)
    asked = await _with_permissions(
        here, [reviewer for listed in said for reviewer in listed], answer
    )
    answer.reviews = Reviews(asked, found[0].number)


async def _said(
    here: Project, request: read.MergeRequest, commit: str, *, resets: bool
) -> tuple[read.Reviewer, ...]:
    """Return the reviews of a merge request.

    They count for the commit if it is the head itself, or a merge that changes nothing else.
    """
    place = f"/merge_requests/{request.number}"
    approvals, versions, reviewers = await asyncio.gather(
        here.get(f"{place}/approvals"),
        here.every(f"{place}/versions"),
        here.get_if_there(f"{place}/reviewers"),
    )
    newest = read.newest_version(versions)
    return read.reviews(
        approvals.body,
        shapes.items([reviewers or []], 0),
        newest,
        resets=resets,
        counts=request.is_head
        or (request.is_merge and await _holds_no_more(here, commit, request.head)),
    )


async def _holds_no_more(here: Project, commit: str, head: str | None) -> bool:
    """Return whether the merge changes in its branch exactly what the head changes.

    GitLab does not say who made it: one by hand, with anything in it, is a merge of the request,
    too, as soon as it is pushed.
    """
    onto = read.first_parent(await here.get_if_there(f"/repository/commits/{commit}"))
    if onto is None or head is None:
        return False
    merged, reviewed = await asyncio.gather(
        here.compare(onto, commit), here.compare(onto, head, straight=False)
    )
    return holds_no_more(merged.touched, reviewed.touched)


async def _with_permissions(
    here: Project, said: Sequence[read.Reviewer], answer: Answer
) -> tuple[Review, ...]:
    """Return the reviews, with GitLab's permissions of those who approved."""
    approving = [
        one for one in said if one.review.verdict is Verdict.APPROVES and one.review.of_commit
    ][:REVIEWERS_ASKED_MAX]
    users = list(dict.fromkeys(one.user for one in approving if one.user is not None))
    known = await asyncio.gather(*(_may_write(here, user, answer) for user in users))
    may_write = dict(zip(users, known, strict=True))
    return tuple(
        replace(one.review, may_write=may_write.get(one.user) if one.user is not None else None)
        for one in said
    )


async def _may_write(here: Project, user: int, answer: Answer) -> bool | None:
    """Return whether this person may write, or None if GitLab does not say.

    A permission that cannot be read leaves the others their answer. Somebody who is not a member
    may not write.
    """
    try:
        member = await here.get_if_there(f"/members/all/{user}")
        return member is not None and read.may_write(member)
    except SourceUnavailable as error:
        answer.trouble.append(error.detail)
        return None


async def _check(here: Project, question: HostQuestion, answer: Answer) -> None:
    answer.values.update(
        read.check_facts(
            await here.every(f"/repository/commits/{question.commit}/statuses"), question.run
        )
    )


async def _protect(here: Project, question: HostQuestion, answer: Answer) -> None:
    """Add the branch that the caller names, if the commit is on it, and whether it is protected.

    Nothing is asked where an identity token proves the branch.
    """
    if (
        question.proves_ref
        or question.ref is None
        or (question.ref.startswith("refs/") and not question.ref.startswith("refs/heads/"))
    ):
        return
    name = question.ref.removeprefix("refs/heads/")
    found = await here.get_if_there(f"/repository/branches/{quote(name, safe='')}")
    if found is None:
        # It is a tag or does not exist, so whether it is protected stays unknown.
        return
    on_branch = shapes.text(found, "commit", "id") == question.commit
    if not on_branch:
        listed = await here.every(f"/repository/commits/{question.commit}/refs", type="branch")
        on_branch = any(shapes.the(one, "name") == name for one in listed)
    if on_branch:
        answer.values["change.ref"] = f"refs/heads/{name}"
        answer.values["change.ref_protected"] = shapes.flag(found, "protected")
