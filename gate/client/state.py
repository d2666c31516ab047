"""The file that `gate check` leaves behind for `gate close`; only its owner can read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gate.client.files import OWNER_ONLY, write
from gate.client.world import World

STATE_BYTES_MAX = 64 * 1024
_NAME = "gate-last.json"


def state_file(world: World, git_folder: str | None) -> Path | None:
    """Return the file: $GATE_STATE, or in the runner's own folder, or inside `.git`.

    None where there is no private place.
    """
    if named := world.env.get("GATE_STATE"):
        return Path(world.folder, named)
    if runner := world.env.get("RUNNER_TEMP"):
        return Path(runner, _NAME)
    return Path(git_folder, _NAME) if git_folder else None


def remember(path: Path, state: dict[str, Any]) -> None:
    """Write the file whole or not at all. Only the owner may read it: it holds a token.

    Raises OSError.
    """
    write(path, json.dumps(state, indent=1) + "\n", OWNER_ONLY)


def remembered(path: Path | None) -> dict[str, Any]:
    """Return what was left behind; empty if there is no file, or it cannot be understood."""
    try:
        if path is None or path.stat().st_size > STATE_BYTES_MAX:
            return {}
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}
