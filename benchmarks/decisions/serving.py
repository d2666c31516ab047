"""The contenders in one server process of their own.

`python -m benchmarks.decisions.serving FOLDER`; the port comes from the environment, as the gate's
settings do, and the server is the one of `gate serve`.
"""

import sys
from pathlib import Path

from fastapi import FastAPI

from benchmarks.decisions.contenders import echo_router, insert_router
from benchmarks.decisions.rival import rival_router
from gate.cli.serve import Server, uvicorn_config
from gate.config import Settings


def contenders_app(folder: Path) -> FastAPI:
    """Every contender by its path; those that write have a database each."""
    app = FastAPI()
    app.include_router(echo_router())
    app.include_router(insert_router(folder / "insert.sqlite"))
    app.include_router(rival_router(folder / "rival.sqlite"))

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    return app


def main() -> None:
    """Serve until told to stop."""
    settings = Settings.read()
    Server(uvicorn_config(contenders_app(Path(sys.argv[1])), settings), "ready").run()


if __name__ == "__main__":
    main()
