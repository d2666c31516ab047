"""What an observing gate would have done, had it enforced: the ground on which a team switches."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from gate.core.decision import record as records
from gate.core.decision.places import unknown_names
from gate.core.decision.record import Record
from gate.core.decision.sentences import sentence
from gate.core.decision.standard import NEVER_SUSPENDED, successes_in_a_row
from gate.core.decision.values import Outcome
from gate.errors import Invalid
from gate.flow.answers.delivery import (
    EarnedAnswer,
    ObservationsAnswer,
    WaitAnswer,
    WouldAnswer,
    spread,
)
from gate.flow.caller import Caller
from gate.flow.gate import Gate
from gate.flow.rulebooks import Rulebook, Rulebooks
from gate.storage.changes import history
from gate.storage.changes.history import Ask, Earning
from gate.storage.figures import observations as figures
from gate.storage.figures.observations import Counted, Watched

DAYS_DEFAULT = 30
DAYS_MAX = 366
SUGGESTIONS_MAX = 5
SAFE_AFTER = 20
"""So many changes say enough to switch by."""


@dataclass(frozen=True, slots=True)
class ObservationsAsk:
    """Of which place and time; without a beginning it is the last `DAYS_DEFAULT` days."""

    service: str
    environment: str
    begins: datetime | None = None
    ends: datetime | None = None


async def observations(gate: Gate, ask: ObservationsAsk, by: Caller) -> ObservationsAnswer:
    """Of one place.

    Raises `Invalid` for a time that is empty or too long.
    """
    # Every reader reads all places.
    _ = by
    book = await gate.rulebooks.current()
    now = gate.clock()
    ends = ask.ends or now
    begins = ask.begins or ends - timedelta(days=DAYS_DEFAULT)
    if not timedelta(0) < ends - begins <= timedelta(days=DAYS_MAX):
        raise Invalid(f"`from` must be earlier than `to`, by at most {DAYS_MAX} days")
    environment = book.catalogue.environment_named(ask.environment)
    place = Watched(ask.service, environment, begins, ends)
    return await gate.store.read_slowly(_read, gate.rulebooks, book, place, now)


def _read(
    conn: Connection, books: Rulebooks, book: Rulebook, place: Watched, now: datetime
) -> ObservationsAnswer:
    counted = figures.counts(conn, place)
    stopped = [records.read(one) for one in figures.stopped(conn, place)]
    by_outcome = {one.would: one.changes for one in counted}
    waited = spread(figures.seconds_people_take(conn))
    standards = _standard_changes(conn, book, place, now)
    return ObservationsAnswer(
        service=place.service,
        environment=place.environment,
        unknown=unknown_names(book.catalogue, place.service, place.environment),
        from_=place.begins,
        to=place.ends,
        changes=sum(one.changes for one in counted),
        would=WouldAnswer(*(by_outcome.get(outcome, 0) for outcome in Outcome)),
        waiting_seconds=WaitAnswer(waited.p50, waited.p90),
        failed=sum(one.failed for one in counted),
        failed_stopped=_failed_stopped(counted),
        standard_changes=tuple(standards),
        suggestions=(*_switch(counted, standards), *_in_the_way(conn, books, stopped)),
    )


def _failed_stopped(counted: Iterable[Counted]) -> int:
    """Of those that failed, how many would not have passed at once."""
    return sum(one.failed for one in counted if one.would is not Outcome.APPROVED)


def _standard_changes(
    conn: Connection, book: Rulebook, place: Watched, now: datetime
) -> list[EarnedAnswer]:
    """How many settled successes in a row there are, of how many are needed."""
    facts = book.catalogue.facts(place.service, place.environment)
    policy = book.policies.policy_for({name: one.value for name, one in facts.items()}).policy
    earning = tuple(
        Earning(one, successes, now - settle)
        for one, (successes, settle) in book.remembered.items()
    )
    here = history.standing(conn, Ask(place.service, place.environment, "", now, earning=earning))
    found = []
    for standard in policy.standard_changes if policy else ():
        if standard.earn is not None:
            matches = here.matches.get(standard.id, ())
            since = here.suspensions.get(standard.id, NEVER_SUSPENDED).reinstated_at
            row = successes_in_a_row(standard.earn, matches, reinstated_at=since, at=now)
            found.append(EarnedAnswer(standard.id, row, standard.earn.successes))
    return found


def _switch(counted: Sequence[Counted], standards: Sequence[EarnedAnswer]) -> list[str]:
    """Whether the place may be switched to enforcing without holding up what goes well."""
    changes = sum(one.changes for one in counted)
    passed = sum(one.changes for one in counted if one.would is Outcome.APPROVED)
    if changes < SAFE_AFTER:
        return [
            f"{changes} of {SAFE_AFTER} changes are seen, too few to switch by; go on observing"
        ]
    earned = [one.id for one in standards if one.earned >= one.of]
    if earned or passed * 2 >= changes:
        said = f"safe to enforce: {passed} of {changes} changes would have passed by themselves"
        return [f"{said}; say `enforce` in the catalogue"]
    return [f"only {passed} of {changes} changes would have passed; change first what follows"]


def _in_the_way(conn: Connection, books: Rulebooks, stopped: Sequence[Record]) -> list[str]:
    """What stood in the way most often, in the words of the newest change, and who was needed."""
    newest: dict[str, str] = {}
    for record in reversed(stopped):
        finding = record.decision.findings[0]
        said = sentence(finding, record.case.facts, books.policy_of(conn, record))
        newest[finding.rule] = f"{finding.title}: {said}"
    rules = Counter(record.decision.findings[0].rule for record in stopped)
    found = [
        f"{n} of the last {len(stopped)} that would not have passed: {newest[rule]}"
        for rule, n in rules.most_common(SUGGESTIONS_MAX)
    ]
    groups = Counter(
        " or ".join(entry.by)
        for record in stopped
        if record.decision.observed is not None
        for entry in record.decision.observed.required
    )
    return found + [
        f"would have waited for {by}: {n}" for by, n in groups.most_common(SUGGESTIONS_MAX)
    ]
