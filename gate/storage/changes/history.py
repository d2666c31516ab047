"""What the gate's own records say about one place: one statement a decision, so that it is one
snapshot.

A place is one service in one environment. The statement costs the same at ten changes and at a
million: every part reads one row, or a bounded piece of an index. It goes to the driver as text
that was made once. On SQLite decisions that are made together ask with one statement: the driver
lets other threads in at each, and has to wait to get back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias

import orjson
from sqlalchemy import Connection

from gate.core.change import Result
from gate.core.decision.record import content_key
from gate.core.decision.standard import MATCHES_MAX
from gate.core.facts import DECIMAL_UNIT
from gate.core.history import (
    PATH_PRIOR_CHANGES,
    RECENT_CHANGES,
    REJECTED_WINDOW,
    SUMS_WINDOW,
    Admitted,
    InFlight,
    Match,
    Running,
    Standing,
    Suspension,
)
from gate.core.instants import from_us, optional_instant, optional_us, to_us
from gate.storage.changes.paths import PLACE, touched
from gate.storage.tables.schema import ADMITTED, APPROVED_BY_PEOPLE, REFUSED_BY_PEOPLE, SUCCEEDED

IN_FLIGHT_LISTED_MAX = 5
"""How many changes that people approved, and how many deploying ones, are named in a decision."""

IN_FLIGHT_COUNTED_MAX = 100
"""How many of each are counted; more are as good as these."""


@dataclass(frozen=True, slots=True)
class Earning:
    """A standard change whose standing is wanted: the newest `successes` that count, settled before
    that instant.
    """

    standard_change: str
    successes: int = 0
    settled_before: datetime | None = None  # None where nothing has to be earned


@dataclass(frozen=True, slots=True)
class Ask:
    """What a decision asks of its place. `files` None: nobody told us the list."""

    service: str
    environment: str
    commit: str
    now: datetime
    digests: tuple[str, ...] = ()
    files: tuple[str, ...] | None = None
    depends_on: tuple[str, ...] = ()
    earning: tuple[Earning, ...] = ()
    change: str = ""  # the change itself, which is not counted


def standing(conn: Connection, ask: Ask) -> Standing:
    """Everything history knows for this ask, as of one instant.

    `matches` holds only what can count for earning: settled successes with another commit than the
    one before, and failures that no reinstatement has forgiven.
    """
    return standings(conn, [ask])[0]


def standings(conn: Connection, asks: Sequence[Ask]) -> list[Standing]:
    """Return the history of several places, in the order of the asks."""
    cursor = conn.connection.cursor()
    try:
        if conn.dialect.name == "sqlite":
            cursor.execute(_of_sqlite(len(asks)), _bound(asks))
            ((all_rows,),) = cursor.fetchall()
            rows = {number: row for number, *row in orjson.loads(all_rows)}
            return [_standing(rows[number]) for number in range(len(asks))]
        found = []
        for ask in asks:
            cursor.execute(_OF_POSTGRES, {**_parameters(ask), "matches": _matches(ask)})
            found += [_standing(row) for row in cursor.fetchall()]
        return found
    finally:
        cursor.close()


_Json: TypeAlias = Any


def _bound(asks: Sequence[Ask]) -> list[str | int]:
    values = [
        value for number, ask in enumerate(asks) for value in (number, *_parameters(ask).values())
    ]
    return [*values, max(map(_matches, asks))]


def _matches(ask: Ask) -> int:
    """How many matches can count."""
    return max((wanted.successes for wanted in ask.earning), default=0)


def _parameters(ask: Ask) -> dict[str, str | int]:
    now = to_us(ask.now)
    paths = touched(ask.files or ())
    earning = [
        (wanted.standard_change, optional_us(wanted.settled_before)) for wanted in ask.earning
    ]
    return {
        "service": ask.service,
        "environment": ask.environment,
        "commit": ask.commit,
        "content": content_key(ask.commit, ask.digests),
        "change": ask.change,
        "now": now,
        "sums_after": to_us(ask.now - SUMS_WINDOW),
        "rejected_after": to_us(ask.now - REJECTED_WINDOW),
        "files": orjson.dumps(paths.files).decode(),
        "folders": orjson.dumps(paths.folders).decode(),
        "depends_on": orjson.dumps(ask.depends_on).decode(),
        "earning": orjson.dumps(earning).decode(),
    }


def _standing(row: Any) -> Standing:
    (
        running,
        admitted,
        ran,
        totals,
        recent,
        failure,
        sums,
        folder,
        file,
        rejected,
        approved,
        deploying,
        dependency,
        standard,
    ) = row
    changes, failures = totals or (0, 0)
    recent_changes, recent_failures = recent or (0, 0)
    last_day, known_lines, lines = sums or (0, 0, 0)
    succeeded_at, replaced_at = ran or (None, None)
    folder_failures, folder_changes = folder or (0, 0)
    standards = standard or ()
    more_approved, listed_approved = _in_flight(approved, deploying=False)
    more_deploying, listed_deploying = _in_flight(deploying, deploying=True)
    return Standing(
        running=_running(running),
        last_admitted=_admitted(admitted),
        succeeded_here=succeeded_at is not None,
        admitted_since=replaced_at is not None,
        replaced_at=optional_instant(replaced_at),
        changes=changes,
        failures=failures,
        recent_changes=recent_changes,
        recent_failures=recent_failures,
        last_failure_at=optional_instant(failure),
        changes_last_24h=last_day,
        lines_last_24h=lines if known_lines == last_day else None,
        worst_folder=(folder_failures, folder_changes),
        worst_file_failures=file or 0,
        rejected=rejected,
        in_flight=listed_approved + listed_deploying,
        more_approved=more_approved,
        more_deploying=more_deploying,
        dependency_in_flight=bool(dependency),
        matches={
            name: tuple(_match(item) for item in matches or ())
            for name, _, _, _, matches in standards
        },
        suspensions={
            name: Suspension(
                because if suspended_at is not None else None, optional_instant(reinstated_at)
            )
            for name, because, suspended_at, reinstated_at, _ in standards
            if because is not None
        },
    )


def _running(raw: _Json) -> Running | None:
    return None if raw is None else Running(commit=raw[0], change=raw[1], since=from_us(raw[2]))


def _admitted(raw: _Json) -> Admitted | None:
    return (
        None
        if raw is None
        else Admitted(commit=raw[0], digests=tuple(orjson.loads(raw[1])), at=from_us(raw[2]))
    )


def _in_flight(column: _Json, *, deploying: bool) -> tuple[int, tuple[InFlight, ...]]:
    count, listed = column
    if not count:
        return 0, ()
    listed = tuple(
        InFlight(change, deploying, optional_instant(until)) for change, until in sorted(listed)
    )
    return count - len(listed), listed


def _match(raw: _Json) -> Match:
    change, admitted_at, same_commit, result, closed_at, failed, failed_at = raw
    return Match(
        change=change,
        admitted_at=from_us(admitted_at),
        same_commit=bool(same_commit),
        result=None if result is None else Result(result),
        closed_at=optional_instant(closed_at),
        failed=bool(failed),
        failed_at=optional_instant(failed_at),
    )


_HERE = "service = {service} AND environment = {environment}"

_APPROVED = f"{APPROVED_BY_PEOPLE} AND (valid_until IS NULL OR valid_until > {{now}})"
_DEPLOYING = "state = 'deploying' AND close_by > {now}"

# In words, in this order: what runs; what was last admitted; when this very content last ran here
# with success and when
# another commit took its place; all changes and failures; those of the last 100; the last failure;
# sums of a day; the worst folder;
# the worst file; rejected by people; approved by people; deploying; a dependency in flight;
# standing of standard changes.
_TEMPLATE = f"""
SELECT {{begin}}
  (SELECT {{array}}(commit_sha, id, closed_at) FROM changes WHERE {_HERE} AND {SUCCEEDED}
    ORDER BY closed_at DESC, id DESC LIMIT 1),
  (SELECT {{array}}(commit_sha, digests, admitted_at) FROM changes WHERE {_HERE} AND {ADMITTED}
    ORDER BY admitted_at DESC, id DESC LIMIT 1),
  (SELECT {{array}}(ran.at, (
      SELECT admitted_at FROM changes WHERE {_HERE} AND {ADMITTED} AND admitted_at > ran.at AND commit_sha <> {{commit}}
      ORDER BY admitted_at, id LIMIT 1))
    FROM (SELECT max(admitted_at) AS at FROM changes WHERE {_HERE} AND content_key = {{content}} AND {SUCCEEDED}) ran),
  (SELECT {{array}}(changes, failures) FROM path_outcomes WHERE {_HERE} AND path = '{PLACE}'),
  (SELECT {{array}}(count(*), count(*) FILTER (WHERE failed)) FROM (
    SELECT failed FROM changes WHERE {_HERE} AND {ADMITTED} ORDER BY admitted_at DESC, id DESC LIMIT {RECENT_CHANGES}) recent),
  (SELECT max(failed_at) FROM changes WHERE {_HERE} AND failed),
  (SELECT {{array}}(count(*), count(lines), coalesce(sum(lines), 0)) FROM changes
    WHERE {_HERE} AND {ADMITTED} AND admitted_at > {{sums_after}} AND id <> {{change}}),
  {{json}}((SELECT {{array}}(failures, changes) FROM {{folders}} CROSS JOIN path_outcomes p WHERE {_HERE} AND p.path = folder.value
    ORDER BY CAST(failures AS bigint) * {DECIMAL_UNIT} / (changes + {PATH_PRIOR_CHANGES}) DESC, failures DESC, changes LIMIT 1)),
  (SELECT max(failures) FROM {{files}} CROSS JOIN path_outcomes p WHERE {_HERE} AND p.path = file.value),
  (SELECT count(*) FROM changes WHERE {_HERE} AND {REFUSED_BY_PEOPLE} AND decided_at > {{rejected_after}}),
  {{array}}(
    (SELECT count(*) FROM (
      SELECT 1 FROM changes WHERE {_HERE} AND {_APPROVED} AND id <> {{change}} LIMIT {IN_FLIGHT_COUNTED_MAX}) counted),
    {{json}}((SELECT {{list}}({{array}}(id, valid_until)) FROM (
      SELECT id, valid_until FROM changes WHERE {_HERE} AND {_APPROVED} AND id <> {{change}} LIMIT {IN_FLIGHT_LISTED_MAX}) listed))),
  {{array}}(
    (SELECT count(*) FROM (
      SELECT 1 FROM changes WHERE {_HERE} AND {_DEPLOYING} AND id <> {{change}} LIMIT {IN_FLIGHT_COUNTED_MAX}) counted),
    {{json}}((SELECT {{list}}({{array}}(id, close_by)) FROM (
      SELECT id, close_by FROM changes WHERE {_HERE} AND {_DEPLOYING} AND id <> {{change}} LIMIT {IN_FLIGHT_LISTED_MAX}) listed))),
  EXISTS (SELECT 1 FROM {{depends_on}} CROSS JOIN changes
      WHERE service = dependency.value AND environment = {{environment}} AND {_APPROVED})
    OR EXISTS (SELECT 1 FROM {{depends_on}} CROSS JOIN changes
      WHERE service = dependency.value AND environment = {{environment}} AND {_DEPLOYING}),
  (SELECT {{list}}({{array}}({{name}}, s.because, s.suspended_at, s.reinstated_at, {{json}}((
      SELECT {{list}}({{array}}(change_id, admitted_at, same_commit, result, closed_at, failed, failed_at)) FROM (
        SELECT m.change_id, m.admitted_at, c.same_commit, c.result, c.closed_at, c.failed, c.failed_at
        FROM (SELECT change_id, admitted_at FROM standard_matches
            WHERE {_HERE} AND standard_change = {{name}} AND {{settled_before}} IS NOT NULL
            ORDER BY admitted_at DESC, change_id DESC LIMIT {MATCHES_MAX}) m
          CROSS JOIN changes c
        WHERE c.id = m.change_id
          AND ((c.failed AND (s.reinstated_at IS NULL OR coalesce(c.failed_at, m.admitted_at) > s.reinstated_at))
            OR (c.result = 'successful' AND NOT c.failed AND c.same_commit IS NOT TRUE AND c.closed_at <= {{settled_before}}))
        {{newest_matches}} LIMIT {{matches}}) counts
    ))))
    FROM {{earning}} LEFT JOIN standard_changes s
      ON s.service = {{service}} AND s.environment = {{environment}} AND s.standard_change = {{name}})
{{end}}
"""  # noqa: S608 - only constants of this program; what a caller says is bound

_BOUND = (
    "service",
    "environment",
    "commit",
    "content",
    "change",
    "now",
    "sums_after",
    "rejected_after",
    "files",
    "folders",
    "depends_on",
    "earning",
)
_SQLITE = {
    **{name: f'ask."{name}"' for name in _BOUND},
    "matches": "?",  # a limit cannot be a column: the last parameter, for all asks
    # all in one row: the driver lets other threads in at every row, too
    "begin": "json_group_array(json_array(ask.number,",
    "end": ")) FROM ask",
    "array": "json_array",
    "list": "json_group_array",
    "json": "json",
    "files": "json_each(ask.files) file",
    "folders": "json_each(ask.folders) folder",
    "depends_on": "json_each(ask.depends_on) dependency",
    "earning": "json_each(ask.earning) wanted",
    "name": "json_extract(wanted.value, '$[0]')",
    # the subquery is in this order, and CROSS JOIN keeps it: sorting again would first read all of
    # it
    "newest_matches": "",
    "settled_before": "json_extract(wanted.value, '$[1]')",
}
_POSTGRES = {
    **{name: f"%({name})s" for name in _BOUND},
    "matches": "%(matches)s",
    "begin": "",
    "end": "",
    "array": "json_build_array",
    "list": "json_agg",
    "json": "",
    "files": "json_array_elements_text(%(files)s::json) file(value)",
    "folders": "json_array_elements_text(%(folders)s::json) folder(value)",
    "depends_on": "json_array_elements_text(%(depends_on)s::json) dependency(value)",
    "earning": "json_array_elements(%(earning)s::json) wanted(value)",
    "name": "(wanted.value->>0)",
    "newest_matches": "ORDER BY m.admitted_at DESC, m.change_id DESC",
    "settled_before": "(wanted.value->>1)::bigint",
}
_OF_POSTGRES = _TEMPLATE.format(**_POSTGRES)


@cache
def _of_sqlite(asks: int) -> str:
    names = ", ".join(f'"{name}"' for name in ("number", *_BOUND))
    row = f"({', '.join('?' * (1 + len(_BOUND)))})"
    return f"WITH ask ({names}) AS (VALUES {', '.join([row] * asks)})" + _TEMPLATE.format(**_SQLITE)
