"""What is described is what is served: the reference, the alert rules and the dashboard go by it."""

import re
from dataclasses import dataclass

from gate.core.decision.values import Band
from gate.metrics import Metrics


@dataclass
class FakeDecision:
    """What is counted of a decision."""

    outcome: str = "approved"
    route: str = "automatic"
    band: Band = Band.LOW


def test_every_metric_that_is_served_is_described_and_the_other_way_round() -> None:
    metrics = Metrics()

    served = re.findall(r"^# TYPE (gate_\S+) (\w+)$", metrics.exposition().decode(), re.MULTILINE)

    described = [(one.name, one.kind) for one in metrics.described]
    made_at = [(name, kind) for name, kind in served if name.endswith("_created")]
    assert sorted(described) == sorted(set(served) - set(made_at))


def test_labels_are_those_that_are_described() -> None:
    metrics = Metrics()
    metrics.decided(FakeDecision(), 0.1)
    metrics.answered("/v1/changes", 201, 0.1)
    metrics.refused("invalid")
    metrics.heard("github.com", "whole", 0.1)
    metrics.trouble("database writer")
    metrics.sighted("github", "admission")
    metrics.sent("chat", "sent")
    metrics.turned("ledger")
    metrics.changes({"pending": (1, 2.0)})
    metrics.outbox({"chat": (1, 2, 3.0)})
    metrics.inbox({"pagerduty": (1, 2, 3.0)})

    text = metrics.exposition().decode()

    lines = re.findall(r"^(gate_\w+?)(?:_bucket|_sum|_count)?\{([^}]*)\} ", text, re.MULTILINE)
    labels = {name: frozenset(re.findall(r'(\w+)="', inside)) - {"le"} for name, inside in lines}
    described = {one.name: frozenset(one.labels) for one in metrics.described}
    found = {name: labels[name] for name in labels if not name.endswith("_created")}
    assert found == {name: described[name] for name in found}
    assert {one.name for one in metrics.described if one.labels} <= set(found)
