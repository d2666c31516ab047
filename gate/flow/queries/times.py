"""The time that a question is about. The caller may leave out its beginning and its end."""

from datetime import datetime, timedelta
from typing import Protocol

from gate.core.days import Days, days_touched
from gate.errors import Invalid


class TimeQuestion(Protocol):
    """A question about a time. None is left out."""

    @property
    def begins(self) -> datetime | None:
        """The first instant of the time."""

    @property
    def ends(self) -> datetime | None:
        """The first instant after the time."""


def time_of(question: TimeQuestion, now: datetime, *, usual_days: int) -> tuple[datetime, datetime]:
    """Return the beginning and the end of the time.

    Where they are left out, it ends now, and lasts as many days as is usual.
    """
    ends = question.ends or now
    return question.begins or ends - timedelta(days=usual_days), ends


def short_time_of(
    question: TimeQuestion, now: datetime, *, usual_days: int, days_max: int
) -> tuple[datetime, datetime]:
    """Return what `time_of` does. Raises `Invalid` for a time that is empty or too long."""
    begins, ends = time_of(question, now, usual_days=usual_days)
    if not timedelta(0) < ends - begins <= timedelta(days=days_max):
        raise Invalid(f"`from` must be earlier than `to`, by at most {days_max} days")
    return begins, ends


def days_of(question: TimeQuestion, now: datetime, *, usual_days: int, days_max: int) -> Days:
    """Return the whole days that the time touches. Raises `Invalid` for none or too many."""
    begins, ends = time_of(question, now, usual_days=usual_days)
    if begins >= ends:
        raise Invalid("the time ends before it begins; `from` must be earlier than `to`")
    days = days_touched(begins, ends)
    if days.length > days_max:
        raise Invalid(
            f"from {begins.date()} to {ends.date()} are {days.length} days, at most {days_max} "
            "are allowed"
        )
    return days
