"""PostgreSQL databases that one test after the other is given, and the sessions on them.

To make a database and to begin the four sessions of a gate costs more than most tests do in them:
each session reads the catalogue of its database anew. So a database that a test gives back is
restored to what its template is, and its sessions stay open and forget as those of a pooler do
(`DISCARD ALL`).

Tables that were written to are truncated, so that their files are as new, too. A database is
dropped if anything but rows may be different: a session is still open, in this process or in
another one, or a table, trigger or function was changed.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Lock
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import PGconn, PipelineStatus, abc
from sqlalchemy import Engine, event

from tests.postgres import Cluster, new_name

_FILLED = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0
"""
_SEQUENCES = """
SELECT sequencename, coalesce(last_value, start_value), last_value IS NOT NULL
FROM pg_sequences WHERE schemaname = 'public'
"""
_MAKE_ABLE = """
CREATE SCHEMA again;
{copies}
CREATE TABLE again.changes ();
CREATE FUNCTION again.note_change() RETURNS event_trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO again.changes DEFAULT VALUES; END';
-- Returns false if more than rows may be different. Triggers, which refuse to delete a record, are
-- silent for a replica.
CREATE FUNCTION again.restore(sessions integer) RETURNS boolean LANGUAGE plpgsql
SET session_replication_role = replica AS $$
DECLARE written text := (SELECT string_agg(format('public.%I', relname), ', ') FROM ({filled}));
BEGIN
    IF EXISTS (SELECT FROM again.changes) OR sessions <> (
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend'
    ) THEN RETURN false; END IF;
    IF written IS NOT NULL THEN EXECUTE format('TRUNCATE %s CASCADE', written); END IF;
    {restored}
    RETURN true;
END $$;
CREATE EVENT TRIGGER note_change ON ddl_command_end EXECUTE FUNCTION again.note_change();
"""
_ENDED = PGconn.connect_start(b"host=/nowhere")
_ENDED.finish()


def make_able(url: str) -> None:
    """Put into a template what its copies need to be restored."""
    with closing(_connect(url)) as connection:
        filled = [name for (name,) in connection.execute(_FILLED)]
        copies = [f"CREATE TABLE again.{name} AS TABLE public.{name};" for name in filled]
        restored = [
            *(f"INSERT INTO public.{name} TABLE again.{name};" for name in filled),
            *(
                f"PERFORM setval('public.{name}', {value}, {is_called});"
                for name, value, is_called in connection.execute(_SEQUENCES)
            ),
        ]
        text = _MAKE_ABLE.format(
            copies="\n".join(copies), filled=_FILLED, restored="\n    ".join(restored)
        )
        connection.execute(text.encode())


@contextmanager
def database(cluster: Cluster, template: str) -> Iterator[str]:
    """The URL of a database of one's own: a copy of a template for which `make_able` was called."""
    waiting = _waiting.setdefault((cluster, template), [])
    lent = waiting.pop() if waiting else _Lent(cluster, template)
    _lent[lent.name] = lent
    try:
        yield lent.url
    finally:
        del _lent[lent.name]
        if lent.is_restored():
            waiting.append(lent)
        else:
            lent.drop()


def keep_sessions(engine: Engine) -> None:
    """From now on the engine's sessions on a lent database come from those that it keeps."""

    @event.listens_for(engine, "do_connect")
    def connect(
        dialect: object,  # noqa: ARG001 - SQLAlchemy calls with it
        record: object,  # noqa: ARG001 - the same
        arguments: tuple[str, ...],
        named: dict[str, Any],
    ) -> psycopg.Connection[Any] | None:
        lent = _lent.get(named.get("dbname", ""))
        if lent is None or named.get("host") != lent.cluster.socket:
            return None  # SQLAlchemy connects as ever, also where something stands between
        return _Kept.connect(*arguments, **named)


def drop_all(cluster: Cluster) -> None:
    """Drop what waits for another test of this process."""
    for (where, _), waiting in _waiting.items():
        while waiting and where == cluster:
            waiting.pop().drop()


class _Lent:
    """A database, its idle sessions by what they were begun with, and one to restore it."""

    def __init__(self, cluster: Cluster, template: str) -> None:
        self.name = new_name()
        self.url = cluster.create(self.name, template=template)
        self.cluster = cluster
        self._own = _connect(self.url)
        self._idle: list[tuple[str, abc.PGconn]] = []
        self._lock = Lock()

    def idle(self, begun_with: str) -> abc.PGconn | None:
        """Take an idle session, if there is one."""
        with self._lock:
            for one in self._idle:
                if one[0] == begun_with:
                    self._idle.remove(one)
                    return one[1]
        return None

    def keep(self, begun_with: str, session: abc.PGconn) -> None:
        """Keep a session that has forgotten everything."""
        with self._lock:
            self._idle.append((begun_with, session))

    def is_restored(self) -> bool:
        """Make it what its template is; False if it has to be dropped."""
        try:
            found = self._own.execute("SELECT again.restore(%s)", (len(self._idle) + 1,)).fetchone()
        except psycopg.Error:
            return False
        return found == (True,)

    def drop(self) -> None:
        """End its sessions, and drop it."""
        self._own.close()
        for _, session in self._idle:
            session.finish()
        self.cluster.drop(self.name)


class _Kept(psycopg.Connection[Any]):
    """A connection of the driver that begins with an idle session, if there is one, and leaves its
    session behind when it is closed.
    """

    begun_with: str
    lent: _Lent

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> Any:
        lent = _lent[str(conninfo_to_dict(conninfo)["dbname"])]
        session = lent.idle(conninfo)
        made = cls(session) if session else (yield from super()._connect_gen(conninfo))
        made.begun_with, made.lent = conninfo, lent
        return made

    def close(self) -> None:
        """Leave the session behind, unless it cannot forget."""
        if not self.closed and self._forgets():
            session, self.pgconn, self._closed = self.pgconn, _ENDED, True
            self.lent.keep(self.begun_with, session)
        else:
            super().close()

    def _forgets(self) -> bool:
        if self.pgconn.pipeline_status != PipelineStatus.OFF or self.lent.name not in _lent:
            return False
        try:
            self.rollback()
            self.autocommit = True
            self.execute("DISCARD ALL")
        except psycopg.Error:
            return False
        while self.pgconn.notifies() is not None:
            pass
        return True


def _connect(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


_waiting: dict[tuple[Cluster, str], list[_Lent]] = {}
_lent: dict[str, _Lent] = {}
"""By name."""
