"""`gate explain`: one change, with every reason and every fact; with `--replay` its decision, made
again from its record.
"""

import os
import sys
from collections.abc import Iterator
from typing import Any

from gate.cli.outcome import FAILED
from gate.client.connection.answers import any_change, anything
from gate.client.connection.http import GateRequest, Http, Refused, Unreachable
from gate.client.show.text import visible
from gate.client.world import World
from gate.errors import Invalid


def explain_change(change: str, *, url: str, token: str) -> None:
    """Print the change with its reasons and facts. Raises `Invalid` if it could not be read."""
    found, decisions = _ask(
        url,
        GateRequest("GET", f"/v1/changes/{change}", token, any_change),
        GateRequest("GET", f"/v1/changes/{change}/decisions", token, anything),
    )
    for line in _lines(found, decisions["items"][0]):
        print(visible(line))


def replay_change(change: str, *, url: str, token: str) -> None:
    """Print both decisions; exit 1 with each difference where they are not the same.

    Raises `Invalid` that says why the change could not be read.
    """
    (found,) = _ask(url, GateRequest("GET", f"/v1/changes/{change}/replay", token, anything))
    for line in _replayed_lines(found):
        print(visible(line))
    if not found["same"]:
        sys.exit(FAILED)


def _ask(url: str, *requests: GateRequest) -> list[Any]:
    http = Http(url.rstrip("/"), World(os.environ, ".", sys.stdout, sys.stderr))
    try:
        return [http.ask(request) for request in requests]
    except (Refused, Unreachable) as error:
        raise Invalid(str(error)) from None


def _replayed_lines(found: dict[str, Any]) -> Iterator[str]:
    how = "decided again" if found["replayed_by"] == "decided_again" else "by its stated reasons"
    verdict = "the same" if found["same"] else "NOT the same"
    yield f"{found['change']} decision {found['decision']}, {how}: {verdict}"
    yield f"record {found['record_sha256']}"
    for name in ("recorded", "recomputed"):
        one = found[name]
        if one is not None:
            risk = f"risk {one['score']} is {one['band']}"
            yield f"{name + ':':12}{one['outcome']}, {one['type']}, {one['route']}, {risk}"
    yield from (f"difference: {difference}" for difference in found["differences"])


def _lines(change: dict[str, Any], decision: dict[str, Any]) -> list[str]:
    policy, risk = change["policy"], change["risk"]
    by = f"policy {policy['name'] or 'none'}, revision {(policy['revision'] or 'none')[:12]}"
    lines = [
        (
            f"{change['id']}: {change['service']} {change['commit'][:12]} to "
            f"{change['environment']} is {change['state']}"
        ),
        (
            f"{change['type']}, {change['route']}, risk {risk['score']} is {risk['band']}; "
            f"{by}, decision {change['decision']['number']}"
        ),
        "",
        "Reasons",
    ]
    lines += [f"  {_mark(reason)} {reason['because']}" for reason in change["reasons"]]
    lines += ["", "Facts"]
    lines += [
        f"  {name} = {fact['value']} ({fact['origin']})"
        for name, fact in sorted(decision["facts"].items())
    ]
    return lines


def _mark(reason: dict[str, Any]) -> str:
    points = f"{reason['points']:+d}" if reason["points"] else ""
    return f"[{'?' if reason['holds'] is None else 'x' if reason['holds'] else ' '}] {points:>4}"
