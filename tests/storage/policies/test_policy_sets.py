"""What was registered, and the one row that says what is in force."""

from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from gate.core.decision.record import Revisions
from gate.storage.database.pages import Part
from gate.storage.policies import policy_sets
from gate.storage.policies.policy_sets import (
    NAMED_MAX,
    activate,
    changes_between,
    in_force,
    named,
    policy_set_page,
    read,
    register,
    set_id,
)
from gate.storage.tables.schema_policies import policy_sets as table
from tests.storage.stored import HOUR, NOW, reading, writing

ONE = Revisions("a" * 64, "b" * 64, "c" * 64)
TWO = replace(ONE, calendar="d" * 64)
FILES = {"production.yaml": "policy: production\n", "catalog.yaml": "“ü”'%\n"}


def test_before_anything_is_registered_there_is_nothing(database_url: str) -> None:
    with reading(database_url) as conn:
        assert (in_force(conn), read(conn, set_id(ONE)), named(conn, "")) == (None, None, ())
        assert policy_set_page(conn, Part(50)).rows == ()


def test_what_was_never_registered_cannot_be_in_force(database_url: str) -> None:
    with pytest.raises(IntegrityError), writing(database_url) as tx:
        activate(tx, set_id(ONE), expected=None, by="person:ada")


def test_a_set_is_its_three_revisions(database_url: str) -> None:
    with writing(database_url) as tx:
        assert register(tx, ONE, FILES, "person:ada")
        assert not register(tx, ONE, {}, "person:ben")  # the first one stays
        found = read(tx.conn, set_id(ONE))

        assert found is not None
        assert (
            found.summary.revisions,
            found.summary.registered_by,
            found.summary.registered_at,
        ) == (ONE, "person:ada", tx.now)
        assert found.files == FILES
    assert (
        len(
            {set_id(ONE), set_id(TWO), set_id(Revisions(ONE.catalogue, ONE.policies, ONE.calendar))}
        )
        == 3
    )


def test_of_two_who_activate_at_once_one_is_told_so(database_url: str) -> None:
    with writing(database_url) as tx:
        register(tx, ONE, FILES, "person:ada")
        register(tx, TWO, FILES, "person:ada")

        assert not activate(tx, set_id(ONE), expected=set_id(TWO), by="person:ada")
        assert in_force(tx.conn) is None
        assert activate(tx, set_id(ONE), expected=None, by="person:ada", comment="t" * 64)
        assert not activate(tx, set_id(TWO), expected=None, by="person:ben")
        assert not activate(tx, set_id(TWO), expected=set_id(TWO), by="person:ben")
        now = in_force(tx.conn)
        assert now is not None
        assert (now.policy_set, now.activated_at, now.activated_by, now.comment) == (
            set_id(ONE),
            tx.now,
            "person:ada",
            "t" * 64,
        )
        assert tx.topics == {policy_sets.TOPIC}

        assert activate(tx, set_id(TWO), expected=set_id(ONE), by="person:ben")
        now = in_force(tx.conn)
        assert now is not None
        assert (now.policy_set, now.activated_by, now.comment) == (set_id(TWO), "person:ben", "")


def test_the_list_is_newest_first_and_the_newest_set_with_a_part_is_found_first(
    database_url: str,
) -> None:
    with writing(database_url) as tx:
        sets = [replace(ONE, calendar=f"{number:064d}") for number in range(5)]
        for number, revisions in enumerate(sets):
            register(tx, revisions, FILES, "person:ada")
            at = table.update().where(table.c.id == set_id(revisions))
            tx.conn.execute(at.values(registered_at=NOW + number * HOUR))
        newest_first = [set_id(revisions) for revisions in reversed(sets)]

        first = policy_set_page(tx.conn, Part(3))
        rest = policy_set_page(tx.conn, Part(3, first.next))
        found = {
            part: [one.id for one in named(tx.conn, part)]
            for part in (ONE.policies, ONE.catalogue, sets[2].calendar, newest_first[1])
        }

    assert [one.id for one in (*first.rows, *rest.rows)] == newest_first
    assert rest.next is None
    assert found == {
        ONE.policies: newest_first,
        ONE.catalogue: newest_first,
        sets[2].calendar: [newest_first[2]],
        newest_first[1]: [newest_first[1]],
    }


def test_of_many_sets_with_one_part_the_newest_are_named(sqlite_url: str) -> None:
    with writing(sqlite_url) as tx:
        for number in range(NAMED_MAX + 1):
            register(tx, replace(ONE, calendar=f"{number:064d}"), FILES, "person:ada")

        assert len(named(tx.conn, ONE.catalogue)) == NAMED_MAX


def test_it_is_kept_when_other_policies_came_into_force_and_not_another_calendar(
    database_url: str,
) -> None:
    other = replace(ONE, policies="e" * 64)
    with writing(database_url) as tx:
        for one in (ONE, TWO, other):
            register(tx, one, FILES, "person:ada")
        before = None
        for one in (ONE, TWO, other, ONE):
            assert activate(tx, set_id(one), expected=before, by="person:ada")
            before = set_id(one)
        # Nobody else's try counts.
        assert not activate(tx, set_id(other), expected=set_id(other), by="person:ben")

        found = changes_between(tx.conn, tx.now, tx.now + HOUR)
        assert [one.policies for one in found] == [ONE.policies, other.policies, ONE.policies]
        assert {one.at for one in found} == {tx.now}
        assert changes_between(tx.conn, tx.now - HOUR, tx.now) == ()
