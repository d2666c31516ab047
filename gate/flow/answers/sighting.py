"""The answer about a deployment that went past the gate, for an operator."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field

from gate.core.change import Repository, Result
from gate.storage.incidents.sightings import Missing


@dataclass(frozen=True)
class SightingAnswer:
    """A deployment that no admission explains.

    A null `service` means that the catalogue does not say to which service the repository belongs.
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
