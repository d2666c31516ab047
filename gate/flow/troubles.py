"""Faults inside the gate that no caller gets as an answer: counted each time, logged once with
their cause.
"""

import threading
from contextlib import suppress

import structlog

from gate.errors import GateError
from gate.metrics import Metrics

CAUSES_MAX = 20
"""The most causes of one place that are logged. Further ones are only counted, so that a fault
whose words always differ does not fill the log."""

_UNWRITABLE = (OSError, ValueError)
"""Raised by a log on a full disk or a closed stream; the thread that logs must go on all the
same."""

_log = structlog.get_logger("gate.troubles")


class Troubles:
    """The log and count of faults that repeat. It may be called from any thread.

    A database that is down fails several times a second. That is logged when it begins, when its
    cause changes and when it is over; the counter tells how often.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._causes: dict[str, set[str]] = {}
        self._lock = threading.Lock()

    def happened(self, where: str, error: BaseException, **context: str) -> None:
        """Count and log one fault at this place; `context` goes into the log line."""
        self._metrics.trouble(where)
        with suppress(*_UNWRITABLE):
            _log.error(
                "something failed",
                where=where,
                error=_words(error),
                exc_info=_traced(error),
                **context,
            )

    def lasts(self, where: str, error: BaseException) -> None:
        """Count one fault of many at this place, and log it only if its cause is new."""
        self._metrics.trouble(where)
        cause = _words(error)
        with self._lock:
            causes = self._causes.setdefault(where, set())
            is_new = cause not in causes and len(causes) < CAUSES_MAX
            if is_new:
                causes.add(cause)
        if is_new:
            with suppress(*_UNWRITABLE):
                _log.error(
                    "something fails; it is tried again",
                    where=where,
                    error=cause,
                    exc_info=_traced(error),
                )

    def over(self, where: str) -> None:
        """Log that this place works again, if it did not."""
        # Read without the lock, because nearly always there is nothing to do.
        if where not in self._causes:
            return
        with self._lock:
            known = self._causes.pop(where, None)
        if known:
            with suppress(*_UNWRITABLE):
                _log.info("it works again", where=where)


def _traced(error: BaseException) -> BaseException | None:
    """Return the error if its traceback is worth logging: an error raised on purpose says all in
    its words.
    """
    return None if isinstance(error, GateError) else error


def _words(error: BaseException) -> str:
    return (
        f"{type(error).__name__}: {error.for_operators if isinstance(error, GateError) else error}"
    )
