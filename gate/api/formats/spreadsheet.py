"""The log as CSV (RFC 4180): a header row always, and no cell that a spreadsheet would run.

JSON is the exact form. Here a cell that begins like a formula begins with `'` instead.
"""

import csv
import io
from collections.abc import AsyncIterator, Iterable

from gate.core.instants import rfc3339
from gate.flow.answers.decision import LogRowAnswer

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
    "band",
    "score",
    "policy.name",
    "policy.revision",
    "reasons",
)
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\0")


async def lines(rows: AsyncIterator[LogRowAnswer]) -> AsyncIterator[bytes]:
    """A header row, then one record for each row."""
    yield _record(COLUMNS)
    async for row in rows:
        yield _record(_cell(row, column) for column in COLUMNS)


def defused(text: str) -> str:
    """The text, after a `'` where a spreadsheet would take it for a formula."""
    return "'" + text if text.startswith(_DANGEROUS) else text


def _cell(row: LogRowAnswer, column: str) -> str:
    if column == "at":
        return rfc3339(row.at)
    if column == "reasons":
        return defused("; ".join(one.because for one in row.reasons if one.holds is not False))
    if column == "approved_by":
        return defused("; ".join(row.approved_by))
    name, _, part = column.partition(".")
    value = getattr(row, name)
    if part and value is not None:
        value = getattr(value, part)
    if value is None:
        return ""
    return defused(value) if isinstance(value, str) else str(value)


def _record(cells: Iterable[str]) -> bytes:
    record = io.StringIO(newline="")
    csv.writer(record, lineterminator="\r\n").writerow(cells)
    return record.getvalue().encode()
