"""Reads GitHub's answers into values of our own: comparisons, pull requests, reviews, checks,
branches, deployments.
"""

import re
from collections.abc import Collection, Iterable, Sequence
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

FILES_MAX = 300
"""GitHub lists no more files, so a list of exactly so many may have been cut."""

_PASSED = frozenset({"success"})
_SKIPPED = frozenset({"neutral", "skipped"})
_STATUSES = {"success": Check.PASSED, "pending": Check.PENDING}
_MAY_WRITE = frozenset({"admin", "maintain", "write"})
_PEOPLE = frozenset({"User", None})
"""The types of account that count as reviewers. Others are machines, or were made by an import."""

_EMPTY_BLOBS = frozenset(
    {
        "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
        "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
    }
)
"""The id of every empty file, in both formats of git."""

_NO_FOLDERS = frozenset({"", ".", ".."})
"""Parts of a path that would lead elsewhere in an address."""

_SUBMODULE = re.compile(r"^[+-]Subproject commit ", re.MULTILINE)
_VERDICTS = {
    "APPROVED": Verdict.APPROVES,
    "CHANGES_REQUESTED": Verdict.REQUESTS_CHANGES,
    "DISMISSED": None,
}
_WEB_FLOW = "web-flow"
_ACTIONS = "github-actions"


class Rename(NamedTuple):
    """A file under another name and without lines: unchanged, or binary, as `blob` can tell."""

    path: str
    before: str
    blob: str


class Compared(NamedTuple):
    """A comparison: ahead, behind, diverged or identical. `files` is None if the list was cut."""

    status: str
    total_commits: int
    commits: Sequence[Any]
    files: tuple[File, ...] | None
    renames: tuple[Rename, ...] = ()
    touched: tuple[Touched, ...] | None = None

    @property
    def all_commits(self) -> bool:
        """Whether every commit is in the list."""
        return len(self.commits) == self.total_commits

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages of the commits, each with whether it is a merge."""
        return tuple(
            Message(
                shapes.maybe_text(one, "commit", "message") or "",
                len(shapes.items(one, "parents")) > 1,
            )
            for one in self.commits
        )


def compared(body: Any) -> Compared:
    """Return what `head` has that `base` lacks, from `GET …/compare/{base}...{head}`."""
    listed = shapes.the(body, "files")
    files, renames, touched = None, [], None
    if isinstance(listed, list) and len(listed) < FILES_MAX:
        files = tuple(
            File(shapes.text(one, "filename"), _lines(one), _before(one)) for one in listed
        )
        renames = [
            _rename(one) for one, file in zip(listed, files, strict=True) if file.lines is None
        ]
        touched = tuple(map(_touched, listed))
    return Compared(
        shapes.text(body, "status"),
        shapes.number(body, "total_commits"),
        shapes.items(body, "commits"),
        files,
        tuple(one for one in renames if one is not None),
        touched,
    )


def _touched(file: Any) -> Touched:
    return Touched(
        shapes.text(file, "filename"),
        shapes.maybe_text(file, "previous_filename"),
        shapes.maybe_text(file, "status") or "",
        shapes.maybe_text(file, "sha"),
        shapes.maybe_text(file, "patch"),
    )


def _rename(file: Any) -> Rename | None:
    before, blob = shapes.maybe_text(file, "previous_filename"), shapes.maybe_text(file, "sha")
    if not before or not blob or not _NO_FOLDERS.isdisjoint(before.split("/")):
        return None
    return Rename(shapes.text(file, "filename"), before, blob)


def _before(file: Any) -> str | None:
    """Return where a moved file was, or None. A copy has not moved, because its source stays."""
    if shapes.maybe_text(file, "status") == "copied":
        return None
    return shapes.maybe_text(file, "previous_filename")


def _lines(file: Any) -> Lines | None:
    """Return how many lines changed, or None if GitHub does not say it although some may have.

    That is so for files that are binary by content or attribute, and for submodules.
    """
    lines = Lines(shapes.number(file, "additions"), shapes.number(file, "deletions"))
    patch = shapes.maybe_text(file, "patch")
    if patch is not None:
        return None if _SUBMODULE.search(patch) else lines
    # GitHub leaves out a patch that is too large, but counts its lines all the same.
    if lines.both or shapes.maybe_text(file, "sha") in _EMPTY_BLOBS:
        return lines
    return None


def hands(commits: Iterable[Any]) -> tuple[Hand, ...]:
    """Return authors, committers and co-authors, each once."""
    found: dict[Hand, None] = {}
    for one in commits:
        for role in ("author", "committer"):
            found[_hand(one, role)] = None
        for address in Message(shapes.maybe_text(one, "commit", "message") or "").co_authors:
            # A trailer can only add a person. An author who wants to hide one leaves it out, so an
            # unknown name in it makes the list no less certain.
            found[Hand((address,), confirmed=True)] = None
    return tuple(found)


def _hand(commit: Any, role: str) -> Hand:
    """Return the author or committer of a commit.

    It is confirmed if GitHub has linked an account, because the address belongs to that account.
    GitHub itself commits when somebody merges in the browser, and signs that commit. Its address
    counts only with the signature, because anybody can write it.
    """
    login = shapes.maybe_text(commit, role, "login")
    address = (
        shapes.maybe_text(commit, "commit", role, "email")
        or shapes.maybe_text(commit, "commit", role, "name")
        or "nobody"
    )
    account = (account_of(commit, role),) if login else ()
    if login == _WEB_FLOW or address.lower() == GITHUB_ADDRESS:
        signed = is_well_signed(commit)
        return Hand(account or (address,), confirmed=signed, doubtful=not signed)
    return Hand((*account, address), confirmed=bool(login) and not _is_badly_signed(commit))


def account_of(body: Any, role: str) -> str:
    """Return an account of GitHub that the body names, such as `github:ada-gh#12`.

    A login can change hands, so its number is kept if GitHub gives it.
    """
    return f"github:{numbered(body, role)}"


def numbered(body: Any, role: str) -> str:
    """Return the login of an account and, if GitHub gives it, `#` and its number."""
    number = shapes.the(body, role, "id")
    login = shapes.text(body, role, "login")
    return f"{login}#{number}" if type(number) is int and number > 0 else login


def is_well_signed(commit: Any) -> bool:
    """Return whether the commit has a signature that GitHub found valid."""
    verification = shapes.the(commit, "commit", "verification")
    return shapes.the(verification, "verified") is True


def tree(commit: Any) -> str | None:
    """Return the hash of everything that the commit holds, or None."""
    return shapes.maybe_text(commit, "commit", "tree", "sha")


def first_parent(commit: Any) -> str | None:
    """Return the commit on which it was made; for a merge, on the branch merged into."""
    return shapes.maybe_text(commit, "parents", 0, "sha")


def _is_badly_signed(commit: Any) -> bool:
    """Return whether there is a bad signature.

    A commit without any signature is as credible as its address.
    """
    verification = shapes.the(commit, "commit", "verification")
    return shapes.the(verification, "verified") is False and shapes.maybe_text(
        verification, "reason"
    ) not in {"unsigned", None}


def authors(commits: Iterable[Any]) -> int:
    """Return how many different people wrote the commits."""
    return len(
        {
            shapes.maybe_text(one, "author", "login")
            or (shapes.maybe_text(one, "commit", "author", "email") or "").lower()
            for one in commits
        }
    )


class PullRequest(NamedTuple):
    """A pull request that a commit belongs to.

    With `is_head` the commit is its newest one. With `is_merge` GitHub says that the pull request
    was merged as this commit.
    """

    number: int
    head: str
    by: Hand | None
    is_head: bool
    is_merge: bool


def pull_requests(body: Any, commit: str) -> tuple[PullRequest, ...]:
    """Return pull requests of a commit, newest first, from `GET …/commits/{sha}/pulls`.

    They are those that would bring, or have brought, this very commit. If there are none, it is the
    newest of the others, of which the commit is a part. Nobody has reviewed that part alone, so its
    reviews do not count as reviews of the commit.
    """
    found = sorted(
        (_pull_request(one, commit) for one in shapes.items([body], 0)), key=lambda one: -one.number
    )
    bring = tuple(one for one in found if one.is_head or one.is_merge)
    return bring or tuple(found[:1])


def _pull_request(body: Any, commit: str) -> PullRequest:
    login = shapes.maybe_text(body, "user", "login")
    head = shapes.text(body, "head", "sha")
    merged = shapes.the(body, "merged_at") is not None
    return PullRequest(
        number=shapes.number(body, "number"),
        head=head,
        by=Hand((account_of(body, "user"),), confirmed=True) if login else None,
        is_head=head == commit,
        is_merge=merged and shapes.the(body, "merge_commit_sha") == commit,
    )


class Reviewed(NamedTuple):
    """Reviews of a pull request. They count if they are of `head`; with None no review counts."""

    listed: Sequence[Any]
    head: str | None


def reviews(pulls: Iterable[Reviewed]) -> tuple[Review, ...]:
    """Return the last verdict of each person.

    Comments are no verdicts, a dismissed review does not count, and machines do not review.
    """
    said = [(one, pull.head) for pull in pulls for one in pull.listed]
    said.sort(key=lambda pair: shapes.maybe_text(pair[0], "submitted_at") or "")
    last: dict[str, Review | None] = {}
    for one, head in said:
        login, state = shapes.maybe_text(one, "user", "login"), shapes.text(one, "state")
        if (
            login is None
            or shapes.maybe_text(one, "user", "type") not in _PEOPLE
            or state not in _VERDICTS
        ):
            continue
        verdict = _VERDICTS[state]
        of_commit = head is not None and shapes.the(one, "commit_id") == head
        last[login] = Review(account_of(one, "user"), verdict, of_commit) if verdict else None
    return tuple(one for one in last.values() if one is not None)


def may_write(body: Any) -> bool:
    """Return whether a person may push, from `GET …/collaborators/{login}/permission`."""
    return (
        shapes.maybe_text(body, "permission") in _MAY_WRITE
        and shapes.maybe_text(body, "user", "type") in _PEOPLE
    )


def check_facts(runs: Sequence[Any], statuses: Sequence[Any], run: Run | None) -> dict[str, Value]:
    """Return facts of check runs and statuses, without the job that waits for this answer."""
    ended = [(shapes.text(one, "name"), _ended(one)) for one in runs if not _waits_for_us(one, run)]
    ended += [
        (shapes.text(one, "context"), _STATUSES.get(shapes.text(one, "state"), Check.FAILED))
        for one in statuses
    ]
    return counted(ended)


def _ended(check: Any) -> Check:
    if shapes.text(check, "status") != "completed":
        return Check.PENDING
    conclusion = shapes.maybe_text(check, "conclusion")
    if conclusion in _SKIPPED:
        return Check.SKIPPED
    return Check.PASSED if conclusion in _PASSED else Check.FAILED


def _waits_for_us(check: Any, run: Run | None) -> bool:
    """Return whether a check waits for the gate: a protection rule holds it, or it is what asks.

    The job that asks is known only by its identity token. If a caller could name it, it could hide
    a check that has not passed.
    """
    if shapes.the(check, "app", "slug") != _ACTIONS or shapes.the(check, "status") == "completed":
        return False
    return shapes.the(check, "status") == "waiting" or (
        run is not None and run.check != "" and str(shapes.the(check, "id")) == run.check
    )


def branch_name(ref: str | None) -> str | None:
    """Return the name of a branch, given as a whole ref or short; None for a tag or no name."""
    if ref is None or (ref.startswith("refs/") and not ref.startswith("refs/heads/")):
        return None
    name = ref.removeprefix("refs/heads/")
    if 0 < len(name) <= TEXT_LENGTH_MAX and ".." not in name:
        return name
    return None


def deployed(statuses: Collection[Any]) -> bool:
    """Return whether a deployment succeeded, from `GET …/deployments/{id}/statuses`, newest first.

    It may be inactive by now, because GitHub sets that when another deployment follows.
    """
    states = [shapes.text(one, "state") for one in statuses]
    return "success" in states and set(states[: states.index("success")]) <= {"inactive"}


def run_seen(body: Any) -> RunSeen:
    """Return `GET …/actions/runs/{id}`: who started this attempt stands first, the ref is short."""
    roles = ("triggering_actor", "actor")
    logins = [numbered(body, one) for one in roles if shapes.maybe_text(body, one, "login")]
    return RunSeen(
        provider=Provider.GITHUB,
        run=str(shapes.number(body, "id")),
        attempt=shapes.number(body, "run_attempt"),
        commit=shapes.text(body, "head_sha"),
        event=shapes.text(body, "event"),
        actors=tuple(dict.fromkeys(logins)),
        ref=shapes.maybe_text(body, "head_branch"),
        title=(shapes.maybe_text(body, "display_title") or "")[:TEXT_LENGTH_MAX],
        url=https_link(shapes.maybe_text(body, "html_url")),
    )


def blob(body: Any) -> str | None:
    """Return the hash of a file's content, from `GET …/contents/{path}`; None for a folder."""
    return shapes.maybe_text(body, "sha")


def workflow(body: Any, full_name: str, ref: str) -> str | None:
    """Return the workflow's name as the identity token of its jobs has it (`job_workflow_ref`).

    None if that is not certain: the token names the workflow of the job, and a run that calls other
    workflows does not say to which of them the held job belongs.
    """
    if shapes.the(body, "referenced_workflows"):
        return None
    path = shapes.maybe_text(body, "path")
    if path is None:
        return None
    # Newer answers of the host name the ref in the path, too.
    for said in (ref, shapes.maybe_text(body, "head_branch")):
        path = path.removesuffix(f"@{said}")
    name = f"{full_name}/{path}@{ref}"
    return name if len(name) <= TEXT_LENGTH_MAX else None
