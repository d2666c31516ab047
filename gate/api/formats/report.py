"""A report as CSV: first its parameters and the digest by which it can be compared, then its rows.

JSON is the exact form. Here a cell that begins like a formula gets a `'` in front.
"""

import csv
import io
from typing import Any

from gate.api.formats.spreadsheet import defused
from gate.flow.answers.reports import ReportAnswer


def csv_lines(report: ReportAnswer) -> bytes:
    """Return the whole file."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(("report", report.name))
    writer.writerow(("question", report.question))
    writer.writerows((name, defused(value or "")) for name, value in report.parameters.items())
    writer.writerow(("rows", report.row_count))
    writer.writerow(("log root", report.root or ""))
    writer.writerow(("log entries", report.log_size))
    writer.writerow(("digest", report.digest))
    writer.writerow(())
    writer.writerow(report.columns)
    for row in report.rows:
        writer.writerow(_cell(row[name]) for name in report.columns)
    return file.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return defused("; ".join(map(str, value)))
    return defused(str(value))
