"""A session on PostgreSQL, and what is different behind a pooler such as pgbouncer.

A pooler that works by transactions gives every transaction another connection to the server, which
others use before and after it. So nothing of a session lasts:

- The settings of a session are set again in every transaction.
- Nothing is prepared. The name of a prepared statement belongs to the connection to the server, and
  under the same name another client may have prepared another statement, which would be executed.
- LISTEN hears nothing. What others write is found by asking (`announcements.py`).
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, event

_POOLED = "pooled"
"""The key in the `info` of a connection for what `settings_again` returns."""

_MARK = "gate.session"
"""A setting that the gate makes up. It is there if the server got the settings of this session."""

_IS_OWN = f"SELECT pg_backend_pid() = %s AND current_setting('{_MARK}', true) = 'on'"


def options(settings: Mapping[str, object]) -> str:
    """Return these settings as the options of a new session."""
    return " ".join(f"-c {name}={value}" for name, value in {**settings, _MARK: "on"}.items())


def recognize_poolers(engine: Engine, settings: Mapping[str, object]) -> None:
    """Find out at each new connection whether a pooler stands between, and if so do without a
    session.
    """
    again = "SELECT " + ", ".join(
        # The default of a session would only hold from the next transaction on.
        f"set_config('{name.removeprefix('default_')}', '{value}', true)"
        for name, value in settings.items()
    )

    @event.listens_for(engine, "connect")
    def _connected(raw: Any, record: Any) -> None:
        # A pooler names a process that it made up, because it has no process of its own for the
        # session; or it has left the options out.
        (is_own,) = raw.execute(_IS_OWN, (raw.info.backend_pid,)).fetchone()
        raw.rollback()
        if not is_own:
            raw.prepare_threshold = None
        record.info[_POOLED] = None if is_own else again


def settings_again(connection: Connection) -> str | None:
    """Return the statement that every transaction of this connection begins with, or None if its
    session has the settings.
    """
    statement: str | None = connection.info.get(_POOLED)
    return statement
