"""What types of columns make of a value, and that a row becomes a value by its order alone."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, make_dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, Text, select
from sqlalchemy.exc import StatementError

from gate.core.change import State
from gate.core.decision.values import Band, Hold
from gate.storage.changes import log
from gate.storage.changes.approvals import Override
from gate.storage.changes.log import LogRow
from gate.storage.incidents import links
from gate.storage.incidents.incidents import Incident
from gate.storage.incidents.links import IncidentLink
from gate.storage.policies.freezes import Declared
from gate.storage.policies.policy_sets import InForce
from gate.storage.tables import schema, schema_incidents, schema_policies
from gate.storage.tables.columns import Digest, Instant, Json, Rank, Sha256, Word, columns_of
from gate.storage.tables.stored_change import StoredChange
from tests.storage.stored import NOW, put_change, writing

EAST = timezone(timedelta(hours=9))
HOLD = Hold("frz_1", "stocktaking", NOW, ("ada",), stop=False)


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        (StoredChange, schema.changes.columns),
        (LogRow, log._COLUMNS),  # noqa: SLF001 - the query that is read
        (Override, schema.overrides.columns[1:]),
        (Declared, schema_policies.freezes.columns),
        (InForce, schema_policies.in_force.columns[1:]),
        (Incident, schema_incidents.incidents.columns),
        (IncidentLink, links._COLUMNS),  # noqa: SLF001 - the query that is read
    ],
)
def test_the_fields_of_a_value_are_the_columns_that_are_read_for_it(
    kind: Any, columns: Iterable[Column[Any]]
) -> None:
    """A column put in between would give every field behind it the value of its neighbour."""
    names = [column.name for column in columns]
    said = [field.name for field in fields(kind)]

    assert len(names) == len(said)
    for name, field in zip(names, said, strict=True):
        assert name in {field, f"{field}_id", f"{field}_sha"}


@dataclass(frozen=True)
class Thing:
    """A value with a field of each kind."""

    id: str
    at: datetime | None
    band: Band
    state: State | None
    names: tuple[str, ...]
    hold: Hold | None
    is_open: bool
    digest: Sha256


def test_a_field_is_a_column_of_its_kind() -> None:
    columns = [(one.name, type(one.type), one.nullable) for one in columns_of(Thing)]

    assert columns == [
        ("id", Text, False),
        ("at", Instant, True),
        ("band", Rank, False),
        ("state", Word, True),
        ("names", Json, False),
        ("hold", Json, True),
        ("is_open", Boolean, False),
        ("digest", Digest, False),
    ]


@pytest.mark.parametrize("kind", [float, dict[str, str], str | int | None])
def test_a_field_of_a_kind_that_no_row_has_is_no_column(kind: type) -> None:
    with pytest.raises((KeyError, ValueError)):
        columns_of(make_dataclass("Other", [("field", kind)]))


@pytest.mark.parametrize(
    ("column", "value", "kept"),
    [
        ("expires_at", NOW.astimezone(EAST), 1_772_452_800_000_000),
        ("expires_at", None, None),
        ("time_left", timedelta(hours=1, microseconds=1), 3_600_000_001),
        ("state", State.PENDING, "pending"),
        ("state", "pending", "pending"),
        ("band", Band.HIGH, 2),
        ("digests", ("b", "a"), '["b","a"]'),
        ("hold", HOLD, '["frz_1","stocktaking",1772452800000000,["ada"],false]'),
        ("hold", None, None),
        ("subject_key", "0a" * 32, b"\n" * 32),
    ],
)
def test_a_value_is_kept_and_read_again(
    database_url: str, column: str, value: object, kept: object
) -> None:
    with writing(database_url) as tx:
        change = put_change(tx.conn, **{column: value})

        assert tx.execute(f"SELECT {column} FROM changes").fetchone() == (kept,)  # noqa: S608 - a name of our own
        found = tx.conn.execute(select(schema.changes.c[column])).scalar_one()
        assert (change, found) == (change, value)
        assert not isinstance(found, datetime) or found.tzinfo is UTC


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("state", "forgotten"),
        ("band", 99),
        ("expires_at", 1_772_452_800_000_000),
        ("expires_at", datetime(2026, 3, 2)),  # noqa: DTZ001 - without a zone nobody knows when it is
        ("time_left", 3600),
    ],
)
def test_a_value_of_another_kind_is_refused(sqlite_url: str, column: str, value: object) -> None:
    with writing(sqlite_url) as tx, pytest.raises(StatementError):
        put_change(tx.conn, **{column: value})
