"""Links to the code of a change, and the size of its difference."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from gate.flow.answers.change import ChangeAnswer
from gate.flow.answers.reasons import FactAnswer, FactValue
from gate.web.words import link

_HOSTS: Mapping[str, tuple[str, str, str]] = {
    "https://token.actions.githubusercontent.com": ("https://github.com", "/commit/", "/compare/"),
    "https://gitlab.com": ("https://gitlab.com", "/-/commit/", "/-/compare/"),
}
"""By issuer: the address of the code host, and the paths of its commits and comparisons."""

_NAME = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+")
FILES_SHOWN = 12


def links(change: ChangeAnswer) -> list[dict[str, str]]:
    """Return links to the run, to the commit, and to its comparison with what runs."""
    found = []
    run = change.run and link(change.run.url)
    if run:
        found.append({"label": "The run", "address": run})
    repository = change.repository
    host = repository and _HOSTS.get(repository.issuer)
    if repository and host and _NAME.fullmatch(repository.name):
        place, commits, comparisons = host
        root, commit = f"{place}/{repository.name}", quote(change.commit)
        found.append({"label": "The commit", "address": f"{root}{commits}{commit}"})
        if change.base:
            address = f"{root}{comparisons}{quote(change.base)}...{commit}"
            found.append({"label": "The difference to what runs", "address": address})
    return found


def summary(facts: Mapping[str, FactAnswer]) -> dict[str, Any]:
    """Return the size of the difference, with None for what is unknown."""
    files, added = _value(facts, "diff.files"), facts.get("diff.lines_added")
    return {
        "added": _value(facts, "diff.lines_added"),
        "deleted": _value(facts, "diff.lines_deleted"),
        "files_changed": _value(facts, "diff.files_changed"),
        "commits": _value(facts, "diff.commits"),
        "files": files[:FILES_SHOWN] if isinstance(files, list) else None,
        "more_files": max(len(files) - FILES_SHOWN, 0) if isinstance(files, list) else 0,
        "origin": added and added.origin,
    }


def _value(facts: Mapping[str, FactAnswer], name: str) -> FactValue | None:
    fact = facts.get(name)
    return None if fact is None else fact.value
