"""A token that was used is bound: by a unit, by an act, for every process (A24)."""

from typing import Any

from gate.core.instants import to_us
from gate.storage.changes.units import NEW, TOKEN_USED, Recorded, Recording, Unit
from gate.storage.database.rows import TokenUseRow
from gate.storage.identity import token_uses
from gate.storage.store import transaction
from tests.storage.making import AT, make_change, make_unit, recorded
from tests.storage.stored import planned

ISSUER = "https://issuer.example.com"


def use(bound_to: str, jti: str = "one", expires_at: int = to_us(AT)) -> TokenUseRow:
    return TokenUseRow(ISSUER, jti, bound_to, expires_at)


def unit(number: int, jti: str = "one", **fields: Any) -> Unit:
    """A unit whose caller shows this token."""
    return make_unit(number, token=use(make_change(number).id, jti), **fields)


def bound(url: str, jti: str = "one") -> str | None:
    with transaction(url) as tx:
        return token_uses.bound_to(tx.conn, use("", jti))


def test_of_two_units_with_one_token_the_first_has_it(database_url: str) -> None:
    assert recorded(database_url, unit(1), unit(2), unit(3, "two")) == [NEW, TOKEN_USED, NEW]
    assert recorded(database_url, unit(4)) == [TOKEN_USED]
    assert bound(database_url) == make_change(1).id


def test_a_unit_that_is_not_added_binds_nothing(database_url: str) -> None:
    recorded(database_url, make_unit(1, run="r"))

    assert recorded(database_url, unit(2, run="r")) == [
        Recorded(Recording.SAME_RUN, change_id=make_change(1).id)
    ]
    assert (
        recorded(database_url, unit(3, expects_policy_set="another"))[0].outcome is Recording.STALE
    )
    assert bound(database_url) is None


def test_an_answer_that_is_replayed_binds_the_token_to_its_change(database_url: str) -> None:
    first = make_unit(1, key="k")
    recorded(database_url, first)

    replayed = recorded(database_url, unit(2, key="k"))
    stolen = recorded(database_url, unit(3, key="k"), unit(4))

    assert replayed == [Recorded(Recording.SAME_KEY, key=first.key)]
    assert bound(database_url) == make_change(1).id
    assert [one.outcome for one in stolen] == [Recording.SAME_KEY, Recording.TOKEN_USED]


def test_a_token_that_is_bound_elsewhere_is_replayed_nothing_and_keeps_no_key(
    database_url: str,
) -> None:
    recorded(database_url, make_unit(1, key="k"), unit(2))

    assert recorded(database_url, unit(3, key="k"), unit(4, key="new")) == [TOKEN_USED, TOKEN_USED]
    with transaction(database_url) as tx:
        assert tx.execute("SELECT key FROM idempotency").fetchall() == [("k",)]


def test_an_act_binds_a_token_once_and_may_be_repeated(database_url: str) -> None:
    with transaction(database_url) as tx:
        assert token_uses.bind(tx, use("chg_a"))
        assert token_uses.bind(tx, use("chg_a"))
        assert not token_uses.bind(tx, use("chg_b"))
        assert token_uses.bind(tx, use("chg_b", "two"))

    assert (bound(database_url), bound(database_url, "two")) == ("chg_a", "chg_b")


def test_a_token_bound_to_its_job_is_good_for_several_changes(database_url: str) -> None:
    units = [make_unit(number, token=use("job 302")) for number in (1, 2)]

    assert recorded(database_url, *units) == [NEW, NEW]
    assert recorded(database_url, make_unit(3, token=use("job 303"))) == [TOKEN_USED]
    assert bound(database_url) == "job 302"


def test_only_what_has_expired_is_forgotten(database_url: str) -> None:
    with transaction(database_url) as tx:
        for jti, expires_at in (("past", 1), ("future", 2**52)):
            token_uses.bind(tx, use("chg_a", jti, expires_at))
        assert token_uses.delete_expired(tx) == 1
        assert token_uses.delete_expired(tx) == 0

    assert (bound(database_url, "past"), bound(database_url, "future")) == (None, "chg_a")


def test_expired_uses_are_found_by_an_index(sqlite_url: str) -> None:
    with transaction(sqlite_url) as tx:
        token_uses.insert_uses(tx, [use("chg_1", str(number), 0) for number in range(3)])
        plans = planned(tx.conn, lambda _: token_uses.delete_expired(tx))

    assert [plan for plan in plans if "SCAN token_uses" in plan] == []
    assert len(plans) == 2
