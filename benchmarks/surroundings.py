"""The surroundings of a measurement: a folder on the real disk, policies, lines on
standard output.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERVICES = tuple(f"service-{number:03}" for number in range(100))
_POLICIES = Path(__file__).with_name("policies")


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder on the disk of the repository: /tmp may be memory, where nothing has to be
    durable.
    """
    parent = Path(".gate")
    parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as folder:
        yield Path(folder).resolve()


def policies(folder: Path) -> Path:
    """The benchmark's policy of 30 rules, with a catalogue that knows all services."""
    target = folder / "policies"
    # The policy in Rego is the rival's; a folder of the gate's policies holds nothing else.
    shutil.copytree(_POLICIES, target, ignore=shutil.ignore_patterns("*.rego"))
    with (target / "catalog.yaml").open("a") as catalog:
        catalog.write("services:\n")
        catalog.writelines(f"  {name}: {{owners: [team-payments], tier: 2}}\n" for name in SERVICES)
    return target


def say(line: object) -> None:
    """One line, at once: a long run is watched."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
