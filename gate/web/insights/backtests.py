"""Backtests as a page: what a registered set of policies would have decided on past deployments,
with the curve of failures caught at each share of changes escalated.
"""

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, Field

from gate.api.http.permits import GateDep
from gate.core.counting import percent
from gate.core.policy.set import rule_titles
from gate.flow.answers.backtest import BacktestAnswer, TriedOn
from gate.flow.answers.written import named
from gate.flow.policies import policies
from gate.flow.queries.backtest import DAYS_DEFAULT, DAYS_MAX, BacktestCommand, backtest
from gate.web.page import Blank, Pages, View
from gate.web.viewer import Viewer

DAYS = (30, 90, 365, 3650)
WIDTH, HEIGHT = 480, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 24, 12, 40
REVISION_LENGTH_MAX = 100
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)

pages = Pages()


class BacktestsQuery(BaseModel, extra="forbid"):
    """The registered set that is tried, the history, and how many days of it."""

    candidate: Annotated[str | None, Blank, Field(max_length=REVISION_LENGTH_MAX)] = None
    history: Literal["log", "imported"] = "log"
    days: Annotated[int, Field(ge=1, le=DAYS_MAX)] = DAYS_DEFAULT


@pages.page("/backtests")
async def show(query: Annotated[BacktestsQuery, Query()], by: Viewer, gate: GateDep) -> View:
    """Return the page. A set is tried only after the viewer picks one, and nothing is recorded."""
    values: dict[str, Any] = {
        "listed": (await policies.listing(gate, by)).items,
        "asked": query,
        "choices": DAYS,
        "found": None,
    }
    if query.candidate is None:
        return View("insights/backtest.html", {}, values)
    kept = await policies.read(gate, query.candidate)
    begins = gate.clock() - timedelta(days=query.days)
    command = BacktestCommand(kept.files, begins, history=TriedOn(query.history))
    found = await backtest(gate, command, by)
    titles = rule_titles(gate.rulebooks.latest.policies)
    values |= {
        "found": found,
        "fired": [one for one in found.rules if one.fired],
        "silent": [one for one in found.rules if not one.fired],
        "chart": _chart(found),
        "titles": titles,
    }
    return View("insights/backtest.html", named(found), values)


def _chart(found: BacktestAnswer) -> dict[str, Any]:
    """Return both curves as points of an SVG, or none where nothing failed."""
    if not found.failed:
        return {}
    candidate = [(one.escalated_share, one.caught_share or 0) for one in found.curve]
    in_force = [(one.escalated_share, one.caught_share_in_force or 0) for one in found.curve]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "middle": _x(0.5),
        "bottom": HEIGHT - BOTTOM,
        "candidate": _points(candidate),
        "in_force": _points(in_force),
        "ticks": [{"x": _x(one), "y": _y(one), "text": percent(one)} for one in _TICKS],
    }


def _points(shares: list[tuple[float, float]]) -> str:
    whole = [(0.0, 0.0), *shares, (1.0, 1.0)]
    return " ".join(f"{_x(escalated)},{_y(caught)}" for escalated, caught in whole)


def _x(share: float) -> float:
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _y(share: float) -> float:
    return round(TOP + (1 - share) * (HEIGHT - TOP - BOTTOM), 1)
