"""One process at a time has a lease."""

from datetime import timedelta

from gate.storage.identity.secrets import secret
from gate.storage.messages.leases import release, take
from gate.storage.store import transaction

MINUTE = timedelta(minutes=1)


def test_a_lease_is_one_holders_until_it_is_over(database_url: str) -> None:
    with transaction(database_url) as tx:
        assert take(tx, "sealer", "one", hold_for=MINUTE)
        assert not take(tx, "sealer", "two", hold_for=MINUTE)
        assert take(tx, "other", "two", hold_for=MINUTE)
        assert take(tx, "sealer", "one", hold_for=timedelta(0))  # renewed, and over at once
        assert take(tx, "sealer", "two", hold_for=MINUTE)


def test_only_its_holder_gives_a_lease_up(database_url: str) -> None:
    with transaction(database_url) as tx:
        take(tx, "sealer", "one", hold_for=MINUTE)
        release(tx, "sealer", "two")
        assert not take(tx, "sealer", "two", hold_for=MINUTE)
        release(tx, "sealer", "one")
        assert take(tx, "sealer", "two", hold_for=MINUTE)


def test_a_secret_is_made_once(database_url: str) -> None:
    with transaction(database_url) as tx:
        first, other = secret(tx, "change tokens"), secret(tx, "cursors")
    with transaction(database_url) as tx:
        assert secret(tx, "change tokens") == first

    assert len(first) == 32
    assert first != other
