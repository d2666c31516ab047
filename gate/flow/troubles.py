"""What goes wrong inside the gate and is nobody's request: counted each time, and logged once with
its cause.
"""

import threading
from contextlib import suppress

import structlog

from gate.errors import GateError
from gate.metrics import Metrics

CAUSES_MAX = 20
"""Of one trouble. Others are counted and no longer logged, so that a log is not filled by one of
many words."""

_UNWRITABLE = (OSError, ValueError)
"""What a log on a full disk or on a closed stream raises: the thread that reports must go on all
the same."""

_log = structlog.get_logger("gate.troubles")


class Troubles:
    """For whoever operates the gate. May be called from any thread.

    A database that is down fails several times a second. That is logged when it begins, when its
    cause changes and when it is over; the counter tells how often.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._causes: dict[str, set[str]] = {}
        self._lock = threading.Lock()

    def tell(self, where: str, error: BaseException, **context: str) -> None:
        """Something failed there once, of which `context` says more."""
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
        """Something fails there, perhaps for the thousandth time."""
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
        """It works there."""
        if (
            where in self._causes
        ):  # asked for without the lock, because it is nearly always the answer
            with self._lock:
                known = self._causes.pop(where, None)
            if known:
                with suppress(*_UNWRITABLE):
                    _log.info("it works again", where=where)


def _traced(error: BaseException) -> BaseException | None:
    """What is raised on purpose says everything in its words; for anything else one needs to see
    where it was raised.
    """
    return None if isinstance(error, GateError) else error


def _words(error: BaseException) -> str:
    return (
        f"{type(error).__name__}: {error.for_operators if isinstance(error, GateError) else error}"
    )
