"""Replay: a decision made once more from nothing but its record and the policies it names.

Because a record holds everything that was decided on, the same policies must give the same score,
the same reasons and the same outcome, years later and on any machine. What differs was changed
afterwards, or was decided by another program than the one that claims it.

Only records of the present version are decided again, because this program does not know what an
older one took a case to mean. Of an older record it is only checked that the outcome follows from
the reasons in it.
"""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from gate.core.decision.decide import decide
from gate.core.decision.record import VERSION, Record, read, subject_digest
from gate.core.decision.record_form import write_decision
from gate.core.decision.values import Decision, Finding, FindingKind
from gate.core.policy.set import Policies

PoliciesOf = Callable[[str], Policies | None]
"""The policies of a revision; None where nobody has them."""

_COMPARED_APART = frozenset({"findings", "shadows"})
_FINDING_FIELDS = ("holds", "points", "title", "facts", "step", "seen")


class ReplayedBy(StrEnum):
    """The way in which a record was checked."""

    DECIDED_AGAIN = "decided_again"
    STATED_REASONS = "stated_reasons"


class Replay(NamedTuple):
    """A recorded decision and the one that follows from its record. Without differences the two are
    equal.
    """

    by: ReplayedBy
    recorded: Record | None
    recomputed: Decision | None
    differences: tuple[str, ...]


def replay(content: bytes, policies_of: PoliciesOf) -> Replay:
    """Decide once more what these bytes record. Never raises for anything that bytes can hold."""
    try:
        document = orjson.loads(content)
        if document["v"] != VERSION:
            return Replay(ReplayedBy.STATED_REASONS, None, None, tuple(_unstated(document)))
        record = read(content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        unread = f"the record cannot be read: {error!r}"
        return Replay(ReplayedBy.STATED_REASONS, None, None, (unread,))
    revision = record.revisions.policies
    policies = policies_of(revision)
    if policies is None:
        missing = f"the policies of revision {revision[:16]} are not here, so nothing was decided"
        return Replay(ReplayedBy.DECIDED_AGAIN, record, None, (missing,))
    if revision and policies.revision != revision:
        other = f"the policies kept as {revision[:16]} have the revision {policies.revision[:16]}"
        return Replay(ReplayedBy.DECIDED_AGAIN, record, None, (other,))
    recomputed = decide(policies, record.case)
    differences = (*_of_the_subject(record), *differing(record.decision, recomputed))
    return Replay(ReplayedBy.DECIDED_AGAIN, record, recomputed, differences)


def differing(recorded: Decision, recomputed: Decision) -> Iterator[str]:
    """Yield each field and each finding in which the two decisions differ."""
    if recorded == recomputed:
        return
    before, now = (_plain(one) for one in (recorded, recomputed))
    for name in before:
        if name not in _COMPARED_APART and before[name] != now[name]:
            yield f"{name} was recorded as {before[name]}, recomputed it is {now[name]}"
    yield from _findings(recorded.findings, recomputed.findings)
    if before["shadows"] != now["shadows"]:
        yield "what the policies beside it would have decided is not the same"


def _of_the_subject(record: Record) -> Iterator[str]:
    """Yield a difference if the digest that people approved is not that of this subject and these
    facts.
    """
    digest = subject_digest(
        record.subject, record.asked.planned, record.revisions.policies, record.case.facts
    )
    if digest != record.subject_digest:
        yield f"subject_digest was recorded as {record.subject_digest}, recomputed it is {digest}"


def _findings(recorded: tuple[Finding, ...], recomputed: tuple[Finding, ...]) -> Iterator[str]:
    before, now = (
        {(one.kind, one.rule): one for one in findings} for findings in (recorded, recomputed)
    )
    for key in [*before, *(key for key in now if key not in before)]:
        name = f"{key[0].value} {key[1]}"
        if key not in now:
            yield f"{name} was recorded as a reason, recomputed it is none"
        elif key not in before:
            yield f"{name} was not recorded as a reason, recomputed it is one"
        else:
            yield from _fields(name, before[key], now[key])
    if recorded[:1] != recomputed[:1] or list(before) != list(now):
        yield "the reasons do not stand in the same order, and the first one decides"


def _fields(name: str, before: Finding, now: Finding) -> Iterator[str]:
    for field in _FINDING_FIELDS:
        was, is_now = getattr(before, field), getattr(now, field)
        if was != is_now:
            yield f"{name}: {field} was recorded as {was}, recomputed it is {is_now}"


def _unstated(document: dict[str, Any]) -> Iterator[str]:
    """Yield what an older record says that does not follow from the reasons in it."""
    decision = document["decision"]
    findings = [one[:5] for one in decision["findings"]]
    points = sum(one[4] for one in findings if one[0] == FindingKind.RULE)
    if decision["policy"] is not None and decision["score"] != max(points, 0):
        yield f"score is {decision['score']}, the points of its reasons make {max(points, 0)}"
    kind, rule, _, holds, _ = findings[0]
    if decision["outcome"] == "approved" and decision["observed"] is None:
        stated = kind == FindingKind.GATE and holds and rule == decision["standard_change"]
        if not stated:
            yield f"it is approved, and its first reason is {kind} {rule}"
    elif decision["standard_change"] is not None:
        yield f"it is {decision['outcome']}, and names the standard change that let it pass"


def _plain(decision: Decision) -> dict[str, Any]:
    plain: dict[str, Any] = orjson.loads(orjson.dumps(write_decision(decision)))
    return plain
