"""Writes the verifier as one file, a zip that Python runs. It holds only what verifying needs."""

import zipfile
from pathlib import Path

from gate.errors import Invalid

PACKAGE = Path(__file__).parents[2]
PARTS = (
    "__init__.py",
    "cli/__init__.py",
    "cli/ledger/__init__.py",
    "cli/ledger/offline.py",
    "cli/progress.py",
    "core/__init__.py",
    "core/counting.py",
    "ledger/__init__.py",
    "ledger/checkpoint.py",
    "ledger/dsse.py",
    "ledger/export.py",
    "ledger/lives.py",
    "ledger/note.py",
    "ledger/pack.py",
    "ledger/reading.py",
    "ledger/shares.py",
    "ledger/signers.py",
    "ledger/tiles.py",
    "ledger/tree.py",
    "ledger/verify.py",
)
"""The modules that verify. They need only the standard library and `cryptography`."""

_MAIN = (
    "import sys\n\nfrom gate.cli.ledger.offline import main\n\nif __name__ == '__main__':\n    "
    "sys.exit(main())\n"
)
_BEGINNING_OF_TIME = (1980, 1, 1, 0, 0, 0)
"""A fixed time, so that equal parts always make an equal file."""


def save(file: Path) -> None:
    """Write the file. `python3 FILE EXPORT --key K` then verifies, wherever `cryptography` is."""
    try:
        with file.open("xb") as opened:
            opened.write(b"#!/usr/bin/env python3\n")
            with zipfile.ZipFile(opened, "w") as program:
                for part in PARTS:
                    program.writestr(
                        zipfile.ZipInfo(f"gate/{part}", _BEGINNING_OF_TIME),
                        (PACKAGE / part).read_text(),
                    )
                program.writestr(zipfile.ZipInfo("__main__.py", _BEGINNING_OF_TIME), _MAIN)
    except FileExistsError:
        raise Invalid(f"{file} is there already; name a new file") from None
    except OSError as error:
        raise Invalid(f"{file} cannot be written ({error.strerror})") from None
    print(f"{file} verifies by itself: python3 {file} EXPORT --key KEY")
