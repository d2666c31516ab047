"""Where the code of a change is to be read, and what its difference amounts to."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson

from gate.flow.asks import Wire
from gate.web.words import link

_HOSTS: Mapping[str, tuple[str, str, str]] = {
    "https://token.actions.githubusercontent.com": ("https://github.com", "/commit/", "/compare/"),
    "https://gitlab.com": ("https://gitlab.com", "/-/commit/", "/-/compare/"),
}
"""Issuer to the address of its code host, its commits and its comparisons."""

_NAME = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+")
FILES_SHOWN = 12


def links(change: Wire) -> list[dict[str, str]]:
    """Addresses that may be followed: of the run, of the commit, of the comparison with what
    runs.
    """
    found = []
    run = change.get("run") or {}
    if link(run.get("url")):
        found.append({"label": "The run", "address": run["url"]})
    repository = change.get("repository") or {}
    host = _HOSTS.get(repository.get("issuer", ""))
    name = repository.get("name", "")
    if host and _NAME.fullmatch(name):
        place, commits, comparisons = host
        found.append(
            {"label": "The commit", "address": f"{place}/{name}{commits}{quote(change['commit'])}"}
        )
        if change.get("base"):
            address = (
                f"{place}/{name}{comparisons}{quote(change['base'])}...{quote(change['commit'])}"
            )
            found.append({"label": "The difference to what runs", "address": address})
    return found


def summary(facts: Wire) -> dict[str, Any]:
    """How much is different, as far as anybody knows."""
    files = _value(facts, "diff.files")
    return {
        "added": _value(facts, "diff.lines_added"),
        "deleted": _value(facts, "diff.lines_deleted"),
        "files_changed": _value(facts, "diff.files_changed"),
        "commits": _value(facts, "diff.commits"),
        "files": files[:FILES_SHOWN] if isinstance(files, list) else None,
        "more_files": max(len(files) - FILES_SHOWN, 0) if isinstance(files, list) else 0,
        "origin": (facts.get("diff.lines_added") or {}).get("origin"),
    }


def pretty(value: Wire) -> str:
    """JSON to be read."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _value(facts: Wire, name: str) -> Any:
    fact = facts.get(name)
    return None if fact is None else fact["value"]
