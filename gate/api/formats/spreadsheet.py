"""The log as CSV (RFC 4180), always with a header row, and without cells that a spreadsheet would
run.

JSON is the exact form. Here a cell that begins like a formula gets a `'` in front.
"""

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable, Mapping

from gate.core.instants import rfc3339
from gate.flow.answers.decision import LogRowAnswer
from gate.flow.queries.log import RowAnswer

COLUMNS = (
    "change",
    "decision",
    "at",
    "service",
    "environment",
    "repository.issuer",
    "repository.id",
    "repository.name",
    "commit",
    "run.id",
    "run.attempt",
    "run.step",
    "run.url",
    "requested_by",
    "title",
    "type",
    "route",
    "outcome",
    "state",
    "result",
    "approved_by",
    "overridden_by",
    "incidents",
    "band",
    "score",
    "policy.name",
    "policy.revision",
    "reasons",
    "kind",
    "by",
    "what",
    "comment",
)
_LISTS: Mapping[str, Callable[[LogRowAnswer], Iterable[str]]] = {
    "reasons": lambda row: (one.because for one in row.reasons if one.holds is not False),
    "approved_by": lambda row: row.approved_by,
    "overridden_by": lambda row: (one.by for one in row.overrides),
    "incidents": lambda row: (one.id for one in row.incidents),
}
_DANGEROUS = (*"=+-@\t\r\n\0", *"\uff1d\uff0b\uff0d\uff20")
"""Spreadsheets in some languages take full-width signs for the others."""


async def lines(rows: AsyncIterator[RowAnswer]) -> AsyncIterator[bytes]:
    """Yield a header row, then one record for each row."""
    yield _record(COLUMNS)
    async for row in rows:
        yield _record(_cell(row, column) for column in COLUMNS)


def defused(text: str) -> str:
    """Return the text, with a `'` in front if a spreadsheet would take it for a formula."""
    return "'" + text if text.startswith(_DANGEROUS) else text


def _cell(row: RowAnswer, column: str) -> str:
    if column == "at":
        return rfc3339(row.at)
    if isinstance(row, LogRowAnswer) and column in _LISTS:
        return defused("; ".join(_LISTS[column](row)))
    name, _, part = column.partition(".")
    # A decision has nothing in the columns of acts, and an act nothing in those of decisions.
    value = getattr(row, name, None)
    if part and value is not None:
        value = getattr(value, part)
    if value is None:
        return ""
    return defused(value) if isinstance(value, str) else str(value)


def _record(cells: Iterable[str]) -> bytes:
    record = io.StringIO(newline="")
    csv.writer(record, lineterminator="\r\n").writerow(cells)
    return record.getvalue().encode()
