"""The alert rules: Prometheus takes them, each fires when it should and not before, asks only for
what the gate serves, and has an entry in the runbook.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from gate.core.change import State
from gate.flow.connections import Chore
from gate.storage.changes.waiting import HELD
from gate.storage.database.reports import LISTENER, READER, WRITER
from gate.storage.incidents.sightings import Missing
from tests.deploy.promql import faults, matchers, served
from tests.documents import ROOT, Document
from tests.flow.shop import open_shop

FILE = ROOT / "docs/deploy/alerts.yaml"
RUNBOOK = ROOT / "docs/deploy/runbook.md"
RULES: list[dict[str, Any]] = yaml.safe_load(FILE.read_text())["groups"][0]["rules"]
NAMES = [rule["alert"] for rule in RULES]
PROMTOOL_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Case:
    """The series of which an alert makes a word to people, and those of which it does not."""

    alert: str
    series: dict[str, str]
    fires_at: str
    says: str
    labels: dict[str, str] = field(default_factory=dict)
    quiet_at: str = "2m"

    def as_promtool_takes_it(self) -> dict[str, Any]:
        """A test of promtool: quiet at one moment, firing at another."""
        rule = next(rule for rule in RULES if rule["alert"] == self.alert)
        fires = {
            "exp_labels": {**rule["labels"], **self.labels},
            "exp_annotations": {**rule["annotations"], "summary": self.says},
        }
        moments = [(self.quiet_at, []), (self.fires_at, [fires])]
        return {
            "interval": "1m",
            "input_series": [{"series": name, "values": v} for name, v in self.series.items()],
            "alert_rule_test": [
                {"eval_time": at, "alertname": self.alert, "exp_alerts": expected}
                for at, expected in moments
            ],
        }


A = {"instance": "a"}
WELL_THEN_3 = "0x5 3x90"
"""Five minutes of nothing, then 3 for ever."""

CASES = [
    Case("GateAbsent", {"gate_build_info": "1x5 _x90"}, "20m", RULES[0]["annotations"]["summary"]),
    Case(
        "GateServerDown", {'up{job="gate",instance="a"}': "1x5 0x20"}, "9m",
        "a does not answer.", {"job": "gate", **A},
    ),
    Case(
        "GateFails",
        {'gate_responses_total{status="503"}': "0x10 60+60x30", 'gate_responses_total{status="201"}': "0+240x60"},
        "30m", "20% of all requests fail or are turned away.", quiet_at="10m",
    ),
    Case(
        "GateWriterStuck", {'gate_writer_oldest_seconds{instance="a"}': "0 0 9 0 0 0 0 0 0 9 1 8 2 9 1 8 2"}, "15m",
        "a keeps writes waiting for 9s.", A, "5m",
    ),
    Case(
        "GateDatabaseFails",
        {
            'gate_troubles_total{instance="a",where="database writer"}': "0x5 9+9x20",
            'gate_troubles_total{instance="a",where="worker: tidy"}': "0+9x25",
        },
        "15m", "a: the database writer fails.", {"where": "database writer", **A}, "5m",
    ),
    Case(
        "GateSignsNothing", {'gate_signing_ready{instance="a"}': "1x5 0x9"}, "8m",
        "a may not sign, so it admits nothing.", A, "5m",
    ),
    Case(
        "GateLedgerBehind", {"gate_ledger_unsealed_seconds": "1x5 120x9"}, "9m",
        "An entry of the ledger has waited 2m 0s to be sealed.",
    ),
    Case(
        "GateSlow",
        {
            'gate_decision_seconds_bucket{outcome="approved",le="2.5"}': "0+100x10 1000x40",
            'gate_decision_seconds_bucket{outcome="approved",le="10"}': "0+100x10 1100+100x40",
            'gate_decision_seconds_bucket{outcome="approved",le="+Inf"}': "0+100x10 1100+100x40",
        },
        "40m", "One decision of a hundred takes longer than 9.925s.", quiet_at="10m",
    ),
    Case(
        "GateDatabaseSlow",
        {
            'gate_writer_commit_seconds_bucket{instance="a",le="0.5"}': "0+100x10 1000x40",
            'gate_writer_commit_seconds_bucket{instance="a",le="1"}': "0+100x10 1100+100x40",
            'gate_writer_commit_seconds_bucket{instance="a",le="+Inf"}': "0+100x10 1100+100x40",
        },
        "40m", "a: one commit of a hundred takes 995ms.", A, "10m",
    ),
    Case(
        "GateCodeHostSilent",
        {
            'gate_code_host_seconds_count{host="github.com",answer="silence"}': "0x5 30+30x60",
            'gate_code_host_seconds_count{host="github.com",answer="whole"}': "0+30x65",
        },
        "50m", "github.com left 50% of all questions unanswered.", {"host": "github.com"}, "5m",
    ),
    Case(
        "GateLoopStuck",
        {
            'gate_loop_success_timestamp_seconds{instance="a",loop="ledger"}': "0+60x5 300x30",
            'gate_loop_success_timestamp_seconds{instance="a",loop="tidy"}': "0x35",
        },
        "9m", "a: the loop ledger has done nothing for 4m 0s.", {"loop": "ledger", **A}, "6m",
    ),
    Case(
        "GateLoopStuck", {'gate_loop_success_timestamp_seconds{instance="a",loop="tidy"}': "0x99"},
        "62m", "a: the loop tidy has done nothing for 1h 2m 0s.", {"loop": "tidy", **A}, "59m",
    ),
    Case(
        "GateDeaf", {'gate_database_listener_up{instance="a"}': "1x5 0x9"}, "9m",
        "a does not find out what other servers write.", A, "5m",
    ),
    Case(
        "GateClockOff", {'gate_clock_offset_seconds{instance="a"}': "-4x5 -30x20"}, "15m",
        "The clocks of a and of its database are 30s apart.", A, "5m",
    ),
    Case(
        "GateChangesFail", {'gate_change_setbacks_total{instance="a"}': "0x5 1x40"}, "15m",
        "a: a change cannot be expired or decided again.", A, "5m",
    ),
    Case(
        "GatePolicyFilesBroken", {"gate_policy_files_broken": "0x5 1x20"}, "15m",
        "The policy files cannot be used; what was in force stays in force.",
    ),
    Case(
        "GateMessagesStuck",
        {
            'gate_outbox_oldest_seconds{target="chat",instance="a"}': "900x5 1200x20",
            'gate_outbox_oldest_seconds{target="chat",instance="b"}': "900x5 1200x20",
        },
        "15m", "A message has waited 20m 0s for chat.", {"target": "chat"}, "5m",
    ),
    Case(
        "GateMessagesGivenUp", {'gate_outbox_dead{target="chat"}': WELL_THEN_3}, "9m",
        "3 messages to chat were given up.", {"target": "chat"},
    ),
    Case(
        "GateReportsStuck", {'gate_inbox_oldest_seconds{source="pagerduty"}': "900x5 1200x20"},
        "15m", "A delivery of pagerduty has waited 20m 0s.", {"source": "pagerduty"}, "5m",
    ),
    Case(
        "GateReportsGivenUp", {'gate_inbox_given_up{source="pagerduty"}': WELL_THEN_3}, "9m",
        "3 deliveries of pagerduty were given up.", {"source": "pagerduty"},
    ),
    Case(
        "GateStrangersAsk", {'gate_refusals_total{problem="unauthenticated"}': "0+30x10 420+120x40"},
        "45m", "2 requests a second come without a valid token.", quiet_at="10m",
    ),
    Case(
        "GatePassedBy",
        {'gate_sightings_total{source="github",missing="admission"}': "_x90 1x9"}, "92m",
        "github saw a deployment that went past the gate (admission is missing).",
        {"source": "github", "missing": "admission"}, "89m",
    ),
    Case(
        "GatePassedBy",
        {'gate_sightings_total{source="github",missing="admission"}': "1x130 2x9"}, "132m",
        "github saw a deployment that went past the gate (admission is missing).",
        {"source": "github", "missing": "admission"}, "129m",
    ),
    Case(
        "GateReviewsWait",
        {'gate_changes_oldest_seconds{state="pending"}': "86400x5 90000x30", 'gate_changes_oldest_seconds{state="held"}': "900000x35"},
        "30m", "A change has been pending for 1d 1h 0m 0s.", quiet_at="5m",
    ),
]  # fmt: skip


@pytest.fixture
def promtool() -> str:
    """Where promtool is."""
    return find_promtool()


def find_promtool() -> str:
    """Where promtool is; on the build server it has to be there."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed; it comes with Prometheus")
    return found


def test_prometheus_takes_the_rules(promtool: str) -> None:
    said = run(promtool, "check", "rules", str(FILE))

    assert f"{len(RULES)} rules found" in said


def test_each_alert_fires_when_it_should_and_not_before(promtool: str, tmp_path: Path) -> None:
    cases = [case.as_promtool_takes_it() for case in CASES]
    tested = {"rule_files": [str(FILE)], "evaluation_interval": "30s", "tests": cases}
    file = tmp_path / "cases.yaml"
    file.write_text(yaml.safe_dump(tested))

    assert "SUCCESS" in run(promtool, "test", "rules", str(file))
    assert [name for name in NAMES if name not in {case.alert for case in CASES}] == []


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_an_alert_asks_for_what_the_gate_serves(rule: dict[str, Any]) -> None:
    assert list(faults(rule["expr"], served())) == []
    named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    grouped = " ".join(re.findall(r"by \(([^)]*)\)", rule["expr"]))
    if grouped:
        assert named <= set(re.findall(r"\w+", grouped)), "a sum has only the labels it is by"


def test_metrics_and_labels_that_are_not_there_are_found() -> None:
    query = (
        'sum by (colour) (gate_decisions{route="review"}) / gate_waiters{host="a"} > gate_nothing'
    )

    assert list(faults(query, served())) == [
        "gate_decisions is not served",
        "gate_waiters has no label host",
        "gate_nothing is not served",
        f"no metric of {query} has a label colour",
    ]


@pytest.mark.anyio
async def test_the_values_in_the_rules_are_words_of_the_gate(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with open_shop(sqlite_url, tmp_path) as shop:
        worker = shop.worker()
        worker.chores = (Chore("held runs", 1.0, worker.chore),)  # type: ignore[arg-type]  # only its name is read
        loops = {name for name, _, _ in worker.loops()} | {"outbox"}
    words: dict[str, set[str]] = {
        "where": {WRITER, READER, LISTENER},
        "loop": loops,
        "state": {State.PENDING.value, HELD},
        "answer": {"whole", "part", "silence"},
        "problem": {"unauthenticated"},
        "job": {"gate"},
        "status": {"500", "503"},
        "missing": {one.value for one in Missing},
    }

    for matcher in (one for rule in RULES for one in matchers(rule["expr"])):
        for value in matcher.value.split("|") if matcher.is_pattern else [matcher.value]:
            fits = re.compile(value if matcher.is_pattern else re.escape(value)).fullmatch
            assert any(fits(word) for word in words[matcher.label]), (matcher.label, value)


def test_every_alert_has_an_entry_in_the_runbook_and_nothing_else_has() -> None:
    page = Document("docs/deploy/runbook.md", RUNBOOK.read_text())
    entries = re.split(r"^## ", page.text, flags=re.MULTILINE)[1:]

    assert [entry.partition("\n")[0] for entry in entries] == NAMES
    for entry in entries:
        assert re.findall(r"^\*\*(\w+(?: \w+)?)\.\*\*", entry, re.MULTILINE) == [
            "It means",
            "Look at",
            "Do",
        ], entry[:60]
    assert [rule["annotations"]["runbook"] for rule in RULES] == [
        f"runbook.md#{name.lower()}" for name in NAMES
    ]
    assert {name.lower() for name in NAMES} <= page.anchors


def test_the_runbook_names_metrics_that_are_served() -> None:
    named = re.findall(r"`((?:gate_|process_)\w+)[`{]", RUNBOOK.read_text())
    known = {*served(), *(name.removesuffix("_bucket") for name in served())}

    assert len(named) > 5
    assert [name for name in named if name not in known] == []


def run(*command: str) -> str:
    done = subprocess.run(  # noqa: S603 - promtool, with files of our own
        command, capture_output=True, text=True, timeout=PROMTOOL_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
