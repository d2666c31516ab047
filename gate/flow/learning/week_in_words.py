"""The weekly pack as a digest: the same words for Markdown and for the chat."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from gate.core.change import Result
from gate.core.counting import counted
from gate.core.durations import after, span
from gate.core.instants import clock
from gate.core.learning.concerns import Concern, Recovery
from gate.core.messages.digest import Digest, Line, Section
from gate.flow.answers.insights.concern import ConcernAnswer
from gate.flow.answers.insights.week import (
    FailureAnswer,
    WaitedAnswer,
    WaitedForAnswer,
    WeekAnswer,
)
from gate.flow.learning.concerns import ended

CONCERNS: Mapping[Concern, str] = MappingProxyType(
    {
        Concern.UNLINKED_INCIDENT: "Incidents that no change is tied to",
        Concern.FAILED_WITHOUT_REVIEW: "Failed changes without a review",
        Concern.REVIEW_OVERDUE: "Overdue reviews of emergencies",
        Concern.AGEING: "Changes that wait longer than usual",
        Concern.RECURRING: "Failures that recur",
        Concern.IMPROVEMENT_OVERDUE: "Improvements that are due",
        Concern.RULE_OVERDUE: "Rules whose day of review has passed",
    }
)
"""The kinds of things to look after, as headings."""

_RECOVERIES: Mapping[Recovery, str] = MappingProxyType(
    {
        Recovery.ROLLED_BACK: "rolled back",
        Recovery.REDEPLOYED: "deployed again",
        Recovery.FIXED_FORWARD: "fixed by a later change",
        Recovery.RESOLVED: "the incident was resolved",
    }
)


def digest(pack: WeekAnswer, base_url: str) -> Digest:
    """Return the pack in words. Its addresses begin with `base_url`."""
    failed = pack.failed
    return Digest(
        title=f"Week {pack.week}",
        lead=_lead(pack),
        page=base_url + pack.page,
        sections=(
            Section(
                heading=f"What failed, and why: {counted(failed.n, 'change')}",
                lines=tuple(
                    Line(failure(one), f"{base_url}/changes/{one.change}") for one in failed.items
                ),
                nothing="Nothing failed.",
                more=failed.more,
                page=base_url + failed.page,
            ),
            *_waited(pack.waited, base_url),
            *_overdue(pack, base_url),
            Section(
                heading="What to improve next",
                lines=tuple(
                    Line(f"{one.service} to {one.environment}: {one.evidence}", base_url + one.page)
                    for one in pack.candidates
                ),
                nothing="The register proposes nothing.",
                more=0,
                page=f"{base_url}/improvements",
            ),
        ),
    )


def failure(one: FailureAnswer) -> str:
    """Return what failed, why, and how it was mended, as one sentence."""
    title = f" “{one.title}”" if one.title else ""
    why = [ended(one.result)]
    why += [f"incident {incident.title or incident.id}" for incident in one.incidents]
    if one.notes:
        why.append(f"“{one.notes}”")
    return f"{one.service} to {one.environment}:{title} {'; '.join(why)}; {recovery(one)}"


def recovery(failed: FailureAnswer) -> str:
    """Return how the place became well again, and how long that took."""
    one = failed.recovery
    if one.method is Recovery.NOT_YET or one.seconds is None:
        return "not well again"
    well = f"well again {after(one.seconds)}"
    # Its result says so already.
    if failed.result is Result.ROLLED_BACK:
        return well
    return f"{well}, {_RECOVERIES[one.method]}"


def waited_for(one: WaitedForAnswer) -> str:
    """Return for whom or where changes waited, how long, and what part of all waiting it is."""
    name = one.group or f"{one.service} to {one.environment}"
    return (
        f"{name}: {counted(one.changes, 'change')} waited {span(one.seconds)}, "
        f"{round(one.share * 100)} % of all waiting"
    )


def concern(one: ConcernAnswer) -> str:
    """Return what was found, where, since when, and who answers for it."""
    place = f"{one.service} to {one.environment}: " if one.environment else ""
    if one.service and not one.environment:
        place = f"{one.service}: "
    title = f"“{one.title}”: " if one.title else ""
    return f"{place}{title}{one.found}, since {clock(one.since)}; {' or '.join(one.owners)}"


def _lead(pack: WeekAnswer) -> str:
    until = clock(pack.to) if pack.over else f"{clock(pack.at)}; it goes on"
    began = counted(pack.failed.deployments, "deployment")
    return f"From {clock(pack.from_)} to {until}, by the clocks of {pack.time_zone}. {began} began."


def _waited(waited: WaitedAnswer, base_url: str) -> Iterable[Section]:
    page = base_url + waited.page
    whole = f"{counted(waited.changes, 'change')}, {span(waited.seconds)}"
    for heading, lines, more in (
        (f"What waited for whom: {whole}", waited.groups, waited.more_groups),
        ("Where it waited", waited.places, waited.more_places),
    ):
        yield Section(
            heading=heading,
            lines=tuple(Line(waited_for(one), base_url + one.page) for one in lines),
            nothing="No change waited for people.",
            more=more,
            page=page,
        )


def _overdue(pack: WeekAnswer, base_url: str) -> Iterable[Section]:
    for one in pack.overdue:
        yield Section(
            heading=f"{CONCERNS[one.kind]}: {one.n}",
            lines=tuple(Line(concern(item), base_url + item.page) for item in one.items),
            nothing="None.",
            more=one.more,
            page=base_url + one.page,
        )
