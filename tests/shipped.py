"""The shipped policies, as tests that run by the real clock use them."""

from pathlib import Path

from gate.core.bundle import CALENDAR_FILE

ROOT = Path(__file__).parents[1]


def never_frozen(folder: Path) -> Path:
    """A copy with no freeze in its calendar: on a Saturday, or at the end of a year, a test is the same test."""
    policies = folder / "never-frozen"
    policies.mkdir(exist_ok=True)
    for file in (ROOT / "policies").glob("*.yaml"):
        text = file.read_text()
        (policies / file.name).write_text(text.partition("\nfreezes:\n")[0] + "\n" if file.name == CALENDAR_FILE else text)
    return policies
