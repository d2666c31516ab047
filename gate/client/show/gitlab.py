"""The output for a GitLab job: a dotenv report, whose variables later jobs see."""

from __future__ import annotations

from pathlib import Path

from gate.client import files
from gate.client.show.github import outputs
from gate.client.show.outcome import Outcome
from gate.client.world import World

DOTENV_FILE = "gate.env"

VARIABLES = {
    "GATE_DECISION": "decision",
    "GATE_ADMITTED": "admitted",
    "GATE_CHANGE": "change",
    "GATE_TYPE": "type",
    "GATE_ROUTE": "route",
    "GATE_SCORE": "score",
    "GATE_BAND": "band",
}


def write(outcome: Outcome, world: World) -> None:
    """Write one line for each variable.

    GitLab takes values as they are, so only words and numbers are written.
    """
    known = outputs(outcome)
    lines = [f"{variable}={_plain(known[name])}\n" for variable, name in VARIABLES.items()]
    files.write(Path(world.folder, DOTENV_FILE), "".join(lines))


def _plain(value: str) -> str:
    return "".join(
        character
        for character in value
        if character.isascii() and (character.isalnum() or character in "._-")
    )
