"""A sign-in that came back is used once, and forgotten when it would not be taken anyway (D22)."""

from gate.storage.identity.sign_ins import delete_expired, use
from tests.storage.stored import HOUR, writing


def test_d22_a_state_is_used_once(database_url: str) -> None:
    with writing(database_url) as tx:
        assert [
            use(tx, "one", tx.now + HOUR),
            use(tx, "one", tx.now + HOUR),
            use(tx, "two", tx.now + HOUR),
        ] == [True, False, True]


def test_d22_what_is_over_is_forgotten_and_what_is_not_stays(database_url: str) -> None:
    with writing(database_url) as tx:
        use(tx, "old", tx.now)
        use(tx, "new", tx.now + HOUR)

        assert (delete_expired(tx), delete_expired(tx)) == (1, 0)
        assert not use(tx, "new", tx.now + HOUR)
