"""The body of a submit: what was asked for, what git says, and what the pipeline says of itself."""

from __future__ import annotations

import re
from typing import Any

from gate.client.connection.http import Body
from gate.client.git.baseline import Place
from gate.client.git.commits import AUTHORS_MAX
from gate.client.git.facts import GitFacts, git_facts, no_git_facts
from gate.client.git.run import FULL_HASH, GitFailed, Repository
from gate.client.options import CheckOptions
from gate.client.pipeline import LOCAL, Pipeline
from gate.client.world import World

TEXT_LENGTH_MAX = 200

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


class UnknownCommit(Exception):
    """It is unknown which commit is meant. The message says what to give."""


class Source:
    """The commit that is meant, and the repository it is in, where there is one."""

    def __init__(self, world: World, options: CheckOptions, pipe: Pipeline) -> None:
        self._world = world
        self.repository: Repository | None = None
        self.because = ""
        try:
            self.repository = Repository(world.folder, world.env)
        except GitFailed as error:
            self.because = str(error)
        self.commit = self._commit(options.commit, pipe)

    def facts(self, place: Place, asked_base: str | None) -> GitFacts:
        """Return the facts that git tells; without a repository all of them are unknown."""
        if self.repository is None:
            return no_git_facts(self.commit, self.because)
        return git_facts(
            self.repository, self.commit, place=place, asked_base=asked_base, now=self._world.now()
        )

    def git_user(self) -> str:
        """Return the git user, who asks where no pipeline says so; empty if there is none."""
        return (self.repository.email() or "") if self.repository else ""

    def _commit(self, asked: str | None, pipe: Pipeline) -> str:
        if self.repository is not None:
            found = self.repository.resolve(asked or "HEAD")
            if found:
                return found
        # A full hash can be taken as it is. Without a repository the pipeline says which commit.
        named = asked or (pipe.commit if self.repository is None else None)
        if named and FULL_HASH.fullmatch(named):
            return named
        if self.repository is None:
            raise UnknownCommit(
                f"{self.because}; run inside the repository, or give --commit with the full hash"
            )
        raise UnknownCommit(
            f"{asked or 'HEAD'} is no commit of this repository; give --commit with one, or "
            "with a full hash"
        )


def request_body(options: CheckOptions, source: Source, pipe: Pipeline, git: GitFacts) -> Body:
    """Return the request, without fields that are not known.

    A fact that is unknown stays in it as null.
    """
    repository = source.repository
    body: dict[str, Any] = {
        "service": options.service,
        "environment": options.environment,
        "commit": git.commit,
        "base": git.base,
        "ref": options.ref
        or pipe.ref
        or (repository.ref() if repository and pipe.kind == LOCAL and not options.commit else None),
        "repository": pipe.repository,
        "artifacts": list(options.artifacts),
        "run": pipe.run,
        "requested_by": _line(
            pipe.requested_by or (source.git_user() if pipe.kind == LOCAL else "")
        )
        or None,
        "authors": list(dict.fromkeys([*pipe.people, *git.authors]))[:AUTHORS_MAX],
        "title": _line(options.title if options.title is not None else git.title),
        "rollback_plan": options.rollback_plan,
        **dict(options.assessment),
        "emergency": {"reason": options.emergency, "incident": options.incident}
        if options.emergency
        else None,
        "facts": _facts(options, git),
        "labels": dict(options.labels),
    }
    return {name: value for name, value in body.items() if value not in (None, "", [], {})}


def _facts(options: CheckOptions, git: GitFacts) -> dict[str, dict[str, Any]]:
    """Return the facts by group; what was given by hand replaces what was computed.

    Nothing is gained by a wrong one, because the server compares all with what it can verify.
    """
    facts = {group: dict(values) for group, values in git.facts.items()}
    for group, name, value in options.facts:
        facts.setdefault(group, {})[name] = value
    return facts


def _line(text: str) -> str:
    return _CONTROL.sub(" ", text).strip()[:TEXT_LENGTH_MAX]
