"""The formats of an outcome: text, JSON, and the files of GitHub and GitLab."""

from __future__ import annotations

import json

from gate.client.show import github, gitlab
from gate.client.show.outcome import Outcome
from gate.client.show.summary import Summary, summary
from gate.client.world import World

_COLOURS = {"approved": "32", "closed": "32", "pending": "33", "unreviewed": "33"}
_RED = "31"
_BLOCK = "!" * 72


def show(outcome: Outcome, output: str, world: World) -> None:
    """Write the outcome in this format to where the format belongs.

    Raises OSError if a file of the runner cannot be written.
    """
    said = summary(outcome)
    if outcome.decision == "unreviewed":
        _warn(said, world)
    if output == "json":
        world.out.write(_json(outcome))
    else:
        world.out.write(_text(outcome, said, world))
    if output == "github":
        github.write(outcome, said, world)
    if output == "gitlab":
        gitlab.write(outcome, world)
    world.out.flush()


def _json(outcome: Outcome) -> str:
    """Return the change as it was received, with the exit code."""
    change = outcome.change or {"decision": outcome.decision}
    document = {**change, "exit_code": outcome.code, "admitted": outcome.admitted}
    if outcome.decision in ("error", "unreviewed"):
        document[outcome.decision] = outcome.message or True
    # The output is ASCII, and without the text that a runner takes for a command.
    return json.dumps(document, indent=2).replace("##[", "#\\u0023[") + "\n"


def _text(outcome: Outcome, said: Summary, world: World) -> str:
    blocks = [
        [_coloured(said.headline, outcome.decision, world), *(f"  {line}" for line in said.details)]
    ]
    if said.reasons:
        blocks.append(["Reasons", *(f"  {line}" for line in said.reasons)])
    if said.next_steps:
        blocks.append(["Next", *(f"  {line}" for line in said.next_steps)])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _coloured(line: str, decision: str, world: World) -> str:
    if not world.out.isatty() or world.env.get("NO_COLOR") or world.env.get("TERM") == "dumb":
        return line
    return f"\x1b[1;{_COLOURS.get(decision, _RED)}m{line}\x1b[0m"


def _warn(said: Summary, world: World) -> None:
    world.say(_BLOCK)
    world.say("THE GATE DID NOT ANSWER. THIS DEPLOYMENT IS UNREVIEWED (--if-down allow).")
    for line in said.details:
        world.say(line)
    world.say(_BLOCK)
