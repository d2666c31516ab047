"""What GitLab's answers say, as values of our own: comparisons, merge requests, approvals, jobs,
branches, deployments.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from gate.core.change import Run
from gate.core.facts import TEXT_LENGTH_MAX, Value
from gate.core.messages.host import Hand, Review, Verdict
from gate.core.messages.host_reports import RunSeen
from gate.core.workload import Provider
from gate.integrations.code_host.checks import Check, counted
from gate.integrations.code_host.measure import GITHUB_ADDRESS, File, Lines, Message
from gate.integrations.code_host.merged import Touched
from gate.integrations.http import shapes
from gate.integrations.identity.claims import MERGE_REQUEST

LISTED_MAX = 1_000
"""An instance may cut its lists there, and does not say so; one that is so long counts as cut."""

DEVELOPER = 30
"""The least access level that may push."""

CI_FILE = ".gitlab-ci.yml"
_PASSED = frozenset({"success"})
_FAILED = frozenset({"failed", "canceled"})
_UNDER_WAY = frozenset({"running", "pending", "preparing", "waiting_for_resource", "canceling"})
_SKIPPED = frozenset({"skipped"})
_CHANGED_LINE = re.compile(r"^([+-])", re.MULTILINE)
_SUBMODULE_MODE = "160000"


def _message(commit: Any) -> str:
    return shapes.maybe_text(commit, "message") or shapes.maybe_text(commit, "title") or ""


def _is_merge(commit: Any) -> bool:
    parents = shapes.the(commit, "parent_ids")
    return isinstance(parents, list) and len(parents) > 1


class Compared(NamedTuple):
    """`files` None: the comparison was cut."""

    commits: Sequence[Any]
    files: tuple[File, ...] | None
    touched: tuple[Touched, ...] | None = None

    @property
    def all_commits(self) -> bool:
        """Whether every commit is in the list."""
        return len(self.commits) < LISTED_MAX

    @property
    def messages(self) -> tuple[Message, ...]:
        """What the commits say."""
        return tuple(Message(_message(one), _is_merge(one)) for one in self.commits)


def compared(body: Any) -> Compared:
    """Of `GET …/repository/compare?straight=true`: there are no counts of lines, so the lines are
    counted.
    """
    listed = shapes.items(body, "diffs")
    whole = shapes.the(body, "compare_timeout") is not True and len(listed) < LISTED_MAX
    files = tuple(_file(one) for one in listed) if whole else None
    touched = tuple(map(_touched, listed)) if whole else None
    return Compared(shapes.items(body, "commits"), files, touched)


def _touched(one: Any) -> Touched:
    """GitLab tells the lines alone, so a file without any may hold anything."""
    flags = ("a_mode", "b_mode", "new_file", "deleted_file", "renamed_file")
    how = " ".join(str(shapes.the(one, name)) for name in flags)
    patch = shapes.maybe_text(one, "diff") if _lines(one) is not None else None
    old = shapes.maybe_text(one, "old_path")
    return Touched(shapes.text(one, "new_path"), old, how, None, patch)


def first_parent(commit: Any) -> str | None:
    """The commit that it was made on; of a merge the branch that it was merged into."""
    return shapes.maybe_text(commit, "parent_ids", 0)


def _file(one: Any) -> File:
    moved = shapes.the(one, "renamed_file") is True
    return File(
        shapes.text(one, "new_path"),
        _lines(one),
        shapes.maybe_text(one, "old_path") if moved else None,
    )


def _lines(one: Any) -> Lines | None:
    """None: GitLab leaves out what is too large or takes for binary, and does not say how large it
    is. Nor has a submodule lines.
    """
    diff = shapes.the(one, "diff")
    if (
        not isinstance(diff, str)
        or shapes.the(one, "too_large") is True
        or shapes.the(one, "collapsed") is True
    ):
        return None
    if _SUBMODULE_MODE in (shapes.the(one, "a_mode"), shapes.the(one, "b_mode")):
        return None
    signs = _CHANGED_LINE.findall(diff)
    return Lines(signs.count("+"), signs.count("-")) if signs else None


def hands(commits: Iterable[Any]) -> tuple[Hand, ...]:
    """Authors, committers and co-authors.

    GitLab tells their addresses, which are anybody's to write, and no accounts.
    """
    found: dict[Hand, None] = {}
    for one in commits:
        for role in ("author", "committer"):
            address = (
                shapes.maybe_text(one, f"{role}_email")
                or shapes.maybe_text(one, f"{role}_name")
                or "nobody"
            )
            # GitHub signs what it commits in its own name; GitLab tells nothing of that, so it may
            # be anybody
            found[Hand((address,), doubtful=address.lower() == GITHUB_ADDRESS)] = None
        for address in Message(_message(one)).co_authors:
            # a trailer can only add.
            found[Hand((address,), confirmed=True)] = None
    return tuple(found)


def authors(commits: Iterable[Any]) -> int:
    """How many different people wrote the commits."""
    return len(
        {
            (
                shapes.maybe_text(one, "author_email")
                or shapes.maybe_text(one, "author_name")
                or ""
            ).lower()
            for one in commits
        }
    )


class MergeRequest(NamedTuple):
    """One that a commit belongs to.

    `is_head`: the commit is its newest; `is_merge`: GitLab says that it was merged as this one.
    """

    number: int
    head: str | None
    by: Hand | None
    is_head: bool
    is_merge: bool


def merge_requests(listed: Sequence[Any], commit: str) -> tuple[MergeRequest, ...]:
    """Of `GET …/commits/{sha}/merge_requests`, newest first: those that would bring or have brought
    this very commit.

    Where there are none, the newest of the others: the commit is a part of it, and nobody has
    reviewed that part alone.
    """
    found = sorted((_merge_request(one, commit) for one in listed), key=lambda one: -one.number)
    bring = tuple(one for one in found if one.is_head or one.is_merge)
    return bring or tuple(found[:1])


def _merge_request(body: Any, commit: str) -> MergeRequest:
    merged = shapes.the(body, "state") == "merged"
    brought = commit in (
        shapes.the(body, "merge_commit_sha"),
        shapes.the(body, "squash_commit_sha"),
    )
    login = shapes.maybe_text(body, "author", "username")
    head = shapes.maybe_text(body, "sha")
    return MergeRequest(
        number=shapes.number(body, "iid"),
        head=head,
        by=Hand((f"gitlab:{login}",), confirmed=True) if login else None,
        is_head=head == commit,
        is_merge=merged and brought,
    )


class Reviewer(NamedTuple):
    """What somebody said of a merge request, and who it was by the number that GitLab gives
    people.
    """

    review: Review
    user: int | None


def reviews(
    approvals: Any,
    reviewers: Sequence[Any],
    pushed_at: datetime | None,
    *,
    resets: bool,
    counts: bool,
) -> tuple[Reviewer, ...]:
    """What was said of the newest version: after it was pushed, or where GitLab itself takes
    approvals back at every push.

    `counts`: the newest version is what is deployed.
    """
    found: dict[str, Reviewer] = {}
    for one in shapes.items(approvals, "approved_by"):
        login = shapes.text(one, "user", "username")
        at = shapes.maybe_text(one, "approved_at")
        newest = resets or (
            at is not None
            and pushed_at is not None
            and shapes.instant(one, "approved_at") >= pushed_at
        )
        found[login] = Reviewer(
            Review(f"gitlab:{login}", Verdict.APPROVES, newest and counts), _user(one)
        )
    for one in reviewers:
        if shapes.the(one, "state") == "requested_changes":
            login = shapes.text(one, "user", "username")
            found[login] = Reviewer(
                Review(f"gitlab:{login}", Verdict.REQUESTS_CHANGES, counts), _user(one)
            )
    return tuple(found.values())


def _user(body: Any) -> int | None:
    if shapes.the(body, "user", "id") is None:
        return None
    return shapes.number(body, "user", "id")


def may_write(body: Any) -> bool:
    """Of `GET …/members/all/{user}`: whether this person may push to the project."""
    return (
        shapes.the(body, "state") in (None, "active")
        and shapes.number(body, "access_level") >= DEVELOPER
    )


def newest_version(listed: Sequence[Any]) -> datetime | None:
    """When the merge request was pushed to last."""
    return max((shapes.instant(one, "created_at") for one in listed), default=None)


def check_facts(statuses: Sequence[Any], run: Run | None) -> dict[str, Value]:
    """Jobs and external statuses.

    The job that asks, and what comes after it in its pipeline, is not waited for.
    """
    ended = [
        (shapes.text(one, "name"), check)
        for one in statuses
        if (check := _ended(one, run)) is not None
    ]
    return counted(ended)


def _ended(one: Any, run: Run | None) -> Check | None:
    """None: it is not counted. Which job asks is taken from its identity token alone."""
    status = shapes.text(one, "status")
    if status in _PASSED:
        return Check.PASSED
    if (
        status in _FAILED
    ):  # a job that may fail has shown nothing: the file that says so is part of what is deployed
        return Check.SKIPPED if shapes.the(one, "allow_failure") is True else Check.FAILED
    if status in _SKIPPED:
        return Check.SKIPPED
    asks = run if run is not None and run.check != "" else None
    if status in _UNDER_WAY:
        return (
            None if asks is not None and str(shapes.the(one, "id")) == asks.check else Check.PENDING
        )
    # In the pipeline that asks it is what comes afterwards.
    if status == "created":
        return (
            None
            if asks is not None and str(shapes.the(one, "pipeline_id")) == asks.id
            else Check.PENDING
        )
    # Manual, scheduled: nobody waits for it.
    return None


def run_seen(body: Any, source: str) -> RunSeen:
    """Of `GET …/deployments/{id}`: the pipeline is the run, its job the attempt, as with their
    identity token.

    `source` is what started the pipeline, empty where GitLab does not say.
    """
    login = shapes.maybe_text(body, "deployable", "user", "username") or shapes.maybe_text(
        body, "user", "username"
    )
    url = shapes.maybe_text(body, "deployable", "web_url") or ""
    return RunSeen(
        provider=Provider.GITLAB,
        run=str(pipeline(body)),
        attempt=shapes.number(body, "deployable", "id"),
        commit=shapes.text(body, "sha"),
        event="pull_request" if source in MERGE_REQUEST else source,
        actors=(login,) if login else (),
        ref=_whole_ref(body) or shapes.maybe_text(body, "ref"),
        title=(shapes.maybe_text(body, "deployable", "commit", "title") or "")[:TEXT_LENGTH_MAX],
        url=url if url.startswith("https://") and len(url) <= TEXT_LENGTH_MAX else "",
    )


def pipeline(body: Any) -> int:
    """The pipeline of a deployment."""
    return shapes.number(body, "deployable", "pipeline", "id")


def source(body: Any, *path: str) -> str | None:
    """What started a pipeline; None where this answer does not say."""
    return shapes.maybe_text(body, *path, "source")


def _whole_ref(body: Any) -> str | None:
    """`refs/heads/main` where the job is of a branch, `refs/tags/v1` of a tag; None where GitLab
    does not say which.
    """
    name, tag = shapes.maybe_text(body, "deployable", "ref"), shapes.the(body, "deployable", "tag")
    if name is None or not isinstance(tag, bool):
        return None
    if name.startswith("refs/"):
        return name
    return f"refs/{'tags' if tag else 'heads'}/{name}"


def workflow(project: Any, host: str, ref: str | None) -> str | None:
    """The pipeline's definition as the identity token of its jobs would say it
    (`ci_config_ref_uri`).

    `project` is the answer of `GET /projects/{id}`. None where the ref is not whole, or the
    definition is kept elsewhere.
    """
    name = shapes.maybe_text(project, "path_with_namespace")
    file = shapes.maybe_text(project, "ci_config_path") or CI_FILE
    if name is None or ref is None or not ref.startswith("refs/") or "@" in file or "://" in file:
        return None
    found = f"{host}/{name}//{file}@{ref}"
    return found if len(found) <= TEXT_LENGTH_MAX else None
