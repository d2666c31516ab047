"""The approvals that a change needs."""

from collections.abc import Iterable
from dataclasses import replace

from gate.core.catalogue.catalogue import OWNERS, OWNERS_OF_LAST_RESORT
from gate.core.decision.values import Band, Required
from gate.core.policy.policy import Policy

LAST_RESORT = (Required((OWNERS_OF_LAST_RESORT,), 2),)
"""The approvals that are required if no policy says any, because nothing matched is never yes."""


def needed(
    policy: Policy, band: Band, *, owners: tuple[str, ...], emergency: bool
) -> tuple[Required, ...]:
    """Return the approvals that this band or an emergency needs; there is always at least one."""
    if emergency and policy.emergency is not None:
        return (Required(named_groups(policy.emergency.by, owners), policy.emergency.approvals),)
    from_band = max(
        (entry.from_band for entry in policy.review if entry.from_band <= band), default=None
    )
    entries = tuple(
        Required(named_groups(entry.by, owners), entry.approvals)
        for entry in policy.review
        if entry.from_band == from_band
    )
    return entries or LAST_RESORT


def raised_to_two(required: tuple[Required, ...]) -> tuple[Required, ...]:
    """Return the entries with the first count raised until two distinct people must approve."""
    lacking = 2 - sum(entry.count for entry in required)
    if lacking <= 0:
        return required
    first, *others = required
    return (replace(first, count=first.count + lacking), *others)


def named_groups(by: Iterable[str], owners: tuple[str, ...]) -> tuple[str, ...]:
    """Return the groups with `owners` replaced: by the groups that own the service, or if nobody
    owns it by the owners of last resort.
    """
    resolved: dict[str, None] = {}
    for group in by:
        resolved.update(
            dict.fromkeys((owners or (OWNERS_OF_LAST_RESORT,)) if group == OWNERS else (group,))
        )
    return tuple(resolved)
