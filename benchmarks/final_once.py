"""People approve, reject and cancel at once on two servers over one PostgreSQL, again and again:
`python -m benchmarks.final_once`.

Ends with 1 when a change has two endings, or two answers disagree.
"""

import argparse
import asyncio
import sys
import time

from benchmarks.surroundings import say, scratch
from gate.storage.migrate import upgrade
from tests import postgres
from tests.attacks.final_once import CALLS, race

ROUNDS = 200
SHOWN_MAX = 20


def main() -> int:
    """Race, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="default: %(default)s")
    parser.add_argument("--seed", default=str(time.time_ns()), help="who does what, and where")
    asked = parser.parse_args()
    say(f"{asked.rounds} changes, {CALLS} calls each, two servers, seed {asked.seed}")
    with scratch() as folder, postgres.server() as cluster:
        url = cluster.create("gate")
        upgrade(url)
        result = asyncio.run(race(url, folder, asked.rounds, asked.seed))
    say(f"ended {dict(result.ended)}, answers {dict(sorted(result.statuses.items()))}")
    for violation in result.violations[:SHOWN_MAX]:
        say(f"VIOLATION {violation}")
    say(f"{len(result.violations)} violations")
    return 1 if result.violations else 0


if __name__ == "__main__":
    sys.exit(main())
