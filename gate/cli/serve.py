"""`gate serve`: runs the service under uvicorn until a signal stops it."""

import gc
import os
import shlex
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import structlog
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from gate import tracing
from gate.api.http.permits import Attached
from gate.api.http.protocol import GateProtocol
from gate.app import create_app
from gate.cli.logs import log_as_json
from gate.cli.outcome import FAILED
from gate.cli.spelling import misspelt
from gate.config import Settings
from gate.errors import Invalid
from gate.flow.folder import SHIPPED_POLICIES
from gate.flow.identity.people import SETUP_MINUTES, link_of, make_setup
from gate.flow.key_place import DEMO_FILE, key_place
from gate.flow.signing import read_key
from gate.storage import migrate as migrations
from gate.storage.database.engine import shown, sqlite_path, sqlite_url
from gate.storage.store import Store, transaction

GRACE_SECONDS = 10
"""How long a stop waits for requests that are under way."""

BACKLOG = 2_048
GC_ALLOCATIONS = 50_000
"""The number of new objects after which the garbage collector looks at the youngest. Python's
default of 700 is reached every few requests."""

DEMO_DATABASE = Path(".gate") / DEMO_FILE


_BROWSERS = ("In a browser", "In a private window of the browser, for a second approval")


@dataclass(frozen=True, slots=True)
class DemoWays:
    """The variables that the next terminal must export, and the links for a browser."""

    exports: tuple[str, ...]
    links: tuple[tuple[str, str], ...]


def run(
    *, demo: bool, migrate: bool, host: str | None, port: int | None, policies: Path | None
) -> None:
    """Serve until a signal, and exit with code 0.

    Raises a `GateError` if the gate cannot start.
    """
    settings = Settings.read(host=host, port=port, policies=policies)
    with closing(_listen(settings.host, settings.port)) as listener:
        settings = settings.model_copy(update={"port": listener.getsockname()[1]})
        if demo:
            settings = _demo_settings(settings)
        _refuse_what_cannot_start(settings, migrate=migrate)
        log_as_json()
        for line in misspelt(os.environ):
            structlog.get_logger("gate").warning("a setting is misspelt", detail=line)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stop)
        banner = _banner(
            settings, _ways_in(settings, demo=demo), _first_way_in(settings, demo=demo)
        )
        server = Server(uvicorn_config(create_app(settings, upgrade=migrate), settings), banner)
        trace_if_asked(os.environ)
        server.run(sockets=[listener])
        tracing.stop()
        if not server.started:
            raise Invalid(
                f"the gate could not start on {settings.host}:{settings.port}; the lines "
                "above say why"
            )
        if server.writer_failed is not None:
            _end_for_good(server.writer_failed)


def trace_if_asked(environment: Mapping[str, str]) -> None:
    """Trace if the standard variables ask for it. A gate without traces is better than none."""
    exporter = tracing.exporter_of(environment)
    if exporter == tracing.NONE:
        return
    if tracing.is_installed():
        tracing.start(exporter, environment)
        return
    structlog.get_logger("gate").warning(
        "traces are off: the variables of OpenTelemetry ask for them, and the extra is not "
        "installed; pip install 'change-gate[otel]'"
    )


def _end_for_good(because: str) -> NoReturn:
    """Exit with code 1, so that the orchestrator starts the gate again; the log has the cause.

    The process ends at once, without the end of the interpreter. That would close the writer's
    connection, and SQLite would copy pages that may be wrong from its log into the database.
    """
    print(f"the gate has ended: {because}", file=sys.stderr, flush=True)
    os._exit(FAILED)


def _ways_in(settings: Settings, *, demo: bool) -> DemoWays | None:
    """Return the ways into the demo once it is there, or None if this is no demo."""
    if not demo:
        return None
    from gate.cli.demo import prepare  # noqa: PLC0415 - nobody else needs it

    ways = prepare(settings)
    exports = [
        f"GATE_URL={settings.address}",
        f"GATE_TOKEN={ways.token}",
        *_operator_exports(settings),
        # So that the next terminal finds `gate`.
        f"PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH",
    ]
    return DemoWays(tuple(f"export {export}" for export in exports), ways.links)


def _operator_exports(settings: Settings) -> list[str]:
    """Return the variables with which other commands find this gate from any folder.

    The address of a PostgreSQL database is left out, because it may contain a password; whoever
    started the gate has it.
    """
    exports = [f"GATE_POLICIES={shlex.quote(str(settings.policies.absolute()))}"]
    path = sqlite_path(settings.database)
    if path is not None:
        exports.append(f"GATE_DATABASE_URL={shlex.quote(sqlite_url(path))}")
    if settings.signing_key_file is not None:
        exports.append(
            f"GATE_SIGNING_KEY_FILE={shlex.quote(str(settings.signing_key_file.absolute()))}"
        )
    # A terminal in which nothing is set uses the default address.
    if settings.address != Settings.model_construct().address:
        exports.append(f"GATE_BASE_URL={settings.address}")
    return exports


def _first_way_in(settings: Settings, *, demo: bool) -> str | None:
    """Return the link for the first person, as long as there is none.

    It is printed only on a terminal, because a log would keep it.
    """
    if demo or not sys.stdout.isatty():
        return None
    with transaction(settings.database) as tx:
        secret = make_setup(tx)
    return None if secret is None else link_of(settings.address, secret)


def _stop(*_: object) -> None:
    """Exit with code 0 at a signal, because the stop was wanted.

    A running server has stopped in order before the signal comes here.
    """
    sys.exit(0)


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the port; connections wait until the gate is ready."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise Invalid(
            f"the gate cannot listen on {host}:{port} ({error.strerror}); free it, or take "
            "another one with --port"
        ) from None
    return listener


def _refuse_what_cannot_start(settings: Settings, *, migrate: bool) -> None:
    """Raise a `GateError` for what an operator must mend, before uvicorn would show a traceback."""
    if migrate or sqlite_path(settings.database) is not None:
        migrations.upgrade(settings.database)
    Store.open(settings.database).close()
    place = key_place(settings)
    if place is not None:
        read_key(place.path, settings.address)
    if settings.metrics_port is not None:
        _listen(settings.host, settings.metrics_port).close()


def uvicorn_config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """Return how the app is served, here and in the benchmarks."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=GateProtocol,
        ws="none",
        lifespan="on",
        backlog=BACKLOG,
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


class Server(uvicorn.Server):
    """A server of uvicorn that prints its banner when the port answers."""

    def __init__(self, config: uvicorn.Config, banner: str) -> None:
        super().__init__(config)
        self._banner = banner
        self.writer_failed: str | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and print the banner once the port answers."""
        await super().startup(sockets)
        _leave_alone_what_stays()
        if self.started:
            print(self._banner, flush=True)

    async def on_tick(self, counter: int) -> bool:
        """Return whether to end; called ten times a second.

        A writer that has stopped for good ends the server, in order.
        """
        attached = self._attached()
        self.writer_failed = None if attached is None else attached.gate.store.failed
        return self.writer_failed is not None or await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop. Streams of events and waiting requests end first, because they may last longer than
        a stop waits.
        """
        attached = self._attached()
        if attached is not None:
            attached.streams.close()
            attached.gate.waiters.close()
        await super().shutdown(sockets)

    def _attached(self) -> Attached | None:
        """Return what answers requests, or None before the app has it."""
        if isinstance(self.config.app, FastAPI):
            return getattr(self.config.app.state, "attached", None)
        return None


def _leave_alone_what_stays() -> None:
    """Make the garbage collector look less often.

    What was loaded so far stays, and decisions leave no reference cycles behind.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, *gc.get_threshold()[1:])


def _banner(settings: Settings, demo: DemoWays | None, setup: str | None) -> str:
    lines = [
        f"The gate is at {settings.address} and keeps its records in {shown(settings.database)}"
    ]
    if demo is not None:
        lines += ["", "In another terminal, inside any git repository:", "", *demo.exports, ""]
        lines += ["gate check --service checkout --environment staging", ""]
        for (name, link), where in zip(demo.links, _BROWSERS, strict=False):
            lines += [f"{where}, as {name} (the link is good once):", "", link, ""]
    if setup is not None:
        lines += [
            "",
            f"Nobody can sign in yet. Become its admin, once and within {SETUP_MINUTES} minutes:",
            "",
            setup,
            "",
        ]
    return "\n".join(lines)


def _demo_settings(settings: Settings) -> Settings:
    """Return the settings of the demo: its own database, and without a folder the
    shipped policies.
    """
    given = settings.database_url.get_secret_value()
    folder = next(
        (one for one in (settings.policies, *SHIPPED_POLICIES) if one.is_dir()), settings.policies
    )
    database = given or f"sqlite:///{DEMO_DATABASE.absolute()}"
    return settings.model_copy(
        update={"database_url": type(settings.database_url)(database), "policies": folder}
    )
