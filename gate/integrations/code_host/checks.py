"""Counts the checks of a commit: passed, failed, not ended, and those that say nothing."""

from collections.abc import Sequence
from enum import StrEnum

from gate.core.facts import LIST_LENGTH_MAX, Value

NAME_LENGTH_MAX = 100


class Check(StrEnum):
    """The state of one check. A skipped or neutral check has not passed, because it
    shows nothing.
    """

    PASSED = "passed"
    FAILED = "failed"
    PENDING = "pending"
    SKIPPED = "skipped"


def counted(checks: Sequence[tuple[str, Check]]) -> dict[str, Value]:
    """Return the facts of the group `checks`, from every check by name.

    Names over a limit make the list of names unknown; their count is kept.
    """
    seen = [check for _, check in checks]
    failed = sorted({name[:NAME_LENGTH_MAX] for name, check in checks if check is Check.FAILED})
    facts: dict[str, Value] = {
        "checks.total": len(seen),
        "checks.passed": seen.count(Check.PASSED),
        "checks.failed": seen.count(Check.FAILED),
        "checks.pending": seen.count(Check.PENDING),
        "checks.skipped": seen.count(Check.SKIPPED),
    }
    if len(failed) <= LIST_LENGTH_MAX:
        facts["checks.failed_names"] = tuple(failed)
    return facts
