"""What is different between the decision somebody was shown and the one in force."""

from collections.abc import Sequence
from typing import Any

from gate.flow.asks import Wire


def between(decisions: Sequence[Wire], shown_digest: str) -> Wire | None:
    """Row by row; None where the one that was shown is not among them.

    `decisions` are newest first.
    """
    shown = next((one for one in decisions if one["subject_digest"] == shown_digest), None)
    if shown is None or not decisions:
        return None
    now = decisions[0]
    rows = [
        {"what": what, "before": _said(before), "now": _said(after)}
        for what, before, after in _pairs(shown, now)
        if before != after
    ]
    return {"shown": shown["decision"], "now": now["decision"], "rows": rows}


def _pairs(shown: Wire, now: Wire) -> list[tuple[str, Any, Any]]:
    found = [
        ("outcome", shown["outcome"], now["outcome"]),
        ("type", shown["type"], now["type"]),
        (
            "risk",
            f"{shown['risk']['band']}, {shown['risk']['score']}",
            f"{now['risk']['band']}, {now['risk']['score']}",
        ),
        ("policy revision", shown["policy"]["revision"], now["policy"]["revision"]),
        ("approvals", _required(shown), _required(now)),
        ("hold", shown["hold"] and shown["hold"]["reason"], now["hold"] and now["hold"]["reason"]),
    ]
    before, after = shown["facts"], now["facts"]
    names = sorted(before.keys() | after.keys())
    return found + [(name, _value(before.get(name)), _value(after.get(name))) for name in names]


def _value(fact: Wire | None) -> Any:
    return None if fact is None else fact["value"]


def _required(decision: Wire) -> str:
    return "; ".join(
        f"{entry['count']} of {' or '.join(entry['by'])}" for entry in decision["required"]
    )


def _said(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
