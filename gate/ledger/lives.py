"""Judges the life of every change from the entries of an export.

A change is decided, waits, is approved by enough people who had no part in it, is admitted once,
and ends once. An entry that could not follow from the entries before it is a fault.

- The rules are written here again and not shared with the gate, so that a fault of the gate cannot
  hide itself.
- Only the standard library is used, so that anybody can run this.
- Times are compared as texts, because RFC 3339 in UTC with microseconds sorts like time.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from gate.ledger.export import Check, Faults
from gate.ledger.reading import EntryReader, Fields, canonical
from gate.ledger.shares import EVERYTHING, Share

WAITING, DEPLOYING = "waiting", "deploying"
REJECTED, EXPIRED, CANCELED = "rejected", "expired", "canceled"
CLOSED: Mapping[str, int] = {
    "successful": 1,
    "successful_issues": 2,
    "unsuccessful": 3,
    "rolled_back": 3,
}
"""The results by rank, the best first, because a later report may only make a result worse."""

PARTS = ("policies", "catalogue", "calendar")
ANY_REJECTION = "rejection"
"""The word in the place of a window in an override that lifts a rejection."""


@dataclass(slots=True)
class Life:
    """One change, as far as the entries so far describe it."""

    state: str = WAITING
    number: int = 0
    outcome: str = ""
    digest: str = ""
    revision: str = ""
    carries: Sequence[int] = ()
    required: Sequence[tuple[Sequence[str], int]] = ()
    # Everybody whom any entry named.
    excluded: frozenset[str] = frozenset()
    # By person the decision that the approval was given for.
    approvals: dict[str, int] = field(default_factory=dict)
    observed: bool = False
    admitted: bool = False
    # Its rank in `CLOSED`.
    result: int = 0


class LifeCheck(Check):
    """Judges every entry by those before it, or those of some changes.

    Hashes and signatures say nothing about changes. An entry that was removed is not known, so
    entries that follow from it look wrong, too. A change may still be open at the end.

    Without the `whole_log` the entries are those of one change, and nothing says which policies
    were in force.
    """

    def __init__(
        self, faults: Faults, share: Share = EVERYTHING, *, whole_log: bool = True
    ) -> None:
        self.changes: dict[str, Life] = {}
        self.decisions = 0
        self._faults = faults
        self._share = share
        self._whole_log = whole_log
        self._of_a_change: Mapping[str, Callable[[str, Life, Fields], None]] = {
            "approval": self._approval,
            "rejection": self._rejection,
            "lapse": self._lapse,
            "override": self._override,
            "admission": self._admission,
            "closure": self._closure,
            "cancellation": self._ending,
            "expiry": self._ending,
            "post_review": self._post_review,
        }
        self._of_administration: Mapping[str, Callable[[Fields], None]] = {
            "registration": self._registration,
            "activation": self._activation,
        }
        self._reader = EntryReader({"decision", *self._of_administration}, _FIELDS)
        self._registered: set[tuple[str, str]] = set()
        self._active = dict.fromkeys(PARTS, "")
        self._beyond: tuple[Life, Fields] | None = None
        self._index = 0

    def entries(self, index: int, bodies: Sequence[bytes], records: Mapping[int, bytes]) -> None:
        """Judge each entry by those before it."""
        read = self._reader.reader_of(bodies)
        is_whole = self._share.of == 1
        for place, body in enumerate(bodies, index):
            if not is_whole and not self._share.has(place, body):
                continue
            self._index = place
            try:
                fields = read(body)
                if fields is not None:
                    self._judge(fields)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                self._fault(f"this is no entry as the gate writes them: {error!r}")
            if self._beyond is not None and place in records:
                self.record(place, records[place])

    def record(self, index: int, body: bytes) -> None:
        """Take from a record the lists that are too long for its entry, and the digest that people
        approve.
        """
        if self._beyond is None:
            return
        life, fields = self._beyond
        self._beyond = None
        try:
            document = json.loads(body)
            people = document["case"]["people"][0]
            required = document["decision"]["required"]
        except (ValueError, KeyError, TypeError, IndexError):
            self._faults.add(
                index, "the record does not name the people that its entry has no room for"
            )
            return
        for name, value in (("excluded", people), ("required", required)):
            beyond = fields.get(f"{name}_beyond")
            if beyond is not None and beyond.get("sha256") != sha256(canonical(value)).hexdigest():
                self._faults.add(
                    index,
                    f"the list of {name} in the record is not the one that its entry has "
                    "the digest of",
                )
        life.excluded |= frozenset(people)
        life.required = required

    def _judge(self, fields: Fields) -> None:
        kind, change = fields["kind"], fields.get("change")
        if kind == "decision":
            self._decision(fields["change"], fields)
        elif change is not None:
            self._of_change(kind, change, fields)
        elif kind in self._of_administration:
            self._of_administration[kind](fields)

    def _fault(self, what: str) -> None:
        self._faults.add(self._index, what)

    def _decision(self, change: str, fields: Fields) -> None:
        self.decisions += 1
        life = self.changes.get(change)
        if life is None:
            life = self.changes[change] = Life()
        elif life.state is not WAITING:
            self._fault(f"{change} is decided again, and it was {life.state} already")
        if fields["number"] != life.number + 1:
            self._fault(f"decision {fields['number']} of {change} follows decision {life.number}")
        if self._whole_log:
            self._require_in_force(change, fields)
        outcome = fields["outcome"]
        life.number, life.outcome = fields["number"], outcome
        life.digest, life.revision = fields["subject_digest"], fields["policy_revision"]
        life.carries = fields.get("carries", ())
        life.required = fields.get("required", ())
        life.observed = fields["route"] == "observed"
        life.state = REJECTED if outcome == "rejected" else WAITING
        if excluded := fields.get("excluded"):
            life.excluded = life.excluded.union(excluded)
        if "excluded_beyond" in fields or "required_beyond" in fields:
            self._beyond = (life, fields)

    def _require_in_force(self, change: str, fields: Fields) -> None:
        """Require that a decision names the revisions that were activated last."""
        if [fields[name] for name in _REVISIONS] == list(self._active.values()):
            return
        for part, name in zip(PARTS, _REVISIONS, strict=True):
            if fields[name] != self._active[part]:
                self._fault(
                    f"{change} is decided by {part} of revision {fields[name][:16]}, which "
                    "are not in force here"
                )

    def _of_change(self, kind: str, change: str, fields: Fields) -> None:
        life = self.changes.get(change)
        if life is None:
            self._fault(f"{kind} of {change}, of which no decision was recorded before")
        elif kind in self._of_a_change:
            # The entry of an act excludes whoever was named since the decision, and is judged so.
            if "excluded" in fields:
                life.excluded = life.excluded.union(fields["excluded"])
            self._of_a_change[kind](change, life, fields)

    def _approval(self, change: str, life: Life, fields: Fields) -> None:
        person = fields["by"]
        self._require_shown(change, life, fields, "approved")
        if person in life.excluded:
            self._fault(f"{person} approved {change}, and has a part in it: separation of duties")
        life.approvals[person] = fields["number"]

    def _rejection(self, change: str, life: Life, fields: Fields) -> None:
        self._require_shown(change, life, fields, "rejected")
        life.state = REJECTED

    def _require_shown(self, change: str, life: Life, fields: Fields, act: str) -> None:
        """Require that people decide on a pending change, and on exactly what they were shown."""
        if life.state is not WAITING:
            self._fault(f"{change} is {act} by a person, and it was {life.state} already")
        elif life.outcome != "pending":
            self._fault(
                f"{change} is {act} by a person, and nobody was asked: its decision was "
                f"{life.outcome}"
            )
        if (fields["number"], fields["subject_digest"]) != (life.number, life.digest):
            self._fault(
                f"what was {act} is decision {fields['number']} of {change}, in force is "
                f"{life.number}, or their digests differ"
            )

    def _lapse(self, change: str, life: Life, fields: Fields) -> None:
        if life.approvals.pop(fields["by"], None) is None:
            self._fault(f"an approval of {change} lapses that nobody gave")
        if fields.get("taken_back") and life.state is not WAITING:
            self._fault(f"an approval of {change} is taken back, and it was {life.state} already")

    def _override(self, change: str, life: Life, fields: Fields) -> None:
        lifts = fields.get("window") == ANY_REJECTION
        if lifts != (life.state is REJECTED) or life.state not in (WAITING, REJECTED):
            self._fault(
                f"an override of {fields.get('window')} for {change}, which was {life.state}"
            )
        if fields["by"] in life.excluded:
            self._fault(
                f"{fields['by']} overrides what holds {change}, and has a part in it: "
                "separation of duties"
            )

    def _admission(self, change: str, life: Life, fields: Fields) -> None:
        if life.admitted:
            self._fault(f"{change} is admitted a second time: its approval was consumed")
        elif life.state is not WAITING:
            self._fault(f"{change} is admitted, and it was {life.state} already")
        if (fields["subject_digest"], fields["policy_revision"]) != (life.digest, life.revision):
            self._fault(
                f"{change} is admitted with another digest or policy than those of its "
                "decision in force"
            )
        valid_until = fields.get("valid_until")
        if valid_until is not None and fields["at"] > valid_until:
            self._fault(
                f"{change} is admitted at {fields['at']}, its approval was good until {valid_until}"
            )
        if bool(fields.get("observed")) != life.observed:
            self._fault(
                f"{change} was {'observed' if life.observed else 'decided'}, and is "
                "admitted as if it was not"
            )
        elif life.outcome == "pending" and not life.observed:
            self._require_quorum(change, life, fields)
        life.admitted, life.state = True, DEPLOYING

    def _require_quorum(self, change: str, life: Life, fields: Fields) -> None:
        """Require enough people for every entry of what was required.

        Only people with an approval that counts and without a part in the change are enough.
        """
        good = {life.number, *life.carries}
        filled = [0] * len(life.required)
        approvers = dict(fields.get("approvers", ()))
        for person, place in approvers.items():
            if life.approvals.get(person) not in good:
                self._fault(
                    f"{change} is admitted with an approval by {person}, who gave none that counts"
                )
            elif person in life.excluded:
                self._fault(
                    f"{change} is admitted with the approval of {person}, who has a part in "
                    "it: separation of duties"
                )
            else:
                filled[place] += 1
        lacking = sum(
            max(0, count - filled[place]) for place, (_, count) in enumerate(life.required)
        )
        if lacking or not life.required:
            self._fault(
                f"{change} is admitted with {sum(filled)} approvals that count, {lacking} "
                "more are needed"
            )

    def _closure(self, change: str, life: Life, fields: Fields) -> None:
        rank = CLOSED[fields["result"]]
        if not fields.get("matched", True):
            if life.admitted:
                self._fault(
                    f"{change} was admitted, and its closure is told as of something that never was"
                )
        elif not life.admitted:
            self._fault(f"{change} is closed, and was never admitted")
        elif life.result and rank <= life.result:
            self._fault(
                f"{change} is closed as {fields['result']}, which is no worse than before: "
                "a final state changes once"
            )
        else:
            life.result, life.state = rank, fields["result"]

    def _ending(self, change: str, life: Life, fields: Fields) -> None:
        """Judge the end of a change that waited: it was canceled, or it expired."""
        ending = CANCELED if fields["kind"] == "cancellation" else EXPIRED
        if life.state is not WAITING:
            self._fault(f"{change} is {ending}, and it was {life.state} already")
        life.state = ending

    def _post_review(self, change: str, life: Life, fields: Fields) -> None:
        if fields["by"] in life.approvals or fields["by"] in life.excluded:
            self._fault(
                f"{fields['by']} reviews {change} afterwards, and approved it or has a part in it"
            )

    def _registration(self, fields: Fields) -> None:
        self._registered.add((fields["part"], fields["revision"]))

    def _activation(self, fields: Fields) -> None:
        part, revision = fields["part"], fields["revision"]
        if (part, revision) not in self._registered:
            self._fault(
                f"{part} of revision {revision[:16]} are put in force, and were never registered"
            )
        if fields.get("before", "") != self._active[part]:
            self._fault(
                f"{part} of revision {revision[:16]} take the place of others than those in force"
            )
        self._active[part] = revision


_REVISIONS = ("policy_revision", "catalogue_revision", "calendar_revision")
_FIELDS = frozenset(
    {
        *_REVISIONS,
        "approvers",
        "at",
        "before",
        "by",
        "carries",
        "change",
        "excluded",
        "excluded_beyond",
        "kind",
        "matched",
        "number",
        "observed",
        "outcome",
        "part",
        "required",
        "required_beyond",
        "result",
        "revision",
        "route",
        "subject_digest",
        "taken_back",
        "valid_until",
        "window",
    }
)
"""Every field that a rule of this file asks for."""
