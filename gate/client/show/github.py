"""The output for a GitHub runner: outputs, a job summary, annotations and masks.

Text that others wrote cannot give commands to the runner.
"""

from __future__ import annotations

import os
from pathlib import Path

from gate.client.show.outcome import Outcome
from gate.client.show.summary import Summary
from gate.client.show.text import visible
from gate.client.world import World

SUMMARY_BYTES_MAX = 1024 * 1024
OUTPUT_LENGTH_MAX = 1_000
ANNOTATION_LENGTH_MAX = 1_000

_LEVELS = {"approved": "notice", "closed": "notice", "pending": "warning", "unreviewed": "warning"}


def write(outcome: Outcome, said: Summary, world: World) -> None:
    """Write outputs and summary to the runner's files, and the annotation to standard output."""
    if path := world.env.get("GITHUB_OUTPUT"):
        _append(path, "".join(_output(name, value) for name, value in outputs(outcome).items()))
    if path := world.env.get("GITHUB_STEP_SUMMARY"):
        _append(path, _fitting(markdown(said), path))
    level = _LEVELS.get(outcome.decision, "error")
    message = "; ".join([said.headline, *said.details])
    world.out.write(f"::{level} title=Change gate::{_escaped(message[:ANNOTATION_LENGTH_MAX])}\n")


def outputs(outcome: Outcome) -> dict[str, str]:
    """Return the outputs by name, each on one line. Unknown values are empty."""
    change = outcome.change or {}
    risk = change.get("risk")
    known = risk if isinstance(risk, dict) else {}
    values = {
        "decision": outcome.decision,
        "admitted": "true" if outcome.admitted else "false",
        "change": change.get("id"),
        "state": change.get("state"),
        "type": change.get("type"),
        "route": change.get("route"),
        "score": known.get("score"),
        "band": known.get("band"),
        "message": outcome.message,
    }
    return {
        name: "" if value is None else visible(value, length_max=OUTPUT_LENGTH_MAX)
        for name, value in values.items()
    }


def markdown(said: Summary) -> str:
    """Return the job summary.

    Text that others wrote stands in code spans and fenced blocks only, so that no image, link,
    mention or HTML of theirs takes effect.
    """
    parts = [f"### Change gate\n\n{code_span(said.headline)}\n"]
    parts += [f"- {code_span(line)}\n" for line in said.details]
    for title, lines in (("Reasons", said.reasons), ("Next", said.next_steps)):
        if lines:
            parts.append(f"\n**{title}**\n\n{fenced(lines)}\n")
    return "".join(parts) + "\n"


def code_span(text: str) -> str:
    """Return the text in a code span whose back-ticks are longer than any inside, as CommonMark
    requires.
    """
    ticks = "`" * (_longest_ticks(text) + 1)
    return f"{ticks} {text.strip() or '-'} {ticks}"


def fenced(lines: list[str]) -> str:
    """Return a code block whose fence is longer than any run of back-ticks inside."""
    fence = "`" * max(3, max(map(_longest_ticks, lines)) + 1)
    return "\n".join([f"{fence}text", *lines, fence]) + "\n"


def mask(world: World, secret: str) -> None:
    """Make the runner show stars instead of the secret from now on.

    The command goes to standard error, because standard output may be a document.
    """
    if world.env.get("GITHUB_ACTIONS") == "true" and secret:
        world.say(f"::add-mask::{_escaped(secret)}")


def _output(name: str, value: str) -> str:
    """Return an output in the runner's format. Its random delimiter keeps any value from ending
    early.
    """
    delimiter = f"gate_{os.urandom(16).hex()}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _longest_ticks(text: str) -> int:
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest


def _fitting(text: str, path: str) -> str:
    """Return the text, or a short note if the summary would exceed the 1 MiB of a step.

    Over this limit the runner would drop the whole summary.
    """
    place = Path(path)
    bytes_left = SUMMARY_BYTES_MAX - (place.stat().st_size if place.exists() else 0)
    if len(text.encode()) <= bytes_left:
        return text
    short = (
        "### Change gate\n\nThe summary is too long to be shown here; the log of the step has "
        "all of it.\n"
    )
    return short if len(short) <= bytes_left else ""


def _append(path: str, text: str) -> None:
    with Path(path).open("a", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        file.write(text)
