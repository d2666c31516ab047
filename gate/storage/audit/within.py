"""The part of the history that a report covers."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement

from gate.storage.tables.schema import changes


@dataclass(frozen=True, slots=True)
class Within:
    """A time from `begins` to before `ends`, and a place. A service or environment of
    None is any.
    """

    begins: datetime
    ends: datetime
    service: str | None = None
    environment: str | None = None

    def at(self, column: ColumnElement[datetime]) -> list[ColumnElement[bool]]:
        """Return conditions that the instant in this column lies within."""
        return [column >= self.begins, column < self.ends]

    def place(self) -> list[ColumnElement[bool]]:
        """Return conditions that the change is of the service and the environment."""
        return self.here(changes.c.service, changes.c.environment)

    def here(
        self, service: ColumnElement[str], environment: ColumnElement[str]
    ) -> list[ColumnElement[bool]]:
        """Return conditions that these columns name the service and the environment."""
        wanted = {service: self.service, environment: self.environment}
        return [column == value for column, value in wanted.items() if value is not None]
