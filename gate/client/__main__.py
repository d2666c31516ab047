"""`python3 -m gate.client check …`, or `python3 PATH/gate/client check …` on a runner where nothing
is installed.
"""

import sys
from pathlib import Path

if not __package__:
    # It is run as a folder. Then Python looks for modules in this folder, where they have short
    # names, and must look in the one that contains the package.
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from gate.client.arguments import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
