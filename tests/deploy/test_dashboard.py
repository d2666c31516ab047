"""The dashboard: Grafana can import it, every query is one that Prometheus takes, and asks for what
the gate serves.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.promql import faults, served
from tests.deploy.test_alerts import PROMTOOL_SECONDS, find_promtool
from tests.documents import ROOT

DASHBOARD: dict[str, Any] = json.loads((ROOT / "docs/deploy/dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
OF_GRAFANA = {"$__rate_interval": "5m", "$instance": ".*"}
GRID_WIDTH = 24


def plain(query: str) -> str:
    """The query as Prometheus gets it."""
    for name, value in OF_GRAFANA.items():
        query = query.replace(name, value)
    return query


def test_it_has_what_grafana_imports() -> None:
    assert DASHBOARD["schemaVersion"] >= 39
    assert DASHBOARD["title"]
    assert re.fullmatch(r"[\w-]{1,40}", DASHBOARD["uid"])
    assert "id" not in DASHBOARD, "the id is that of another Grafana's database"
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    for panel in PANELS:
        assert panel["type"] in {"stat", "timeseries"}
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert {target["refId"] for target in panel["targets"]} == set(
            "ABC"[: len(panel["targets"])]
        )


def test_the_data_source_is_chosen_by_whoever_looks() -> None:
    variables = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
    sources = [
        one["datasource"]
        for panel in PANELS
        for one in (panel, *panel["targets"], variables["instance"])
    ]

    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == (
        "datasource",
        "prometheus",
    )
    assert {source["uid"] for source in sources} == {"${datasource}"}


def test_panels_do_not_cover_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= GRID_WIDTH
        taken |= cells


@pytest.mark.parametrize("query", [*QUERIES, "label_values(gate_build_info, instance)"])
def test_a_panel_asks_for_what_the_gate_serves(query: str) -> None:
    assert list(faults(plain(query), served())) == []


def test_what_a_panel_calls_its_lines_is_a_label_of_its_query() -> None:
    for panel in PANELS:
        for target in panel["targets"]:
            grouped = " ".join(re.findall(r"by \(([^)]*)\)", target["expr"]))
            named = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            assert named <= set(re.findall(r"\w+", grouped)) | {"instance"}, panel["title"]


def test_prometheus_takes_every_query(tmp_path: Path) -> None:
    rules = [{"record": f"query:{n}", "expr": plain(query)} for n, query in enumerate(QUERIES)]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))

    done = subprocess.run(  # noqa: S603 - promtool, with a file of our own
        [find_promtool(), "check", "rules", str(file)],
        capture_output=True,
        text=True,
        timeout=PROMTOOL_SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_it_shows_every_figure_that_an_alert_asks_for() -> None:
    alerts = yaml.safe_load((ROOT / "docs/deploy/alerts.yaml").read_text())["groups"][0]["rules"]
    metric = re.compile(r"\bgate_\w+")
    shown = {name for query in QUERIES for name in metric.findall(query)}
    rung = {name for rule in alerts for name in metric.findall(rule["expr"])}

    # a change that fails has no line of its own: it stands among what fails inside
    assert rung - shown - {"gate_change_setbacks_total", "gate_code_host_seconds_count"} == set()
