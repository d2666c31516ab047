"""The options of a command as values, read from flags and environment."""

from __future__ import annotations

from typing import Any, NamedTuple


class CheckOptions(NamedTuple):
    """`gate check`, and with `record` false `gate evaluate`."""

    service: str
    environment: str
    url: str
    token: str | None = None
    commit: str | None = None
    ref: str | None = None
    base: str | None = None
    artifacts: tuple[dict[str, str], ...] = ()
    # Group, name, value.
    facts: tuple[tuple[str, str, Any], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    title: str | None = None
    # Its text.
    rollback_plan: str | None = None
    # What regulators ask: name of the field, text.
    assessment: tuple[tuple[str, str], ...] = ()
    wait_seconds: int = 0
    admit: bool = True
    emergency: str | None = None
    incident: str | None = None
    if_down_allow: bool = False
    statement: str | None = None
    output: str = "text"
    record: bool = True


class CloseOptions(NamedTuple):
    """`gate close`."""

    url: str
    result: str
    change: str | None = None
    token: str | None = None
    notes: str = ""
    unreviewed: str | None = None
    output: str = "text"
