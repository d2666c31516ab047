"""What a decision costs the processor, kept from one release to the next.

Machines differ, so the figure is how many echoes of the same request cost as much in the same run.
An echo is the framework alone, of which no release of the gate changes anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

KEPT = Path(__file__).with_name("figures.json")
GROWTH_MAX = 1.1
"""So much of what is kept a decision may cost."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The cost of a decision on one database in echoes, now and when the figures were kept."""

    echoes: float
    # None if nothing was kept.
    before: float | None

    @property
    def ok(self) -> bool:
        """Whether it has grown by no more than is allowed."""
        return self.before is None or self.echoes <= GROWTH_MAX * self.before

    def __str__(self) -> str:
        found = f"as much as {self.echoes:.1f} echoes"
        if self.before is None:
            return f"{found} (nothing is kept to compare it with; --keep keeps it)"
        missed = "" if self.ok else ": MISSED"
        return (
            f"{found}, {self.echoes / self.before:.2f} of the {self.before:.1f} that are kept "
            f"(target: at most {GROWTH_MAX}){missed}"
        )


def compare(found: Mapping[str, float], before: Mapping[str, float]) -> tuple[Compared, ...]:
    """Compare the cost on each database with what was kept, in the order of what was found."""
    return tuple(Compared(echoes, before.get(name)) for name, echoes in found.items())


def kept(place: Path = KEPT) -> Mapping[str, float]:
    """Return the echoes by database that were kept, or none where there is no file."""
    if not place.exists():
        return {}
    found: dict[str, float] = orjson.loads(place.read_bytes())
    return found


def keep(found: Mapping[str, float], place: Path = KEPT) -> None:
    """Keep the echoes by database for later runs."""
    rounded = {name: round(echoes, 2) for name, echoes in found.items()}
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    place.write_bytes(orjson.dumps(rounded, option=options))
