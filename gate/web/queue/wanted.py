"""The text in the box of the queue as filters, such as `is:held service:checkout some words`.

A word that is the name of an environment, or looks like the beginning of a commit, is read as such
a filter.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from gate.core.catalogue.catalogue import Catalogue
from gate.core.decision.values import Band, ChangeType
from gate.errors import Invalid
from gate.flow.queries.queue import QueueFilters, Tab

_TABS: Mapping[str, Tab] = {tab.value: tab for tab in Tab}
_TYPES: Mapping[str, ChangeType] = {kind.value: kind for kind in ChangeType}
_BANDS: Mapping[str, Band] = {band.word: band for band in Band}
_NAMES: Mapping[str, str] = {
    "service": "service",
    "environment": "environment",
    "env": "environment",
}
WORDS_LENGTH_MAX = 200
_COMMIT = re.compile(r"(?=.*[0-9])[0-9a-f]{7,64}")
"""The beginning of a commit. At least one digit is needed, because `defaced` is a word."""


def read(text: str, catalogue: Catalogue) -> QueueFilters:
    """Return the filters of a text. Raises `Invalid` for an unknown value of `is:`."""
    found = QueueFilters()
    words = []
    for word in text[:WORDS_LENGTH_MAX].split():
        key, colon, value = word.partition(":")
        environment = catalogue.environment_named(word)
        if colon and key in _READERS and value:
            found = replace(found, **_READERS[key](value))
        elif environment in catalogue.environments:
            found = replace(found, environment=environment)
        elif _COMMIT.fullmatch(word.lower()):
            found = replace(found, commit=word.lower())
        else:
            words.append(word)
    if found.environment is not None:
        own = catalogue.environment_named(found.environment)
        found = replace(found, environment=own)
    return replace(found, words=" ".join(words))


def written(filters: QueueFilters, tab: Tab) -> str:
    """Return the text that stands for these filters in another part of the queue."""
    parts = [f"is:{tab.value}" if tab is not Tab.MINE else ""]
    parts += [
        f"is:{filters.type.value}" if filters.type else "",
        f"is:{filters.band.word}" if filters.band is not None else "",
    ]
    parts += [
        f"service:{filters.service}" if filters.service else "",
        f"environment:{filters.environment}" if filters.environment else "",
    ]
    return " ".join(part for part in [*parts, filters.commit, filters.words] if part)


def _is(given: str) -> dict[str, Any]:
    value = given.lower()
    if value in _TABS:
        return {"tab": _TABS[value]}
    if value in _TYPES:
        return {"type": _TYPES[value]}
    if value in _BANDS:
        return {"band": _BANDS[value]}
    known = ", ".join(f"is:{word}" for word in (*_TABS, *_TYPES, *_BANDS))
    raise Invalid(f"The filter is:{given[:40]} means nothing here. There are {known}.")


_READERS: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "is": _is,
    **{key: lambda value, name=name: {name: value} for key, name in _NAMES.items()},  # type: ignore[misc]  # a default binds the name
}
