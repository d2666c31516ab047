"""The log of `gate serve`: one line of JSON for each event on standard error, or text on a
terminal.

Lines of libraries get the same form. Anything that looks like a secret is starred in every warning
and error, because the words of an error may contain an address or a header. A line of information
is the gate's own, and contains only ids and figures.
"""

import logging
import re
import sys
from typing import Any

import orjson
import structlog

STARS = "***"
_FIRST = ("timestamp", "level", "event", "request", "change", "trace")

_SECRET = re.compile(
    # A token of the gate keeps its id, which is not secret and says whose it was.
    r"(?P<id>gate_[0-9a-f]{16}_)[A-Za-z0-9_-]{43}"
    # The user and password of an address, and everything after its question mark.
    r"|(?P<scheme>[a-z][a-z0-9+]{1,20}://)[^\s/@\"'\\]{1,200}@"
    r"|(?P<query>https?://[^\s?\"'\\]{1,500}\?)[^\s\"'\\)]+"
    # The path of a webhook of Slack is its secret.
    r"|(?P<slack>https://hooks\.slack\.com/)[^\s\"'\\)]+"
    # What a header says after the name of its scheme.
    r"|(?P<header>\b(?:Bearer|Basic) )[A-Za-z0-9._~+/=-]{8,}"
    # A JSON web token, and tokens of GitHub, GitLab and webhooks by how they begin.
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
    r"|\b(?:gh[pousr]_|github_pat_|glpat-|glcbt-|whsec_|xox[a-z]-)[A-Za-z0-9_.=+/-]{10,}",
    re.ASCII,
)


def without_secrets(text: str) -> str:
    """Return the text with stars in place of what looks like a secret."""
    return _SECRET.sub(_starred, text)


def log_as_json() -> None:
    """Log from now on as this file says."""
    to_terminal = sys.stderr.isatty()
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer()
        if to_terminal
        else structlog.processors.JSONRenderer(serializer=_json)
    )
    steps: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*steps, renderer, _star],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    libraries = logging.StreamHandler(sys.stderr)
    last = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer, _star]
    libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=steps, processors=last)
    )
    logging.basicConfig(handlers=[libraries], level=logging.WARNING)


def _json(event: Any, **_: Any) -> str:
    """Return the event as JSON. What every line has stands first, for people who read along."""
    first = {name: event[name] for name in _FIRST if name in event}
    return orjson.dumps({**first, **event}, default=repr).decode()


def _star(_logger: Any, method: str, line: Any) -> str:
    """Return the whole line with secrets starred. Its values are joined by then, so none can be
    missed.
    """
    return str(line) if method == "info" else without_secrets(str(line))


def _starred(found: re.Match[str]) -> str:
    kept = "".join(part for part in found.groupdict().values() if part)
    at = "@" if found["scheme"] else ""
    return f"{kept}{STARS}{at}"
