"""After the last kill: is everything there that was acknowledged, once, and as it was answered?"""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import cast

from benchmarks.kill_clients import Answer, History, SentRequest, Wire, differences

LASTING = (
    "id", "type", "outcome", "service", "environment", "commit", "base", "artifacts", "run",
    "requested_by", "authors", "title", "risk", "reasons", "policy", "decision", "standard_change",
    "subject_digest", "submitted_at", "decided_at",
)  # fmt: skip
"""What an acknowledged decision says forever; states move on."""

PAGE = 200


def everything(history: History, port: int, token: str) -> Iterator[str]:
    """Each violation as a line."""
    wire = Wire(port)
    yield from history.violations
    kept = {str(change["id"]): change for change in _changes(wire, token)}
    yield from none_twice(kept)
    for asking, answer in list(history.first.values()):
        if asking.submits:
            yield from found_again(answer.change, _as_decided(answer.change, kept, wire, token))
        else:
            yield from moved_on(asking, kept)
        yield from differences(asking, answer, wire.post(asking))


def sqlite_is_whole(path: Path) -> Iterator[str]:
    """No torn page, no index that disagrees with its table."""
    with closing(sqlite3.connect(path)) as connection:
        answer = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    if answer != ["ok"]:
        yield f"integrity_check: {answer}"


def _changes(wire: Wire, token: str) -> Iterator[dict[str, object]]:
    path = f"/v1/changes?limit={PAGE}"
    while path:
        page = _read(wire, path, token).change
        yield from cast("list[dict[str, object]]", page["items"])
        path = f"/v1/changes?limit={PAGE}&cursor={page['next']}" if page["next"] else ""


def _as_decided(
    answered: dict[str, object], kept: dict[str, dict[str, object]], wire: Wire, token: str
) -> dict[str, dict[str, object]]:
    """The changes, this one with the decision that was acknowledged: a stale admission has it
    decided again, and the log keeps both.
    """
    identity = str(answered["id"])
    change = kept.get(identity)
    number = cast("dict[str, object]", answered["decision"])["number"]
    if change is None or cast("dict[str, object]", change["decision"])["number"] == number:
        return kept
    page = _read(wire, f"/v1/changes/{identity}/decisions", token).change
    found = [
        one for one in cast("list[dict[str, object]]", page["items"]) if one["decision"] == number
    ]
    if not found:
        return {name: one for name, one in kept.items() if name != identity}
    then = {name: found[0][name] for name in LASTING if name in found[0] and name != "decision"}
    return {
        **kept,
        identity: {
            **change,
            **then,
            "decision": {"number": number, "at": found[0]["at"]},
            "decided_at": found[0]["at"],
        },
    }


def _read(wire: Wire, path: str, token: str) -> Answer:
    answer = wire.get(path, token)
    if answer.status != HTTPStatus.OK:
        raise RuntimeError(f"{path} answered {answer.status}: {answer.body!r}")
    return answer


def none_twice(kept: dict[str, dict[str, object]]) -> Iterator[str]:
    """A pipeline run asked for one change, however often it had to ask."""
    runs = Counter(str(cast("dict[str, object]", change["run"])["id"]) for change in kept.values())
    yield from (f"run {run} has {number} changes" for run, number in runs.items() if number > 1)


def found_again(answered: dict[str, object], kept: dict[str, dict[str, object]]) -> Iterator[str]:
    """An acknowledged decision says today what it said then."""
    change = kept.get(str(answered["id"]))
    if change is None:
        yield f"{answered['id']} was acknowledged and is lost"
        return
    for name in LASTING:
        if name in answered and change.get(name) != answered[name]:
            yield (
                f"{answered['id']}: {name} was answered as {answered[name]!r} and is now "
                f"{change.get(name)!r}"
            )


def moved_on(asking: SentRequest, kept: dict[str, dict[str, object]]) -> Iterator[str]:
    """An acknowledged admission or closure is still the state of its change."""
    _, _, _, number, act = asking.path.split("/")
    state = kept[number]["state"] if number in kept else "lost"
    allowed = {"admission": {"deploying", "closed"}, "closure": {"closed"}}[act]
    if state not in allowed:
        yield f"{number}: its {act} was acknowledged, and it is {state}"
