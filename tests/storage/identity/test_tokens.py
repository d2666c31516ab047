"""API tokens: who they are good for, and until when."""

import hashlib
import re
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from gate.errors import Invalid
from gate.storage.database.pages import Part
from gate.storage.database.tx import Tx
from gate.storage.identity import tokens
from gate.storage.identity.tokens import (
    TOUCH_PAUSE,
    Maker,
    Wanted,
    create,
    find,
    present,
    revoke,
    token_page,
    touch,
)
from gate.storage.tables import schema_people
from tests.storage.stored import DAY, HOUR, reading, token_of, writing


def test_what_is_no_token_is_nobody(database_url: str) -> None:
    with writing(database_url) as tx:
        text = create(tx, Maker("person:ada"), Wanted(role="admin")).text
        for wrong in (
            "",
            "gate_",
            "gate__",
            text[:-1],
            text + "A",
            text + "\n",
            " " + text,
            text.upper(),
            text.replace("gate_", "gatec_", 1),
            text.replace("_", "-", 1),
            "gate_" + "0" * 16 + "_" + "A" * 43,
            "gate_' OR 1=1 --_" + "A" * 43,
            "gate_" + "é" * 16 + "_" + "A" * 43,
        ):
            assert token_of(tx.conn, wrong, tx.now) is None


def test_a_secret_with_any_other_character_is_nobody(database_url: str) -> None:
    with writing(database_url) as tx:
        text = create(tx, Maker("person:ada"), Wanted(role="admin")).text
        for place in range(len("gate_") + 17, len(text)):
            wrong = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
            assert token_of(tx.conn, wrong, tx.now) is None


def test_the_secret_of_another_token_is_nobody(database_url: str) -> None:
    with writing(database_url) as tx:
        one, two = (create(tx, Maker("person:ada"), Wanted(role="admin")) for _ in range(2))
        mixed = f"gate_{one.token.id}_{two.text.split('_', 2)[2]}"

        assert token_of(tx.conn, mixed, tx.now) is None


def test_a_revoked_token_is_nobody_at_once_and_others_are_told(database_url: str) -> None:
    with writing(database_url) as tx:
        made = create(tx, Maker("person:ada"), Wanted(role="admin"))
        tx.topics.clear()

        assert revoke(tx, made.token.id)
        assert token_of(tx.conn, made.text, tx.now) is None
        assert not revoke(tx, made.token.id)
        assert not revoke(tx, "0" * 16)
        assert tx.topics == {tokens.TOPIC}


def test_a_token_ends_with_its_last_instant(database_url: str) -> None:
    with writing(database_url) as tx:
        made = create(tx, Maker("person:ada"), Wanted(role="auditor", expires_at=tx.now + HOUR))

        assert token_of(tx.conn, made.text, tx.now + HOUR) is None
        assert token_of(tx.conn, made.text, tx.now + HOUR - timedelta(microseconds=1)) == made.token


@pytest.mark.parametrize(
    ("asked", "because"),
    [
        ({}, "for a role or for a person"),
        ({"role": "admin", "person": "ada"}, "for a role or for a person"),
        ({"role": "root"}, "there is no role root; roles are pipeline, hook, auditor, admin"),
        ({"role": "pipeline", "services": frozenset()}, "a token for no service"),
    ],
)
def test_a_token_that_could_never_be_of_use_is_refused(
    sqlite_url: str, asked: dict[str, object], because: str
) -> None:
    with writing(sqlite_url) as tx, pytest.raises(Invalid, match=because):
        create(tx, Maker("person:ada"), Wanted(**asked))  # type: ignore[arg-type]  # rows of the table above


def test_a_token_that_would_have_expired_is_refused(sqlite_url: str) -> None:
    with writing(sqlite_url) as tx, pytest.raises(Invalid, match="would have expired"):
        create(tx, Maker("person:ada"), Wanted(role="admin", expires_at=tx.now))


@pytest.mark.parametrize(
    "asked",
    [
        {"role": "pipeline", "services": frozenset({"shop", "it's"})},
        {"role": "pipeline", "services": None},
        {"role": "hook", "services": frozenset({"shop"}), "hook": "cdevents"},
        {"role": None, "person": "ada"},
    ],
)
def test_a_token_is_whose_it_was_made_for(database_url: str, asked: dict[str, object]) -> None:
    with writing(database_url) as tx:
        made = create(tx, Maker("person:ada"), Wanted(**asked))  # type: ignore[arg-type]  # rows of the table above
        found = token_of(tx.conn, made.text, tx.now)

        assert found == made.token
        assert {name: getattr(found, name) for name in asked} == asked


def test_of_a_secret_only_the_hash_is_kept(database_url: str) -> None:
    with writing(database_url) as tx:
        made = create(tx, Maker("person:ada"), Wanted(role="admin"))
        secret = made.text.removeprefix(f"gate_{made.token.id}_")
        row = tuple(tx.conn.execute(select(schema_people.tokens)).one())

    assert len(secret) == 43  # 256 bits
    assert re.fullmatch(r"gate_[0-9a-f]{16}_[A-Za-z0-9_-]{43}", made.text)
    assert hashlib.sha256(secret.encode()).hexdigest() in row
    assert not [value for value in row if secret in str(value)]
    assert secret not in repr(made.token)
    assert secret not in repr(present(made.text))


def test_no_two_tokens_are_alike(sqlite_url: str) -> None:
    with writing(sqlite_url) as tx:
        made = [create(tx, Maker("person:ada"), Wanted(role="admin")) for _ in range(50)]

    assert len({one.token.id for one in made}) == len({one.text for one in made}) == 50


def last_used(tx: Tx) -> datetime | None:
    (token,) = token_page(tx.conn, None, Part(2)).rows
    return token.last_used_at


def test_when_a_token_was_used_is_written_once_a_minute(database_url: str) -> None:
    with writing(database_url) as tx:
        token = create(tx, Maker("person:ada"), Wanted(role="admin")).token.id
        start = tx.now

        touch(tx, {})
        touch(tx, {token: start, "0" * 16: start})
        assert last_used(tx) == start
        touch(tx, {token: start + TOUCH_PAUSE - timedelta(microseconds=1)})
        assert last_used(tx) == start
        touch(tx, {token: start + TOUCH_PAUSE})
        assert last_used(tx) == start + TOUCH_PAUSE
        touch(tx, {token: start})
        assert last_used(tx) == start + TOUCH_PAUSE


def test_the_list_shows_revoked_tokens_and_no_secret(database_url: str) -> None:
    with writing(database_url) as tx:
        one = create(tx, Maker("person:ada"), Wanted(role="admin")).token
        revoke(tx, one.id)
        two = create(tx, Maker("person:ada"), Wanted(person="ada", expires_at=tx.now + DAY)).token

    with reading(database_url) as conn:
        found = token_page(conn, None, Part(2)).rows
        kept = find(conn, two.id)

    assert {token.id: token.revoked_at is None for token in found} == {one.id: False, two.id: True}
    assert kept is not None
    assert kept.token == two
