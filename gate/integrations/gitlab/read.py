"""Reads GitLab's answers into values of our own: comparisons, merge requests, approvals, jobs,
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
from gate.integrations.code_host.texts import https_link
from gate.integrations.http import shapes
from gate.integrations.identity.claims import MERGE_REQUEST

LISTED_MAX = 1_000
"""An instance may cut its lists at this length without saying so, so such a list counts as cut."""

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
    """A comparison of two commits. `files` is None if it was cut."""

    commits: Sequence[Any]
    files: tuple[File, ...] | None
    touched: tuple[Touched, ...] | None = None

    @property
    def all_commits(self) -> bool:
        """Whether every commit is in the list."""
        return len(self.commits) < LISTED_MAX

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages of the commits, each with whether it is a merge."""
        return tuple(Message(_message(one), _is_merge(one)) for one in self.commits)


def compared(body: Any) -> Compared:
    """Return a comparison, from `GET …/repository/compare?straight=true`.

    GitLab gives no numbers of lines, so the lines of the differences are counted.
    """
    listed = shapes.items(body, "diffs")
    whole = shapes.the(body, "compare_timeout") is not True and len(listed) < LISTED_MAX
    files = tuple(_file(one) for one in listed) if whole else None
    touched = tuple(map(_touched, listed)) if whole else None
    return Compared(shapes.items(body, "commits"), files, touched)


def _touched(one: Any) -> Touched:
    """Return a changed file for comparing two changes.

    GitLab gives only lines, and no hash of the content. So without lines it has no patch, and
    counts as different from every other file.
    """
    flags = ("a_mode", "b_mode", "new_file", "deleted_file", "renamed_file")
    how = " ".join(str(shapes.the(one, name)) for name in flags)
    patch = shapes.maybe_text(one, "diff") if _lines(one) is not None else None
    old = shapes.maybe_text(one, "old_path")
    return Touched(shapes.text(one, "new_path"), old, how, None, patch)


def first_parent(commit: Any) -> str | None:
    """Return the commit on which it was made; for a merge, on the branch merged into."""
    return shapes.maybe_text(commit, "parent_ids", 0)


def _file(one: Any) -> File:
    moved = shapes.the(one, "renamed_file") is True
    return File(
        shapes.text(one, "new_path"),
        _lines(one),
        shapes.maybe_text(one, "old_path") if moved else None,
    )


def _lines(one: Any) -> Lines | None:
    """Return how many lines changed, or None if that is not known.

    GitLab leaves out a difference that is too large or that it takes for binary, and does not say
    its size. A submodule has no lines either.
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
    """Return authors, committers and co-authors.

    They are not confirmed, because GitLab gives only addresses, which anybody can write.
    """
    found: dict[Hand, None] = {}
    for one in commits:
        for role in ("author", "committer"):
            address = (
                shapes.maybe_text(one, f"{role}_email")
                or shapes.maybe_text(one, f"{role}_name")
                or "nobody"
            )
            # GitHub's own commits are signed, but GitLab does not say so. So its address may be
            # anybody's here.
            found[Hand((address,), doubtful=address.lower() == GITHUB_ADDRESS)] = None
        for address in Message(_message(one)).co_authors:
            # A trailer can only add a person, so an unknown name in it makes nothing less certain.
            found[Hand((address,), confirmed=True)] = None
    return tuple(found)


def authors(commits: Iterable[Any]) -> int:
    """Return how many different people wrote the commits."""
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
    """A merge request that a commit belongs to.

    With `is_head` the commit is its newest one. With `is_merge` GitLab says that the merge request
    was merged as this commit.
    """

    number: int
    head: str | None
    by: Hand | None
    is_head: bool
    is_merge: bool


def merge_requests(listed: Sequence[Any], commit: str) -> tuple[MergeRequest, ...]:
    """Return merge requests of a commit, newest first, from `GET …/commits/{sha}/merge_requests`.

    They are those that would bring, or have brought, this very commit. If there are none, it is the
    newest of the others, of which the commit is a part. Nobody has reviewed that part alone, so its
    reviews do not count as reviews of the commit.
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
        by=Hand((f"gitlab:{numbered(body, 'author')}",), confirmed=True) if login else None,
        is_head=head == commit,
        is_merge=merged and brought,
    )


class Reviewer(NamedTuple):
    """The verdict of a person on a merge request, and the person's number at GitLab."""

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
    """Return the verdict of each person on the newest version of a merge request.

    An approval is of that version if it was given after the push, or if the project `resets`
    approvals at every push. With `counts` the newest version is what is deployed.
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
            Review(f"gitlab:{numbered(one, 'user')}", Verdict.APPROVES, newest and counts),
            _user(one),
        )
    for one in reviewers:
        if shapes.the(one, "state") == "requested_changes":
            login = shapes.text(one, "user", "username")
            found[login] = Reviewer(
                Review(f"gitlab:{numbered(one, 'user')}", Verdict.REQUESTS_CHANGES, counts),
                _user(one),
            )
    return tuple(found.values())


def numbered(body: Any, *role: str) -> str:
    """Return the login of an account and, if GitLab gives it, `#` and its number.

    A login can change hands, and the number stays.
    """
    number = shapes.the(body, *role, "id")
    login = shapes.text(body, *role, "username")
    return f"{login}#{number}" if type(number) is int and number > 0 else login


def _user(body: Any) -> int | None:
    if shapes.the(body, "user", "id") is None:
        return None
    return shapes.number(body, "user", "id")


def may_write(body: Any) -> bool:
    """Return whether a person may push to the project, from `GET …/members/all/{user}`."""
    return (
        shapes.the(body, "state") in (None, "active")
        and shapes.number(body, "access_level") >= DEVELOPER
    )


def newest_version(listed: Sequence[Any]) -> datetime | None:
    """Return when the merge request was pushed to last, or None."""
    return max((shapes.instant(one, "created_at") for one in listed), default=None)


def check_facts(statuses: Sequence[Any], run: Run | None) -> dict[str, Value]:
    """Return facts of jobs and external statuses.

    The job that asks is left out, and so is what comes after it in its pipeline: all of that waits
    for this very answer.
    """
    ended = [
        (shapes.text(one, "name"), check)
        for one in statuses
        if (check := _ended(one, run)) is not None
    ]
    return counted(ended)


def _ended(one: Any, run: Run | None) -> Check | None:
    """Return how a job or status ended, or None if it is not counted.

    The job that asks is known only by its identity token. If a caller could name it, it could hide
    a job that has not passed.
    """
    status = shapes.text(one, "status")
    if status in _PASSED:
        return Check.PASSED
    if status in _FAILED:
        # A failed job that may fail shows nothing, not even a success, because the file that lets
        # it fail is a part of what is deployed.
        return Check.SKIPPED if shapes.the(one, "allow_failure") is True else Check.FAILED
    if status in _SKIPPED:
        return Check.SKIPPED
    asks = run if run is not None and run.check != "" else None
    if status in _UNDER_WAY:
        return (
            None if asks is not None and str(shapes.the(one, "id")) == asks.check else Check.PENDING
        )
    # A job that is only created comes later; in the pipeline that asks, after the job that asks.
    if status == "created":
        return (
            None
            if asks is not None and str(shapes.the(one, "pipeline_id")) == asks.id
            else Check.PENDING
        )
    # Manual and scheduled jobs may never run, so nothing waits for them.
    return None


def run_seen(body: Any, source: str) -> RunSeen:
    """Return a run, from `GET …/deployments/{id}`.

    The pipeline is the run and its job the attempt, as in the identity tokens of its jobs.
    `source` is what started the pipeline, empty if GitLab does not say.
    """
    role = next((one for one in (("deployable", "user"), ("user",)) if _has_login(body, one)), None)
    return RunSeen(
        provider=Provider.GITLAB,
        run=str(pipeline(body)),
        attempt=shapes.number(body, "deployable", "id"),
        commit=shapes.text(body, "sha"),
        event="pull_request" if source in MERGE_REQUEST else source,
        actors=(numbered(body, *role),) if role else (),
        ref=_whole_ref(body) or shapes.maybe_text(body, "ref"),
        title=(shapes.maybe_text(body, "deployable", "commit", "title") or "")[:TEXT_LENGTH_MAX],
        url=https_link(shapes.maybe_text(body, "deployable", "web_url")),
    )


def _has_login(body: Any, role: tuple[str, ...]) -> bool:
    return bool(shapes.maybe_text(body, *role, "username"))


def pipeline(body: Any) -> int:
    """Return the number of the pipeline of a deployment."""
    return shapes.number(body, "deployable", "pipeline", "id")


def source(body: Any, *path: str) -> str | None:
    """Return what started a pipeline, or None if this answer does not say."""
    return shapes.maybe_text(body, *path, "source")


def _whole_ref(body: Any) -> str | None:
    """Return the whole ref of a job: `refs/heads/main` for a branch, `refs/tags/v1` for a tag.

    None if GitLab does not say which of the two it is.
    """
    name, tag = shapes.maybe_text(body, "deployable", "ref"), shapes.the(body, "deployable", "tag")
    if name is None or not isinstance(tag, bool):
        return None
    if name.startswith("refs/"):
        return name
    return f"refs/{'tags' if tag else 'heads'}/{name}"


def workflow(project: Any, host: str, ref: str | None) -> str | None:
    """Return the pipeline's definition as the identity token of its jobs has it
    (`ci_config_ref_uri`).

    `project` is the answer of `GET /projects/{id}`. None if the ref is not whole, or the definition
    is kept elsewhere.
    """
    name = shapes.maybe_text(project, "path_with_namespace")
    file = shapes.maybe_text(project, "ci_config_path") or CI_FILE
    if name is None or ref is None or not ref.startswith("refs/") or "@" in file or "://" in file:
        return None
    found = f"{host}/{name}//{file}@{ref}"
    return found if len(found) <= TEXT_LENGTH_MAX else None
