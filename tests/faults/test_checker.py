"""The checker finds each kind of contradiction, and nothing in a history without one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gate.ledger.checkpoint import Checkpoint
from tests.faults.checker import Entry, Recorded, is_linearizable, violations
from tests.faults.history import NEVER, Act, Answer, Journal, Operation, Result, read_history

LEAVES = tuple(sha256(bytes([number])).digest() for number in range(5))
ROOT_OF_TWO = sha256(b"\x01" + LEAVES[0] + LEAVES[1]).digest()


def op(act: str, began: float, ended: float = 0, state: str = "", **different: Any) -> Operation:
    """An operation on `c` that was answered with yes; unknown if it has no end."""
    made = Operation(
        f"{act}-{began}",
        Act(act),
        "ada",
        "run",
        "c",
        began,
        ended or NEVER,
        Result.OK if ended else Result.UNKNOWN,
        state,
        key="k" if act == "create" else "",
        body="201 {}" if act == "create" else "",
    )
    return replace(made, **different)


APPROVED = (op("create", 1, 2, "pending"), op("approve", 3, 4, "approved"))
DEPLOYED = (*APPROVED, op("admit", 5, 6), op("close", 7, 8, "closed"), op("read", 9, 10, "closed"))
ENTRIES = tuple(
    Entry(kind, "c", index, run="run" if kind == "admission" else "")
    for index, kind in enumerate(("decision", "approval", "admission", "closure"))
)


def recorded(
    state: str = "closed", entries: Sequence[Entry] = ENTRIES, **different: Any
) -> Recorded:
    return Recorded(
        **{"states": {"c": state}, "runs": {"run": ["c"]}, "entries": entries, **different}
    )


def without(kind: str) -> list[Entry]:
    return [entry for entry in ENTRIES if entry.kind != kind]


def test_a_history_without_contradiction_passes() -> None:
    heads = [Checkpoint("log", 2, ROOT_OF_TWO), Checkpoint("log", 0, sha256().digest())]

    assert violations(DEPLOYED, recorded(leaves=LEAVES, heads=heads)) == []


def test_what_is_unknown_may_have_happened_or_not() -> None:
    history = (*APPROVED, op("cancel", 5))
    entries = ENTRIES[:2]

    assert violations(history, recorded("approved", entries)) == []
    canceled = [*entries, Entry("cancellation", "c", 2)]
    assert violations(history, recorded("canceled", canceled)) == []


@pytest.mark.parametrize(
    ("history", "found", "says"),
    [
        pytest.param(
            (*APPROVED, op("cancel", 5, 6, "canceled"), op("read", 5, 6, "deploying")),
            recorded("canceled", [*ENTRIES[:2], Entry("cancellation", "c", 2)]),
            "no order of its operations",
            id="seen in a state that it never had",
        ),
        pytest.param(
            (op("create", 1, 2, "pending"), op("reject", 3, 5, "rejected"), op("cancel", 3, 5)),
            recorded("rejected", [ENTRIES[0], Entry("rejection", "c", 1)]),
            "no order of its operations",
            id="two yeses that exclude each other",
        ),
        pytest.param(
            DEPLOYED, recorded("deploying"), "was seen to end as ['closed']", id="an ending undone"
        ),
        pytest.param(
            DEPLOYED,
            recorded(entries=[*ENTRIES, Entry("rejection", "c", 4)]),
            "was seen to end as ['closed', 'rejected']",
            id="two endings in the ledger",
        ),
        pytest.param(
            (*APPROVED, op("read", 5, 6, "pending")),
            recorded("approved", ENTRIES[:2]),
            "no order of its operations",
            id="a read that is behind",
        ),
        pytest.param(
            (*DEPLOYED, op("read", 11, 12, "deploying")),
            recorded(),
            "was closed, and was read later as deploying",
            id="a replica that is behind",
        ),
        pytest.param(
            (*DEPLOYED, op("admit", 5, 6, run="other")),
            recorded(),
            "was admitted for the runs ['other', 'run']",
            id="admitted for two runs",
        ),
        pytest.param(
            DEPLOYED,
            recorded(entries=[replace(entry, index=3 - (entry.index or 0)) for entry in ENTRIES]),
            "before anything permitted it",
            id="an admission before its permission",
        ),
        pytest.param(
            DEPLOYED, recorded(entries=without("closure")), "0 entries of close", id="no entry"
        ),
        pytest.param(
            DEPLOYED,
            recorded(entries=without("decision")),
            "was acknowledged and has 0 first decisions",
            id="a decision that was never logged",
        ),
        pytest.param(
            APPROVED,
            recorded("approved", [*ENTRIES[:2], Entry("approval", "c", 2)]),
            "2 entries of approve, 1 to 1 were asked for",
            id="an effect that happened twice",
        ),
        pytest.param(
            APPROVED,
            recorded("rejected", [*ENTRIES[:2], Entry("rejection", "c", 2)]),
            "1 entries of reject, 0 to 0",
            id="an effect that nobody asked for",
        ),
        pytest.param(
            APPROVED,
            recorded("approved", ENTRIES[:2], runs={"run": ["c", "d"]}),
            "was answered c, and has ['c', 'd']",
            id="a run with two changes",
        ),
        pytest.param(
            (op("create", 1),), Recorded({}, {"run": ["c", "d"]}, ()), "has 2 changes", id="unknown"
        ),
        pytest.param(
            DEPLOYED,
            recorded(entries=[*ENTRIES[:3], replace(ENTRIES[3], index=None)]),
            "1 entries were never sealed",
            id="an entry that was passed over",
        ),
        pytest.param(
            DEPLOYED,
            recorded(entries=[*ENTRIES[:3], replace(ENTRIES[3], index=4)]),
            "the place after 2 in the ledger is 4",
            id="a hole",
        ),
        pytest.param(
            (*APPROVED, op("create", 3, 4, "pending", body="200 {}")),
            recorded("approved", ENTRIES[:2]),
            "key k was answered '201 {}', then '200 {}'",
            id="a key with two answers",
        ),
        pytest.param(
            (*APPROVED, op("create", 2.1, 2.2, "pending")),
            recorded("approved", ENTRIES[:2]),
            "not as a replay",
            id="a replay that is not called one",
        ),
        pytest.param(
            DEPLOYED,
            recorded(leaves=LEAVES, heads=[Checkpoint("log", 2, LEAVES[4])]),
            "over 2 entries was served that is no beginning",
            id="a head of another history",
        ),
        pytest.param(
            DEPLOYED,
            recorded(leaves=LEAVES, heads=[Checkpoint("log", 6, LEAVES[4])]),
            "over 6 entries was served, there are 5",
            id="a head of what was never committed",
        ),
    ],
)
def test_a_contradiction_is_found(history: Sequence[Operation], found: Recorded, says: str) -> None:
    assert says in "\n".join(violations(history, found))


def test_thirty_operations_at_once_are_searched_in_no_time() -> None:
    reads = [
        op("read", 1 + n / 100, 9 + n / 100, state)
        for n, state in enumerate(["pending", "canceled"] * 10)
    ]
    unknown = [op("approve", 1 + n / 100, who=f"p{n}") for n in range(8)]
    history = [op("create", 0, 0.5, "pending"), op("cancel", 2, 9, "canceled"), *reads, *unknown]

    assert list(is_linearizable(history)) == []
    assert len(list(is_linearizable([*history, op("read", 11, 12, "pending")]))) == 1


def written(tmp_path: Path, *, lost: int, status: int | None) -> Operation:
    """A rejection as its history has it: so many requests without an answer, and then this one."""
    path = tmp_path / "history"
    journal = Journal(path)
    operation = Operation("o", Act.REJECT, "ada", "run", "c")
    journal.invoke(operation)
    for _ in range(lost):
        journal.unanswered(operation, "cut off")
    if status is not None:
        journal.answered(operation, Answer(status, "{}", "c", "rejected"))
    journal.close()
    with path.open("a") as file:
        file.write('{"at": 1, "wha')  # what was torn is left out
    (found,) = read_history(path)
    return found


@pytest.mark.parametrize(
    ("lost", "status", "result", "state"),
    [
        pytest.param(0, 200, Result.OK, "rejected", id="answered"),
        pytest.param(2, 200, Result.OK, "rejected", id="answered in the end"),
        pytest.param(0, 409, Result.REFUSED, "", id="refused"),
        pytest.param(1, 409, Result.UNKNOWN, "", id="refused, maybe for its own first request"),
        pytest.param(0, None, Result.UNKNOWN, "", id="never answered"),
    ],
)
def test_what_became_of_an_operation(
    tmp_path: Path, lost: int, status: int | None, result: Result, state: str
) -> None:
    found = written(tmp_path, lost=lost, status=status)

    assert (found.result, found.state, found.ended == NEVER) == (
        result,
        state,
        result is Result.UNKNOWN,
    )


def test_the_line_of_a_request_is_there_before_the_request(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "history")
    journal.invoke(Operation("o", Act.CREATE, "", "run", key="k"))

    kept: Mapping[str, Operation] = {one.id: one for one in read_history(tmp_path / "history")}

    journal.close()
    assert kept["o"].key == "k"
