"""Facets of the log: how many decisions of each kind the last days had."""

from typing import Any

from gate.core.days import day_of
from gate.core.decision.values import Band
from gate.flow.answers.delivery import CountAnswer
from gate.flow.gate import Gate
from gate.flow.lists import by_own_name
from gate.storage.changes.log import LogFilters
from gate.storage.figures import facets

FACET_DAYS = 30


async def of_log(gate: Gate, filters: LogFilters) -> dict[str, tuple[CountAnswer, ...]]:
    """Return counts of decisions by outcome, route, band, environment and service.

    Each list of counts is narrowed by the filters on the other fields, but not by words or dates.
    """
    filters = await by_own_name(gate, filters)
    today = day_of(gate.clock())
    equal = {
        name: getattr(filters, name)
        for name in ("service", "environment", "route", "band", "outcome")
    }
    found = await gate.store.read_slowly(facets.counts, today - FACET_DAYS + 1, equal)
    return {
        name: tuple(CountAnswer(_word(name, value), n) for value, n in pairs)
        for name, pairs in found.items()
    }


def _word(name: str, value: Any) -> Any:
    return Band(value).word if name == "band" else value
