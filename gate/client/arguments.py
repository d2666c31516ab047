"""`gate check`, `gate evaluate` and `gate close`: their flags (each also from GATE_<FLAG>), checked
before anything is asked.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gate.client.connection.address import is_private
from gate.client.files import read_text
from gate.client.options import CheckOptions, CloseOptions
from gate.client.show.gitlab import VARIABLES
from gate.client.values import (
    FORMATS,
    RESULTS,
    read_artifact,
    read_change,
    read_duration,
    read_fact,
    read_flag,
    read_label,
    read_url,
    read_word,
)
from gate.client.world import World

USAGE = 2
ERROR = 1
INTERRUPTED = 130
ROLLBACK_PLAN_LENGTH_MAX = 4_000
ROLLBACK_PLAN_BYTES_MAX = 4 * ROLLBACK_PLAN_LENGTH_MAX + 4_096
"""No character has more than four bytes; what stands around the text is not counted."""


_EPILOG = (
    "exit codes: 0 approved and admitted (approved, with --no-admit), 1 error, 2 usage, "
    "3 rejected, 4 not authenticated or not allowed, 5 still pending at the time limit, "
    "6 expired or canceled"
)


def run(argv: Sequence[str], world: World | None = None) -> int:
    """Run the command that `argv` begins with, and return its exit code. It never raises."""
    here = world or _this_world()
    try:
        options = _parse(argv, here)
        return _run(options, here)
    except SystemExit as error:  # argparse has said why
        return error.code if isinstance(error.code, int) else USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        here.say(f"gate: {error}")
        return ERROR


def variables() -> frozenset[str]:
    """Return every environment variable that the commands of a pipeline read, or leave for later
    jobs.
    """
    asked: set[str] = set()

    class RecordingEnvironment(dict[str, str]):
        def get(self, name: str, _: object = None) -> None:  # type: ignore[override]  # nothing is set
            asked.add(name)

    flags = _Flags(argparse.ArgumentParser(), RecordingEnvironment())
    _asking_flags(flags)
    _check_flags(flags)
    closing = _Flags(argparse.ArgumentParser(), RecordingEnvironment())
    _close_flags(closing)
    return frozenset(
        {*asked, *VARIABLES, "GATE_HOST_TOKEN", "GATE_ID_TOKEN", "GATE_STATE", "GATE_TOKEN_FILE"}
    )


def _run(options: CheckOptions | CloseOptions, world: World) -> int:
    from gate.client.connection.http import Http  # noqa: PLC0415 - the same
    from gate.client.show.formats import show  # noqa: PLC0415 - the same
    from gate.client.show.github import mask  # noqa: PLC0415 - a usage error need not wait for any of these

    masked: set[str] = set()

    def mask_once(secret: str) -> None:
        if secret not in masked:
            masked.add(secret)
            mask(world, secret)

    if not is_private(options.url):
        world.say(f"warning: {options.url} is not https, so the token can be read on its way")
    http = Http(options.url, world)
    if isinstance(options, CheckOptions) and not options.record:
        from gate.client.evaluate import evaluate  # noqa: PLC0415 - the same

        outcome = evaluate(options, world, http, mask_once)
    elif isinstance(options, CheckOptions):
        from gate.client.check import check  # noqa: PLC0415 - the same

        outcome = check(options, world, http, mask_once)
    else:
        from gate.client.close import close  # noqa: PLC0415 - the same

        outcome = close(options, world, http, mask_once)
    show(outcome, options.output, world)
    return outcome.code


def _this_world() -> World:
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shall not end the command.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    return World(os.environ, str(Path.cwd()), sys.stdout, sys.stderr)


def _parse(argv: Sequence[str], world: World) -> CheckOptions | CloseOptions:
    parser = argparse.ArgumentParser(
        prog="gate", allow_abbrev=False, description="What runs in a pipeline."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser(
        "check",
        allow_abbrev=False,
        help="may this change go to this environment now?",
        description="Ask whether this commit may go to this environment now. Each flag may also "
        "be set as GATE_<FLAG>.",
        epilog=_EPILOG,
    )
    evaluate = commands.add_parser(
        "evaluate",
        allow_abbrev=False,
        help="what would be decided?",
        description="Ask what would be decided; nothing is recorded. Each flag may also be set as "
        "GATE_<FLAG>.",
        epilog=_EPILOG,
    )
    close = commands.add_parser(
        "close",
        allow_abbrev=False,
        help="say how a deployment ended",
        description="Say how a deployment ended. Each flag may also be set as GATE_<FLAG>.",
    )
    for asking in (check, evaluate):
        _asking_flags(_Flags(asking, world.env))
    _check_flags(_Flags(check, world.env))
    _close_flags(_Flags(close, world.env))
    found = parser.parse_args(list(argv))
    if found.command == "close":
        return _close_options(found, close)
    if found.command == "evaluate":
        return _asked(found, evaluate, world)._replace(record=False)
    return _check_options(found, check, world)


class _Flags:
    """Adds flags whose default comes from the environment; an empty variable is none."""

    def __init__(self, parser: argparse.ArgumentParser, env: Mapping[str, str]) -> None:
        self._parser = parser
        self._env = env

    def one(
        self,
        flag: str,
        words: str,
        *,
        read: Any = str,
        metavar: str | None = None,
        default: str | None = None,
    ) -> None:
        value = self._env.get(_variable(flag)) or default
        self._parser.add_argument(
            flag,
            type=read,
            default=value,
            help=words,
            metavar=metavar or flag[2:].upper().replace("-", "_"),
        )

    def many(self, flag: str, words: str, *, read: Any, metavar: str) -> None:
        """Add a flag that may be repeated. Its variable has one value a line."""
        lines = [line.strip() for line in (self._env.get(_variable(flag)) or "").splitlines()]
        self._parser.add_argument(
            flag, type=read, action="append", help=f"{words}; may be repeated", metavar=metavar
        )
        self._parser.set_defaults(**{f"{flag[2:]}_lines": (read, [line for line in lines if line])})

    def switch(self, flag: str, words: str) -> None:
        self._parser.add_argument(flag, action="store_true", default=None, help=words)
        self._parser.set_defaults(**{f"{_name(flag)}_variable": self._env.get(_variable(flag))})

    def last(self, name: str, words: str, *, read: Any) -> None:
        """Add a value without a flag."""
        self._parser.add_argument(
            name,
            nargs="?",
            type=read,
            default=self._env.get(f"GATE_{name.upper()}") or None,
            help=words,
        )


ASSESSMENT = {
    "reason": "why it is needed",
    "security-impact": "what it means for security",
    "expected-outcome": "what should be so afterwards",
    "customer-impact": "what customers will see of it",
    "ticket": "where it was planned",
}
"""The texts that regulators ask for, by flag. Each is a field of the request."""


def _asking_flags(flags: _Flags) -> None:
    """Add the flags that describe the change."""
    flags.one("--service", "what is deployed")
    flags.one("--environment", "where to")
    _common_flags(flags)
    flags.one("--commit", "the commit that is deployed (HEAD)")
    flags.one("--ref", "its branch or tag (what the pipeline or git says)")
    flags.one("--base", "the commit to compare with (what runs there)")
    flags.many(
        "--artifact", "what is deployed, by digest", read=read_artifact, metavar="NAME=DIGEST"
    )
    flags.many(
        "--fact",
        "a fact to claim, such as checks.passed=12",
        read=read_fact,
        metavar="GROUP.NAME=VALUE",
    )
    flags.many("--label", "a label", read=read_label, metavar="KEY=VALUE")
    flags.one("--title", "one line about the change (the commit's subject)")
    flags.one("--rollback-plan", "a text file that says how to go back", metavar="FILE")
    for name, words in ASSESSMENT.items():
        flags.one(f"--{name}", words)
    flags.one("--emergency", "why it cannot wait", metavar="REASON")
    flags.one("--incident", "the incident that the emergency answers", metavar="ID")


def _check_flags(flags: _Flags) -> None:
    flags.one(
        "--wait",
        "how long to wait for an approval: seconds, or 90s 30m 24h (0)",
        read=read_duration,
        default="0",
    )
    flags.switch("--no-admit", "ask only; do not start the deployment")
    flags.one(
        "--if-down",
        "fail | allow: when the gate does not answer (fail)",
        read=read_word("fail", "allow"),
        default="fail",
    )
    flags.one("--statement", "write the signed admission here", metavar="FILE")


def _close_flags(flags: _Flags) -> None:
    flags.last("change", "the change's id (the one of the last gate check)", read=read_change)
    _common_flags(flags)
    flags.one("--result", " | ".join(RESULTS), read=read_word(*RESULTS))
    flags.one("--notes", "what is worth knowing about it", default="")
    flags.one("--unreviewed", "the file that gate check --if-down allow wrote", metavar="FILE")


def _common_flags(flags: _Flags) -> None:
    flags.one("--url", "address of the gate", read=read_url)
    flags.one("--token", "API token (an identity token of the runner)")
    flags.one("--output", " | ".join(FORMATS) + " (text)", read=read_word(*FORMATS), default="text")


def _check_options(
    found: argparse.Namespace, parser: argparse.ArgumentParser, world: World
) -> CheckOptions:
    asked = _asked(found, parser, world)
    no_admit = _switched(found, parser, "no_admit")
    if found.statement and no_admit:
        parser.error("--statement is what an admission gives; with --no-admit there is none")
    if found.statement and not Path(world.folder, found.statement).parent.is_dir():
        parser.error(f"--statement: there is no folder for {found.statement}")
    return asked._replace(
        wait_seconds=found.wait,
        admit=not no_admit,
        if_down_allow=found.if_down == "allow",
        statement=found.statement,
    )


def _asked(
    found: argparse.Namespace, parser: argparse.ArgumentParser, world: World
) -> CheckOptions:
    _need(found, parser, "service", "environment", "url")
    if bool(found.emergency) != bool(found.incident):
        parser.error(
            "--emergency and --incident go together: why it cannot wait, and the incident it "
            "answers"
        )
    return CheckOptions(
        service=found.service,
        environment=found.environment,
        url=found.url,
        token=found.token,
        commit=found.commit,
        ref=found.ref,
        base=found.base,
        artifacts=tuple(_listed(found, parser, "artifact")),
        facts=tuple(_listed(found, parser, "fact")),
        labels=tuple(_listed(found, parser, "label")),
        title=found.title,
        rollback_plan=_plan(found.rollback_plan, parser, world),
        assessment=tuple(
            (field, said)
            for field in (name.replace("-", "_") for name in ASSESSMENT)
            if (said := getattr(found, field))
        ),
        emergency=found.emergency,
        incident=found.incident,
        output=found.output,
    )


def _close_options(found: argparse.Namespace, parser: argparse.ArgumentParser) -> CloseOptions:
    _need(found, parser, "url", "result")
    if found.change and found.unreviewed:
        parser.error("give the change's id or --unreviewed, not both")
    return CloseOptions(
        found.url,
        found.result,
        found.change,
        found.token,
        found.notes or "",
        found.unreviewed,
        found.output,
    )


def _need(found: argparse.Namespace, parser: argparse.ArgumentParser, *names: str) -> None:
    for name in names:
        if not getattr(found, name):
            parser.error(f"--{name} is needed, or {_variable('--' + name)} in the environment")


def _listed(found: argparse.Namespace, parser: argparse.ArgumentParser, name: str) -> list[Any]:
    """Return the values of the flag, or else the lines of its variable."""
    given: list[Any] | None = getattr(found, name)
    if given is not None:
        return given
    read, lines = getattr(found, f"{name}_lines")
    try:
        return [read(line) for line in lines]
    except argparse.ArgumentTypeError as error:
        parser.error(f"{_variable('--' + name)}: {error}")


def _switched(found: argparse.Namespace, parser: argparse.ArgumentParser, name: str) -> bool:
    if getattr(found, name):
        return True
    try:
        return read_flag(getattr(found, f"{name}_variable") or "")
    except argparse.ArgumentTypeError as error:
        parser.error(f"{_variable('--' + name.replace('_', '-'))}: {error}")


def _plan(name: str | None, parser: argparse.ArgumentParser, world: World) -> str | None:
    if not name:
        return None
    try:
        text = read_text(world.folder, name, ROLLBACK_PLAN_BYTES_MAX).strip()
    except (OSError, UnicodeDecodeError) as error:
        parser.error(f"--rollback-plan: {name} cannot be read: {error}")
    if not 0 < len(text) <= ROLLBACK_PLAN_LENGTH_MAX:
        parser.error(
            f"--rollback-plan: {name} has {len(text)} characters, allowed are 1 to "
            f"{ROLLBACK_PLAN_LENGTH_MAX}"
        )
    return text


def _variable(flag: str) -> str:
    return f"GATE_{_name(flag).upper()}"


def _name(flag: str) -> str:
    return flag[2:].replace("-", "_")
