"""Does what clients heard agree with what is recorded? One function a rule; each returns what is
wrong, in words.

The rules are those of a history of concurrent operations on independent objects, one for each
change: an ending is final, every change is a linearizable register with compare-and-set, whoever
asks later sees no less, an admission follows a permission, every effect is recorded once, and every
head of the log that anybody saw is a beginning of the log as it is now.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import pairwise

from gate.core.change import FINAL, MOVES, State
from gate.ledger.checkpoint import Checkpoint
from tests.faults.history import NEVER, Act, Operation, Result

OPERATIONS_MAX = 64
"""Of one change; the search takes longer the more of them overlap."""

_ENDS = frozenset(state.value for state in FINAL)
_ENTRY_OF = {
    Act.APPROVE: "approval",
    Act.REJECT: "rejection",
    Act.CANCEL: "cancellation",
    Act.ADMIT: "admission",
    Act.CLOSE: "closure",
}
_ENDING_ENTRIES = {
    "rejection": "rejected",
    "cancellation": "canceled",
    "expiry": "expired",
    "closure": "closed",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the ledger. `index` is None as long as it is not sealed."""

    kind: str
    change: str
    index: int | None = None
    # Of an admission: the run that was admitted.
    run: str = ""
    # Of a decision: its number.
    number: int = 1


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the database has after the run, when everything is sealed."""

    states: Mapping[str, str]
    # The changes of each run of a pipeline.
    runs: Mapping[str, Collection[str]]
    entries: Sequence[Entry]
    # The hashes of all sealed entries, in their order.
    leaves: Sequence[bytes] = ()
    # Every head that any client was served.
    heads: Collection[Checkpoint] = ()


def violations(history: Sequence[Operation], recorded: Recorded) -> list[str]:
    """Return everything that is wrong, by all rules."""
    return [
        *ends_once(history, recorded),
        *is_linearizable(history),
        *later_reads_see_it(history),
        *admissions_are_permitted(history, recorded),
        *effects_are_recorded_once(history, recorded),
        *keys_have_one_answer(history),
        *heads_are_beginnings(recorded),
    ]


def ends_once(history: Iterable[Operation], recorded: Recorded) -> Iterator[str]:
    """All answers, the database and the ledger name the same ending of a change."""
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for operation in history:
        if operation.result is Result.OK and operation.state in _ENDS:
            seen[operation.change].add(operation.state)
    for entry in recorded.entries:
        if entry.kind in _ENDING_ENTRIES:
            seen[entry.change].add(_ENDING_ENTRIES[entry.kind])
    for change, endings in seen.items():
        state = recorded.states.get(change, "lost")
        if endings != {state}:
            yield f"{change} is {state}, and was seen to end as {sorted(endings)}"


def is_linearizable(history: Iterable[Operation]) -> Iterator[str]:
    """The operations on each change have an order in time that explains all answers."""
    of_change: defaultdict[str, list[Operation]] = defaultdict(list)
    for operation in history:
        if operation.change and operation.result is not Result.REFUSED:
            of_change[operation.change].append(operation)
    for change, operations in of_change.items():
        if not _Search(operations).succeeds():
            answers = [f"{one.act} {one.result} {one.state}" for one in operations]
            yield f"{change}: no order of its operations explains the answers: {answers}"


def later_reads_see_it(history: Iterable[Operation]) -> Iterator[str]:
    """Whoever asks after an answer was given, at whichever server, sees that state or a later
    one.
    """
    answered = sorted(
        (one for one in history if one.result is Result.OK and one.state and one.change),
        key=lambda one: one.ended,
    )
    for read in answered:
        if read.act is not Act.READ:
            continue
        for before in answered:
            if before.ended >= read.began:
                break
            if before.change == read.change and read.state not in _later(before.state):
                yield f"{read.change} was {before.state}, and was read later as {read.state}"
                break


def admissions_are_permitted(history: Iterable[Operation], recorded: Recorded) -> Iterator[str]:
    """An admission comes after the entry that permits it, and is of one run alone."""
    runs: defaultdict[str, set[str]] = defaultdict(set)
    for operation in history:
        if operation.act is Act.ADMIT and operation.result is Result.OK:
            runs[operation.change].add(operation.run)
    for entry in recorded.entries:
        if entry.kind == "admission":
            runs[entry.change].add(entry.run)
    for change, admitted in runs.items():
        if len(admitted) > 1:
            yield f"{change} was admitted for the runs {sorted(admitted)}"
        places = [
            entry.index
            for entry in recorded.entries
            if entry.change == change and entry.kind in {"decision", "approval"}
        ]
        for entry in recorded.entries:
            is_admission = entry.change == change and entry.kind == "admission"
            if is_admission and not _comes_after_one(entry.index, places):
                yield f"{change} was admitted before anything permitted it"


def effects_are_recorded_once(history: Iterable[Operation], recorded: Recorded) -> Iterator[str]:
    """What was acknowledged has one entry, which is sealed; what is unknown has one or none."""
    entries = Counter((entry.kind, entry.change) for entry in recorded.entries if entry.number == 1)
    certain, possible = _expected(history)
    written = {
        (act, change) for act, kind in _ENTRY_OF.items() for of, change in entries if of == kind
    }
    for act, change in sorted(possible.keys() | written):
        least, most = len(certain[act, change]), len(possible[act, change])
        found = entries[_ENTRY_OF[act], change]
        if not least <= found <= most:
            yield f"{change} has {found} entries of {act}, {least} to {most} were asked for"
    yield from _created_once(history, recorded, entries)
    unsealed = [entry.kind for entry in recorded.entries if entry.index is None]
    if unsealed:
        yield f"{len(unsealed)} entries were never sealed: {Counter(unsealed)}"
    places = sorted(entry.index for entry in recorded.entries if entry.index is not None)
    for before, after in pairwise([-1, *places]):
        if after != before + 1:
            yield f"the place after {before} in the ledger is {after}"
            break


def keys_have_one_answer(history: Iterable[Operation]) -> Iterator[str]:
    """A submit that is repeated with the same key gets its first answer, byte for byte."""
    answers: dict[str, Operation] = {}
    for operation in history:
        if operation.act is not Act.CREATE or operation.result is not Result.OK:
            continue
        first = answers.setdefault(operation.key, operation)
        if first.body != operation.body:
            yield f"key {operation.key} was answered {first.body!r}, then {operation.body!r}"
        elif first is not operation and not operation.replayed:
            yield f"key {operation.key} was answered again, and not as a replay"


def heads_are_beginnings(recorded: Recorded) -> Iterator[str]:
    """Every head that was served is the root over so many of the entries that are there now."""
    for head in sorted(recorded.heads, key=lambda one: one.size):
        if head.size > len(recorded.leaves):
            yield f"a head over {head.size} entries was served, there are {len(recorded.leaves)}"
        elif _root(recorded.leaves[: head.size]) != head.root:
            yield f"a head over {head.size} entries was served that is no beginning of the log"


class _Search:
    """Wing and Gong's search for an order, which remembers where it has been."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        if len(operations) > OPERATIONS_MAX:
            raise ValueError(
                f"{len(operations)} operations of one change, {OPERATIONS_MAX} at most"
            )
        self._steps: list[_Step] = []
        for one in operations:
            first = len(self._steps)
            self._steps += [
                step if step.follows is None else replace(step, follows=first + step.follows)
                for step in _steps(one)
            ]
        self._all = (1 << len(self._steps)) - 1
        self._dead: set[tuple[int, str]] = set()

    def succeeds(self) -> bool:
        """Whether there is such an order."""
        return self._from(0, "")

    def _from(self, done: int, state: str) -> bool:
        eligible = self._eligible(done)
        # A read changes nothing, so one that fits may as well be the next.
        for k in eligible:
            if self._steps[k].act is Act.READ and self._steps[k].state == state:
                return self._from(done | 1 << k, state)
        if not self._certain(done):
            return True
        if (done, state) in self._dead:
            return False
        for k in eligible:
            for after in self._steps[k].outcomes(state):
                # What is unknown and changes nothing need not have happened.
                is_idle = self._steps[k].is_optional and after == state
                if not is_idle and self._from(done | 1 << k, after):
                    return True
        self._dead.add((done, state))
        return False

    def _certain(self, done: int) -> list[float]:
        """Return when the operations end that must still find a place."""
        return [
            step.ended
            for k, step in enumerate(self._steps)
            if not done >> k & 1 and not step.is_optional
        ]

    def _eligible(self, done: int) -> list[int]:
        """Return what may be next: nothing comes before what had ended when it began."""
        latest = min(self._certain(done), default=NEVER)
        return [
            k
            for k, step in enumerate(self._steps)
            if not done >> k & 1
            and step.began <= latest
            and (step.follows is None or done >> step.follows & 1)
        ]


@dataclass(frozen=True, slots=True)
class _Step:
    """A moment within an operation: its effect, or the state that its answer shows."""

    act: Act
    state: str
    began: float
    ended: float
    is_optional: bool = False
    # The place of the step that comes before this one, among those of its operation, then of all.
    follows: int | None = None

    def outcomes(self, state: str) -> Collection[str]:
        """Return the states that may follow; none where this cannot happen now."""
        if self.act is Act.READ:
            return (state,) if state == self.state else ()
        if self.act is Act.CREATE and not state:
            return (self.state,) if self.state else ("pending", "approved", "rejected")
        if self.act is Act.CREATE:
            return (state,)
        return _MOVES[self.act].get(state, ())


_MOVES: Mapping[Act, Mapping[str, Collection[str]]] = {
    Act.APPROVE: {"pending": ("pending", "approved"), "approved": ("approved",)},
    Act.REJECT: {"pending": ("rejected",)},
    Act.CANCEL: {"pending": ("canceled",), "approved": ("canceled",), "canceled": ("canceled",)},
    Act.ADMIT: {"approved": ("deploying",), "deploying": ("deploying",)},
    Act.CLOSE: {"deploying": ("closed",), "closed": ("closed",)},
}
"""What each act makes of each state, as the contract says it, without the gate's code."""


def _steps(operation: Operation) -> list[_Step]:
    """Return the moments of an operation; what its answer shows was read after its effect."""
    began, ended = operation.began, operation.ended
    if operation.result is Result.UNKNOWN:
        if operation.act is Act.READ:
            return []
        return [_Step(operation.act, "", began, NEVER, is_optional=True)]
    effect = _Step(operation.act, operation.state, began, ended)
    if operation.act in {Act.READ, Act.CREATE} or not operation.state:
        return [effect]
    return [effect, _Step(Act.READ, operation.state, began, ended, follows=0)]


def _later(state: str) -> frozenset[str]:
    """Return the states that may be seen after this one, with itself."""
    found, new = {state}, [State(state)]
    while new:
        for following in MOVES[new.pop()]:
            if following.value not in found:
                found.add(following.value)
                new.append(following)
    return frozenset(found)


def _comes_after_one(index: int | None, places: Iterable[int | None]) -> bool:
    return index is None or any(place is not None and place < index for place in places)


_Asked = defaultdict[tuple[Act, str], set[str]]


def _expected(history: Iterable[Operation]) -> tuple[_Asked, _Asked]:
    """Return who certainly did each act to each change, and who may have done it."""
    certain: _Asked = defaultdict(set)
    possible: _Asked = defaultdict(set)
    for operation in history:
        if operation.act not in _ENTRY_OF or operation.result is Result.REFUSED:
            continue
        # Only approvals are counted by person; anything else happens to a change once.
        who = operation.who if operation.act is Act.APPROVE else "anybody"
        possible[operation.act, operation.change].add(who)
        if operation.result is Result.OK:
            certain[operation.act, operation.change].add(who)
    return certain, possible


def _created_once(
    history: Iterable[Operation], recorded: Recorded, entries: Counter[tuple[str, str]]
) -> Iterator[str]:
    for operation in history:
        if operation.act is not Act.CREATE or operation.result is Result.REFUSED:
            continue
        made = recorded.runs.get(operation.run, ())
        if operation.result is Result.UNKNOWN:
            if len(made) > 1:
                yield f"run {operation.run} has {len(made)} changes"
            continue
        if list(made) != [operation.change]:
            yield f"run {operation.run} was answered {operation.change}, and has {sorted(made)}"
        if entries["decision", operation.change] != 1:
            found = entries["decision", operation.change]
            yield f"{operation.change} was acknowledged and has {found} first decisions in the log"


def _root(leaves: Sequence[bytes]) -> bytes:
    """Return the root hash by its definition (RFC 6962, section 2.1), without the gate's code."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256().digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + _root(leaves[:half]) + _root(leaves[half:])).digest()
