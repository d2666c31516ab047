"""Lists of changes: the same as filtering all of them by hand, whatever is in the text, page by
page.
"""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.core.change import State
from gate.core.decision.values import Band, ChangeType, Outcome
from gate.storage.changes.change_list import SERVICES_MERGED_MAX, ChangeFilters, change_page
from gate.storage.changes.words import words
from gate.storage.database.pages import PAGE_ROWS_MAX, Page, Part
from gate.storage.database.tx import Tx
from gate.storage.tables.stored_change import StoredChange
from tests.storage.stored import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    planned,
    put_change,
    put_decision,
    reading,
    writing,
)

NAMES = ("shop", "SHOP", "%", "_", "sh_p", "sh%", "it's", '"', "\\", "ünïcode", "", "';--")
WORDS = ("Fix", "the", "été", "10", "%", "a_b", "NOT", "don't", '"AND"', "near", "日本", "*")
ALL = Part(PAGE_ROWS_MAX)


@dataclass(frozen=True, slots=True)
class Made:
    """One change as it was put there."""

    id: str
    service: str
    environment: str
    state: State
    ends: datetime | None
    type: ChangeType
    band: Band
    outcome: Outcome
    submitted_at: datetime
    text: str

    @property
    def state_now(self) -> State:
        """What a reader is told."""
        return (
            State.EXPIRED
            if self.state in {State.PENDING, State.APPROVED}
            and self.ends is not None
            and self.ends <= NOW
            else self.state
        )


def many(tx: Tx, count: int = 80) -> list[Made]:
    """Changes of all kinds, several of them submitted at the same instant."""
    dice = random.Random(7)  # noqa: S311 - a fixed choice of rows
    made = []
    for _ in range(count):
        row: dict[str, Any] = {
            "service": dice.choice(NAMES),
            "environment": dice.choice(["production", "staging", "%"]),
            "state": dice.choice(list(State)),
            "type": dice.choice(list(ChangeType)),
            "band": dice.choice(list(Band)),
            "outcome": dice.choice(list(Outcome)),
            "submitted_at": NOW - dice.randrange(10) * HOUR,
        }
        ends = dice.choice([None, NOW - MINUTE, NOW, NOW + MINUTE])
        text = " ".join(dice.sample(WORDS, 3))
        change = put_change(tx.conn, **row, expires_at=ends, valid_until=ends)
        put_decision(tx, change, tuple(words(text)))
        made.append(Made(id=change, ends=ends, text=text, **row))
    return made


def expected(made: list[Made], query: ChangeFilters, time: Part) -> list[str]:
    """The same by hand."""
    wanted: dict[str, object] = {
        "state_now": query.state,
        "service": query.service,
        "environment": query.environment,
    }
    wanted |= {"type": query.type, "band": query.band, "outcome": query.outcome}
    found = [
        one
        for one in made
        if all(value is None or getattr(one, name) == value for name, value in wanted.items())
    ]
    found = [one for one in found if query.services is None or one.service in query.services]
    found = [one for one in found if time.begins is None or time.begins <= one.submitted_at]
    found = [one for one in found if time.ends is None or one.submitted_at < time.ends]
    found = [one for one in found if set(words(query.words)) <= set(words(one.text))]
    return [
        one.id for one in sorted(found, key=lambda one: (one.submitted_at, one.id), reverse=True)
    ]


def ids(page: Page[StoredChange]) -> list[str]:
    return [change.id for change in page.rows]


def maybe(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(st.none(), st.none(), values)


TEXTS = st.text(max_size=4).filter(
    lambda text: "\0" not in text
)  # PostgreSQL keeps no NUL, and the edge refuses it
INSTANTS = st.integers(-1, 11).map(lambda hours: NOW - hours * HOUR)
QUERIES = st.builds(
    ChangeFilters,
    state=maybe(st.sampled_from(State)),
    service=maybe(st.one_of(st.sampled_from(NAMES), TEXTS)),
    environment=maybe(st.sampled_from(["production", "staging", "%", "_"])),
    type=maybe(st.sampled_from(ChangeType)),
    band=maybe(st.sampled_from(Band)),
    outcome=maybe(st.sampled_from(Outcome)),
    words=st.one_of(
        st.just(""),
        st.sampled_from(WORDS),
        st.lists(st.sampled_from(WORDS), max_size=2).map(" ".join),
        TEXTS,
    ),
    services=maybe(st.frozensets(st.sampled_from(NAMES), max_size=4)),
)
FIRST_PARTS = st.builds(
    Part, limit=st.integers(1, 30), begins=maybe(INSTANTS), ends=maybe(INSTANTS)
)


def test_a_list_is_what_filtering_all_changes_by_hand_gives(database_url: str) -> None:
    with writing(database_url) as tx:
        made = many(tx)

    with reading(database_url) as conn:

        @settings(max_examples=150, deadline=None)
        @given(query=QUERIES, first=FIRST_PARTS)
        def holds(query: ChangeFilters, first: Part) -> None:
            found: list[str] = []
            part: Part | None = first
            while part is not None:
                page = change_page(conn, query, part, now=NOW)
                assert 0 < len(page.rows) <= first.limit or (not found and not page.rows)
                found += ids(page)
                assert len(found) <= len(made)  # or it would go on for ever
                part = replace(part, after=page.next) if page.next is not None else None
            assert found == expected(made, query, first)

        holds()


def test_nobody_sees_anything_with_an_empty_scope(database_url: str) -> None:
    with writing(database_url) as tx:
        put_change(tx.conn)

        assert ids(change_page(tx.conn, ChangeFilters(services=frozenset()), ALL, now=NOW)) == []
        assert (
            ids(
                change_page(
                    tx.conn,
                    ChangeFilters(service="shop", services=frozenset({"mail"})),
                    ALL,
                    now=NOW,
                )
            )
            == []
        )


def test_a_scope_of_many_services_is_a_scope_all_the_same(database_url: str) -> None:
    scope = frozenset(f"service-{number}" for number in range(SERVICES_MERGED_MAX + 1))
    with writing(database_url) as tx:
        mine = [put_change(tx.conn, service=name) for name in sorted(scope)]
        put_change(tx.conn)

        assert ids(change_page(tx.conn, ChangeFilters(services=scope), ALL, now=NOW)) == mine[::-1]


def test_paging_gives_each_row_once_while_new_ones_arrive(database_url: str) -> None:
    with writing(database_url) as tx:
        there = {
            put_change(tx.conn, submitted_at=NOW - number % 3 * MINUTE) for number in range(30)
        }
        found: list[str] = []
        part: Part | None = Part(7)
        while part is not None:
            page = change_page(tx.conn, ChangeFilters(), part, now=NOW)
            found += ids(page)
            put_change(tx.conn, submitted_at=NOW + HOUR)
            put_change(tx.conn, submitted_at=NOW)  # as new as what was on the first page
            part = replace(part, after=page.next) if page.next is not None else None

    assert len(found) == len(set(found))
    assert there <= set(found)


def test_what_is_settled_stands_by_when_that_was_page_by_page(database_url: str) -> None:
    with writing(database_url) as tx:
        put_change(tx.conn, state="pending")
        late = put_change(tx.conn, submitted_at=NOW - DAY, settled_at=NOW)
        early = put_change(tx.conn, submitted_at=NOW - MINUTE, settled_at=NOW - MINUTE)
        last = put_change(tx.conn, submitted_at=NOW - HOUR, settled_at=NOW + MINUTE)
        first = change_page(tx.conn, ChangeFilters(settled=True), Part(2), now=NOW)
        rest = change_page(tx.conn, ChangeFilters(settled=True), Part(2, first.next), now=NOW)

    assert (ids(first), ids(rest)) == ([last, late], [early])


@pytest.mark.parametrize("limit", [0, -1, 501])
def test_a_page_of_another_size_is_a_bug(sqlite_url: str, limit: int) -> None:
    with reading(sqlite_url) as conn, pytest.raises(ValueError, match="a page has 1 to 500 rows"):
        change_page(conn, ChangeFilters(), Part(limit), now=NOW)


@pytest.mark.parametrize(
    ("query", "indexes"),
    [
        (ChangeFilters(), ["ix_changes_newest"]),
        (ChangeFilters(environment="production"), ["ix_changes_newest"]),
        (ChangeFilters(state=State.PENDING), ["ix_changes_state"]),
        (ChangeFilters(service="shop"), ["ix_changes_service"]),
        (ChangeFilters(service="shop", environment="production"), ["ix_changes_place"]),
        (ChangeFilters(services=frozenset({"shop", "mail"})), ["ix_changes_service"] * 2),
        (ChangeFilters(settled=True), ["ix_changes_settled"]),
        (ChangeFilters(settled=True, environment="production"), ["ix_changes_settled"]),
        (ChangeFilters(settled=True, service="shop"), ["ix_changes_settled_service"]),
    ],
)
@pytest.mark.parametrize("after", [None, (1, "chg_1")])
@pytest.mark.parametrize("begins", [None, NOW - DAY])
def test_a_page_is_read_in_the_order_of_an_index(
    sqlite_url: str,
    query: ChangeFilters,
    indexes: list[str],
    after: tuple[int, str] | None,
    begins: datetime | None,
) -> None:
    part = Part(50, after, begins, begins and NOW)
    with reading(sqlite_url) as conn:
        plans = planned(conn, lambda conn: change_page(conn, query, part, now=NOW))

    assert [
        (index, plan)
        for index, plan in zip(indexes, plans, strict=True)
        if f"USING INDEX {index}" not in plan
    ] == []
    assert [plan for plan in plans if "TEMP B-TREE" in plan] == []


def test_what_is_overdue_is_found_among_what_waits(sqlite_url: str) -> None:
    with reading(sqlite_url) as conn:
        plans = planned(
            conn, lambda conn: change_page(conn, ChangeFilters(state=State.EXPIRED), ALL, now=NOW)
        )

    assert [plan.split(" (")[0] for plan in plans] == [
        "SEARCH changes USING INDEX ix_changes_state",
        "SEARCH changes USING INDEX ix_changes_expires",
        "SEARCH changes USING INDEX ix_changes_lapses",
    ]


@pytest.mark.parametrize(("microseconds", "inside"), [(-1, False), (0, True), (1, False)])
def test_the_first_instant_is_inside_and_the_last_is_outside(
    database_url: str, microseconds: int, *, inside: bool
) -> None:
    tick = timedelta(microseconds=1)
    with writing(database_url) as tx:
        change = put_change(tx.conn, submitted_at=NOW + microseconds * tick)

        instant = Part(1, begins=NOW, ends=NOW + tick)
        assert (change in ids(change_page(tx.conn, ChangeFilters(), instant, now=NOW))) is inside
