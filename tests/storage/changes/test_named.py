"""Whoever was named for a change stays named: by requests, by code hosts, and by pushes that are
told later.
"""

from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from gate.core.catalogue.catalogue import ERASED
from gate.core.decision.named import NO_NAMES, Named
from gate.storage.changes import named
from gate.storage.changes.named import Of
from gate.storage.database.tx import Tx
from gate.storage.messages import pushes
from gate.storage.tables.schema_hosts import pushes as table
from gate.storage.texts import erase, name_ids
from tests.builders import ISSUER, commit_of
from tests.storage.stored import put_change, writing

CHECKOUT, CART = (ISSUER, 1001), (ISSUER, 1002)


def names(tx: Tx, change: str, *repositories: tuple[str, int]) -> Named:
    """Everybody who is known to be named."""
    return named.of_changes(tx.conn, [Of(change, repositories)])[change]


def test_names_add_up_and_each_is_kept_once(database_url: str) -> None:
    with writing(database_url) as tx:
        change, other = put_change(tx.conn), put_change(tx.conn)
        named.add(tx, change, Named(asked=("zoe@example.com",), wrote=("ada@example.com",)))
        named.add(
            tx,
            change,
            Named(
                asked=("zoe@example.com", "github:ben"),
                wrote=("zoe@example.com",),
                people=frozenset({"cy"}),
            ),
        )

        found = names(tx, change)
        assert set(found.asked) == {"zoe@example.com", "github:ben"}
        assert set(found.wrote) == {"ada@example.com", "zoe@example.com"}
        assert found.people == frozenset({"cy"})
        assert names(tx, other) == NO_NAMES
        assert named.of_changes(tx.conn, [Of(other), Of(change)]) == {
            other: NO_NAMES,
            change: found,
        }


def test_a_push_of_the_commit_counts_whenever_it_is_told_and_only_in_its_repository(
    database_url: str,
) -> None:
    with writing(database_url) as tx:
        change = put_change(tx.conn, commit_sha=commit_of("a"))
        assert names(tx, change, CHECKOUT) == NO_NAMES
        pushes.add(tx, CHECKOUT, [commit_of("a"), commit_of("b")], "github:ada")
        pushes.add(tx, CART, [commit_of("a")], "github:ben")
        pushes.add(tx, CHECKOUT, [commit_of("c")], "github:cy")

        assert names(tx, change, CHECKOUT) == Named(wrote=("github:ada",))
        assert set(names(tx, change, CHECKOUT, CART).wrote) == {"github:ada", "github:ben"}
        assert names(tx, change) == NO_NAMES


def test_a_push_of_any_commit_that_the_change_brings_counts(database_url: str) -> None:
    with writing(database_url) as tx:
        change = put_change(tx.conn, commit_sha=commit_of("a"))
        for commits in ([commit_of("b"), commit_of("c")], [commit_of("c")]):
            named.insert_commits(tx, [named.commits_row(change, commits, commit_of("a"))])
        for letter, who in (
            ("a", "github:ada"),
            ("b", "github:ben"),
            ("c", "github:cy"),
            ("d", "github:eve"),
        ):
            pushes.add(tx, CHECKOUT, [commit_of(letter)], who)

        assert set(names(tx, change, CHECKOUT).wrote) == {
            "github:ada",
            "github:cy",
        }  # what it was compared with last


def test_a_push_of_years_ago_counts_whatever_is_pushed_since(database_url: str) -> None:
    with writing(database_url) as tx:
        change = put_change(tx.conn, commit_sha=commit_of("a"))
        pushes.add(tx, CHECKOUT, [commit_of("a")], "github:ada")
        tx.conn.execute(update(table).values(at=tx.now - timedelta(days=3 * 365)))

        pushes.add(tx, CHECKOUT, [commit_of("b")], "github:ben")

        assert names(tx, change, CHECKOUT).wrote == ("github:ada",)
        assert pushes.pushers(tx.conn, CHECKOUT, [commit_of("a")]) == ("github:ada",)


def test_an_erased_name_may_be_anybodys(database_url: str) -> None:
    with writing(database_url) as tx:
        change = put_change(tx.conn, commit_sha=commit_of("a"))
        named.add(tx, change, Named(asked=("zoe@example.com", "github:ben")))
        erase(tx, [name_ids(tx, ["zoe@example.com"])["zoe@example.com"]])

        pushes.add(tx, CHECKOUT, [commit_of("a")], "github:zoe")
        erase(tx, [name_ids(tx, ["github:zoe"])["github:zoe"]])

        assert set(names(tx, change).asked) == {ERASED, "github:ben"}
        assert names(tx, change, CHECKOUT).wrote == (ERASED,)
        assert pushes.pushers(tx.conn, CHECKOUT, [commit_of("a")]) == (ERASED,)
        assert pushes.first_pushers(tx.conn, CHECKOUT, [commit_of("a")]) == (ERASED,)


@pytest.mark.parametrize(
    "statement", ["DELETE FROM named", "UPDATE named SET role = 'asked', who = 'nobody'"]
)
def test_the_database_lets_nobody_be_named_away(database_url: str, statement: str) -> None:
    with writing(database_url) as tx:
        named.add(tx, put_change(tx.conn), Named(wrote=("ada@example.com",)))
    with pytest.raises(IntegrityError), writing(database_url) as tx:
        tx.conn.exec_driver_sql(statement)
