"""The answer to a report: rows of a table, and a digest by which two people can compare them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from pydantic import Field, WithJsonSchema

from gate.flow.answers.parts import Sha256

Cell: TypeAlias = Annotated[Any, WithJsonSchema({})]
"""A text, a number, a truth value, a list of texts, or null."""


@dataclass(frozen=True)
class ReportSummary:
    """A report by name, and the question that it answers."""

    name: str
    title: str
    question: str


@dataclass(frozen=True)
class ReportAnswer(ReportSummary):
    """One report.

    `digest` is the SHA-256 of name, parameters and rows in canonical form. The rows contain the id
    of each text that a person wrote instead of the text, so the digest stays the same when a text
    is erased.
    """

    parameters: Mapping[str, str | None]
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Cell], ...]
    row_count: int
    root: Annotated[
        Sha256 | None, Field(description="of the newest signed head; null before the first")
    ]
    log_size: Annotated[int, Field(description="how many entries that head covers")]
    digest: Sha256
