"""The benchmark measures what the target speaks of: thirty rules, and a request that passes
them.
"""

from pathlib import Path

from benchmarks.requests import submit_body
from benchmarks.surroundings import SERVICES, policies
from gate.core.facts import read_value
from gate.core.rulebook.bundle import read_bundle


def test_the_policy_of_the_benchmark_has_thirty_rules(tmp_path: Path) -> None:
    bundle = read_bundle(
        {path.name: path.read_text() for path in policies(tmp_path).glob("*.yaml")}
    )

    assert [len(policy.rules) for policy in bundle.policies.all] == [30]


def test_every_fact_of_the_request_is_one() -> None:
    groups = submit_body(SERVICES[0])["facts"]

    assert isinstance(groups, dict)
    assert all(
        read_value(f"{group}.{name}", value) is not None
        for group, facts in groups.items()
        for name, value in facts.items()
    )
