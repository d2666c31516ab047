"""The gate and its contenders in one server process, so that all of them meet the same interpreter and the same disk.

`python -m benchmarks.serving PORT FOLDER`; the gate's settings come from the environment, as always.
"""

import sys
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.contenders import echo_app, insert_app
from gate.app import create_app
from gate.config import Settings


def side_by_side(gate: ASGIApp, folder: Path) -> ASGIApp:
    """Two paths go to the contenders, everything else (start and stop too) to the gate."""
    others = {"/echo": echo_app(), "/insert": insert_app(folder / "insert.sqlite")}

    async def joined(scope: Scope, receive: Receive, send: Send) -> None:
        await others.get(scope.get("path", ""), gate)(scope, receive, send)

    return joined


def main() -> None:
    """Serve until told to stop."""
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    app = side_by_side(create_app(Settings.read()), folder)
    uvicorn.run(app, host="127.0.0.1", port=port, loop="uvloop", http="httptools", log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
