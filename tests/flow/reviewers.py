"""Who decides in the small organisation, and what they do."""

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any

from gate.core.change import Change, Emergency
from gate.errors import GateError
from gate.flow.caller import Person
from gate.flow.changes import review
from gate.flow.commands import OverrideCommand, ReviewCommand
from tests.builders import SMALL, Wire, make_change, make_person
from tests.flow.shop import Shop, as_json

LARGE = {**SMALL, "diff.lines_added": 300}
GROUPS = {
    "ada": {"release-managers", "platform"},
    "ben": {"release-managers"},
    "chloe": {"on-call"},
    "farida": {"team-payments"},
    "ivan": {"team-payments"},
    "kofi": {"team-web"},
}


def person(name: str) -> Person:
    """Somebody of the catalogue, signed in."""
    return make_person(name, *GROUPS[name])


def large(letter: str = "a", **different: Any) -> Change:
    """A change that one release manager or owner has to look at."""
    return make_change(letter, claims=LARGE, **different)


def emergency(letter: str = "e", **different: Any) -> Change:
    """The same, which cannot wait."""
    return large(letter, emergency=Emergency("checkout is down", "INC-7"), **different)


TOMORROW = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)


async def approve(shop: Shop, change: Wire, by: str, **different: Any) -> Wire:
    """An approval of what was shown."""
    command = ReviewCommand(
        **{"subject_digest": change["subject_digest"], "comment": "looks right", **different}
    )
    return as_json(await review.approve(shop.gate, change["id"], command, person(by)))


async def reject(shop: Shop, change: Wire, by: str, **different: Any) -> Wire:
    """A rejection of it."""
    command = ReviewCommand(
        **{"subject_digest": change["subject_digest"], "comment": "not on a Friday", **different}
    )
    return as_json(await review.reject(shop.gate, change["id"], command, person(by)))


async def override(shop: Shop, change: Wire, by: str, **ask: Any) -> Wire:
    """A hold, or a rejection, that shall not count for it."""
    return as_json(
        await review.override(
            shop.gate,
            change["id"],
            OverrideCommand(**{"comment": "agreed with the authority", **ask}),
            person(by),
        )
    )


async def problem(act: Awaitable[Any]) -> str:
    """The name of the refusal."""
    try:
        await act
    except GateError as error:
        return error.problem
    return "none"


async def refused(shop: Shop, change: Wire, **different: Any) -> str:
    """The name of the problem for which a change is not admitted."""
    return await problem(shop.admit(change, **different))
