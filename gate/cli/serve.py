"""`gate serve`: the service under uvicorn, until it is told to stop."""

import shlex
import signal
import socket
import sys
from pathlib import Path

import structlog
import uvicorn
from starlette.types import ASGIApp

from gate.api.protocol import GateProtocol
from gate.app import create_app
from gate.config import Settings
from gate.errors import Invalid
from gate.storage.engine import shown

GRACE_SECONDS = 10
"""How long a stop waits for requests that are being answered."""

BACKLOG = 2_048
SHIPPED_POLICIES = Path(__file__).parents[1] / "shipped_policies"
DEMO_DATABASE = Path(".gate") / "demo.db"


def run(*, demo: bool, migrate: bool, host: str | None, port: int | None, policies: Path | None) -> None:
    """Serve. Raises a `GateError` for a start that cannot be; exit code 0 after a stop by signal."""
    _log_as_json()
    settings = Settings.read(host=host, port=port, policies=policies)
    exports: tuple[str, ...] = ()
    if demo:
        from gate.cli.demo import prepare  # noqa: PLC0415 - nobody else needs it

        settings = _demo_settings(settings)
        exports = (f"export GATE_URL={settings.address}", f"export GATE_TOKEN={prepare(settings)}", _path())
    server = Server(uvicorn_config(create_app(settings, upgrade=migrate), settings), _banner(settings, exports))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop_was_asked_for)
    server.run()
    if not server.started:
        raise Invalid(f"the gate could not start on {settings.host}:{settings.port}; the lines above say why")


def _stop_was_asked_for(*_: object) -> None:
    """The server has stopped in order and raises the signal again; asked for is no failure, so the process ends with 0."""


def uvicorn_config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """How the app is served, here and wherever it is measured."""
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
    """Says where it is once it can be asked."""

    def __init__(self, config: uvicorn.Config, banner: str) -> None:
        super().__init__(config)
        self._banner = banner

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """The banner comes when the port answers."""
        await super().startup(sockets)
        if self.started:
            print(self._banner, flush=True)


def _banner(settings: Settings, exports: tuple[str, ...]) -> str:
    lines = [f"The gate is at {settings.address} and keeps its records in {shown(settings.database)}"]
    if exports:
        lines += ["", "In another terminal, inside any git repository:", "", *exports, ""]
        lines += ["gate check --service checkout --environment staging", ""]
    return "\n".join(lines)


def _demo_settings(settings: Settings) -> Settings:
    """A database of its own, and the shipped policies where there is no folder."""
    given = settings.database_url.get_secret_value()
    folder = settings.policies if settings.policies.is_dir() else SHIPPED_POLICIES
    database = given or f"sqlite:///{DEMO_DATABASE.absolute()}"
    return settings.model_copy(update={"database_url": type(settings.database_url)(database), "policies": folder})


def _path() -> str:
    """So that the next terminal finds `gate`."""
    return f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH"


def _log_as_json() -> None:
    """One line of JSON for each event on standard error; text on a terminal."""
    renderer: structlog.typing.Processor = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
