"""What goes wrong inside the gate: every time is counted, each cause is logged once, and a broken
log stops nobody.
"""

from typing import Any

import pytest
from structlog.testing import capture_logs

from gate.errors import Unavailable
from gate.flow import troubles as module
from gate.flow.troubles import CAUSES_MAX, Troubles
from gate.metrics import Metrics


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def counted(metrics: Metrics, where: str) -> float:
    """How often something failed there."""
    name = f'gate_troubles_total{{where="{where}"}} '
    return float(
        next(
            line.removeprefix(name)
            for line in metrics.exposition().decode().splitlines()
            if line.startswith(name)
        )
    )


def test_what_lasts_is_counted_each_time_and_logged_once_with_its_cause(metrics: Metrics) -> None:
    troubles, down = Troubles(metrics), OSError("the server is down")

    with capture_logs() as logged:
        for _ in range(100):
            troubles.lasts("listener", down)

    assert counted(metrics, "listener") == 100
    assert logged == [
        {
            "event": "something fails; it is tried again",
            "log_level": "error",
            "where": "listener",
            "error": "OSError: the server is down",
            "exc_info": down,
        }
    ]


def test_another_cause_and_another_place_are_logged_too(metrics: Metrics) -> None:
    troubles = Troubles(metrics)

    with capture_logs() as logged:
        for _ in range(3):
            troubles.lasts("listener", OSError("down"))
            troubles.lasts("listener", OSError("it starts"))
            troubles.lasts("writer", OSError("down"))

    assert [(line["where"], line["error"]) for line in logged] == [
        ("listener", "OSError: down"),
        ("listener", "OSError: it starts"),
        ("writer", "OSError: down"),
    ]


def test_its_end_is_logged_once_and_the_next_time_is_new(metrics: Metrics) -> None:
    troubles = Troubles(metrics)

    with capture_logs() as logged:
        troubles.over("listener")
        for _ in range(2):
            troubles.lasts("listener", OSError("down"))
            troubles.over("listener")
            troubles.over("listener")

    assert [line["event"] for line in logged] == [
        "something fails; it is tried again",
        "it works again",
    ] * 2


def test_what_was_raised_on_purpose_needs_no_traceback(metrics: Metrics) -> None:
    with capture_logs() as logged:
        Troubles(metrics).lasts("worker", Unavailable("the database does not write"))

    assert [(line["error"], line["exc_info"]) for line in logged] == [
        ("Unavailable: the database does not write", None)
    ]


def test_a_cause_that_is_never_the_same_does_not_fill_the_log(metrics: Metrics) -> None:
    troubles = Troubles(metrics)

    with capture_logs() as logged:
        for number in range(CAUSES_MAX + 50):
            troubles.lasts("listener", OSError(f"attempt {number}"))

    assert (len(logged), counted(metrics, "listener")) == (CAUSES_MAX, CAUSES_MAX + 50)


def test_what_failed_once_is_logged_every_time_with_what_it_was_about(metrics: Metrics) -> None:
    troubles = Troubles(metrics)

    with capture_logs() as logged:
        for change in ("chg_1", "chg_2"):
            troubles.happened("evaluation", TypeError("no number"), change=change)

    assert [(line["change"], line["error"]) for line in logged] == [
        ("chg_1", "TypeError: no number"),
        ("chg_2", "TypeError: no number"),
    ]
    assert counted(metrics, "evaluation") == 2


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), ValueError("I/O operation on closed file")]
)
def test_a_log_that_cannot_be_written_stops_nobody(
    error: Exception, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FullDisk:
        def error(self, *_: Any, **__: Any) -> None:
            raise error

        info = error

    monkeypatch.setattr(
        module, "_log", FullDisk()
    )  # standard error on a full disk cannot be had in a test
    troubles = Troubles(metrics)

    troubles.happened("evaluation", TypeError())
    troubles.lasts("listener", TypeError())
    troubles.over("listener")

    assert counted(metrics, "listener") == 1
