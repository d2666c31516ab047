"""The scorecard as a page: a card for each place, with every figure beside that of the
time before.
"""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field

from gate.api.http.permits import GateDep
from gate.api.models.fields import Name
from gate.core.counting import counted, percent
from gate.core.durations import span
from gate.flow.answers.delivery import CardAnswer, ScoreAnswer
from gate.flow.answers.written import named
from gate.flow.learning.scorecard import DAYS_DEFAULT, DAYS_MAX, ScorecardQuery, cards
from gate.flow.queries import look
from gate.web.page import Blank, Pages, View
from gate.web.viewer import Viewer

DAYS = (7, 30, 90, 365)
CHANGES_SHOWN = 5
"""The most changes that a figure names; the others are in the log."""

_WORST_FIRST = ("less stable", "slower", "unchanged", "too few", "stable", "faster")
"""Words of the verdicts; a verdict is sorted by the first of them that is in it."""

pages = Pages()


class ScorecardPageQuery(BaseModel, extra="forbid"):
    """The places and the number of days that are shown."""

    service: Annotated[Name | None, Blank] = None
    environment: Annotated[Name | None, Blank] = None
    owner: Annotated[Name | None, Blank] = None
    days: Annotated[int, Field(ge=1, le=DAYS_MAX)] = DAYS_DEFAULT


@pages.page("/scorecard")
async def show(query: Annotated[ScorecardPageQuery, Query()], _: Viewer, gate: GateDep) -> View:
    """Return the cards of all places with deployments, or of those that the viewer chose."""
    ends = gate.clock()
    asked = ScorecardQuery(
        query.service, query.environment, query.owner, ends - timedelta(days=query.days), ends
    )
    found = await cards(gate, asked)
    catalogue = gate.rulebooks.latest.catalogue
    owners = {one for name in catalogue.services for one in catalogue.owners_of(name) or ()}
    figures = [(card, _parts(card)) for card in sorted(found.cards, key=badness)]
    named_changes = [
        change
        for _, parts in figures
        for _, rows in parts
        for row in rows
        for change in row["changes"][:CHANGES_SHOWN]
    ]
    values = {
        "found": found,
        "asked": query,
        "choices": DAYS,
        "services": sorted(catalogue.services),
        "environments": list(catalogue.environments),
        "owners": sorted(owners),
        "cards": figures,
        "signs": {(one.service, one.environment): signs(one) for one in found.cards},
        "titles": await look.titles(gate, named_changes),
        "shown": CHANGES_SHOWN,
    }
    return View("insights/scorecard.html", named(found), values)


def _parts(card: CardAnswer) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the parts of a card, each with its figures in words."""
    flow, quality, stability = card.flow, card.quality, card.stability
    return [
        (
            "Flow",
            [
                _figure("Change lead time", flow.change_lead_time_seconds, span),
                _figure("Of it waiting for approval", flow.waiting_share, percent),
                _figure("Deployments a day", flow.deployments_per_day, _number),
                _figure(
                    "Oldest that waits", flow.oldest_waiting_seconds, span, "nine of ten within {}"
                ),
            ],
        ),
        (
            "Quality",
            [
                _figure("Change fail rate", quality.change_fail_rate, percent),
                _figure("Deployment rework rate", quality.deployment_rework_rate, percent),
                _figure("Reviews that said no", quality.reviews_that_changed, percent),
            ],
        ),
        (
            "Stability",
            [
                _figure("Incidents", stability.incidents, _number),
                _figure(
                    "Failed deployment recovery time",
                    stability.failed_deployment_recovery_time_seconds,
                    span,
                ),
            ],
        ),
    ]


def badness(card: CardAnswer) -> tuple[int, float, float]:
    """Return a key that sorts places with the worst sign first: less stable before slower, and
    then by failures and incidents.
    """
    found = (n for n, word in enumerate(_WORST_FIRST) if word in card.verdict)
    turn = next(found, len(_WORST_FIRST))
    rate, incidents = card.quality.change_fail_rate.value, card.stability.incidents.value
    return turn, -(rate or 0), -(incidents or 0)


def signs(card: CardAnswer) -> str:
    """Return the signs of a place in a few words, the worst one first."""
    rate, incidents = card.quality.change_fail_rate, card.stability.incidents.value
    oldest = card.flow.oldest_waiting_seconds.value
    signs = [
        counted(round(incidents), "incident") if incidents else "",
        f"{percent(rate.value)} of {rate.n} failed" if rate.value else "",
        f"a change has waited {span(oldest)}" if oldest else "",
    ]
    return ", ".join(filter(None, signs)) or "nothing failed, nothing waits"


def _figure(name: str, score: ScoreAnswer, worded: Any, before: str = "{}") -> dict[str, Any]:
    said = [None if one is None else worded(one) for one in (score.value, score.before)]
    return {
        "name": name,
        "value": said[0] or "-",
        "before": before.format(said[1]) if said[1] else "",
        "n": score.n,
        "changes": score.changes,
    }


def _number(value: float) -> str:
    return f"{round(value, 2):g}"
