"""`gate ledger verify --replay`: every decision of an export made once more from its record alone.

Needs all of the gate, unlike the rest of verifying, because deciding reads policies.
"""

from collections.abc import Iterable

from gate.core.decision.replay import ReplayedBy, replay
from gate.core.policy.set import NO_POLICIES, Policies, policies_of
from gate.errors import Invalid
from gate.ledger.export import Faults, read_export


class ReplayCheck:
    """Decides again what each record says, by the policies that were registered before it."""

    def __init__(self, faults: Faults) -> None:
        self.decided_again = 0
        self.by_stated_reasons = 0
        self._faults = faults
        self._policies: dict[str, Policies] = {"": NO_POLICIES}

    def begin(self, origin: str) -> None:
        """The log's name decides nothing."""

    def tile(self, path: str, encoded: str) -> None:
        """Nor do hashes."""

    def checkpoint(self, size: int, note: bytes) -> None:
        """Nor do signatures."""

    def entry(self, index: int, body: bytes) -> None:
        """What is decided stands in the record."""

    def removed(self, index: int) -> None:
        """That an entry is gone is told by others."""

    def policies(self, index: int, body: bytes) -> None:
        """They are known from here on."""
        try:
            found = policies_of(body)
        except Invalid as error:
            self._faults.add(index, f"the policies registered here cannot be read: {error.detail}")
            return
        self._policies[found.revision] = found

    def record(self, index: int, body: bytes) -> None:
        """One decision; each difference is a fault of its entry."""
        found = replay(body, self._policies.get)
        if found.by is ReplayedBy.DECIDED_AGAIN:
            self.decided_again += 1
        else:
            self.by_stated_reasons += 1
        for difference in found.differences:
            self._faults.add(index, f"decided again it is not the same: {difference}")

    def end(self, entries: int) -> None:
        """Every record was decided where it stood."""


def replay_lines(lines: Iterable[bytes], faults: Faults) -> str:
    """Decide again all that these lines of an export record; what can be said of it."""
    found = Faults()
    check = ReplayCheck(found)
    # What is wrong with the lines themselves was found by whoever read them first.
    read_export(lines, (check,), Faults())
    for index, what in found:
        faults.add(index, what)
    older = ""
    if check.by_stated_reasons:
        older = (
            f"; {check.by_stated_reasons:,} of another version by their digest and the reasons "
            "they state"
        )
    return f"decided again: {check.decided_again:,} decisions, each the same as recorded{older}"
