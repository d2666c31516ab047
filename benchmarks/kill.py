"""`kill -9` in a loop under load, then a search for anything lost, doubled or changed: `python -m
benchmarks.kill`.

Ends with 1 when a single acknowledged decision is missing, a retried key got another answer, or a
run has two changes.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.kill_checks import everything, sqlite_is_whole
from benchmarks.kill_clients import History, Pipeline
from benchmarks.surroundings import policies, say, scratch
from tests import postgres
from tests.live import LiveGate, serving

KILLS = 50
CLIENTS = 8
EARLIEST_MS, LATEST_MS = 50, 300
SHOWN_MAX = 20


def main() -> int:
    """Kill, verify, report."""
    asked = _arguments()
    with scratch() as folder, _database(asked, folder) as url:
        gate = LiveGate(folder=folder, database_url=url, policies=policies(folder))
        gate.command("db", "upgrade")
        gate.command(
            "ledger", "key"
        )  # PostgreSQL has none until somebody makes it, and admissions wait for it
        token = gate.command("token", "create", "--role", "pipeline", "--all-services")
        history = History(folder / "history.log")
        say(
            f"{asked.kills} kills, {asked.clients} clients, seed {asked.seed}, "
            f"{url.partition(':')[0]}"
        )
        with serving(gate):
            restarts = _kill_under_load(gate, token, history, asked)
            violations = list(everything(history, gate.port, token))
            if gate.stop() != 0:
                violations.append("the server did not stop cleanly on SIGTERM")
        if url.startswith("sqlite"):
            violations += sqlite_is_whole(folder / "gate.sqlite")
        _report(history, restarts, violations)
        return 1 if violations else 0


def _kill_under_load(
    gate: LiveGate, token: str, history: History, asked: argparse.Namespace
) -> list[float]:
    generator = random.Random(asked.seed)  # noqa: S311 - when the next kill comes is no secret
    clients = [
        Pipeline(gate.port, token, history, f"{asked.seed}/{number}")
        for number in range(asked.clients)
    ]
    for client in clients:
        client.start()
    restarts = []
    try:
        for _ in range(asked.kills):
            time.sleep(generator.uniform(EARLIEST_MS, LATEST_MS) / 1000)
            gate.kill()
            restarts.append(gate.start())
    finally:
        for client in clients:
            client.stop()
        for client in clients:
            client.join()
            if not client.ended_well:
                history.violations.append(
                    f"client {client.name} broke off; what it met is printed above"
                )
    return restarts


def _report(history: History, restarts: list[float], violations: list[str]) -> None:
    say(
        f"{len(history.asked)} keys asked, {len(history.first)} acknowledged, "
        f"{history.repeated} asked again"
    )
    say(
        f"{history.unknown} requests without an answer, {history.resolved} keys answered "
        "after such a one"
    )
    say(
        f"{history.refused} admissions or closures refused, because another deployment was in the "
        "way"
    )
    say(f"restart until ready: median {median(restarts):.2f} s, slowest {max(restarts):.2f} s")
    for violation in violations[:SHOWN_MAX]:
        say(f"VIOLATION {violation}")
    say(f"{len(violations)} violations")


@contextmanager
def _database(asked: argparse.Namespace, folder: Path) -> Iterator[str]:
    if asked.database_url:
        yield asked.database_url
    elif asked.postgres:
        with postgres.server() as cluster:
            yield cluster.create("gate")
    else:
        yield f"sqlite:///{folder / 'gate.sqlite'}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=KILLS, help="default: %(default)s")
    parser.add_argument("--clients", type=int, default=CLIENTS, help="default: %(default)s")
    parser.add_argument("--seed", default=str(time.time_ns()), help="to repeat the same kills")
    parser.add_argument(
        "--database-url", help="an empty PostgreSQL database; default: a SQLite file of its own"
    )
    parser.add_argument("--postgres", action="store_true", help="start a PostgreSQL for this run")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
