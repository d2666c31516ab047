"""What may stand between the gate and PostgreSQL: a pooler that works by transactions, as pgbouncer
does, and a network that loses the answer to a COMMIT.

Both speak as much of the protocol as they need: a message has a letter, a length and a body, and
the server ends each answer with a `Z` that says whether a transaction is open.
"""

import asyncio
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from gate.storage.database.engine import ISOLATION

_ASKS_FOR_TLS = (80877103, 80877104)
_PROTOCOL = 196608
_MADE_UP_PROCESS = 4_242_424
_IDLE = b"I"
# Sent in full at the first time; later by the name under which it was prepared.
_BEGINS_TO_WRITE = f"BEGIN ISOLATION LEVEL {ISOLATION[False]}".encode()
_PARAMETERS = {
    "server_version": "16.2",
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "integer_datetimes": "on",
    "TimeZone": "UTC",
}
_Events = asyncio.Queue[tuple[bool, bytes]]
"""Messages of a client (True) and of the server that it has now (False); empty at the end."""


@dataclass(slots=True, eq=False)
class _Side:
    """One connection, whose messages go to whoever has it now, or nowhere."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    is_client: bool = False
    events: _Events | None = None

    async def pump(self) -> None:
        try:
            while message := await _read(self.reader):
                if self.events is not None:
                    self.events.put_nowait((self.is_client, message))
            if self.events is not None:
                self.events.put_nowait((self.is_client, b""))
        finally:
            self.writer.close()


@dataclass(slots=True)
class Pooler:
    """Gives every transaction the server connection that rested longest, with whatever others left
    there: the names of their prepared statements, but no settings and no notifications.
    """

    socket: str
    database: str
    connections: int = 3
    transactions: int = 0
    _free: "asyncio.Queue[_Side]" = field(default_factory=asyncio.Queue)
    _made: int = 0
    _pumps: "set[asyncio.Task[None]]" = field(default_factory=set)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Let one client in, and pass on its transactions until it leaves."""
        if not await _startup(reader, writer):
            return
        writer.write(_message(b"R", struct.pack("!i", 0)))
        for name, value in _PARAMETERS.items():
            writer.write(_message(b"S", f"{name}\0{value}\0".encode()))
        writer.write(_message(b"K", struct.pack("!ii", _MADE_UP_PROCESS, 1)))
        writer.write(_message(b"Z", _IDLE))
        events: _Events = asyncio.Queue()
        self._begin(_Side(reader, writer, is_client=True, events=events))
        await self._pass_on(events, writer)

    async def _pass_on(self, events: _Events, client: asyncio.StreamWriter) -> None:
        server: _Side | None = None
        asked, is_whole = 0, True
        while True:
            from_client, message = await events.get()
            if not message or message[:1] == b"X":
                break
            if from_client:
                if server is None:
                    server = await self._lease(events)
                    self.transactions += 1
                server.writer.write(message)
                is_whole = message[:1] in {b"Q", b"S"}
                asked += is_whole
                continue
            if message[:1] != b"A":
                client.write(message)
            if message[:1] == b"Z" and server is not None:
                asked -= 1
                if asked == 0 and is_whole and message[5:6] == _IDLE:
                    server.events = None
                    self._free.put_nowait(server)
                    server = None
        if server is not None:
            # In the middle of a transaction, which ends with its connection.
            server.events = None
            server.writer.close()
            self._made -= 1

    async def _lease(self, events: _Events) -> _Side:
        if self._made < self.connections:
            self._made += 1
            server = _Side(*await _connected(self.socket, self.database))
            self._begin(server)
        else:
            server = await self._free.get()
        server.events = events
        return server

    def _begin(self, side: _Side) -> None:
        pump = asyncio.ensure_future(side.pump())
        self._pumps.add(pump)
        pump.add_done_callback(self._pumps.discard)


@dataclass(slots=True)
class LostCommits:
    """Passes everything on, and cuts a client off at every so-manieth COMMIT of a writer; 0 for
    never. A reader has its answer before it commits, so nobody would miss that commit.

    The server commits all the same if `commits`, and nobody hears that it did. `last_words` are the
    server's to the client, as a server says them that ends by a fault of its own.
    """

    socket: str
    every: int = 0
    commits: bool = True
    last_words: bytes = b""
    cut: int = 0
    seen: int = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Stand between one client and the server."""
        server, to_server = await asyncio.open_unix_connection(f"{self.socket}/.s.PGSQL.5432")
        answers = asyncio.ensure_future(_copied(server, writer))
        writes = False
        try:
            while data := await reader.read(65536):
                writes = writes or _BEGINS_TO_WRITE in data
                if writes and b"COMMIT\0" in data and self._is_lost():
                    answers.cancel()
                    await asyncio.gather(answers, return_exceptions=True)
                    await self._leave(writer)
                    if self.commits:
                        # A `Sync` behind it has the server answer, if one was still to come.
                        to_server.write(data + _message(b"S", b""))
                        await server.read(65536)
                    break
                to_server.write(data)
        finally:
            answers.cancel()
            to_server.close()

    async def _leave(self, writer: asyncio.StreamWriter) -> None:
        if self.last_words:
            writer.write(self.last_words)
            await writer.drain()
            writer.close()
        else:
            writer.transport.abort()

    def _is_lost(self) -> bool:
        self.seen += 1
        if not self.every or self.seen % self.every:
            return False
        self.cut += 1
        return True


@dataclass(slots=True)
class Counted:
    """Passes everything on, and counts how often a client waits for an answer of the server.

    The connection that listens is left out, because it asks by the clock.
    """

    socket: str
    waits: int = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Stand between one client and the server."""
        server, to_server = await asyncio.open_unix_connection(f"{self.socket}/.s.PGSQL.5432")
        answers = asyncio.ensure_future(_copied(server, writer))
        listens, letter = False, b""
        try:
            code = _ASKS_FOR_TLS[0]
            while code in _ASKS_FOR_TLS:
                head = await reader.readexactly(8)
                length, code = struct.unpack("!ii", head)
                to_server.write(head + await _exactly(reader, length - 8))
            while message := await _read(reader):
                listens = listens or b"LISTEN" in message or b"FROM announcements" in message
                # Sync, a query that stands alone, and Flush where it is not sent after a Sync, which
                # the driver does without waiting for more.
                asks = letter != b"S" if message[:1] == b"H" else message[:1] in {b"S", b"Q"}
                letter = message[:1]
                self.waits += asks and not listens
                to_server.write(message)
        finally:
            answers.cancel()
            to_server.close()


@contextmanager
def between(serve: Callable[..., Coroutine[Any, Any, None]]) -> Iterator[int]:
    """Yield the port of this proxy, which lives in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError):
                await serve(reader, writer)
        finally:
            writer.close()

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)

    server: asyncio.Server = run(asyncio.start_server(guarded, "127.0.0.1", 0))
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        run(_ended(server))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


def panic(state: str) -> bytes:
    """Return the error with this state by which a server tells that all of it ends at once."""
    said = f"SPANIC\0VPANIC\0C{state}\0Mcould not write to the log\0\0"
    return _message(b"E", said.encode())


def through(url: str, port: int) -> str:
    """Return the URL of this database through a proxy."""
    name = url.partition("?")[0].rpartition("/")[2]
    return f"postgresql+psycopg://postgres@127.0.0.1:{port}/{name}"


async def _ended(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for _ in range(3):
        # What was closed is gone only when the loop has turned.
        await asyncio.sleep(0)


async def _startup(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Read how a client begins; False for one that begins nothing."""
    while True:
        head = await _exactly(reader, 8)
        if not head:
            return False
        length, code = struct.unpack("!ii", head)
        await _exactly(reader, length - 8)
        if code not in _ASKS_FOR_TLS:
            return bool(code == _PROTOCOL)
        writer.write(b"N")


async def _connected(
    socket: str, database: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the server as a pooler does, without anybody's options."""
    reader, writer = await asyncio.open_unix_connection(f"{socket}/.s.PGSQL.5432")
    names = f"user\0postgres\0database\0{database}\0client_encoding\0UTF8\0\0".encode()
    writer.write(struct.pack("!ii", len(names) + 8, _PROTOCOL) + names)
    while (message := await _read(reader))[:1] != b"Z":
        if message[:1] in {b"E", b""}:
            raise ConnectionError(message)
    return reader, writer


def _message(letter: bytes, body: bytes) -> bytes:
    return letter + struct.pack("!i", len(body) + 4) + body


async def _read(reader: asyncio.StreamReader) -> bytes:
    """Read one message; empty at the end of the connection."""
    head = await _exactly(reader, 5)
    return head and head + await _exactly(reader, struct.unpack("!i", head[1:])[0] - 4)


async def _exactly(reader: asyncio.StreamReader, size: int) -> bytes:
    try:
        return await reader.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()
