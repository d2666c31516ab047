"""The issue that an item of the register follows at GitHub, GitLab or Jira.

The gate opens it, or a person names one that there is. Its state is only shown: a closed issue
closes no item, because an item ends with its figure. The webhook of a tracker is a reason to ask
for the state and never the state itself, so neither its order nor a repetition matters.
"""

import secrets
from dataclasses import replace
from datetime import datetime, timedelta

import orjson
import structlog
from sqlalchemy import Connection

from gate.core.change import Repository
from gate.core.counting import counted
from gate.core.facts import DECIMAL_UNIT
from gate.core.instants import clock
from gate.core.learning.improvements import FIGURE_WORDS
from gate.core.learning.issues import Issue, IssueDraft, IssueState, TrackerName
from gate.core.messages.host_reports import IssueMoved
from gate.core.messages.outgoing import Message
from gate.errors import Conflict, Fault, GateError, Invalid, Undeliverable
from gate.flow.answers.insights.improvement import ImprovementAnswer
from gate.flow.caller import Person
from gate.flow.gate import Gate
from gate.flow.learning import improvements
from gate.flow.notifications.notify import Deliver
from gate.flow.ports import Tracker
from gate.flow.rulebooks import Rulebooks
from gate.storage import texts
from gate.storage.database.rows import MessageRow
from gate.storage.database.tx import Tx
from gate.storage.figures import improvements as items
from gate.storage.figures import issues
from gate.storage.figures.improvements import Improvement
from gate.storage.figures.issues import FollowedIssue
from gate.storage.messages.outbox import insert_messages, new_message_id

TARGET = "issues"
"""The kind of target of the messages that have an issue opened."""

LOOK_SECONDS = 10.0
LOOK_PAUSE = timedelta(minutes=15)
"""How often an issue is read again whose tracker reports nothing."""

_log = structlog.get_logger("gate.issues")


async def ask(gate: Gate, improvement: str, name: TrackerName, by: Person) -> ImprovementAnswer:
    """Have an issue opened for an item. It is opened soon after, by a message of the outbox.

    Raises `Invalid` for a tracker that is not configured, and for a service without a place there;
    `Conflict` for an item that is closed, and for one that has an issue.
    """
    item = await gate.store.write(_writable, gate.rulebooks, improvement, by)
    tracker = _tracker(gate, name)
    place = tracker.place(await _repositories(gate, item))
    if place is None:
        detail = (
            f"the catalogue lists no repository of {item.service} at {tracker.host}; list it "
            "there, or name another tracker"
        )
        raise Invalid(detail, faults=[Fault(detail, "#/tracker")])
    return await gate.store.write(_ask, gate.rulebooks, improvement, name, place, by)


async def follow(gate: Gate, improvement: str, link: str, by: Person) -> ImprovementAnswer:
    """Have an item follow the issue at this address, which is read now.

    Raises `Invalid` for an address that is none of an issue of this service at a configured
    tracker; `Conflict` for an item that is closed, and for one whose issue is being opened.
    """
    item = await gate.store.write(_writable, gate.rulebooks, improvement, by)
    repositories = await _repositories(gate, item)
    # Where on the page a person was when copying the address is of no interest.
    link = link.partition("#")[0].partition("?")[0].rstrip("/")
    for name, tracker in gate.trackers.items():
        found = tracker.find(link, repositories)
        if found is None:
            continue
        place, number = found
        issue = await tracker.read(place, number)
        if issue is None:
            raise _no_link(f"{tracker.host} knows no issue {number} in {place.name}")
        followed = _named_by_link(item, name, place, issue, gate.clock())
        return await gate.store.write(_follow, gate.rulebooks, followed, by)
    raise _no_link(_where_links_lead(gate, item.service))


def delivering(gate: Gate) -> Deliver:
    """Return what opens the issues that were asked for."""

    async def deliver(message: Message) -> None:
        improvement = orjson.loads(message.body)["improvement"]
        found = await gate.store.read(_to_open, improvement, message.id)
        if found is None:
            # An earlier attempt has opened it, the item follows another issue by now, or is closed.
            return
        item, followed, experiment = found
        tracker = gate.trackers.get(followed.tracker)
        if tracker is None:
            raise Undeliverable(f"{followed.tracker} is not in GATE_ISSUES any more")
        place = Repository(followed.issuer, followed.repository, followed.place)
        issue = await tracker.open(place, _draft(gate, item, followed, experiment))
        await gate.store.write(_opened, item, followed, issue)

    return deliver


async def moved(gate: Gate, report: IssueMoved) -> None:
    """Have an issue read again, because its tracker says that something happened to it."""
    await gate.store.write(issues.look_soon, report.issuer, report.repository, report.number)


async def is_followed(gate: Gate, report: IssueMoved) -> bool:
    """Whether an item that is not closed follows this issue."""
    return await gate.store.read(
        issues.is_followed, report.issuer, report.repository, report.number
    )


async def look_due(gate: Gate) -> None:
    """Read the issues again that are due. One that cannot be read keeps no other one waiting."""
    for followed in await gate.store.read(issues.due, gate.clock()):
        look_at = gate.clock() + LOOK_PAUSE
        try:
            issue = await _read(gate, followed)
        except GateError as error:
            _log.warning("an issue could not be read", issue=followed.url, error=error.detail)
            await gate.store.write(issues.not_seen, followed, error.detail, look_at)
        else:
            await gate.store.write(issues.seen, followed, issue, look_at)


async def _read(gate: Gate, followed: FollowedIssue) -> Issue | None:
    tracker = _tracker(gate, followed.tracker)
    place = Repository(followed.issuer, followed.repository, followed.place)
    return await tracker.read(place, followed.number or "")


def _tracker(gate: Gate, name: TrackerName) -> Tracker:
    found = gate.trackers.get(name)
    if found is None:
        allowed = ", ".join(gate.trackers) or "none, because GATE_ISSUES is not set"
        detail = f"found {name}, allowed are the trackers of GATE_ISSUES: {allowed}"
        raise Invalid(detail, faults=[Fault(detail, "#/tracker")])
    return found


async def _repositories(gate: Gate, item: Improvement) -> tuple[Repository, ...]:
    return (await gate.rulebooks.current()).catalogue.repositories_of(item.service)


def _no_link(detail: str) -> Invalid:
    return Invalid(detail, faults=[Fault(detail, "#/link")])


def _where_links_lead(gate: Gate, service: str) -> str:
    if not gate.trackers:
        return "no issue can be followed, because GATE_ISSUES is not set"
    hosts = " or ".join(tracker.host for tracker in gate.trackers.values())
    return f"allowed is the address of an issue of {service} at {hosts}"


def _writable(tx: Tx, books: Rulebooks, improvement: str, by: Person) -> Improvement:
    """Return an item for which this person may open an issue now.

    It is asked before a tracker is, so that nobody else learns what there is at the tracker.
    """
    item = improvements.owned(tx, books, improvement, by)
    if item.closed_at is not None:
        raise Conflict(f"{item.id} is closed already")
    return item


def _before(tx: Tx, item: Improvement) -> FollowedIssue | None:
    """Return the issue that the item follows. Raises `Conflict` while that is being opened."""
    before = issues.of_items(tx.conn, [item.id]).get(item.id)
    if before is not None and before.state is IssueState.ASKED:
        raise Conflict(f"an issue of {item.id} is being opened at {before.tracker}; wait for it")
    return before


def _ask(
    tx: Tx, books: Rulebooks, improvement: str, name: TrackerName, place: Repository, by: Person
) -> ImprovementAnswer:
    item = _writable(tx, books, improvement, by)
    before = _before(tx, item)
    if before is not None and before.state is not IssueState.NOT_OPENED:
        raise Conflict(f"{item.id} follows {before.url} already; name another one by its link")
    asked_before = before is not None and before.tracker is name and before.issuer == place.issuer
    followed = FollowedIssue(
        improvement=item.id,
        tracker=name,
        issuer=place.issuer,
        repository=place.id,
        place=place.name,
        # An attempt whose answer was lost may have opened it; then it is found by this mark.
        mark=before.mark if before and asked_before else f"gate{secrets.token_hex(16)}",
        asked_at=before.asked_at if before and asked_before else tx.now,
        message=new_message_id(),
    )
    _keep(tx, item, followed, before, "issue_asked", by.caller)
    body = orjson.dumps({"improvement": item.id})
    target = f"{TARGET}:{name}"
    insert_messages(tx, [MessageRow(followed.message or "", tx.now, target, None, body, tx.now)])
    return improvements.answer(tx.conn, item)


def _named_by_link(
    item: Improvement, name: TrackerName, place: Repository, issue: Issue, now: datetime
) -> FollowedIssue:
    return FollowedIssue(
        improvement=item.id,
        tracker=name,
        issuer=place.issuer,
        repository=place.id,
        place=place.name,
        asked_at=now,
        number=issue.number,
        url=issue.url,
        state=issue.state,
        seen_at=now,
        look_at=now + LOOK_PAUSE,
    )


def _follow(tx: Tx, books: Rulebooks, followed: FollowedIssue, by: Person) -> ImprovementAnswer:
    item = _writable(tx, books, followed.improvement, by)
    _keep(tx, item, followed, _before(tx, item), "issue_named", by.caller)
    return improvements.answer(tx.conn, item)


def _keep(
    tx: Tx,
    item: Improvement,
    followed: FollowedIssue,
    before: FollowedIssue | None,
    action: str,
    by: str,
) -> None:
    if not issues.follow(tx, followed, before):
        raise Conflict(f"the issue of {item.id} has changed meanwhile; look again")
    improvements.append(tx, item, action, by=by, **_named(followed))


def _to_open(
    conn: Connection, improvement: str, message: str
) -> tuple[Improvement, FollowedIssue, str] | None:
    """Return what this message has to open, or None if nothing is to be opened by it any more."""
    item = items.read(conn, improvement)
    followed = issues.of_items(conn, [improvement]).get(improvement)
    if followed is None or followed.message != message or followed.number:
        return None
    if item is None or item.closed_at is not None:
        return None
    experiment = texts.read_texts(conn, [item.experiment]).get(item.experiment)
    return item, followed, experiment or "The text was erased"


def _draft(gate: Gate, item: Improvement, followed: FollowedIssue, experiment: str) -> IssueDraft:
    name, worded = FIGURE_WORDS[item.figure]
    before = f"{worded(item.before_value / DECIMAL_UNIT)} (of {item.before_n})"
    days = f"in the {counted(item.days, 'day')} before {clock(item.created_at)}"
    return IssueDraft(
        title=experiment,
        lines=(
            experiment,
            f"Where: {item.service} in {item.environment}",
            f"Measured by: {name}, {before} {days}",
            f"Read again: {clock(item.due_at)}",
            f"Answers for it: {item.owner}",
            "Closing this issue does not close the improvement: its figure is read first.",
        ),
        page=f"{gate.base_url}/improvements#{item.id}",
        mark=followed.mark,
        asked_at=followed.asked_at,
    )


def _opened(tx: Tx, item: Improvement, followed: FollowedIssue, issue: Issue) -> None:
    """Keep an issue that was opened. By the gate itself, so the entry names nobody."""
    now = items.read(tx.conn, item.id)
    is_closed = now is None or now.closed_at is not None
    # The issue of a closed item is read no more.
    if issues.opened(tx, followed, issue, None if is_closed else tx.now + LOOK_PAUSE):
        known = replace(followed, number=issue.number)
        improvements.append(tx, item, "issue_opened", **_named(known))


def _named(followed: FollowedIssue) -> dict[str, str | None]:
    return {
        "tracker": followed.tracker.value,
        "place": followed.place,
        "number": followed.number,
    }
