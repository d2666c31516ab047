"""What findings cost: the benchmark's 30 rules by the gate, beside plain closures that make the
same comparisons.
"""

# ruff: noqa: PLR2004 - the numbers are those of the policy beside this file
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

from gate.core.decision.evaluate import evaluate
from gate.core.facts import Fact, Facts, Origin, read_value
from gate.core.policy.file import read_policy

RUNS = 11
CALLS_A_RUN = 1_000
RATIO_MAX = 3.0
POLICY = Path(__file__).with_name("policies") / "bench.yaml"

Plain: TypeAlias = Callable[[Mapping[str, Any]], int]

VALUES: Mapping[str, Any] = {
    "diff.lines_added": 812,
    "diff.lines_deleted": 60,
    "diff.files_changed": 12,
    "diff.commits": 3,
    "diff.directories": 4,
    "diff.subsystems": 2,
    "diff.files": tuple(f"services/part{number}/module{number}.py" for number in range(12)),
    "diff.reverts": False,
    "change.age_hours": 30,
    "change.has_rollback_plan": True,
    "change.has_test_plan": True,
    "change.fixes_defect": False,
    "change.first_deployment": False,
    "author.changes": 40,
    "author.recent_changes": 3,
    "author.subsystem_changes": 5,
    "author.count": 1,
    "author.known": True,
    "history.changes_last_24h": 2,
    "history.recent_failure_rate": 0.02,
    "history.days_since_failure": 50,
    "service.tier": 2,
    "environment.tier": "staging",
    "checks.total": 9,
    "checks.passed": 9,
    "checks.failed": 0,
    "checks.pending": 0,
    "reviews.approvals": 2,
    "reviews.changes_requested": 0,
    "labels.train": "weekly",
}


def ratio() -> float:
    """How many times as long the gate takes.

    The two take turns, so that both meet the same machine.
    """
    policy, facts, plain = read_policy(POLICY.read_text(), POLICY.name), _facts(), _plain_closures()
    if evaluate(policy, facts).raw != sum([closure(VALUES) for closure in plain]):
        raise AssertionError("the closures and the policy do not make the same comparisons")
    gate: list[float] = []
    closures: list[float] = []
    for _ in range(RUNS):
        gate.append(_seconds(lambda: evaluate(policy, facts)))
        closures.append(_seconds(lambda: sum([closure(VALUES) for closure in plain])))
    found = median(gate) / median(closures)
    sys.stdout.write(
        f"evaluate {len(policy.rules)} rules with findings: {median(gate) * 1e6:.1f} µs, "
        f"plain closures: {median(closures) * 1e6:.1f} µs, ratio {found:.2f} (target: at "
        f"most {RATIO_MAX:g})\n"
    )
    return found


def _seconds(call: Callable[[], object]) -> float:
    begins = time.perf_counter()
    for _ in range(CALLS_A_RUN):
        call()
    return (time.perf_counter() - begins) / CALLS_A_RUN


def _facts() -> Facts:
    values = {name: read_value(name, value) for name, value in VALUES.items()}
    origins = {
        "history": Origin.HISTORY,
        "service": Origin.CATALOGUE,
        "environment": Origin.CATALOGUE,
    }
    return {
        name: Fact(value, origins.get(name.partition(".")[0], Origin.CLAIMED))
        for name, value in values.items()
        if value is not None
    }


def _steps(name: str, steps: Mapping[int, int]) -> Plain:
    descending = sorted(steps.items(), reverse=True)

    def points(values: Mapping[str, Any]) -> int:
        seen = values[name]
        for limit, count in descending:
            if seen >= limit:
                return count
        return 0

    return points


def _some(pattern: str, points: int) -> Plain:
    matches = re.compile(pattern).search
    return lambda values: points if any(matches(path) for path in values["diff.files"]) else 0


def _every(pattern: str, points: int) -> Plain:
    matches = re.compile(pattern).search
    return lambda values: points if all(matches(path) for path in values["diff.files"]) else 0


def _plain_closures() -> tuple[Plain, ...]:
    """The rules of the benchmark's policy as a programmer would write them without a policy, blind
    to unknown facts.
    """
    migrations = _some(r"^(?:.*/)?migrations/.+$", 25)
    return (
        _steps("diff.lines_added", {10: 2, 30: 4, 100: 6, 200: 10, 1000: 20}),
        _steps("diff.lines_deleted", {50: 2, 200: 4, 1000: 8}),
        _steps("diff.files_changed", {5: 1, 20: 4, 100: 10}),
        _steps("diff.commits", {5: 1, 20: 4, 50: 8}),
        _steps("diff.directories", {3: 1, 10: 4, 30: 8}),
        _steps("diff.subsystems", {2: 3, 4: 8}),
        _steps("change.age_hours", {24: 1, 72: 3, 168: 6}),
        _steps("history.changes_last_24h", {1000000: 1, 2000000: 2}),
        lambda values: 10 if values["author.changes"] < 10 else 0,
        lambda values: 5 if values["author.recent_changes"] == 0 else 0,
        lambda values: 5 if values["author.subsystem_changes"] < 3 else 0,
        lambda values: 5 if values["author.count"] > 5 else 0,
        lambda values: 5 if not values["author.known"] else 0,
        lambda values: migrations(values) if not values["change.has_rollback_plan"] else 0,
        _some(r"^\.github/.+$", 10),
        _some(r"^(?:.*/)?settings/[^/]*\.yaml$", 10),
        _some(r"^(?:.*/)?[^/]*\.lock$", 8),
        _every(r"^docs/.+$", -10),
        _some(r"_pb2?\.py$", 4),
        lambda values: 5 if values["diff.reverts"] else 0,
        lambda values: -5 if values["change.fixes_defect"] else 0,
        lambda values: 10 if not values["change.has_rollback_plan"] else 0,
        lambda values: 5 if not values["change.has_test_plan"] else 0,
        lambda values: 5 if values["change.first_deployment"] else 0,
        lambda values: 10 if values["service.tier"] <= 1 else 0,
        lambda values: 20 if values["history.recent_failure_rate"] > 0.2 else 0,
        lambda values: 10 if values["history.days_since_failure"] < 2 else 0,
        lambda values: 10 if values["checks.total"] < 3 else 0,
        lambda values: 5 if values["reviews.approvals"] < 2 else 0,
        lambda values: 5 if values["labels.train"] != "weekly" else 0,
    )


if __name__ == "__main__":
    sys.exit(0 if ratio() <= RATIO_MAX else 1)
