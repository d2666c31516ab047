"""A deployment that went past the gate, as an operator sees it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field

from gate.core.change import Repository, Result
from gate.storage.incidents.sightings import Missing


@dataclass(frozen=True)
class SightingAnswer:
    """A deployment that no admission explains.

    `service` null: the catalogue does not say whose the repository is.
    """

    id: str
    source: str
    missing: Annotated[Missing, Field(description="what would have explained it")]
    because: Annotated[str, Field(description="the same in words, with what to do")]
    repository: Repository | None
    service: str | None
    environment: str
    commit: str | None
    digests: tuple[str, ...]
    result: Result | None
    url: str | None
    first_at: datetime
    at: Annotated[datetime, Field(description="when it was seen last")]
