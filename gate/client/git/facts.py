"""Everything git can tell about a change, as facts: `diff.*`, `author.*`, `change.fixes_defect` and
`change.age_hours`.

A fact that cannot be computed exactly (no base, a cut clone, too much history, a time limit) is
None, which means unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from gate.client.git.baseline import Place, baseline
from gate.client.git.commits import (
    AUTHORS_MAX,
    Range,
    all_commits,
    commits_between,
    fixes_defect,
    people,
)
from gate.client.git.diff import (
    File,
    bring_contents,
    changed_files,
    diff_facts,
    empty_tree,
    lines_before,
)
from gate.client.git.history import NO_EARLIER_DAYS, author_facts, earlier_commits, file_facts
from gate.client.git.run import Budget, GitFailed, Head, Repository

HISTORY_SECONDS_MAX = 15.0
"""The longest time for everything that reads the history before base."""

Groups = dict[str, dict[str, Any]]

_HOUR = 3600
_NAMES = {
    "diff": (
        "files",
        "files_changed",
        "lines_added",
        "lines_deleted",
        "lines_before",
        "commits",
        "directories",
        "subsystems",
        "entropy",
        "file_authors",
        "days_since_touched",
        "prior_changes",
        "reverts",
    ),
    "author": ("changes", "recent_changes", "subsystem_changes", "count", "known"),
    "change": ("fixes_defect", "age_hours"),
}
_PARTIAL = "the clone is partial, and what changed could not be fetched; clone without a filter"
_CUT = (
    "the clone is shallow: facts that need its history are unknown; fetch all of it "
    "(fetch-depth: 0 in GitHub, GIT_DEPTH: 0 in GitLab)"
)


class GitFacts(NamedTuple):
    """The parts of a request that come from git, and notices for the person at the output."""

    commit: str
    base: str | None
    title: str
    authors: list[str]
    facts: Groups
    notices: list[str]


def git_facts(
    repository: Repository,
    commit: str,
    *,
    place: Place,
    asked_base: str | None,
    now: float,
    history_seconds: float = HISTORY_SECONDS_MAX,
) -> GitFacts:
    """Return the facts of `commit` (a full hash), compared with its base.

    `place` is what the gate knows of where it goes.
    """
    draft = _Draft(repository, commit, history_seconds)
    draft.attempt("facts of the code", lambda: _fill(draft, place, asked_base, now))
    return draft.done()


def no_git_facts(commit: str, because: str) -> GitFacts:
    """Return facts that are all unknown, with the reason as a notice."""
    return GitFacts(
        commit, None, "", [], unknown_facts(), [f"facts of the code are unknown: {because}"]
    )


def unknown_facts() -> Groups:
    """Return every fact that git could tell, as unknown."""
    return {group: dict.fromkeys(names) for group, names in _NAMES.items()}


class _Draft:
    """Facts that become known one after the other. A step that fails leaves its facts unknown."""

    def __init__(self, repository: Repository, commit: str, history_seconds: float) -> None:
        self.repository = repository
        self.history_seconds = history_seconds
        self.commit = commit
        self.base: str | None = None
        self.title = ""
        self.authors: list[str] = []
        self.facts = unknown_facts()
        self.notices: list[str] = []

    def attempt(self, what: str, fill: Callable[[], None]) -> None:
        try:
            fill()
        except GitFailed as error:
            self.notices.append(f"{what} are unknown: {error}")

    def done(self) -> GitFacts:
        return GitFacts(self.commit, self.base, self.title, self.authors, self.facts, self.notices)


def _fill(draft: _Draft, place: Place, asked_base: str | None, now: float) -> None:
    found = baseline(draft.repository, draft.commit, place, asked_base)
    draft.base = found.commit
    wanted = [draft.commit] if found.commit is None else [draft.commit, found.commit]
    here = _here(draft.repository, wanted)
    if draft.commit not in here:
        raise GitFailed(f"commit {draft.commit[:12]} is not in this clone and could not be fetched")
    head = draft.repository.head(draft.commit)
    draft.title = head.subject
    draft.facts["change"]["age_hours"] = max(0, int(now) - head.time) // _HOUR
    base = found.commit if found.commit in here else None
    commits = commits_between(draft.repository, base, head.commit)
    draft.authors = people(commits.commits)
    if len(draft.authors) > AUTHORS_MAX:
        draft.notices.append(
            f"{len(draft.authors)} people took part, the first {AUTHORS_MAX} are named"
        )
        draft.authors = draft.authors[:AUTHORS_MAX]
    if base:
        _measure(draft, head, base, commits)
    elif found.everything:
        draft.notices.append(
            "nothing was ever admitted there, so everything is new; facts about the author are "
            "unknown"
        )
        _measure_everything(draft, head)
    else:
        because = (
            found.because
            or f"base {(found.commit or '')[:12]} is not in this clone and could not be fetched"
        )
        draft.notices.append(f"facts about diff and author are unknown: {because}")


def _here(repository: Repository, commits: list[str]) -> list[str]:
    """Return which of the commits are in this clone, after one fetch of those that were not."""
    missing = [one for one in commits if not repository.has(one)]
    if missing and repository.fetch(missing, depth=1):
        missing = [one for one in missing if not repository.has(one)]
    return [one for one in commits if one not in missing]


def _measure(draft: _Draft, head: Head, base: str, commits: Range) -> None:
    if draft.repository.partial and not bring_contents(draft.repository, base, head.commit):
        draft.notices.append(_PARTIAL)
    files = changed_files(draft.repository, base, head.commit)
    draft.facts["diff"].update(
        diff_facts(files), lines_before=lines_before(draft.repository, files)
    )
    if draft.repository.shallow:
        draft.notices.append(_CUT)
    elif not commits.complete:
        draft.notices.append(
            f"facts about commits and authors are unknown: more than {len(commits.commits)} "
            "commits since base"
        )
    if commits.complete:
        draft.attempt("facts about the commits", lambda: _judge_commits(draft, head, base, commits))
        if not draft.repository.shallow:
            draft.attempt(
                "facts about the history", lambda: _read_history(draft, head, base, commits, files)
            )


def _measure_everything(draft: _Draft, head: Head) -> None:
    """Add facts of a first deployment, which is compared with the empty tree.

    No file was there before, so nobody has touched them.
    """
    repository = draft.repository
    files = changed_files(repository, empty_tree(repository), head.commit)
    before = {
        "lines_before": 0,
        "file_authors": 0,
        "prior_changes": 0,
        "days_since_touched": NO_EARLIER_DAYS,
    }
    draft.facts["diff"].update(diff_facts(files), **before)
    commits = all_commits(repository, head.commit)
    if commits.complete:
        draft.facts["diff"].update(
            commits=len(commits.commits), reverts=any(one.reverts for one in commits.commits)
        )


def _judge_commits(draft: _Draft, head: Head, base: str, commits: Range) -> None:
    draft.facts["diff"].update(
        commits=len(commits.commits), reverts=any(one.reverts for one in commits.commits)
    )
    draft.facts["change"]["fixes_defect"] = fixes_defect(
        draft.repository, base, head.commit, commits.commits
    )


def _read_history(draft: _Draft, head: Head, base: str, commits: Range, files: list[File]) -> None:
    budget = Budget(draft.history_seconds)
    earlier = earlier_commits(draft.repository, base, budget)
    if earlier is None:
        raise GitFailed("the history is longer than may be read")
    draft.facts["author"] = author_facts(
        draft.repository, commits.commits, earlier, files, head.time, budget
    )
    draft.facts["diff"].update(file_facts(draft.repository, base, files, head.time, budget))
