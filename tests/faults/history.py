"""The history of a run under faults: what each client asked, and what it heard.

A line is written before a request is sent, and another one when it was answered or when nobody
knows what became of it. So the history is complete even if the client dies as well.
"""

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

NEVER = float("inf")


class Act(StrEnum):
    """What a client asks for."""

    CREATE = "create"
    APPROVE = "approve"
    REJECT = "reject"
    CANCEL = "cancel"
    ADMIT = "admit"
    CLOSE = "close"
    READ = "read"


class Result(StrEnum):
    """What became of an operation, as far as its client knows."""

    OK = "ok"
    # It certainly did nothing.
    REFUSED = "refused"
    # It may have happened, may happen later, or never.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that one client wanted: all its requests under one key, from the first request to
    the answer.
    """

    id: str
    act: Act
    who: str
    run: str
    change: str = ""
    began: float = 0.0
    ended: float = NEVER
    result: Result = Result.UNKNOWN
    # The state of the change in the answer; empty if it shows none.
    state: str = ""
    # The idempotency key, and what was answered to it.
    key: str = ""
    body: str = ""
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said to one request."""

    status: int
    body: str
    change: str = ""
    state: str = ""
    replayed: bool = False

    @property
    def is_yes(self) -> bool:
        """Whether it did what was asked."""
        return self.status < 300


class Journal:
    """The file of a history, to which lines are only added."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)

    def invoke(self, operation: Operation) -> None:
        """Before the first request of an operation is sent."""
        self._write(
            "invoke",
            operation.id,
            act=operation.act,
            who=operation.who,
            run=operation.run,
            change=operation.change,
            key=operation.key,
        )

    def unanswered(self, operation: Operation, why: str) -> None:
        """One request of it may have done something, and was not answered."""
        self._write("unknown", operation.id, why=why)

    def answered(self, operation: Operation, answer: Answer) -> None:
        """The answer to the last request of it."""
        self._write(
            "answer",
            operation.id,
            status=answer.status,
            body=answer.body,
            change=answer.change,
            state=answer.state,
            replayed=answer.replayed,
        )

    def close(self) -> None:
        """Nothing more is written."""
        self._file.close()

    def _write(self, what: str, operation: str, **fields: object) -> None:
        line = {"at": time.monotonic(), "what": what, "operation": operation, **fields}
        self._file.write(json.dumps(line) + "\n")


def read_history(path: Path) -> list[Operation]:
    """Return the operations of a history, in the order in which they began.

    A refusal after a request without an answer is unknown: the first request may have done it, and
    the second one is refused for that reason.
    """
    found: dict[str, Operation] = {}
    lost: defaultdict[str, int] = defaultdict(int)
    for line in _lines(path):
        name, at = str(line["operation"]), float(str(line["at"]))
        if line["what"] == "invoke":
            found[name] = Operation(
                name,
                Act(str(line["act"])),
                str(line["who"]),
                str(line["run"]),
                str(line["change"]),
                at,
                key=str(line["key"]),
            )
        elif line["what"] == "unknown":
            lost[name] += 1
        else:
            found[name] = _answered(found[name], line, at, was_lost=bool(lost[name]))
    return list(found.values())


def _answered(
    operation: Operation, line: dict[str, object], at: float, *, was_lost: bool
) -> Operation:
    is_yes = int(str(line["status"])) < 300
    if not is_yes and was_lost:
        return replace(operation, ended=NEVER, result=Result.UNKNOWN)
    return replace(
        operation,
        ended=at,
        result=Result.OK if is_yes else Result.REFUSED,
        change=str(line["change"]) or operation.change,
        state=str(line["state"]) if is_yes else "",
        body=f"{line['status']} {line['body']}",
        replayed=bool(line["replayed"]),
    )


def _lines(path: Path) -> Iterator[dict[str, object]]:
    with path.open() as file:
        for line in file:
            if line.endswith("\n"):  # the last one may be torn
                yield json.loads(line)
