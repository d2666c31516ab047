"""Where a person is looked for: in every table, also by a command that imports little."""

import subprocess
import sys
from pathlib import Path

from gate.storage import tables

SAYS_ITS_TABLES = """
import gate.cli.people
from gate.storage.tables.schema import metadata
print(*metadata.tables)
"""


def test_the_command_that_erases_knows_every_table() -> None:
    written = (Path(tables.__path__[0]).parent / "migrations/first/tables.sqlite.sql").read_text()
    done = subprocess.run(  # noqa: S603 - this very interpreter, with a constant
        [sys.executable, "-c", SAYS_ITS_TABLES], capture_output=True, text=True, check=True
    )

    made = [line.split()[2] for line in written.splitlines() if line.startswith("CREATE TABLE")]
    assert sorted(done.stdout.split()) == sorted(made)
