"""Reads the queries of the alert rules and of the dashboard, and says which metrics, labels and
values the gate does not serve.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gate.metrics import Metrics

OF_THE_SCRAPE = frozenset({"instance", "job"})
"""Labels that Prometheus adds to everything."""

_SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}
_PROCESS = ("process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds")
_METRIC = re.compile(r"\b(?P<name>gate_\w+|process_\w+|up)\b(?:\{(?P<matchers>[^}]*)\})?")
_MATCHER = re.compile(r'(?P<label>\w+)\s*(?P<sign>=~|!~|!=|=)\s*"(?P<value>[^"]*)"')
_GROUPED = re.compile(r"\b(?:by|without|on|ignoring)\s*\((?P<labels>[^)]*)\)")


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition of a query: the label, and the values that it names."""

    label: str
    is_pattern: bool
    value: str


def served() -> dict[str, frozenset[str]]:
    """Every name under which a figure is served, with its labels."""
    found: dict[str, frozenset[str]] = {"up": frozenset()}
    found.update({name: frozenset() for name in _PROCESS})
    for one in Metrics().described:
        for suffix in _SUFFIXES[one.kind]:
            le = {"le"} if suffix == "_bucket" else set()
            found[one.name + suffix] = frozenset({*one.labels, *le})
    return found


def faults(query: str, known: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """What is wrong with a query: metrics that nobody serves, and labels that they do not have."""
    labels: set[str] = set(OF_THE_SCRAPE)
    asked = list(_METRIC.finditer(query))
    if not asked:
        yield f"{query}: names no metric"
    for metric in asked:
        name = metric["name"]
        if name not in known:
            yield f"{name} is not served"
            continue
        labels |= known[name]
        for matcher in _matchers(metric["matchers"]):
            if matcher.label not in known[name] | OF_THE_SCRAPE:
                yield f"{name} has no label {matcher.label}"
    for grouped in _GROUPED.finditer(query):
        for label in filter(None, map(str.strip, grouped["labels"].split(","))):
            if label not in labels:
                yield f"no metric of {query} has a label {label}"


def matchers(query: str) -> list[Matcher]:
    """Every condition in a query."""
    return [one for metric in _METRIC.finditer(query) for one in _matchers(metric["matchers"])]


def _matchers(text: str | None) -> list[Matcher]:
    return [
        Matcher(found["label"], found["sign"] in {"=~", "!~"}, found["value"])
        for found in _MATCHER.finditer(text or "")
    ]
