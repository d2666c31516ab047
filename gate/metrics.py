"""The metrics that an operator watches, in one registry.

Counting costs about a microsecond, because the measure of each set of labels is kept.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
    start_http_server,
)

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)

Measure = TypeVar("Measure", Counter, Histogram)


class Word(Protocol):
    """Something with a name for a label."""

    @property
    def word(self) -> str:
        """The name."""


class Decided(Protocol):
    """The parts of a decision that are counted. This file does not import the core."""

    @property
    def outcome(self) -> str:
        """Approved, pending or rejected."""

    @property
    def route(self) -> str:
        """How the change was or will be settled."""

    @property
    def band(self) -> Word:
        """The band of its risk."""


class Metrics:
    """One registry, and everything that is counted in it."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._decisions = _Children(
            Counter(
                "gate_decisions",
                "Decisions that were recorded.",
                ("outcome", "route", "band"),
                registry=registry,
            )
        )
        self._requests = _Children(
            Histogram(
                "gate_request_seconds",
                "From the head of a request to the end of its answer.",
                ("route",),
                buckets=_SECONDS,
                registry=registry,
            )
        )
        self._responses = _Children(
            Counter("gate_responses", "Answers by HTTP status.", ("status",), registry=registry)
        )
        self._refusals = _Children(
            Counter(
                "gate_refusals",
                "Requests answered with a problem.",
                ("problem",),
                registry=registry,
            )
        )
        self._batches = Histogram(
            "gate_writer_batch_units",
            "Units that share a commit.",
            buckets=_BATCH_SIZES,
            registry=registry,
        )
        self._queue = Gauge(
            "gate_writer_queue_units", "Units that wait for the writer.", registry=registry
        )
        self._waiters = Gauge(
            "gate_waiters", "Requests that wait for a change to be settled.", registry=registry
        )
        self._activated = Gauge(
            "gate_policy_set_activated_timestamp_seconds",
            "When the policy set in force was activated.",
            registry=registry,
        )
        self._broken = Gauge(
            "gate_policy_files_broken",
            "1 while the policy files on disk cannot be used.",
            registry=registry,
        )

        self._setbacks = Counter(
            "gate_change_setbacks",
            "Changes that could not be expired or decided again; each is tried again later.",
            registry=registry,
        )
        self._heard = _Children(
            Histogram(
                "gate_code_host_seconds",
                "How long a code host took for everything about one change: a whole "
                "answer, a part of it, or silence.",
                ("host", "answer"),
                buckets=_SECONDS,
                registry=registry,
            )
        )
        self._troubles = _Children(
            Counter(
                "gate_troubles",
                "What failed inside the gate, by where; the log has the causes.",
                ("where",),
                registry=registry,
            )
        )
        self._sealed = Gauge(
            "gate_ledger_entries", "Entries of the ledger that are sealed.", registry=registry
        )
        self._signed = Gauge(
            "gate_ledger_signed_entries",
            "Entries that the newest checkpoint covers.",
            registry=registry,
        )
        self._unsealed = Gauge(
            "gate_ledger_unsealed_seconds",
            "How long the oldest entry that is not sealed has waited.",
            registry=registry,
        )
        self._sent = _Children(
            Counter(
                "gate_deliveries",
                "Messages by what became of one attempt.",
                ("kind", "result"),
                registry=registry,
            )
        )
        self._outbox_waiting = Gauge(
            "gate_outbox_waiting",
            "Messages that wait for their target.",
            ("target",),
            registry=registry,
        )
        self._outbox_dead = Gauge(
            "gate_outbox_dead", "Messages that were given up.", ("target",), registry=registry
        )
        self._outbox_age = Gauge(
            "gate_outbox_oldest_seconds",
            "Age of the oldest message that waits.",
            ("target",),
            registry=registry,
        )
        self._sightings = _Children(
            Counter(
                "gate_sightings",
                "Deployments that went past the gate, by what would have explained them.",
                ("source", "missing"),
                registry=registry,
            )
        )
        self._inbox_waiting = Gauge(
            "gate_inbox_waiting",
            "Deliveries that are not worked on yet.",
            ("source",),
            registry=registry,
        )
        self._inbox_given_up = Gauge(
            "gate_inbox_given_up",
            "Deliveries of the last days that were given up.",
            ("source",),
            registry=registry,
        )
        self._inbox_age = Gauge(
            "gate_inbox_oldest_seconds",
            "Age of the oldest delivery that waits.",
            ("source",),
            registry=registry,
        )

    def decided(self, decision: Decided) -> None:
        """Count a decision that was recorded."""
        self._decisions.of(decision.outcome, decision.route, decision.band.word).inc()

    def set_back(self) -> None:
        """Count a change that the worker failed to expire or to decide again."""
        self._setbacks.inc()

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answered request. `route` is a template: each value of it becomes a label."""
        self._requests.of(route).observe(seconds)
        self._responses.of(str(status)).inc()

    def refused(self, problem: str) -> None:
        """Count a request that was answered with a problem of that name."""
        self._refusals.of(problem).inc()

    def wrote(self, units: int, queued: int) -> None:
        """Count a commit of the writer: how many units shared it, and how many wait.

        Any thread may call this.
        """
        self._batches.observe(units)
        self._queue.set(queued)

    def watch_waiters(self, count: Callable[[], int]) -> None:
        """Set the function that returns how many requests wait now."""
        self._waiters.set_function(count)

    def policies(self, *, activated_at: datetime | None, broken: bool) -> None:
        """Set when the policy set in force was activated, and whether the files are broken."""
        if activated_at is not None:
            self._activated.set(activated_at.timestamp())
        self._broken.set(broken)

    def heard(self, host: str, answer: str, seconds: float) -> None:
        """Count an answer of a code host about one change: `whole`, `part` or `silence`."""
        self._heard.of(host, answer).observe(seconds)

    def trouble(self, where: str) -> None:
        """Count a failure at this place of the gate. Any thread may call this."""
        self._troubles.of(where).inc()

    def sighted(self, source: str, missing: str) -> None:
        """Count a deployment that went past the gate."""
        self._sightings.of(source, missing).inc()

    def ledger(self, sealed: int, signed: int, unsealed_seconds: float) -> None:
        """Set how many entries are sealed and signed, and how long one has waited to be sealed.

        If signed stays behind sealed for longer than a moment, nothing is signed any more, and
        /readyz says why.
        """
        self._sealed.set(sealed)
        self._signed.set(signed)
        self._unsealed.set(unsealed_seconds)

    def sent(self, kind: str, result: str) -> None:
        """Count one attempt to deliver a message."""
        self._sent.of(kind, result).inc()

    def outbox(self, targets: Mapping[str, tuple[int, int, float]]) -> None:
        """Set for each target how many messages wait, how many are dead, and how many seconds the
        oldest has waited.
        """
        _show((self._outbox_waiting, self._outbox_dead, self._outbox_age), targets)

    def inbox(self, sources: Mapping[str, tuple[int, int, float]]) -> None:
        """Set for each source how many deliveries wait, how many were given up, and how many
        seconds the oldest has waited.
        """
        _show((self._inbox_waiting, self._inbox_given_up, self._inbox_age), sources)

    def listen(self, host: str, port: int) -> None:
        """Answer `/metrics` on a port of its own, without a token, for as long as the process
        lives.
        """
        start_http_server(port, addr=host, registry=self._registry)

    def exposition(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self._registry)


def _show(gauges: tuple[Gauge, ...], figures: Mapping[str, tuple[float, ...]]) -> None:
    """Set one value a gauge for each name. Names that are gone are removed first, because a gauge
    would show their last value for ever.
    """
    for gauge in gauges:
        gauge.clear()
    for name, values in figures.items():
        for gauge, value in zip(gauges, values, strict=True):
            gauge.labels(name).set(value)


class _Children(dict[tuple[str, ...], Measure]):
    """The measure of each set of labels, made at its first use.

    They are kept here, because the library's own look-up costs more than counting.
    """

    def __init__(self, parent: Measure) -> None:
        super().__init__()
        self._parent: Measure = parent

    def of(self, *labels: str) -> Measure:
        """Return the measure of these labels."""
        return self[labels]

    def __missing__(self, labels: tuple[str, ...]) -> Measure:
        child: Measure = self._parent.labels(*labels)
        self[labels] = child
        return child
