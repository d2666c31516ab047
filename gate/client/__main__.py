"""`python3 -m gate.client check …`, or `python3 PATH/gate/client check …` on a runner where nothing
is installed.
"""

import sys
from pathlib import Path

if (
    not __package__
):  # run as a folder: find the package it is in, and not its modules by their short names
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from gate.client.arguments import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
