"""For whom a change waited: how long each group that was asked had not given its approvals.

A group that has given them is not waited for any more, whatever else is missing. Of a union, such
as release managers or owners, each group could have answered, so each is waited for.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from gate.core.decision.quorum import missing
from gate.core.decision.values import Required

_SECOND = timedelta(seconds=1)


class CountedApproval(NamedTuple):
    """An approval that counts: who gave it, for which groups they may act, and when."""

    person: str
    groups: Collection[str]
    at: datetime


def seconds_by_group(
    required: tuple[Required, ...],
    approvals: Sequence[CountedApproval],
    *,
    waited: timedelta,
    ended_at: datetime,
) -> dict[str, int]:
    """Return for each group that was asked how many seconds the change waited for it.

    `waited` is how long it waited until `ended_at`, without the time in which it was held.
    """
    filled = _filled_at(required, approvals)
    found: dict[str, int] = {}
    for number, entry in enumerate(required):
        spared = ended_at - filled.get(number, ended_at)
        seconds = max(waited - spared, timedelta(0)) // _SECOND
        for group in entry.by:
            found[group] = max(found.get(group, 0), seconds)
    return found


def _filled_at(
    required: tuple[Required, ...], approvals: Sequence[CountedApproval]
) -> Mapping[int, datetime]:
    """Return when each entry had its approvals, for good; an entry that lacks some is left out.

    A later approval may take the place that an earlier one filled, so each is tried in its turn.
    """
    filled: dict[int, datetime] = {}
    approvers: dict[str, Collection[str]] = {}
    for one in sorted(approvals, key=lambda one: one.at):
        approvers[one.person] = one.groups
        for number, lacking in enumerate(missing(required, approvers)):
            if lacking:
                filled.pop(number, None)
            else:
                filled.setdefault(number, one.at)
    return filled
