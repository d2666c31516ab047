"""The statement by which decisions read what history knows of their places, part by part.

Every part is one column, and reads one row or a bounded piece of an index. Together they are one
statement: one snapshot, one way to the server and back on PostgreSQL, and on SQLite one turn with
the driver for all decisions that are made together. The same parts as statements of their own were
measured: twice the time on PostgreSQL on the same machine, and 1.2 times on SQLite for 16
decisions.

Both databases build JSON for a part that has several values, with functions of other names; these
names, and our own conditions, stand in braces. What a caller says is always bound: on PostgreSQL by
number, on SQLite as columns of a table `ask` with a row for each decision that asks now.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from gate.core.decision.standard import MATCHES_MAX
from gate.core.facts import DECIMAL_UNIT
from gate.core.history import PATH_PRIOR_CHANGES, RECENT_CHANGES
from gate.storage.changes.paths import PLACE
from gate.storage.tables.schema import (
    ADMITTED,
    APPROVED_BY_PEOPLE,
    ENDED,
    REFUSED_BY_PEOPLE,
    SUCCEEDED,
)

IN_FLIGHT_LISTED_MAX = 5
"""The most changes that people approved, and the most deploying ones, that a decision names."""

IN_FLIGHT_COUNTED_MAX = 100
"""The most of each that are counted. No decision depends on how many more there are."""


class Found(NamedTuple):
    """One row of the statement: lists and numbers as the database gives them."""

    running: Any
    admitted: Any
    ran: Any
    totals: Any
    recent: Any
    failed_at: Any
    sums: Any
    folder: Any
    file: Any
    similar: Any
    rejected: Any
    approved: Any
    deploying: Any
    dependency: Any
    standards: Any


PARTS: Mapping[str, str] = MappingProxyType(
    {
        # The commit that runs here is that of the newest deployment that ended well. If its end was
        # reported after its time limit, it counts as ended at the limit. So it does not come back
        # over what was deployed since.
        "running": """
(SELECT {array}(commit_sha, id, closed_at) FROM changes WHERE {here} AND {succeeded}
  ORDER BY {ended} DESC, id DESC LIMIT 1)""",
        # The change that was admitted last.
        "admitted": """
(SELECT {array}(commit_sha, digests, admitted_at) FROM changes WHERE {here} AND {was_admitted}
  ORDER BY admitted_at DESC, id DESC LIMIT 1)""",
        # When this very content last ran here with success, and when another commit took its place.
        # Where a person rejected the commit, a run that was only observed does not count: nobody
        # could stop it, and going back to it would be approved without people.
        "ran": """
(SELECT {array}(ran.at, (SELECT admitted_at FROM changes
    WHERE {here} AND {was_admitted} AND admitted_at > ran.at AND commit_sha <> {commit}
    ORDER BY admitted_at, id LIMIT 1))
  FROM (SELECT max(admitted_at) AS at FROM changes
    WHERE {here} AND commit_sha = {commit} AND digests = {digests} AND {succeeded}
    AND (route <> 'observed' OR NOT EXISTS (SELECT 1 FROM changes
      WHERE {here} AND commit_sha = {commit} AND {was_refused}))) ran)""",
        # How many changes the place had, and how many of them failed.
        "totals": """
(SELECT {array}(changes, failures) FROM path_outcomes WHERE {here} AND path = {whole_place})""",
        # The same of its last changes.
        "recent": """
(SELECT {array}(count(*), count(*) FILTER (WHERE failed)) FROM (SELECT failed FROM changes
    WHERE {here} AND {was_admitted}
    ORDER BY admitted_at DESC, id DESC LIMIT {recent_max}) recent)""",
        "failed_at": "(SELECT max(failed_at) FROM changes WHERE {here} AND failed)",
        # Of the last day: the changes, those whose lines are known, and the sum of these lines.
        "sums": """
(SELECT {array}(count(*), count(lines), coalesce(sum(lines), 0)) FROM changes
  WHERE {here} AND {was_admitted} AND admitted_at > {sums_after} AND id <> {change})""",
        # Of the folder where most changes fail: its failures and changes.
        "folder": """
{json}((SELECT {array}(failures, changes) FROM {folders} CROSS JOIN path_outcomes p
  WHERE {here} AND p.path = folder.value
  ORDER BY CAST(failures AS bigint) * {decimal_unit} / (changes + {prior_changes}) DESC,
    failures DESC, changes LIMIT 1))""",
        # Of the file that failed most often: its failures.
        "file": """
(SELECT max(failures) FROM {files} CROSS JOIN path_outcomes p
  WHERE {here} AND p.path = file.value)""",
        # The changes that touched the same kinds of files, and how the last of them ended.
        "similar": """
(SELECT {array}(s.changes, s.failures, s.last_change, s.last_at,
    (SELECT failed FROM changes WHERE id = s.last_change))
  FROM similar_outcomes s WHERE {here} AND kinds = {kinds})""",
        "rejected": """
(SELECT count(*) FROM changes WHERE {here} AND {was_refused} AND decided_at > {rejected_after})""",
        # How many other changes people approved, and some of them with the end of their approval.
        "approved": """
{array}(
  (SELECT count(*) FROM (SELECT 1 FROM changes
    WHERE {here} AND {is_approved} AND id <> {change} LIMIT {counted_max}) counted),
  {json}((SELECT {list}({array}(id, valid_until)) FROM (SELECT id, valid_until FROM changes
    WHERE {here} AND {is_approved} AND id <> {change} LIMIT {listed_max}) listed)))""",
        # How many other changes are being deployed, and some of them with their time limit.
        "deploying": """
{array}(
  (SELECT count(*) FROM (SELECT 1 FROM changes
    WHERE {here} AND {is_deploying} AND id <> {change} LIMIT {counted_max}) counted),
  {json}((SELECT {list}({array}(id, close_by)) FROM (SELECT id, close_by FROM changes
    WHERE {here} AND {is_deploying} AND id <> {change} LIMIT {listed_max}) listed)))""",
        # Whether a service that this one depends on has a change in flight.
        "dependency": """
EXISTS (SELECT 1 FROM {depends_on} CROSS JOIN changes
  WHERE service = dependency.value AND environment = {environment} AND {is_approved})
OR EXISTS (SELECT 1 FROM {depends_on} CROSS JOIN changes
  WHERE service = dependency.value AND environment = {environment} AND {is_deploying})""",
        # Of each standard change: its suspension, and the newest matches that count for earning it.
        "standards": """
(SELECT {list}({array}({name}, s.because, s.suspended_at, s.reinstated_at, {json}((
    SELECT {list}({array}(
      change_id, admitted_at, same_commit, result, closed_at, failed, failed_at))
    FROM (SELECT m.change_id, m.admitted_at,
          c.same_commit, c.result, c.closed_at, c.failed, c.failed_at
        FROM (SELECT change_id, admitted_at FROM standard_matches
            WHERE {here} AND standard_change = {name} AND {settled_before} IS NOT NULL
            ORDER BY admitted_at DESC, change_id DESC LIMIT {matches_max}) m
          CROSS JOIN changes c
        WHERE c.id = m.change_id AND (
          (c.failed AND (s.reinstated_at IS NULL
            OR coalesce(c.failed_at, m.admitted_at) > s.reinstated_at))
          OR (c.result = 'successful' AND NOT c.failed AND c.same_commit IS NOT TRUE
            AND c.closed_at <= {settled_before}))
        {newest_matches} LIMIT {matches}) counts))))
  FROM {earning} LEFT JOIN standard_changes s
    ON s.service = {service} AND s.environment = {environment} AND s.standard_change = {name})""",
    }
)

_OURS: Mapping[str, object] = MappingProxyType(
    {
        "was_admitted": ADMITTED,
        "succeeded": SUCCEEDED,
        "ended": ENDED,
        "was_refused": REFUSED_BY_PEOPLE,
        "whole_place": f"'{PLACE}'",
        "recent_max": RECENT_CHANGES,
        "decimal_unit": DECIMAL_UNIT,
        "prior_changes": PATH_PRIOR_CHANGES,
        "counted_max": IN_FLIGHT_COUNTED_MAX,
        "listed_max": IN_FLIGHT_LISTED_MAX,
        "matches_max": MATCHES_MAX,
    }
)
BOUND = (
    "service",
    "environment",
    "commit",
    "digests",
    "change",
    "kinds",
    "now",
    "sums_after",
    "rejected_after",
    "files",
    "folders",
    "depends_on",
    "earning",
)
"""The parameters of the caller, in the order of their numbers and of the columns of `ask`. The last
four are JSON lists."""

SQLITE: Mapping[str, str] = MappingProxyType(
    {
        **{name: f'ask."{name}"' for name in BOUND},
        # A limit cannot be a column, so it is the last parameter, one for all questions.
        "matches": "?",
        "array": "json_array",
        "list": "json_group_array",
        "json": "json",
        "files": "json_each(ask.files) file",
        "folders": "json_each(ask.folders) folder",
        "depends_on": "json_each(ask.depends_on) dependency",
        "earning": "json_each(ask.earning) wanted",
        "name": "json_extract(wanted.value, '$[0]')",
        "settled_before": "json_extract(wanted.value, '$[1]')",
        # Nothing is sorted here, because the subquery is in order and CROSS JOIN keeps it. Sorting
        # again would read all of it.
        "newest_matches": "",
    }
)
_NUMBERED = {name: f"${nth}" for nth, name in enumerate(BOUND, 1)}
POSTGRES: Mapping[str, str] = MappingProxyType(
    {
        **_NUMBERED,
        "matches": f"${1 + len(BOUND)}",
        "array": "json_build_array",
        "list": "json_agg",
        "json": "",
        "files": f"json_array_elements_text({_NUMBERED['files']}::json) file(value)",
        "folders": f"json_array_elements_text({_NUMBERED['folders']}::json) folder(value)",
        "depends_on": (
            f"json_array_elements_text({_NUMBERED['depends_on']}::json) dependency(value)"
        ),
        "earning": f"json_array_elements({_NUMBERED['earning']}::json) wanted(value)",
        "name": "(wanted.value->>0)",
        "settled_before": "(wanted.value->>1)::bigint",
        "newest_matches": "ORDER BY m.admitted_at DESC, m.change_id DESC",
    }
)


def in_words_of(database: Mapping[str, str]) -> list[str]:
    """Return all parts for one of the databases, in the order of the fields of `Found`."""
    conditions = {
        "here": "service = {service} AND environment = {environment}",
        "is_approved": APPROVED_BY_PEOPLE + " AND (valid_until IS NULL OR valid_until > {now})",
        "is_deploying": "state = 'deploying' AND close_by > {now}",
    }
    words = {name: text.format(**database) for name, text in conditions.items()}
    return [PARTS[name].format(**database, **_OURS, **words) for name in Found._fields]


OF_POSTGRES = f"SELECT {', '.join(in_words_of(POSTGRES))}"
_OF_SQLITE = ", ".join(in_words_of(SQLITE))


@cache
def of_sqlite(asks: int) -> str:
    """Return the statement for so many decisions, whose one row holds the rows of all.

    It is one row, because the driver releases the GIL at each
    (docs/explanation/threads-and-the-gil.md).
    """
    names = ", ".join(f'"{name}"' for name in ("number", *BOUND))
    row = f"({', '.join('?' * (1 + len(BOUND)))})"
    values = ", ".join([row] * asks)
    return (
        f"WITH ask ({names}) AS (VALUES {values}) "  # noqa: S608 - constants of this program
        f"SELECT json_group_array(json_array(ask.number, {_OF_SQLITE})) FROM ask"
    )
