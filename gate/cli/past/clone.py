"""Facts of a past deployment, measured in a clone by the same code with which a pipeline claims
them.
"""

import os
from datetime import datetime
from pathlib import Path

from gate.client.git.baseline import Place
from gate.client.git.facts import git_facts
from gate.client.git.run import GitFailed, Repository
from gate.core.facts import Value, read_value
from gate.errors import Invalid


class Measures:
    """A clone, in which the facts of past deployments are measured."""

    def __init__(self, folder: Path) -> None:
        try:
            self._repository = Repository(str(folder.absolute()), os.environ)
        except GitFailed as error:
            raise Invalid(f"--clone {folder}: {error}") from None
        if self._repository.shallow:
            raise Invalid(
                f"--clone {folder} is a shallow clone, which knows no history; fetch all of it "
                "with `git fetch --unshallow`"
            )

    def claims(self, commit: str, base: str | None, at: datetime) -> tuple[dict[str, Value], bool]:
        """Return the facts of git, and whether the authors of the change are known."""
        found = git_facts(
            self._repository, commit, place=Place(), asked_base=base, now=at.timestamp()
        )
        claims: dict[str, Value] = {}
        for group, values in found.facts.items():
            for name, raw in values.items():
                value = read_value(f"{group}.{name}", raw)
                if value is not None:
                    claims[f"{group}.{name}"] = value
        return claims, bool(found.authors)
