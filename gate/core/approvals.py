"""Which approvals a change needs."""

from collections.abc import Iterable
from dataclasses import replace

from gate.core.decision import Band, Required
from gate.core.policy import Policy

RELEASE_MANAGERS = "release-managers"
OWNERS = "owners"
"""In `by`: the groups that own the service; a service without owners has the release managers."""


def needed(policy: Policy, band: Band, *, owners: tuple[str, ...], emergency: bool) -> tuple[Required, ...]:
    """The approvals for this band, or for an emergency. Never none: without an entry two release managers decide."""
    if emergency and policy.emergency is not None:
        return (Required(_groups(policy.emergency.by, owners), policy.emergency.approvals),)
    from_band = max((entry.from_band for entry in policy.review if entry.from_band <= band), default=None)
    entries = tuple(Required(_groups(entry.by, owners), entry.approvals) for entry in policy.review if entry.from_band == from_band)
    return entries or (Required((RELEASE_MANAGERS,), 2),)


def raised_to_two(required: tuple[Required, ...]) -> tuple[Required, ...]:
    """At least two distinct approvers: the first entry's count is raised until all add up to two."""
    lacking = 2 - sum(entry.count for entry in required)
    if lacking <= 0:
        return required
    first, *others = required
    return (replace(first, count=first.count + lacking), *others)


def _groups(by: Iterable[str], owners: tuple[str, ...]) -> tuple[str, ...]:
    resolved: dict[str, None] = {}
    for group in by:
        resolved.update(dict.fromkeys((owners or (RELEASE_MANAGERS,)) if group == OWNERS else (group,)))
    return tuple(resolved)
