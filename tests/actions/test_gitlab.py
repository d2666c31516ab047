"""The GitLab template: its jobs run by their real scripts, with the command that the image has."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from gate.client.unreviewed import FILE
from tests.actions.gitlab_runner import TEMPLATE, Finished, Pipeline, Refused, read_template
from tests.client.checks import a_repo
from tests.client.fake_gate import TOKEN, FakeGate, fake_gate, raw
from tests.client.jobs import Job, gitlab_env, job
from tests.identity_provider import gitlab

INPUTS = {"image": "gate:1", "service": "status-page", "environment": "staging"}
CHECK, CLOSE, FAILED = "gate-check", "gate-close", "gate-close-failed"


def jobs(url: str, **different: str) -> dict[str, Any]:
    return read_template(**{"url": url, **INPUTS, **different})


def beside(gate: FakeGate, folder: Path) -> tuple[Pipeline, dict[str, Any]]:
    """A pipeline that asks a fake gate."""
    predefined = {"CI_PIPELINE_ID": "574", "CI_JOB_ID": "302"}
    return Pipeline(a_repo(folder).folder, folder / "builds", predefined), jobs(gate.url)


def test_no_input_stands_in_a_script() -> None:
    content = yaml.safe_load(TEMPLATE.read_text().split("\n---\n")[1])
    scripts = [line for one in content.values() for line in one.get("script", [])]

    assert scripts
    assert [line for line in scripts if "$[[" in line] == []


@pytest.mark.parametrize("different", [{"if_down": "allowed"}, {"colour": "red"}])
def test_an_input_that_is_not_meant_is_refused(different: dict[str, str]) -> None:
    with pytest.raises(Refused):
        jobs("https://gate.example.com", **different)


@pytest.mark.parametrize("missing", ["url", "image", "service", "environment"])
def test_what_has_no_default_must_be_given(missing: str) -> None:
    given = {"url": "https://gate.example.com", **INPUTS}
    del given[missing]

    with pytest.raises(Refused, match=missing):
        read_template(**given)


def test_the_jobs_stand_before_and_after_the_one_that_deploys() -> None:
    found = jobs("https://gate.example.com", deploy_job="ship", prefix="live")

    assert list(found) == ["live-check", "live-close", "live-close-failed"]
    assert [one.get("when") for one in found.values()] == [None, "on_success", "on_failure"]
    for name in ("live-close", "live-close-failed"):
        assert found[name]["needs"] == [
            {"job": "live-check", "artifacts": True},
            {"job": "ship", "artifacts": False},
        ]
    assert found["live-check"]["id_tokens"] == {
        "GATE_ID_TOKEN": {"aud": "https://gate.example.com"}
    }


def test_the_job_before_takes_nothing_over_from_earlier_jobs() -> None:
    assert jobs("https://gate.example.com")[CHECK]["dependencies"] == []


@pytest.mark.parametrize(
    "nasty",
    ["$(touch pwned)", "`touch pwned`", "x; touch pwned", '"; touch pwned; "', "a\ntouch pwned"],
)
def test_an_input_gives_no_command(tmp_path: Path, nasty: str) -> None:
    with fake_gate() as gate:
        pipeline, found = beside(gate, tmp_path)
        found = jobs(gate.url, service=nasty, environment=nasty)
        pipeline.run(CHECK, found[CHECK], GATE_ID_TOKEN=TOKEN)

    assert not list(tmp_path.rglob("pwned"))


def test_a_proxy_in_the_way_fails_closed_and_the_job_after_has_nothing_to_say(
    tmp_path: Path,
) -> None:
    with fake_gate() as gate:
        pipeline, found = beside(gate, tmp_path)
        gate.always = raw(
            302, b"<html>log in</html>", "text/html", Location="https://login.example.com/"
        )
        checked = pipeline.run(CHECK, found[CHECK], GATE_ID_TOKEN=TOKEN)
        gate.always = None
        failed = pipeline.run(FAILED, found[FAILED], GATE_ID_TOKEN=TOKEN)

        assert checked.code == 1
        assert "nothing is known, so nothing is allowed" in checked.log
        assert failed == Finished(0, "The gate admitted nothing, so there is nothing to close.\n")
        assert gate.of("closure") == []


def test_a_deployment_while_the_gate_was_down_is_reported_afterwards(tmp_path: Path) -> None:
    with fake_gate() as gate:
        pipeline, _ = beside(gate, tmp_path)
        found = jobs(gate.url, if_down="allow")
        gate.always = raw(302, b"", Location="https://login.example.com/")
        checked = pipeline.run(CHECK, found[CHECK], GATE_ID_TOKEN=TOKEN)
        gate.always = None
        pipeline.predefined = {**pipeline.predefined, "CI_JOB_ID": "303"}
        closed = pipeline.run(CLOSE, found[CLOSE], GATE_ID_TOKEN=TOKEN)

        assert (checked.code, closed.code) == (0, 0), checked.log + closed.log
        assert (pipeline.builds / f"{CHECK}.artifacts" / FILE).exists()
        assert gate.acts()[-2:] == ["submit", "closure"]
        assert gate.of("submit")[0].body["run"] == {"id": "574", "attempt": 303}
        assert gate.of("closure")[0].body["result"] == "successful"


def of_job(here: Job, number: int) -> str:
    """The identity token of one job of the pipeline."""
    return here.gitlab.sign(
        gitlab(aud=here.gate.url, sha=here.commit, job_id=str(number), environment="staging")
    )


@pytest.mark.server
@pytest.mark.parametrize(("after", "result"), [(CLOSE, "successful"), (FAILED, "unsuccessful")])
def test_a_pipeline_deploys_without_a_secret_and_reports_how_it_went(
    tmp_path: Path, after: str, result: str
) -> None:
    with job(tmp_path) as here:
        found = jobs(here.gate.url)
        pipeline = Pipeline(here.repo.folder, tmp_path / "builds", gitlab_env(here))
        checked = pipeline.run(CHECK, found[CHECK], GATE_ID_TOKEN=of_job(here, 302))
        pipeline.predefined = gitlab_env(here, CI_JOB_ID="304")
        closed = pipeline.run(after, found[after], GATE_ID_TOKEN=of_job(here, 304))

        assert checked.code == 0, checked.log
        assert closed.code == 0, closed.log
        _, variables = pipeline.kept[CHECK]
        assert (variables["GATE_DECISION"], variables["GATE_ADMITTED"]) == ("approved", "true")
        assert re.fullmatch(r"chg_[0-9A-Z]{26}", variables["GATE_CHANGE"], re.IGNORECASE)
        assert (pipeline.builds / f"{CHECK}.artifacts" / "gate-admission.json").exists()
        auditor = here.gate.command("token", "create", "--role", "auditor")
        read = httpx.get(
            f"{here.gate.url}/v1/changes/{variables['GATE_CHANGE']}",
            headers={"Authorization": f"Bearer {auditor}"},
        )
        assert read.json()["closed"]["result"] == result
