"""Deployments that nobody reviewed because the gate was down. Each is written to a file at once and
reported later.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gate.client.connection.http import Body
from gate.client.files import OWNER_ONLY, write
from gate.client.world import World

FILE = "gate-unreviewed.json"
FILE_BYTES_MAX = 2 * 1024 * 1024
_VERSION = 1


class NotUnderstood(Exception):
    """A file that is no report of an unreviewed deployment."""


def write_unreviewed(world: World, body: Body, because: str) -> str:
    """Write the file of an unreviewed deployment, and return its name.

    It holds the request as it would have been sent, and no token. Raises OSError.
    """
    report = {"version": _VERSION, "at": world.timestamp(), "because": because, "request": body}
    write(Path(world.folder, FILE), json.dumps(report, indent=1) + "\n", OWNER_ONLY)
    return FILE


def read_unreviewed(world: World, name: str) -> dict[str, Any]:
    """Return what `write_unreviewed` wrote."""
    path = Path(world.folder, name)
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise NotUnderstood(f"{name} is larger than {FILE_BYTES_MAX} bytes")
        report = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotUnderstood(f"{name} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise NotUnderstood(f"{name} is no JSON: {error}") from error
    request = report.get("request") if isinstance(report, dict) else None
    known = (
        isinstance(request, dict)
        and isinstance(request.get("commit"), str)
        and isinstance(report.get("at"), str)
    )
    if not known or report.get("version") != _VERSION:
        raise NotUnderstood(
            f"{name} is no report of an unreviewed deployment; give the {FILE} that gate check "
            "wrote"
        )
    found: dict[str, Any] = report
    return found
