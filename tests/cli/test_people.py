"""`gate people invite`, and the link that the first start shows to whoever sits before it."""

import asyncio
import os
import pty
import re
import signal
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from gate.flow.identity import erasure
from gate.flow.identity.access import Access
from gate.flow.identity.people import accept, offered
from gate.storage.database.engine import open_engine
from gate.storage.database.tx import Tx
from gate.storage.identity import people
from gate.storage.privacy import whose
from gate.storage.tables import schema_work
from tests.builders import person_id
from tests.cli.running import gate
from tests.flow.doors import PASSWORD
from tests.flow.shop import CATALOGUE, Shop, make_files, open_shop
from tests.forked import Forked, Order
from tests.live import GATE, LiveGate

ROOT = Path(__file__).parents[2]
ROW = ("f" * 64, "seen by Zoe.Unusual@example.net")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            "ada@example.com --admin --auditor",
            "--admin and --auditor contradict each other; take one of them",
        ),
        ("ada", "'ada' is no e-mail address; write one such as ada@example.com"),
    ],
)
def test_an_invitation_that_makes_no_sense_is_refused(url: str, arguments: str, words: str) -> None:
    done = gate("people", "invite", *arguments.split())

    assert (done.code, done.out, done.err) == (1, "", f"{words}\n")
    with open_engine(url).connect() as conn:
        assert people.nobody_yet(conn)


def test_without_a_database_nobody_is_invited(here: Path) -> None:
    done = gate("people", "invite", "ada@example.com")

    assert (done.code, done.out, "there is no database at" in done.err) == (1, "", True)
    assert not (here / ".gate").exists()


@pytest.mark.anyio
@pytest.mark.usefixtures("quick_hashes")
@pytest.mark.parametrize(
    ("flag", "role"), [("--admin", "admin"), ("--auditor", "auditor"), (None, None)]
)
async def test_the_link_is_printed_alone_and_lets_in(
    url: str, here: Path, flag: str | None, role: str | None
) -> None:
    async with open_shop(url, here) as shop:
        done = await asyncio.to_thread(
            gate, "people", "invite", "ada@example.com", *([flag] if flag else [])
        )
        found = await _accepted(shop, done.out)

    assert (done.code, done.err) == (0, "")
    assert found == (person_id("ada"), role)


async def _accepted(shop: Shop, printed: str) -> tuple[str, str | None]:
    link = re.fullmatch(r"http://127\.0\.0\.1:8080/invitations/([A-Za-z0-9_-]{43})\n", printed)
    assert link
    assert (await offered(shop.gate, link[1])).name == "Ada Ekberg"
    person = await Access(shop.gate).signed_in(
        (await accept(shop.gate, link[1], password=PASSWORD)).secret
    )
    assert person is not None
    return person.id, person.role and person.role.value


@pytest.mark.server
def test_off_a_terminal_no_way_in_is_told(tmp_path: Path) -> None:
    server = LiveGate(tmp_path, f"sqlite:///{tmp_path}/gate.db", ROOT / "policies")
    server.start()
    try:
        assert "/invitations/" not in server.log.read_text()
    finally:
        server.stop()


@pytest.mark.server
def test_on_a_terminal_the_first_start_shows_the_way_in_and_later_ones_do_not(
    tmp_path: Path,
) -> None:
    server = LiveGate(tmp_path, f"sqlite:///{tmp_path}/gate.db", ROOT / "policies")

    first = _shown(server)
    server.command("people", "invite", "--admin", "ada@example.com")
    later = _shown(server)

    assert re.search(
        rf"once and within 15 minutes:\s+{re.escape(server.url)}/invitations/[A-Za-z0-9_-]{{43}}\s",
        first,
    )
    assert "/invitations/" not in later


def _shown(server: LiveGate) -> str:
    """What a start on a terminal prints, until it is ready and stopped again."""
    ours, theirs = pty.openpty()
    order = Order([GATE, "serve"], server.environment, str(server.folder))
    with closing(os.fdopen(ours, "rb", buffering=0)) as terminal:
        with os.fdopen(theirs, "wb", buffering=0) as stdout, Path(os.devnull).open("wb") as stderr:
            running = Forked(order, stdout=stdout, stderr=stderr)
        shown = b""
        while b"keeps its records in" not in shown:
            shown += terminal.read(4_096)
        running.send_signal(signal.SIGTERM)
        with suppress(OSError):  # the terminal of a process that is gone
            while more := terminal.read(4_096):
                shown += more
        assert running.wait(30) == 0
    return shown.decode()


@pytest.mark.anyio
async def test_erasing_says_what_would_happen_and_does_it_when_told_to(
    url: str, here: Path
) -> None:
    async with open_shop(url, here) as shop:
        change = await shop.deploy("a", requested_by="zoe.unusual@example.net")
        planned = await asyncio.to_thread(gate, "people", "erase", "Zoe.Unusual@example.net")
        kept = await shop.read(change)
        done = await asyncio.to_thread(gate, "people", "erase", "zoe.unusual@example.net", "--yes")
        erased = await shop.read(change)
        again = await asyncio.to_thread(gate, "people", "erase", "zoe.unusual@example.net")

    assert (planned.code, planned.err) == (0, "")
    assert planned.out.startswith("Would be erased: Zoe.Unusual@example.net\n  1 text with")
    assert planned.out.endswith("nobody can bring it back.\n")
    assert (kept["requested_by"], erased["requested_by"]) == ("zoe.unusual@example.net", None)
    assert (done.code, "Erased: zoe.unusual@example.net\n" in done.out) == (0, True)
    assert "  0 texts with this name\n" in again.out
    stored = b"".join(file.read_bytes() for file in (here / ".gate").iterdir() if file.is_file())
    assert b"zoe.unusual" not in stored.lower()


@pytest.mark.anyio
async def test_others_write_while_everything_is_looked_through_and_what_they_write_goes_too(
    url: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    traces = whose.traces

    def traces_while_others_write(*asked: Any) -> whose.Traces:
        found = traces(*asked)
        looks.append(len(found.texts))
        if len(looks) == 1:
            with closing(sqlite3.connect(here / ".gate" / "gate.db", timeout=0)) as other, other:
                other.execute("INSERT INTO texts (id, salt, text) VALUES (?, '', ?)", ROW)
        return found

    monkeypatch.setattr(whose, "traces", traces_while_others_write)
    async with open_shop(url, here) as shop:
        await shop.deploy("a", requested_by="zoe.unusual@example.net")
        done = await asyncio.to_thread(gate, "people", "erase", "zoe.unusual@example.net", "--yes")
        entries = await shop.entries("erasure")

    assert (done.code, done.err, looks) == (0, "", [1, 1, 0])
    assert "  and 1 row that came meanwhile\n" in done.out
    assert [one.fields["rows"]["texts"] for one in entries] == [1, 1]


@pytest.mark.anyio
@pytest.mark.parametrize("what", ["a change", "a catalogue"])
async def test_what_makes_an_erasure_wrong_meanwhile_stops_it(
    url: str, here: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    confirm = erasure.confirm
    async with open_shop(url, here) as shop:
        loop = asyncio.get_running_loop()
        await shop.deploy("a", requested_by="zoe.unusual@example.net")
        zoe = "  zoe: {name: Zoe, emails: [zoe.unusual@example.net]}\n"

        async def others_act() -> None:
            if what == "a change":
                await shop.submit("b", authors=("zoe.unusual@example.net",), service="web")
            else:
                await shop.adopt(make_files() | {"catalog.yaml": CATALOGUE + zoe})

        def look(*asked: Any) -> erasure.Erasure:
            found = looked(*asked)
            asyncio.run_coroutine_threadsafe(others_act(), loop).result()
            return found

        looked = erasure.look
        monkeypatch.setattr(erasure, "look", look)
        done = await asyncio.to_thread(gate, "people", "erase", "zoe.unusual@example.net", "--yes")
        entries = await shop.entries("erasure")

    assert (done.code, done.out, entries) == (1, "", [])
    expected = "name this person (1)" if what == "a change" else "came into force while"
    assert expected in done.err
    assert erasure.confirm is confirm


@pytest.mark.anyio
async def test_a_message_that_nobody_got_yet_does_not_vanish_without_a_word(
    url: str, here: Path
) -> None:
    async with open_shop(url, here) as shop:
        change = await shop.deploy("a", requested_by="zoe.unusual@example.net")
        await shop.gate.store.write(_wait_for_chat, change["id"])
        planned = await asyncio.to_thread(gate, "people", "erase", "zoe.unusual@example.net")
        done = await asyncio.to_thread(gate, "people", "erase", "zoe.unusual@example.net", "--yes")
        (entry,) = await shop.entries("erasure")

    words = "  1 message to chat among them that nobody got yet\n"
    assert (words in planned.out, words in done.out) == (True, True)
    assert entry.fields["rows"]["undelivered"] == 1


def _wait_for_chat(tx: Tx, change: str) -> None:
    """A message about the change that was not delivered yet, beside two that were, or given up."""
    row = {"at": tx.now, "target": "chat", "change_id": change, "body": b"{}", "next_at": tx.now}
    done = {"delivered_at": None, "dead_at": None}
    for name, end in (("a", {}), ("b", {"delivered_at": tx.now}), ("c", {"dead_at": tx.now})):
        tx.conn.execute(schema_work.outbox.insert().values({"id": name, **row, **done, **end}))


@pytest.mark.anyio
async def test_nobody_in_the_catalogue_is_erased_by_command(url: str, here: Path) -> None:
    async with open_shop(url, here):
        done = await asyncio.to_thread(gate, "people", "erase", "ada@example.com", "--yes")

    assert (done.code, done.out) == (1, "")
    assert "take them out of catalog.yaml first" in done.err


@pytest.mark.anyio
async def test_what_would_be_erased_is_looked_for_while_others_write(url: str, here: Path) -> None:
    async with open_shop(url, here) as shop:
        await shop.deploy("a", requested_by="zoe.unusual@example.net")
        with closing(sqlite3.connect(here / ".gate" / "gate.db")) as writing:
            writing.execute("BEGIN IMMEDIATE")
            planned = await asyncio.to_thread(gate, "people", "erase", "zoe.unusual@example.net")

    assert (planned.code, planned.err) == (0, "")
    assert "Nothing was changed" in planned.out
