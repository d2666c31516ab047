"""Finds environment variables that begin like a setting and are none.

A misspelt setting has no effect, and without these lines nobody would notice.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import SecretStr
from typer.main import get_command

from gate.client.arguments import variables as of_pipelines
from gate.config import PREFIX, Settings
from gate.core.yaml.fields import did_you_mean

_OF_KUBERNETES = re.compile(r"GATE_(?:SERVICE_(?:HOST|PORT\w*)|PORT_\d+_(?:TCP|UDP|SCTP)\w*)")
"""Kubernetes sets these in every container beside a Service called `gate`."""


def examine(environment: Mapping[str, str]) -> list[tuple[bool, str]]:
    """Return one line for each variable that is no setting."""
    return [(False, line) for line in misspelt(environment)]


def misspelt(environment: Iterable[str]) -> Iterator[str]:
    """Yield a sentence about each variable that begins with `GATE_` and that nothing reads."""
    known = frozenset({*_settings(), *of_pipelines(), *_of_commands()})
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known and not _OF_KUBERNETES.fullmatch(name):
            meant = did_you_mean(name, sorted(known)) or "; unset it, or name it otherwise"
            yield f"setting: {name} is not a setting of the gate, so it has no effect{meant}"


def _settings() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        yield f"{PREFIX}{name.upper()}"
        if field.annotation is SecretStr:
            yield f"{PREFIX}{name.upper()}_FILE"


def _of_commands() -> Iterator[str]:
    """Yield the variables that set the flags of commands."""
    from gate.cli.main import app  # noqa: PLC0415 - it imports the commands, which import this file

    commands: list[Any] = [get_command(app)]
    while commands:
        command = commands.pop()
        commands += getattr(command, "commands", {}).values()
        for parameter in command.params:
            found = parameter.envvar or ()
            yield from (found,) if isinstance(found, str) else found
