"""Imports from CSV: deployments and incidents from any other system.

A column whose name is a fact (`diff.lines_added`, `reviews.approvals`) holds that fact, and an
empty cell is unknown.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import NoReturn

from gate.cli.learning.files import lines_of
from gate.cli.past.clone import Measures
from gate.cli.past.target import ImportTarget
from gate.cli.progress import clear_bar, show_bar
from gate.config import Settings
from gate.core.change import FAILED_RESULTS, Result
from gate.core.facts import FactType, definition
from gate.core.instants import in_utc
from gate.core.learning.map import ColumnMap, MappedColumn
from gate.core.learning.table import Row, read_rows
from gate.core.past import PastDeployment, PastFacts, PastIncident
from gate.core.yaml.reader import Place
from gate.errors import Fault, Invalid
from gate.flow.rulebooks import Rulebook
from gate.integrations.code_host.texts import is_commit

SOURCE = "csv"
ROWS_MAX = 10_000
CELL_LENGTH_MAX = 200
DEPLOYMENT_COLUMNS = ("service", "environment", "commit", "began_at", "ended_at", "result")
INCIDENT_COLUMNS = ("service", "began_at")
INCIDENT_COLUMNS_OPTIONAL = ("environment", "resolved_at")
ID = "id"


def run(table: Path, incidents: Path | None, clone: Path | None) -> None:
    """Import two tables, and say what came of it."""
    target = ImportTarget(Settings.read())
    found = list(_deployments(table, target))
    broken = incidents_in(incidents, target.book) if incidents is not None else []
    target.keep_deployments(found)
    target.keep_incidents(broken)
    if clone is not None:
        _measure(target, found, Measures(clone))
    target.say()


def incidents_in(path: Path, book: Rulebook) -> list[PastIncident]:
    """Return the incidents of a table. Raises `Invalid` at the first row that cannot be read."""
    found = []
    for row, cells in _rows(path, INCIDENT_COLUMNS, INCIDENT_COLUMNS_OPTIONAL):
        where = f"{path}:{row.line}"
        service = cells["service"]
        if service not in book.catalogue.services:
            _refuse(where, f"the catalogue in force has no service {service!r}")
        said = cells.get("environment", "")
        environment = book.catalogue.environment_named(said) if said else None
        if environment is not None and environment not in book.catalogue.environments:
            _refuse(where, f"the catalogue in force has no environment {said!r}")
        began_at = _instant(cells["began_at"], "began_at", where)
        resolved = cells.get("resolved_at", "")
        resolved_at = _instant(resolved, "resolved_at", where) if resolved else None
        key = cells.get(ID) or f"{service} {said} {began_at.isoformat()}"
        found.append(PastIncident(SOURCE, key, service, environment, began_at, resolved_at))
    return found


def _deployments(path: Path, target: ImportTarget) -> Iterator[PastDeployment]:
    for row, cells in _rows(path, DEPLOYMENT_COLUMNS, ()):
        where = f"{path}:{row.line}"
        target.require_service(cells["service"])
        environment = target.environment_named(cells["environment"])
        if environment is None:
            continue
        commit = cells["commit"].lower()
        if not is_commit(commit):
            _refuse(where, f"commit: found {commit!r}, allowed is a whole hash of 40 or 64 digits")
        began_at = _instant(cells["began_at"], "began_at", where)
        ended_at = _instant(cells["ended_at"], "ended_at", where)
        if ended_at < began_at:
            _refuse(where, "it ends before it begins")
        key = cells.get(ID) or f"{cells['service']} {environment} {commit} {began_at.isoformat()}"
        yield PastDeployment(
            source=SOURCE,
            key=key,
            service=cells["service"],
            environment=environment,
            commit=commit,
            began_at=began_at,
            ended_at=ended_at,
            result=_result(cells["result"], where),
            facts=PastFacts(verified=row.values, is_named=True) if row.values else None,
        )


def _measure(target: ImportTarget, found: list[PastDeployment], measures: Measures) -> None:
    """Add git's facts of each deployment to those of the table."""
    facts_by_name = {one.name: one.facts for one in found}
    ran = dict[tuple[str, str], str]()
    ordered = sorted(found, key=lambda one: (one.began_at, one.name))
    for number, one in enumerate(ordered):
        show_bar(f"what was in them: {number} of {len(ordered)}", number, len(ordered))
        place = (one.service, one.environment)
        claims, is_named = measures.claims(one.commit, ran.get(place), one.began_at)
        given = facts_by_name[one.name] or PastFacts()
        facts = given._replace(claimed=claims, is_named=is_named or given.is_named)
        target.keep_facts(one, facts, is_whole="diff.lines_added" in claims)
        if one.result not in FAILED_RESULTS:
            ran[place] = one.commit
    clear_bar()


def _rows(
    path: Path, needed: tuple[str, ...], optional: tuple[str, ...]
) -> Iterator[tuple[Row, dict[str, str]]]:
    """Yield every row with its facts, and its other cells by name."""
    lines = lines_of(path)
    first = next(lines, "")
    header = [name.strip() for name in first.strip().split(",")]
    keep = (*needed, *(name for name in (*optional, ID) if name in header))
    place = Place(str(path), 1, 1, 0, 0, first)
    columns = [
        MappedColumn(name, fact, place)
        for name in header
        if (fact := definition(name)) is not None and fact.type is not FactType.TEXTS
    ]
    facts = frozenset(one.fact.name for one in columns)
    column_map = ColumnMap(str(path), tuple(columns))
    rows = read_rows(chain([first], lines), str(path), column_map, facts=facts, keep=keep)
    for number, row in enumerate(rows):
        if number == ROWS_MAX:
            _refuse(f"{path}:{row.line}", f"found more than {ROWS_MAX} rows; split the file")
        cells = dict(zip(keep, (cell.strip() for cell in row.kept), strict=True))
        for name, cell in cells.items():
            if len(cell) > CELL_LENGTH_MAX or not cell.isprintable():
                _refuse(
                    f"{path}:{row.line}",
                    f"{name}: allowed are at most {CELL_LENGTH_MAX} characters that can be printed",
                )
        yield row, cells


def _instant(text: str, name: str, where: str) -> datetime:
    """Return the instant, which is in UTC if it names no zone."""
    try:
        given = datetime.fromisoformat(text)
        at = in_utc(given if given.tzinfo else given.replace(tzinfo=UTC))
    except ValueError:
        at = None
    if at is None:
        _refuse(where, f"{name}: found {text!r}, allowed is a time such as 2026-01-31T12:00:00Z")
    return at


def _result(text: str, where: str) -> Result:
    try:
        return Result(text)
    except ValueError:
        allowed = ", ".join(one.value for one in Result)
        _refuse(where, f"result: found {text!r}, allowed is {allowed}")


def _refuse(where: str, detail: str) -> NoReturn:
    raise Invalid(f"{where}: {detail}", faults=[Fault(detail, where)])
