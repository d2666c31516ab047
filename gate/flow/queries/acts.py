"""The acts of people as rows of the log: each entry of the ledger in words."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from gate.core.instants import clock
from gate.flow.answers.decision import ActRowAnswer
from gate.flow.identity.labels import callers_named, labels, nameless, token_names
from gate.flow.rulebooks import Rulebook
from gate.ledger.format import Entry, Kind, read_entry
from gate.storage import texts
from gate.storage.changes.approvals import REJECTION
from gate.storage.ledger.acts import ActRow
from gate.storage.policies import freezes

_TEXT_FIELDS = ("comment", "findings", "reason", "title")
_REVISION_SHOWN = 10
_PERSON_FIELDS = ("person", "into")


@dataclass(frozen=True, slots=True)
class _Names:
    """The names and texts for which the ids in entries stand."""

    texts: Mapping[str, str]
    callers: Mapping[str, str]
    people: Mapping[str, str]
    # The reason of each freeze and each stopped line.
    windows: Mapping[str, str]
    tokens: Mapping[str, str]
    standard_title: Callable[[str], str]


def act_rows(conn: Connection, book: Rulebook, rows: Sequence[ActRow]) -> list[ActRowAnswer]:
    """Return each act in words. The number of database queries does not grow with the number of
    acts.
    """
    if not rows:
        return []
    entries = [read_entry(row.body) for row in rows]
    titles = [asked.title for row in rows if (asked := row.asked) is not None]
    names = _names(conn, book, entries, titles)
    return [_row(row, entry, names) for row, entry in zip(rows, entries, strict=True)]


def _row(row: ActRow, entry: Entry, names: _Names) -> ActRowAnswer:
    fields, asked = entry.fields, row.asked
    by = _text(fields, "by")
    said = [names.texts.get(_text(fields, name), "") for name in _TEXT_FIELDS]
    return ActRowAnswer(
        kind=entry.kind.value,
        at=entry.at,
        by=names.callers[by] if by else None,
        what=_WHAT[entry.kind](fields, names),
        comment=next(filter(None, said), _text(fields, "because")),
        change=row.change,
        service=row.service or _text(fields, "service") or None,
        environment=row.environment or _text(fields, "environment") or None,
        title=names.texts.get(asked.title, "") if asked else "",
    )


def _names(
    conn: Connection, book: Rulebook, entries: Sequence[Entry], titles: Iterable[str]
) -> _Names:
    callers = _all(entries, ("by",))
    held = _all(entries, ("window",), (Kind.OVERRIDE, Kind.FREEZE))
    said = _all(entries, _TEXT_FIELDS)
    return _Names(
        texts.read_texts(conn, [*said, *titles]),
        callers_named(conn, book.catalogue, callers),
        labels(conn, book.catalogue, _all(entries, _PERSON_FIELDS)),
        window_reasons(conn, book, held),
        token_names(conn, _all(entries, ("token",), (Kind.TOKEN,))),
        book.standard_title,
    )


def window_reasons(
    conn: Connection, book: Rulebook, declared: Collection[str]
) -> Mapping[str, str]:
    """Return the reason of each window of the calendar, and of those that people declared under
    these ids.
    """
    found = freezes.named(conn, declared)
    said = texts.read_texts(conn, [one.reason for one in found])
    windows = {one.id: one.reason for one in book.calendar.freezes}
    return windows | {one.id: said.get(one.reason, "") for one in found}


def _all(
    entries: Iterable[Entry], names: Sequence[str], kinds: Sequence[Kind] = tuple(Kind)
) -> list[str]:
    """Return the values of the named fields in entries of these kinds, each value once."""
    found = (_text(one.fields, name) for one in entries if one.kind in kinds for name in names)
    return [value for value in dict.fromkeys(found) if value]


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _lapse(fields: Mapping[str, Any], _: _Names) -> str:
    if fields.get("taken_back"):
        return "Took the approval back"
    return "The approval lapsed: something else is in force now"


def _override(fields: Mapping[str, Any], names: _Names) -> str:
    window = fields["window"]
    if window == REJECTION:
        return "Lifted the rejection"
    return f"Overrode the hold: {names.windows.get(window) or window}"


def _cancellation(fields: Mapping[str, Any], _: _Names) -> str:
    if fields.get("superseded_by"):
        return "Canceled, because a later change was deployed"
    return "Withdrew the change"


def _freeze(fields: Mapping[str, Any], _: _Names) -> str:
    where = ", ".join(fields.get("services", ())) or "everything"
    if fields.get("environments"):
        where = f"{where} in {', '.join(fields['environments'])}"
    if fields["action"] == "lifted":
        return f"Let the line run again: {where}" if fields.get("stop") else f"Unfroze {where}"
    if fields.get("stop"):
        return f"Stopped the line: {where}"
    ends = fields.get("ends")
    until = f" until {clock(datetime.fromisoformat(ends))}" if ends else ""
    return f"Froze {where} from {clock(datetime.fromisoformat(fields['begins']))}{until}"


def _rules(done: str) -> Callable[[Mapping[str, Any], _Names], str]:
    def words(fields: Mapping[str, Any], _: _Names) -> str:
        return done.format(f"{fields['part']} {fields['revision'][:_REVISION_SHOWN]}")

    return words


def _standard_change(fields: Mapping[str, Any], names: _Names) -> str:
    done = {"reinstated": "Reinstated", "suspended": "Suspended"}.get(fields["action"])
    title = names.standard_title(fields["standard_change"])
    return f"{done or fields['action']} the standard change “{title}”"


def _incident(fields: Mapping[str, Any], _: _Names) -> str:
    return f"Incident {fields['incident']} {fields['action'].replace('_', ' ')}"


def _link(fields: Mapping[str, Any], _: _Names) -> str:
    done = {
        "linked": "Tied the change to incident {}",
        "confirmed": "Confirmed the tie to incident {}",
        "removed": "Removed the tie to incident {}",
        "found_better": "Tied the change to incident {} for a better reason",
    }
    return done.get(fields["action"], "Tie to incident {}").format(fields["incident"])


def _improvement(fields: Mapping[str, Any], _: _Names) -> str:
    issue = " ".join(filter(None, (_text(fields, "place"), _text(fields, "number"))))
    words = {
        "issue_asked": f"has an issue opened in {issue}",
        "issue_named": f"follows the issue {issue}",
        "issue_opened": f"has the issue {issue}",
    }
    action = fields["action"]
    return f"Improvement {fields['improvement']} {words.get(action, action)}"


def _token(fields: Mapping[str, Any], names: _Names) -> str:
    name = names.tokens.get(fields["token"])
    token = f"the token {name}" if name else nameless(fields["token"])
    if fields["action"] == "revoked":
        return f"Revoked {token}"
    person = _text(fields, "person")
    whose = f"for {names.people[person]}" if person else f"with the role {fields.get('role')}"
    return f"Made {token} {whose}"


def _role(fields: Mapping[str, Any], names: _Names) -> str:
    person, role = names.people[fields["person"]], fields.get("role")
    changed = f"Gave {person} the role {role}" if role else f"Took the role from {person}"
    words = {
        "invited": f"Invited {person}",
        "link_asked": f"Asked for a new link for {person}",
        "accepted": "Accepted the invitation",
        "role": changed,
        "disabled": f"Shut {person} out",
        "enabled": f"Let {person} in again",
        "bound": f"{person} signed in through the identity provider for the first time",
        "left": f"{person} left the catalogue",
        "merged": f"{person} turned out to be {names.people.get(_text(fields, 'into'), 'another')}",
    }
    return words.get(fields["action"], f"{fields['action']}: {person}")


def _always(words: str) -> Callable[[Mapping[str, Any], _Names], str]:
    return lambda _fields, _names: words


_WHAT: Mapping[Kind, Callable[[Mapping[str, Any], _Names], str]] = {
    **{kind: _always(kind.value.replace("_", " ").capitalize()) for kind in Kind},
    Kind.APPROVAL: _always("Approved"),
    Kind.REJECTION: _always("Rejected"),
    Kind.LAPSE: _lapse,
    Kind.OVERRIDE: _override,
    Kind.CANCELLATION: _cancellation,
    Kind.POST_REVIEW: _always("Held the review"),
    Kind.FREEZE: _freeze,
    Kind.REGISTRATION: _rules("Registered {}"),
    Kind.ACTIVATION: _rules("Put {} in force"),
    Kind.STANDARD_CHANGE: _standard_change,
    Kind.INCIDENT: _incident,
    Kind.LINK: _link,
    Kind.IMPROVEMENT: _improvement,
    Kind.TOKEN: _token,
    Kind.ROLE: _role,
    Kind.KEY: _always("The signing key was used for the first time"),
    Kind.EPOCH: _always("A new epoch of the ledger began after a restore"),
}
