"""What GitLab's answers say, as values of our own: comparisons, merge requests, approvals, jobs, branches, deployments."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from gate.core.change import Run
from gate.core.facts import LIST_LENGTH_MAX, TEXT_LENGTH_MAX, Value
from gate.core.messages.host import Hand, Review, Verdict
from gate.core.messages.tidings import RunSeen
from gate.core.workload import Provider
from gate.integrations.code_host.measure import File, Message
from gate.integrations.http import shapes
from gate.integrations.identity.claims import MERGE_REQUEST

LISTED_MAX = 1_000
"""An instance may cut its lists there, and does not say so; one that is so long counts as cut."""

NAME_LENGTH_MAX = 100
_PASSED = frozenset({"success"})
_FAILED = frozenset({"failed", "canceled"})
_UNDER_WAY = frozenset({"running", "pending", "preparing", "waiting_for_resource", "canceling"})
_CHANGED_LINE = re.compile(r"^([+-])", re.MULTILINE)


def _message(commit: Any) -> str:
    return shapes.maybe_text(commit, "message") or shapes.maybe_text(commit, "title") or ""


def _is_merge(commit: Any) -> bool:
    parents = shapes.the(commit, "parent_ids")
    return isinstance(parents, list) and len(parents) > 1


class Compared(NamedTuple):
    """`files` None: the comparison was cut, or did not say how large something is."""

    commits: Sequence[Any]
    files: tuple[File, ...] | None

    @property
    def all_commits(self) -> bool:
        """Whether every commit is in the list."""
        return len(self.commits) < LISTED_MAX

    @property
    def messages(self) -> tuple[Message, ...]:
        """What the commits say."""
        return tuple(Message(_message(one), _is_merge(one)) for one in self.commits)


def compared(body: Any) -> Compared:
    """Of `GET …/repository/compare?straight=true`: there are no counts of lines, so the lines are counted."""
    listed = shapes.items(body, "diffs")
    whole = shapes.the(body, "compare_timeout") is not True and len(listed) < LISTED_MAX
    files = [_file(one) for one in listed] if whole else [None]
    known = tuple(one for one in files if one is not None)
    return Compared(shapes.items(body, "commits"), known if len(known) == len(files) else None)


def _file(one: Any) -> File | None:
    """None: GitLab leaves out what is too large, and does not say how large it is."""
    diff = shapes.the(one, "diff")
    if not isinstance(diff, str) or not diff or shapes.the(one, "too_large") is True or shapes.the(one, "collapsed") is True:
        return None
    signs = _CHANGED_LINE.findall(diff)
    if not signs and "@@" in diff:
        return None
    return File(shapes.text(one, "new_path"), signs.count("+"), signs.count("-"))


def hands(commits: Iterable[Any]) -> tuple[Hand, ...]:
    """Authors, committers and co-authors. GitLab tells their addresses, which are anybody's to write, and no accounts."""
    found: dict[Hand, None] = {}
    for one in commits:
        for role in ("author", "committer"):
            address = shapes.maybe_text(one, f"{role}_email") or shapes.maybe_text(one, f"{role}_name") or "nobody"
            found[Hand((address,))] = None
        for address in Message(_message(one)).co_authors:
            found[Hand((address,), confirmed=True)] = None  # a trailer can only add
    return tuple(found)


def authors(commits: Iterable[Any]) -> int:
    """How many different people wrote the commits."""
    return len({(shapes.maybe_text(one, "author_email") or shapes.maybe_text(one, "author_name") or "").lower() for one in commits})


class MergeRequest(NamedTuple):
    """The one that brought the commit, or would."""

    number: int
    by: Hand | None
    is_head: bool


def merge_request(listed: Sequence[Any], commit: str) -> MergeRequest | None:
    """Of `GET …/commits/{sha}/merge_requests`: the merged one first, then the one whose head it is, then any."""

    def rank(one: Any) -> tuple[bool, bool, int]:
        merged = shapes.the(one, "state") == "merged"
        brought = commit in (shapes.the(one, "merge_commit_sha"), shapes.the(one, "squash_commit_sha"))
        return merged and brought, shapes.the(one, "sha") == commit, shapes.number(one, "iid")

    found = max(listed, key=rank, default=None)
    if found is None:
        return None
    brings, is_newest, number = rank(found)
    login = shapes.maybe_text(found, "author", "username")
    return MergeRequest(number, Hand((f"gitlab:{login}",), confirmed=True) if login else None, brings or is_newest)


def reviews(approvals: Any, reviewers: Sequence[Any], pushed_at: datetime | None, *, resets: bool) -> tuple[Review, ...]:
    """Approvals of the newest version: given after it was pushed, or taken back by GitLab itself at every push."""
    found: dict[str, Review] = {}
    for one in shapes.items(approvals, "approved_by"):
        login = shapes.text(one, "user", "username")
        at = shapes.maybe_text(one, "approved_at")
        on_head = resets or (at is not None and pushed_at is not None and shapes.instant(one, "approved_at") >= pushed_at)
        found[login] = Review(f"gitlab:{login}", Verdict.APPROVES, on_head)
    for one in reviewers:
        if shapes.the(one, "state") == "requested_changes":
            login = shapes.text(one, "user", "username")
            found[login] = Review(f"gitlab:{login}", Verdict.REQUESTS_CHANGES, on_head=True)
    return tuple(found.values())


def newest_version(listed: Sequence[Any]) -> datetime | None:
    """When the merge request was pushed to last."""
    return max((shapes.instant(one, "created_at") for one in listed), default=None)


def check_facts(statuses: Sequence[Any], run: Run | None) -> dict[str, Value]:
    """Jobs and external statuses. The job that asks, and what comes after it in its pipeline, is not waited for."""
    ended = [(shapes.text(one, "name"), passed) for one in statuses if (passed := _passed(one, run)) is not _NOT_COUNTED]
    failed = sorted({name[:NAME_LENGTH_MAX] for name, passed in ended if passed is False})
    facts: dict[str, Value] = {
        "checks.total": len(ended),
        "checks.passed": sum(passed is True for _, passed in ended),
        "checks.failed": sum(passed is False for _, passed in ended),
        "checks.pending": sum(passed is None for _, passed in ended),
    }
    return facts if len(failed) > LIST_LENGTH_MAX else {**facts, "checks.failed_names": tuple(failed)}


_NOT_COUNTED = "not counted"


def _passed(one: Any, run: Run | None) -> bool | str | None:
    """None: it has not ended. Which job asks is taken from its identity token alone."""
    status = shapes.text(one, "status")
    if status in _PASSED:
        return True
    if status in _FAILED:
        return shapes.the(one, "allow_failure") is True
    proved = run is not None and run.check != ""
    if status in _UNDER_WAY:
        return _NOT_COUNTED if proved and run is not None and str(shapes.the(one, "id")) == run.check else None
    if status == "created":  # in the pipeline that asks it is what comes afterwards
        return _NOT_COUNTED if proved and run is not None and str(shapes.the(one, "pipeline_id")) == run.id else None
    return _NOT_COUNTED  # skipped, manual, scheduled: nobody waits for it


def run_seen(body: Any) -> RunSeen:
    """Of `GET …/deployments/{id}`: the pipeline is the run, its job the attempt, as with their identity token."""
    source = shapes.maybe_text(body, "deployable", "pipeline", "source") or "push"
    login = shapes.maybe_text(body, "deployable", "user", "username") or shapes.maybe_text(body, "user", "username")
    url = shapes.maybe_text(body, "deployable", "web_url") or ""
    job = shapes.number(body, "deployable", "id")
    return RunSeen(
        provider=Provider.GITLAB,
        run=str(shapes.number(body, "deployable", "pipeline", "id")),
        attempt=job,
        commit=shapes.text(body, "sha"),
        event="pull_request" if source in MERGE_REQUEST else source,
        actors=(login,) if login else (),
        ref=shapes.maybe_text(body, "ref"),
        title=(shapes.maybe_text(body, "deployable", "commit", "title") or "")[:TEXT_LENGTH_MAX],
        url=url if url.startswith("https://") and len(url) <= TEXT_LENGTH_MAX else "",
    )
