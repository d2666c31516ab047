"""`gate ledger verify --replay`: replays every decision of an export from its record alone.

Unlike the rest of verifying this needs the whole gate, because deciding reads policies.
"""

from collections.abc import Iterable, Mapping, Sequence

from gate.core.counting import counted
from gate.core.decision.replay import ReplayedBy, replay
from gate.core.policy.set import NO_POLICIES, Policies, policies_of
from gate.errors import Invalid
from gate.ledger.export import Check, Faults, read_export


class ReplayCheck(Check):
    """Decides again what each record says, by the policies that were registered before it. Other
    checks judge everything else.
    """

    def __init__(self, faults: Faults) -> None:
        self.decided_again = 0
        self.by_stated_reasons = 0
        self._faults = faults
        self._policies: dict[str, Policies] = {"": NO_POLICIES}

    def entries(
        self,
        index: int,  # noqa: ARG002 - every check is given it
        bodies: Sequence[bytes],  # noqa: ARG002 - the same
        records: Mapping[int, bytes],
    ) -> None:
        """Make the decisions again whose records stand behind these entries."""
        for place, record in records.items():
            self.record(place, record)

    def policies(self, index: int, body: bytes) -> None:
        """Keep the policies for the decisions that follow."""
        try:
            found = policies_of(body)
        except Invalid as error:
            self._faults.add(index, f"the policies registered here cannot be read: {error.detail}")
            return
        self._policies[found.revision] = found

    def record(self, index: int, body: bytes) -> None:
        """Make one decision again; each difference is a fault of its entry."""
        found = replay(body, self._policies.get)
        if found.by is ReplayedBy.DECIDED_AGAIN:
            self.decided_again += 1
        else:
            self.by_stated_reasons += 1
        for difference in found.differences:
            self._faults.add(index, f"decided again it is not the same: {difference}")


def replay_lines(lines: Iterable[bytes], faults: Faults) -> str:
    """Make every decision in these lines again, and return a sentence about the result."""
    found = Faults()
    check = ReplayCheck(found)
    # Faults of the lines themselves were found by the first reading.
    read_export(lines, (check,), Faults())
    for index, what in found:
        faults.add(index, what)
    older = ""
    if check.by_stated_reasons:
        older = (
            f"; {check.by_stated_reasons:,} of another version by their digest and the reasons "
            "they state"
        )
    again = counted(check.decided_again, "decision")
    return f"decided again: {again}, each the same as recorded{older}"
