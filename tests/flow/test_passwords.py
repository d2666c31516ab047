"""Passwords: argon2id with real parameters, long enough, never too long, and not too many at
once.
"""

import asyncio
import threading

import pytest

from gate.errors import Invalid, Unavailable
from gate.flow import passwords
from gate.flow.passwords import (
    HASHES_AT_ONCE_MAX,
    HASHES_WAITING_MAX,
    PASSWORD_BYTES_MAX,
    PASSWORD_CHARACTERS_MIN,
    Passwords,
    is_weak,
)

pytestmark = pytest.mark.anyio
WORD = "correct horse battery staple"


@pytest.mark.parametrize(
    "password",
    [
        "",
        "x" * (PASSWORD_CHARACTERS_MIN - 1),
        "x" * (PASSWORD_BYTES_MAX + 1),
        "ü" * PASSWORD_BYTES_MAX,
        "x" * 10**6,
    ],
)
async def test_a_password_of_another_length_is_refused_before_anything_is_computed(
    password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_hash", None)

    with pytest.raises(Invalid, match="the password has"):
        await Passwords().hash(password)


async def test_a_hash_is_argon2id_with_a_salt_of_its_own() -> None:
    book = Passwords()

    one, other = await book.hash(WORD), await book.hash(WORD)

    assert one.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert one != other
    assert not is_weak(one)
    assert await book.is_right(WORD, one)
    assert not await book.is_right(WORD + " ", one)
    assert not await book.is_right("nobody", None)


@pytest.mark.usefixtures("quick_hashes")
async def test_a_letter_is_the_same_however_a_keyboard_composes_it() -> None:
    book = Passwords()

    assert await book.is_right("u\u0308" * 12, await book.hash("\u00fc" * 12))


@pytest.mark.usefixtures("quick_hashes")
@pytest.mark.parametrize("kept", ["", "x", "$argon2id$v=19$m=65536,t=3,p=1$", "plain"])
async def test_what_is_no_hash_is_nobodys_password(kept: str) -> None:
    assert not await Passwords().is_right(WORD, kept)


async def test_few_are_computed_at_once_and_who_comes_too_late_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running, most, gate = [0], [0], threading.Event()

    def slow(password: str) -> str:
        running[0] += 1
        most[0] = max(most[0], running[0])
        gate.wait(5)
        running[0] -= 1
        return password

    monkeypatch.setattr(passwords, "_hash", slow)
    book = Passwords()
    waiting = [asyncio.create_task(book.hash(WORD)) for _ in range(HASHES_WAITING_MAX)]
    await asyncio.sleep(0)

    with pytest.raises(Unavailable, match="too many people sign in at once"):
        await book.hash(WORD)
    gate.set()
    await asyncio.gather(*waiting)

    assert most[0] <= HASHES_AT_ONCE_MAX
    gate.set()
    assert await book.hash(WORD) == WORD
