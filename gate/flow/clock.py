"""The clock of decisions: the process's, corrected by its measured offset to the database's."""

from datetime import UTC, datetime, timedelta


class Clock:
    """Returns the time when it is called.

    What grants anything is judged again by the database's clock, in its own transaction.
    """

    def __init__(self) -> None:
        self._offset = timedelta(0)

    def __call__(self) -> datetime:
        """Return the current instant in UTC."""
        return datetime.now(UTC) + self._offset

    @property
    def offset(self) -> timedelta:
        """The time by which the database's clock is ahead of this process's."""
        return self._offset

    def correct(self, database_now: datetime, *, asked_at: datetime) -> None:
        """Take over what the database's clock said between `asked_at` and now, both by this
        process's own clock.

        A clock that may have been right is not corrected: the time that the answer took must not
        put decisions into the past.
        """
        answered_at = datetime.now(UTC)
        self._offset = database_now - min(max(database_now, asked_at), answered_at)
