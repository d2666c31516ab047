"""The gate and its contenders in one server process, so that all of them meet the same interpreter
and the same disk.

`python -m benchmarks.serving FOLDER`; the gate's settings come from the environment, as always, and
the server is the one of `gate serve`, for all of them.
"""

import sys
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.contenders import echo_app, insert_app
from gate.app import create_app
from gate.cli.serve import Server, uvicorn_config
from gate.config import Settings


def side_by_side(gate: ASGIApp, folder: Path) -> ASGIApp:
    """Two paths go to the contenders, everything else (start and stop too) to the gate."""
    others = {"/echo": echo_app(), "/insert": insert_app(folder / "insert.sqlite")}

    async def joined(scope: Scope, receive: Receive, send: Send) -> None:
        await others.get(scope.get("path", ""), gate)(scope, receive, send)

    return joined


def main() -> None:
    """Serve until told to stop."""
    settings = Settings.read()
    app = side_by_side(create_app(settings), Path(sys.argv[1]))
    Server(uvicorn_config(app, settings), "ready").run()


if __name__ == "__main__":
    main()
