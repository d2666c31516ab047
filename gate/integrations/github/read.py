"""What GitHub's answers say, as values of our own: comparisons, pull requests, reviews, checks, branches, deployments."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from gate.core.change import Run
from gate.core.facts import LIST_LENGTH_MAX, TEXT_LENGTH_MAX, Value
from gate.core.messages.host import Hand, Review, Verdict
from gate.core.messages.tidings import RunSeen
from gate.core.workload import Provider
from gate.integrations.code_host.measure import File, Message
from gate.integrations.http import shapes

FILES_MAX = 300
"""GitHub lists no more, so a list of exactly so many may have been cut."""

NAME_LENGTH_MAX = 100
_PASSED = frozenset({"success", "neutral", "skipped"})
_VERDICTS = {"APPROVED": Verdict.APPROVES, "CHANGES_REQUESTED": Verdict.REQUESTS_CHANGES, "DISMISSED": None}
_WEB_FLOW = "web-flow"
_ACTIONS = "github-actions"


class Compared(NamedTuple):
    """`status`: ahead behind diverged identical. `files` None: the list was cut."""

    status: str
    total_commits: int
    commits: Sequence[Any]
    files: tuple[File, ...] | None

    @property
    def all_commits(self) -> bool:
        """Whether every commit is in the list."""
        return len(self.commits) == self.total_commits

    @property
    def messages(self) -> tuple[Message, ...]:
        """What the commits say."""
        return tuple(
            Message(shapes.maybe_text(one, "commit", "message") or "", len(shapes.items(one, "parents")) > 1) for one in self.commits
        )


def compared(body: Any) -> Compared:
    """Of `GET …/compare/{base}...{head}`: what `head` has that `base` lacks."""
    listed = shapes.the(body, "files")
    files = None
    if isinstance(listed, list) and len(listed) < FILES_MAX:
        files = tuple(
            File(shapes.text(one, "filename"), shapes.number(one, "additions"), shapes.number(one, "deletions")) for one in listed
        )
    return Compared(shapes.text(body, "status"), shapes.number(body, "total_commits"), shapes.items(body, "commits"), files)


def hands(commits: Iterable[Any]) -> tuple[Hand, ...]:
    """Authors, committers and co-authors, each once."""
    found: dict[Hand, None] = {}
    for one in commits:
        sound = not _is_badly_signed(one)
        for role in ("author", "committer"):
            found[_hand(one, role, sound=sound)] = None
        for address in Message(shapes.maybe_text(one, "commit", "message") or "").co_authors:
            # a trailer can only add: who leaves it out loses nothing, so an unknown one makes nobody less sure
            found[Hand((address,), confirmed=True)] = None
    return tuple(found)


def _hand(commit: Any, role: str, *, sound: bool) -> Hand:
    """GitHub links an account where the address is one of its own; who is not linked is not known."""
    login = shapes.maybe_text(commit, role, "login")
    address = shapes.maybe_text(commit, "commit", role, "email") or shapes.maybe_text(commit, "commit", role, "name") or "nobody"
    account = (f"github:{login}",) if login else ()
    if login == _WEB_FLOW:  # GitHub itself, when somebody merges in the browser: its address is no person's
        return Hand(account, confirmed=sound)
    return Hand((*account, address), confirmed=bool(login) and sound)


def _is_badly_signed(commit: Any) -> bool:
    """Signed, and the signature does not hold. No signature at all is as good as the address."""
    verification = shapes.the(commit, "commit", "verification")
    return shapes.the(verification, "verified") is False and shapes.maybe_text(verification, "reason") not in {"unsigned", None}


def authors(commits: Iterable[Any]) -> int:
    """How many different people wrote the commits."""
    return len(
        {
            shapes.maybe_text(one, "author", "login") or (shapes.maybe_text(one, "commit", "author", "email") or "").lower()
            for one in commits
        }
    )


class PullRequest(NamedTuple):
    """The one that brought the commit, or would. `is_head`: what it merges, or has merged, is the commit itself."""

    number: int
    head: str
    by: Hand | None
    is_head: bool


def pull_request(body: Any, commit: str) -> PullRequest | None:
    """Of `GET …/commits/{sha}/pulls`: the merged one first, then the one whose head it is, then any."""

    def rank(one: Any) -> tuple[bool, bool, int]:
        merged = shapes.the(one, "merged_at") is not None
        return (
            merged and shapes.the(one, "merge_commit_sha") == commit,
            shapes.the(one, "head", "sha") == commit,
            shapes.number(one, "number"),
        )

    found = max(shapes.items([body], 0), key=rank, default=None)
    if found is None:
        return None
    brings, is_newest, number = rank(found)
    login = shapes.maybe_text(found, "user", "login")
    by = Hand((f"github:{login}",), confirmed=True) if login else None
    return PullRequest(number, shapes.text(found, "head", "sha"), by, brings or is_newest)


def reviews(listed: Sequence[Any], head: str) -> tuple[Review, ...]:
    """The last word of everybody, comments aside; what was dismissed was not said. Machines have no word."""
    last: dict[str, Review | None] = {}
    for one in listed:
        login, state = shapes.maybe_text(one, "user", "login"), shapes.text(one, "state")
        if login is None or shapes.the(one, "user", "type") == "Bot" or state not in _VERDICTS:
            continue
        verdict = _VERDICTS[state]
        by = f"github:{login}"
        last[login] = Review(by, verdict, shapes.the(one, "commit_id") == head) if verdict else None
    return tuple(one for one in last.values() if one is not None)


def check_facts(runs: Sequence[Any], statuses: Sequence[Any], run: Run | None) -> dict[str, Value]:
    """Check runs and statuses together. The job that asks has not ended, and is not waited for."""
    ended = [(shapes.text(one, "name"), _passed(one)) for one in runs if not _waits_for_us(one, run)]
    ended += [(shapes.text(one, "context"), {"success": True, "pending": None}.get(shapes.text(one, "state"), False)) for one in statuses]
    failed = sorted({name[:NAME_LENGTH_MAX] for name, passed in ended if passed is False})
    facts: dict[str, Value] = {
        "checks.total": len(ended),
        "checks.passed": sum(passed is True for _, passed in ended),
        "checks.failed": sum(passed is False for _, passed in ended),
        "checks.pending": sum(passed is None for _, passed in ended),
    }
    return facts if len(failed) > LIST_LENGTH_MAX else {**facts, "checks.failed_names": tuple(failed)}


def _passed(check: Any) -> bool | None:
    """None: it has not ended."""
    return None if shapes.text(check, "status") != "completed" else shapes.maybe_text(check, "conclusion") in _PASSED


def _waits_for_us(check: Any, run: Run | None) -> bool:
    """A job that a protection rule holds, or the very job that asks: it waits for the answer, not the answer for it.

    Which job asks is taken from its identity token alone; a caller who may name one could hide any check.
    """
    if shapes.the(check, "app", "slug") != _ACTIONS or shapes.the(check, "status") == "completed":
        return False
    return shapes.the(check, "status") == "waiting" or (run is not None and run.check != "" and str(shapes.the(check, "id")) == run.check)


def branch_name(ref: str | None) -> str | None:
    """Of a branch, whole or short; None for a tag, and for what is no name."""
    if ref is None or (ref.startswith("refs/") and not ref.startswith("refs/heads/")):
        return None
    name = ref.removeprefix("refs/heads/")
    return name if 0 < len(name) <= TEXT_LENGTH_MAX and ".." not in name else None


def deployed(statuses: Collection[Any]) -> bool:
    """Of `GET …/deployments/{id}/statuses`, newest first: it succeeded, and if it is inactive now it did so before."""
    states = [shapes.text(one, "state") for one in statuses]
    return "success" in states and set(states[: states.index("success")]) <= {"inactive"}


def run_seen(body: Any, full_name: str) -> RunSeen:
    """Of `GET …/actions/runs/{id}`. Whoever started this attempt stands first."""
    logins = (shapes.maybe_text(body, "triggering_actor", "login"), shapes.maybe_text(body, "actor", "login"))
    branch, path = shapes.maybe_text(body, "head_branch"), shapes.maybe_text(body, "path")
    return RunSeen(
        provider=Provider.GITHUB,
        run=str(shapes.number(body, "id")),
        attempt=shapes.number(body, "run_attempt"),
        commit=shapes.text(body, "head_sha"),
        event=shapes.text(body, "event"),
        actors=tuple(dict.fromkeys(one for one in logins if one)),
        ref=branch,
        workflow=f"{full_name}/{path}@{branch}"[:TEXT_LENGTH_MAX] if path and branch else None,
        title=(shapes.maybe_text(body, "display_title") or "")[:TEXT_LENGTH_MAX],
        url=_link(shapes.maybe_text(body, "html_url")),
    )


def _link(url: str | None) -> str:
    return url if url is not None and url.startswith("https://") and len(url) <= TEXT_LENGTH_MAX else ""
