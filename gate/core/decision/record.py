"""The record of one decision: all that it was made from and all that it says, as bytes to hash.

The record can never be changed, but a person can be forgotten. So texts that people wrote, names
and addresses are only ids of texts here, and people are ids of the catalogue.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import orjson
from orjson import Fragment

from gate.core.canonical import digest
from gate.core.change import Planned, Subject
from gate.core.decision.asked import RequestDetails
from gate.core.decision.decide import Case
from gate.core.decision.record_form import (
    Json,
    asked_form,
    asked_of,
    hold_form,
    hold_of,
    planned_form,
    read_case,
    read_decision,
    read_subject,
    write_case,
    write_decision,
    write_facts,
    write_subject,
)
from gate.core.decision.values import (
    Decision,
    Hold,
)
from gate.core.facts import Facts
from gate.core.instants import from_us, to_us

VERSION = 1


@dataclass(frozen=True, slots=True)
class Revisions:
    """The rules that were in force: the SHA-256 of the policies, the catalogue and the calendar."""

    policies: str
    catalogue: str
    calendar: str


class Record(NamedTuple):
    """One decision of one change. `number` counts from 1; the newest is in force."""

    change: str
    number: int
    at: datetime
    subject: Subject
    asked: RequestDetails
    revisions: Revisions
    case: Case
    decision: Decision
    subject_digest: str
    # Numbers of the decisions whose approvals still count.
    carries: tuple[int, ...] = ()


class Parts(NamedTuple):
    """The canonical bytes of what is needed in several places: in the record, in a digest and in
    the row of the change.
    """

    subject: bytes
    asked: bytes
    facts: bytes

    @property
    def subject_key(self) -> str:
        """A digest of the subject, equal for two requests about the very same subject."""
        return digest(self.subject)


def parts_of(subject: Subject, asked: RequestDetails, facts: Facts) -> Parts:
    """Return the three parts, each written once."""
    return Parts(
        _canonical(write_subject(subject)),
        write_asked(asked),
        _canonical(write_facts(facts)),
    )


def subject_digest(
    subject: Subject,
    planned: Planned,
    policy_revision: str,
    facts: Facts,
    parts: Parts | None = None,
) -> str:
    """Return the digest that an approval names.

    It is SHA-256 over the RFC 8785 form of subject, planned times, policy revision and facts.
    `parts` are their bytes, if they were made already.
    """
    return digest(
        _canonical(
            {
                "subject": Fragment(parts.subject) if parts else write_subject(subject),
                "planned": planned_form(planned),
                "policy_revision": policy_revision,
                "facts": Fragment(parts.facts) if parts else write_facts(facts),
            }
        )
    )


def write(record: Record, parts: Parts | None = None) -> bytes:
    """Return the canonical bytes; `parts` are those of the record, if they were made already."""
    parts = parts or parts_of(record.subject, record.asked, record.case.facts)
    return _canonical(
        {
            "v": VERSION,
            "change": record.change,
            "number": record.number,
            "at": to_us(record.at),
            "subject": Fragment(parts.subject),
            "subject_digest": record.subject_digest,
            "asked": Fragment(parts.asked),
            "revisions": [
                record.revisions.policies,
                record.revisions.catalogue,
                record.revisions.calendar,
            ],
            "case": write_case(record.case, parts.facts),
            "decision": write_decision(record.decision),
            "carries": record.carries,
        }
    )


def read(content: bytes) -> Record:
    """Return the record of these bytes.

    The gate wrote them itself, so a wrong shape is a bug and fails loudly.
    """
    raw = orjson.loads(content)
    asked = asked_of(raw["asked"])
    return Record(
        change=raw["change"],
        number=raw["number"],
        at=from_us(raw["at"]),
        subject=read_subject(raw["subject"]),
        asked=asked,
        revisions=Revisions(*raw["revisions"]),
        case=read_case(raw["case"]),
        decision=read_decision(raw["decision"]),
        subject_digest=raw["subject_digest"],
        carries=tuple(raw["carries"]),
    )


def write_asked(asked: RequestDetails) -> bytes:
    """Return the details of the request as JSON, for the row of the change."""
    return _canonical(asked_form(asked))


def read_asked(text: bytes) -> RequestDetails:
    """Return the details that `write_asked` wrote."""
    return asked_of(orjson.loads(text))


def write_hold(hold: Hold | None) -> str | None:
    """Return the hold as JSON, for the row of the change."""
    return None if hold is None else orjson.dumps(hold_form(hold)).decode()


def read_hold(text: str | None) -> Hold | None:
    """Return the hold that `write_hold` wrote."""
    return None if text is None else hold_of(orjson.loads(text))


def _canonical(value: Json) -> bytes:
    # A record has no floats, its whole numbers are exact and its keys ASCII. For such values sorted
    # keys are all that RFC 8785 asks for.
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
