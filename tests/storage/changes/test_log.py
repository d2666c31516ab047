"""The log: the same as filtering all decisions by hand, in pages and as a stream."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from gate.core.change import Result, State
from gate.core.decision.values import Band, ChangeType, Outcome, Route
from gate.storage.changes import search
from gate.storage.changes.change_list import ChangeFilters, change_page
from gate.storage.changes.log import LogFilters, LogRow, log_page
from gate.storage.changes.words import words
from gate.storage.database.pages import PAGE_ROWS_MAX, Page, Part
from gate.storage.database.tx import Tx
from tests.storage.stored import (
    COMMIT,
    DAY,
    HOUR,
    NOW,
    planned,
    put_change,
    put_decision,
    reading,
    writing,
)

NAMES = ("shop", "SHOP", "%", "_", "sh_p", "it's", '"', "\\", "ünïcode", "';--")
WORDS = ("Fix", "the", "été", "10", "%", "a_b", "NOT", "don't", '"AND"', "near", "日本", "*")
ISSUER = "https://github.com"
ALL = Part(PAGE_ROWS_MAX)


@dataclass(frozen=True, slots=True)
class Made:
    """One decision as it was put there."""

    key: tuple[datetime, str, int]
    service: str
    environment: str
    type: ChangeType
    route: Route
    outcome: Outcome
    band: Band
    policy: str | None
    revision: str
    standard_change: str | None
    commit: str
    run: str | None
    issuer: str | None
    repository: int | None
    text: str

    @property
    def change(self) -> str:
        """The id of its change."""
        return self.key[1]


def many(tx: Tx, count: int = 50) -> list[Made]:
    """One to three decisions of each change; several at the same instant."""
    dice = random.Random(7)  # noqa: S311 - a fixed choice of rows
    made = []
    for _ in range(count):
        of_change: dict[str, Any] = {
            "commit_sha": dice.choice([COMMIT, "b" * 40]),
            "run_id": dice.choice([None, "9", "%"]),
        }
        issuer, number = dice.choice([(None, None), (ISSUER, 7), (ISSUER, 8)])
        change = put_change(tx.conn, **of_change, repository_issuer=issuer, repository_id=number)
        for one in range(dice.choice([1, 1, 3])):
            row: dict[str, Any] = {
                "service": dice.choice(NAMES),
                "environment": dice.choice(["production", "staging"]),
                "type": dice.choice(list(ChangeType)),
                "route": dice.choice(list(Route)),
                "outcome": dice.choice(list(Outcome)),
                "band": dice.choice(list(Band)),
                "policy": dice.choice([None, "production", "%"]),
                "revision": dice.choice(["r" * 64, "s" * 64]),
                "standard_change": dice.choice([None, "routine", "_"]),
            }
            at = NOW - dice.randrange(8) * HOUR
            text = " ".join(dice.sample(WORDS, 3))
            put_decision(tx, change, tuple(words(text)), number=one + 1, at=at, **row)
            origin = {
                "commit": of_change["commit_sha"],
                "run": of_change["run_id"],
                "issuer": issuer,
                "repository": number,
            }
            made.append(Made(key=(at, change, one + 1), text=text, **row, **origin))
    return made


EQUAL = (
    *("service", "environment", "type", "route", "outcome", "band", "policy", "revision"),
    *("standard_change", "change", "run", "issuer", "repository"),
)


def expected(
    made: list[Made], query: LogFilters, time: Part = ALL
) -> list[tuple[datetime, str, int]]:
    """The same by hand."""
    wanted = {name: getattr(query, name) for name in EQUAL if getattr(query, name) is not None}
    found = [
        one for one in made if all(getattr(one, name) == value for name, value in wanted.items())
    ]
    found = [one for one in found if one.commit.startswith(query.commit or "")]
    found = [one for one in found if time.begins is None or time.begins <= one.key[0]]
    found = [one for one in found if time.ends is None or one.key[0] < time.ends]
    found = [one for one in found if set(words(query.words)) <= set(words(one.text))]
    return sorted((one.key for one in found), reverse=True)


def keys(rows: tuple[LogRow, ...]) -> list[tuple[datetime, str, int]]:
    return [(row.at, row.change, row.number) for row in rows]


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), st.none(), values)


TEXTS = st.text(max_size=4).filter(
    lambda text: "\0" not in text
)  # PostgreSQL keeps no NUL, and the edge refuses it
INSTANTS = st.integers(-1, 9).map(lambda hours: NOW - hours * HOUR)
QUERIES = st.builds(
    LogFilters,
    service=maybe(st.one_of(st.sampled_from(NAMES), TEXTS)),
    environment=maybe(st.sampled_from(["production", "staging", "%"])),
    type=maybe(st.sampled_from(ChangeType)),
    route=maybe(st.sampled_from(Route)),
    outcome=maybe(st.sampled_from(Outcome)),
    band=maybe(st.sampled_from(Band)),
    policy=maybe(st.one_of(st.sampled_from(["production", "%", "_"]), TEXTS)),
    revision=maybe(st.sampled_from(["r" * 64, "R" * 64])),
    standard_change=maybe(st.sampled_from(["routine", "_", "%"])),
    commit=maybe(st.sampled_from([COMMIT, COMMIT[:7]])),
    run=maybe(st.sampled_from(["9", "%"])),
    issuer=maybe(st.sampled_from([ISSUER, ""])),
    repository=maybe(st.just(7)),
    words=st.one_of(
        st.just(""),
        st.sampled_from(WORDS),
        st.lists(st.sampled_from(WORDS), max_size=2).map(" ".join),
        TEXTS,
    ),
)
FIRST_PARTS = st.builds(
    Part, limit=st.integers(1, 30), begins=maybe(INSTANTS), ends=maybe(INSTANTS)
)


def test_the_log_is_what_filtering_all_decisions_by_hand_gives(database_url: str) -> None:
    with writing(database_url) as tx:
        made = many(tx)

    with reading(database_url) as conn:

        @settings(max_examples=200, deadline=None)
        @given(query=QUERIES, first=FIRST_PARTS)
        def holds(query: LogFilters, first: Part) -> None:
            found = []
            part: Part | None = first
            while part is not None:
                page = log_page(conn, query, part)
                found += keys(page.rows)
                assert len(found) <= len(made)  # or it would go on for ever
                part = replace(part, after=page.next) if page.next is not None else None
            assert found == expected(made, query, first)

        holds()


def test_a_decision_that_was_not_searched_for_by_all_words_is_not_found(database_url: str) -> None:
    with writing(database_url) as tx:
        put_decision(tx, put_change(tx.conn), tuple(words("Fix the leak")))

        assert [
            len(log_page(tx.conn, LogFilters(words=asked), ALL).rows)
            for asked in ("FIX leak", "fix le", "fix other", "leak OR other")
        ] == [
            1,
            0,
            0,
            0,
        ]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        pytest.param("c0ffee1", ["first", "second"], id="seven characters of two commits"),
        pytest.param("C0FFEE12", ["first"], id="eight of one"),
        pytest.param("fix c0ffee1", ["first"], id="beside another word"),
        pytest.param("c0ffee1" + "2" * 33, ["first"], id="the whole commit"),
        pytest.param("c0ffee", [], id="six are too few"),
        pytest.param("c0ffee19", [], id="no commit begins so"),
        pytest.param("0ffee12", [], id="the middle of one"),
        pytest.param("defaced", ["third"], id="a word that looks like a commit"),
    ],
)
def test_section_8_a_commit_is_found_by_seven_or_more_of_its_first_characters(
    database_url: str, asked: str, found: list[str]
) -> None:
    texts = {
        "first": ("c0ffee1" + "2" * 33, "Fix the leak"),
        "second": ("c0ffee1" + "3" * 33, "Draw the button"),
        "third": ("d" * 40, "The page was defaced"),
    }
    with writing(database_url) as tx:
        made = {name: put_change(tx.conn, commit_sha=commit) for name, (commit, _) in texts.items()}
        for name, (commit, text) in texts.items():
            put_decision(tx, made[name], tuple(words(f"{commit} {text}")))

    with reading(database_url) as conn:
        rows = log_page(conn, LogFilters(words=asked), ALL).rows
        listed = change_page(conn, ChangeFilters(words=asked), ALL, now=NOW).rows
    assert {row.change for row in rows} == {made[name] for name in found}
    assert {change.id for change in listed} == {made[name] for name in found}


def test_a_row_shows_the_decision_and_how_its_change_ended(database_url: str) -> None:
    with writing(database_url) as tx:
        change = put_change(tx.conn, state="closed", result="rolled_back")
        put_decision(tx, change)
        (row,) = log_page(tx.conn, LogFilters(), ALL).rows

    assert (row.change, row.number, row.at) == (change, 1, NOW)
    assert (row.state, row.result) == (State.CLOSED, Result.ROLLED_BACK)
    assert row.record == orjson.dumps({"change": change})


def test_page_after_page_gives_each_row_once_while_new_ones_arrive(database_url: str) -> None:
    with writing(database_url) as tx:
        made = many(tx)

    found = []
    part: Part | None = Part(7)
    while part is not None:
        with reading(database_url) as conn:
            page = log_page(conn, LogFilters(), part)
        found += keys(page.rows)
        with writing(database_url) as tx:
            put_decision(tx, put_change(tx.conn), at=NOW + DAY)
        part = replace(part, after=page.next) if page.next is not None else None

    assert found == expected(made, LogFilters())


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (LogFilters(), "ix_decisions_newest"),
        (LogFilters(service="shop"), "ix_decisions_service"),
        (LogFilters(service="shop", environment="production"), "ix_decisions_place"),
        (LogFilters(environment="production"), "ix_decisions_environment"),
        (LogFilters(type=ChangeType.EMERGENCY), "ix_decisions_type"),
        (LogFilters(route=Route.REVIEW), "ix_decisions_route"),
        (LogFilters(outcome=Outcome.REJECTED), "ix_decisions_outcome"),
        (LogFilters(band=Band.CRITICAL), "ix_decisions_band"),
        (LogFilters(policy="production"), "ix_decisions_policy"),
        (LogFilters(revision="r" * 64), "ix_decisions_revision"),
        (LogFilters(standard_change="routine"), "ix_decisions_standard"),
    ],
)
@pytest.mark.parametrize("after", [None, (1, 1)])
@pytest.mark.parametrize("begins", [None, NOW - DAY])
def test_a_page_is_read_in_the_order_of_an_index(
    sqlite_url: str,
    query: LogFilters,
    index: str,
    after: tuple[int, int] | None,
    begins: datetime | None,
) -> None:
    part = Part(50, after, begins, begins and NOW)
    (plan,) = plans(sqlite_url, lambda conn: log_page(conn, query, part))

    assert f"decisions USING INDEX {index}" in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (LogFilters(commit=COMMIT), "ix_changes_commit"),
        (LogFilters(run="9"), "ix_changes_run"),
        (LogFilters(change="chg_1"), "sqlite_autoindex_changes_1"),
    ],
)
def test_the_decisions_of_a_commit_a_run_or_a_change_are_found_through_the_change(
    sqlite_url: str, query: LogFilters, index: str
) -> None:
    (plan,) = plans(sqlite_url, lambda conn: log_page(conn, query, Part(50)))

    assert f"SEARCH changes USING INDEX {index}" in plan
    assert "SCAN" not in plan


def plans(url: str, look: Callable[[Connection], object]) -> list[str]:
    with reading(url) as conn:
        return planned(conn, look)


@pytest.mark.parametrize("walked", [1, 10, 5_000])
def test_words_are_found_whether_rows_are_checked_or_looked_up(
    database_url: str, walked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "WALKED_MAX", walked)
    with writing(database_url) as tx:
        made = many(tx)

    with reading(database_url) as conn:
        for asked in ("fix", "été 10", "日本", "nowhere", "fix near"):
            log, listed = LogFilters(words=asked), ChangeFilters(words=asked)
            by_hand = expected(made, log)
            assert keys(pages(partial(log_page, conn, log))) == by_hand
            found = pages(partial(change_page, conn, listed, now=NOW))
            assert sorted(change.id for change in found) == sorted({key[1] for key in by_hand})


def pages(look: Callable[[Part], Page[Any]]) -> tuple[Any, ...]:
    """All rows of a list, some at a time."""
    rows: tuple[Any, ...] = ()
    part: Part | None = Part(4)
    while part is not None:
        page = look(part)
        rows += page.rows
        part = replace(part, after=page.next) if page.next is not None else None
    return rows
