"""The metrics that an operator watches, in one registry.

Counting costs about a microsecond, because the measure of each set of labels is kept.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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

from gate import __version__

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
        """The way in which the change was or will be settled."""

    @property
    def band(self) -> Word:
        """The band of its risk."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Values that are read when the metrics are requested, because counting them earlier would not
    show a part that is stuck.
    """

    waiters: Callable[[], int]
    oldest_unit_seconds: Callable[[], float]
    hears_others: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Described:
    """A metric as Prometheus knows it, for the reference page and for queries of it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    words: str


class Metrics:
    """One registry, and everything that is counted in it."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.described: list[Described] = []
        ProcessCollector(registry=self._registry)
        build = self._gauge("gate_build_info", "1, with the version that runs.", "version")
        build.labels(__version__).set(1)

        self._decisions = self._counter(
            "gate_decisions",
            "Decisions that were recorded, also of changes that were decided again.",
            "outcome",
            "route",
            "band",
        )
        self._decision_seconds = self._histogram(
            "gate_decision_seconds",
            "From a request for a decision until it was durable, with the code host's answer.",
            "outcome",
        )
        self._waiting_changes = (
            self._gauge(
                "gate_changes_waiting",
                "Changes that wait: `pending` for a person or a fact, `held` by a freeze window "
                "or a stopped line.",
                "state",
            ),
            self._gauge(
                "gate_changes_oldest_seconds",
                "Since the oldest change that waits was submitted; 0 if none does.",
                "state",
            ),
        )
        self._setbacks = self._counter(
            "gate_change_setbacks",
            "Changes that could not be expired or decided again; each is tried again later.",
        )

        self._requests = self._histogram(
            "gate_request_seconds", "From the head of a request to the end of its answer.", "route"
        )
        self._responses = self._counter("gate_responses", "Answers by HTTP status.", "status")
        self._refusals = self._counter(
            "gate_refusals", "Requests answered with a problem.", "problem"
        )
        self._waiters = self._gauge(
            "gate_waiters", "Requests that wait for a change to be settled."
        )

        self._batches = self._histogram(
            "gate_writer_batch_units", "Units that share a commit.", buckets=_BATCH_SIZES
        )
        self._commits = self._histogram(
            "gate_writer_commit_seconds",
            "How long the database took to write and commit a batch, retries included.",
        )
        self._queue = self._gauge(
            "gate_writer_queue_units", "Units that waited for the writer after its last commit."
        )
        self._oldest_unit = self._gauge(
            "gate_writer_oldest_seconds",
            "How long the oldest unit waits that is not written yet; 0 if none does. It grows "
            "while the writer is stuck.",
        )
        self._hears = self._gauge(
            "gate_database_listener_up",
            "1 while this server finds out within a second what other servers write; always 1 on "
            "SQLite, where there are none.",
        )
        self._clock_offset = self._gauge(
            "gate_clock_offset_seconds",
            "How far the database's clock is ahead of this server's, by which it is corrected.",
        )
        self._troubles = self._counter(
            "gate_troubles",
            "What failed inside the gate, by where: such as `database writer`, `database reader`, "
            "`database listener`, `worker: ledger`. The log has the causes.",
            "where",
        )
        self._turns = self._gauge(
            "gate_loop_success_timestamp_seconds",
            "When each loop of this server last ended a turn without an error.",
            "loop",
        )

        self._activated = self._gauge(
            "gate_policy_set_activated_timestamp_seconds",
            "When the policy set in force was activated.",
        )
        self._broken = self._gauge(
            "gate_policy_files_broken", "1 while the policy files on disk cannot be used."
        )
        self._add_neighbours()
        self._add_ledger()

    def _add_neighbours(self) -> None:
        """Add the metrics of what the gate hears from other systems, and sends to them."""
        self._heard = self._histogram(
            "gate_code_host_seconds",
            "How long a code host took for everything about one change: a `whole` answer, a "
            "`part` of it, or `silence`.",
            "host",
            "answer",
        )
        self._sightings = self._counter(
            "gate_sightings",
            "Deployments that went past the gate, by what would have explained them.",
            "source",
            "missing",
        )
        self._sent = self._counter(
            "gate_deliveries", "Messages by what became of one attempt.", "kind", "result"
        )
        self._outbox = (
            self._gauge("gate_outbox_waiting", "Messages that wait for their target.", "target"),
            self._gauge("gate_outbox_dead", "Messages that were given up.", "target"),
            self._gauge(
                "gate_outbox_oldest_seconds", "Age of the oldest message that waits.", "target"
            ),
        )
        self._inbox = (
            self._gauge("gate_inbox_waiting", "Deliveries that are not worked on yet.", "source"),
            self._gauge(
                "gate_inbox_given_up", "Deliveries of the last days that were given up.", "source"
            ),
            self._gauge(
                "gate_inbox_oldest_seconds", "Age of the oldest delivery that waits.", "source"
            ),
        )

    def _add_ledger(self) -> None:
        """Add the metrics of how far the ledger is sealed and signed."""
        self._sealed = self._gauge("gate_ledger_entries", "Entries of the ledger that are sealed.")
        self._signed = self._gauge(
            "gate_ledger_signed_entries", "Entries that the newest checkpoint covers."
        )
        self._unsealed = self._gauge(
            "gate_ledger_unsealed_seconds",
            "How long the oldest entry that is not sealed has waited.",
        )
        self._signs = self._gauge(
            "gate_signing_ready",
            "1 while this server may sign; at 0 nothing is admitted, and `/readyz` says why.",
        )

    def _gauge(self, name: str, words: str, *labels: str) -> Gauge:
        self.described.append(Described(name, "gauge", labels, words))
        return Gauge(name, words, labels, registry=self._registry)

    def _counter(self, name: str, words: str, *labels: str) -> "_Children[Counter]":
        self.described.append(Described(f"{name}_total", "counter", labels, words))
        return _Children(Counter(name, words, labels, registry=self._registry))

    def _histogram(
        self, name: str, words: str, *labels: str, buckets: Sequence[float] = _SECONDS
    ) -> "_Children[Histogram]":
        self.described.append(Described(name, "histogram", labels, words))
        return _Children(Histogram(name, words, labels, registry=self._registry, buckets=buckets))

    def decided(self, decision: Decided, seconds: float | None = None) -> None:
        """Count a decision that was recorded, and how long its caller has waited for it.

        Nobody waits for a change that is decided again.
        """
        self._decisions.of(decision.outcome, decision.route, decision.band.word).inc()
        if seconds is not None:
            self._decision_seconds.of(decision.outcome).observe(seconds)

    def changes(self, states: Mapping[str, tuple[int, float]]) -> None:
        """Set for each state how many changes wait, and how many seconds the oldest has waited."""
        _show(self._waiting_changes, states)

    def set_back(self) -> None:
        """Count a change that the worker failed to expire or to decide again."""
        self._setbacks.of().inc()

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answered request. `route` is a template: each value of it becomes a label."""
        self._requests.of(route).observe(seconds)
        self._responses.of(str(status)).inc()

    def refused(self, problem: str) -> None:
        """Count a request that was answered with a problem of that name."""
        self._refusals.of(problem).inc()

    def wrote(self, units: int, queued: int, seconds: float) -> None:
        """Count a commit of the writer: how many units shared it, how many wait, how long it took.

        Any thread may call this.
        """
        self._batches.of().observe(units)
        self._queue.set(queued)
        self._commits.of().observe(seconds)

    def watch(self, watched: Watched) -> None:
        """Set the functions that are called whenever somebody reads the figures."""
        self._waiters.set_function(watched.waiters)
        self._oldest_unit.set_function(watched.oldest_unit_seconds)
        self._hears.set_function(watched.hears_others)

    def turned(self, loop: str) -> None:
        """Set that this loop has just ended a turn without an error."""
        self._turns.labels(loop).set_to_current_time()

    def clock(self, offset_seconds: float) -> None:
        """Set how far the database's clock is ahead of this server's."""
        self._clock_offset.set(offset_seconds)

    def signs(self, *, ready: bool) -> None:
        """Set whether this server may sign, which every admission needs."""
        self._signs.set(ready)

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
        _show(self._outbox, targets)

    def inbox(self, sources: Mapping[str, tuple[int, int, float]]) -> None:
        """Set for each source how many deliveries wait, how many were given up, and how many
        seconds the oldest has waited.
        """
        _show(self._inbox, sources)

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
        child: Measure = self._parent.labels(*labels) if labels else self._parent
        self[labels] = child
        return child
