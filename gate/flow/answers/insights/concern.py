"""Answers about what people have to look after: each thing with its owner, and where it is
mended.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field

from gate.core.learning.concerns import Concern


@dataclass(frozen=True)
class ConcernAnswer:
    """One thing that was found and that nobody has mended yet.

    `owners` are the groups that answer for it, and `page` is where it is mended. A null `title` was
    erased or never given; `service` is null for what belongs to no service.
    """

    kind: Concern
    service: str | None
    environment: str | None
    title: str | None
    found: str
    since: datetime
    owners: tuple[str, ...]
    changes: tuple[str, ...]
    page: str


@dataclass(frozen=True)
class ConcernsAnswer:
    """All things of one kind, those that are open longest in front."""

    kind: Concern
    n: Annotated[int, Field(description="how many were found; no more than 500 are looked for")]
    items: tuple[ConcernAnswer, ...]
    more: Annotated[int, Field(description="how many of them are left out of `items`")]
    page: Annotated[str, Field(description="where all of them are")]


@dataclass(frozen=True)
class TriageAnswer:
    """What somebody has to look after now, by kind."""

    at: datetime
    n: int
    concerns: tuple[ConcernsAnswer, ...]
