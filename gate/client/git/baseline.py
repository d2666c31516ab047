"""The commit with which a change is compared: what runs there, the merge base with the default
branch, or none.
"""

from __future__ import annotations

from typing import NamedTuple

from gate.client.git.run import FULL_HASH, GitFailed, Repository

_DEFAULT_BRANCHES = (
    "refs/remotes/origin/HEAD",
    "refs/remotes/origin/main",
    "refs/remotes/origin/master",
    "refs/heads/main",
    "refs/heads/master",
)


class Place(NamedTuple):
    """The gate's knowledge of a place: the commit that runs there, and whether this is the first
    deployment.
    """

    running: str | None = None
    first_deployment: bool = False


class Baseline(NamedTuple):
    """The base, or None and the reason why there is none.

    With `everything` all files of the commit are new there.
    """

    commit: str | None
    because: str = ""
    everything: bool = False


def baseline(repository: Repository, commit: str, place: Place, asked: str | None) -> Baseline:
    """Return the base: `asked` (`--base`), else what runs there, else the merge base.

    Without any of them everything is new, if nothing was ever admitted there. A full hash that is
    not in this clone is returned all the same, because the caller may fetch it.
    """
    if asked:
        found = repository.resolve(asked)
        if found is None and not FULL_HASH.fullmatch(asked):
            return Baseline(None, f"base {asked} is no commit of this repository")
        return Baseline(found or asked)
    if place.running:
        return Baseline(place.running)
    found_base = _merge_base(repository, commit)
    return found_base._replace(everything=found_base.commit is None and place.first_deployment)


def _merge_base(repository: Repository, commit: str) -> Baseline:
    for branch in _DEFAULT_BRANCHES:
        tip = repository.resolve(branch)
        if tip is None:
            continue
        try:
            found = repository.run(["merge-base", tip, commit]).decode().strip()
        except GitFailed:
            return Baseline(None, "this commit and the default branch have no common history here")
        if found == commit:
            return Baseline(
                None,
                "nothing is known to run there, and the commit is on the default branch already",
            )
        return Baseline(found)
    return Baseline(None, "nothing is known to run there, and no default branch was found")
