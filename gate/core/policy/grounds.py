"""Why an entry of a policy is there: its reason in a sentence, the controls it serves, and the day
by which somebody looks at it again.

None of this decides anything. An auditor reads it beside the rule, in the revision that was in
force.
"""

import re
from dataclasses import dataclass
from datetime import date

from gate.core.yaml.fields import Fields
from gate.core.yaml.reader import clip

WHY_LENGTH_MAX = 400
CONTROLS_MAX = 20
CONTROL_LENGTH_MAX = 64
CONTROL_PATTERN = "^[a-z0-9][a-z0-9-]*:[A-Za-z0-9][A-Za-z0-9.()/-]*$"
"""A framework and its clause, such as `soc2:CC8.1`; a company may have a framework of its own."""

_CONTROL = re.compile(CONTROL_PATTERN)


@dataclass(frozen=True, slots=True)
class Grounds:
    """The grounds of a rule, a requirement or a standard change."""

    why: str = ""
    control: tuple[str, ...] = ()
    review_by: date | None = None

    def overdue(self, today: date) -> bool:
        """Return whether the day of its review has passed."""
        return self.review_by is not None and today > self.review_by


NO_GROUNDS = Grounds()


def read_grounds(fields: Fields) -> Grounds:
    """Return the keys `why`, `control` and `review_by` of one entry."""
    why = fields.text("why", "", length_max=WHY_LENGTH_MAX)
    control = fields.texts("control", ())
    _check_controls(fields, control)
    return Grounds(why, control, _review_day(fields))


def _review_day(fields: Fields) -> date | None:
    """Return the day of `review_by`, or None if it is absent or not a day such as 2026-12-31."""
    if not fields.has("review_by"):
        return None
    text = fields.text("review_by")
    day = _day(text)
    if text and day is None:
        fields.faults.add(
            fields.place_of("review_by"),
            f"review_by: found {clip(text)}, allowed is a day such as 2026-12-31",
        )
    return day


def _check_controls(fields: Fields, control: tuple[str, ...]) -> None:
    place = fields.place_of("control")
    if len(control) > CONTROLS_MAX:
        fields.faults.add(
            place, f"control: found {len(control)} controls, allowed are {CONTROLS_MAX}"
        )
    for name in control:
        if name and (len(name) > CONTROL_LENGTH_MAX or not _CONTROL.fullmatch(name)):
            fields.faults.add(
                place,
                f"control: found {clip(name)}, allowed is a framework and its clause, such as "
                "soc2:CC8.1",
            )


def _day(text: str) -> date | None:
    """Return the day of a text in the form of ISO 8601 that people write, or None."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None
