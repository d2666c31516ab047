"""The pipelines in the documents are real: the lines of the README deploy, and every block gives
inputs that exist.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.actions.gitlab_runner import read_template
from tests.actions.runner import Runner, read_action
from tests.client.checks import a_repo
from tests.client.fake_gate import TOKEN, fake_gate
from tests.documents import Block, documents

BLOCKS = [
    block for document in documents() for block in document.blocks if block.language == "yaml"
]
USES = [block for block in BLOCKS if "actions/check@" in block.text]
INCLUDES = [block for block in BLOCKS if "templates/gate.yml" in block.text]


def steps_of(block: Block) -> list[dict[str, Any]]:
    """The steps in it, whether it is a whole workflow or a part of one."""
    parsed = yaml.safe_load(block.text)
    return (
        parsed
        if isinstance(parsed, list)
        else [step for job in parsed["jobs"].values() for step in job["steps"]]
    )


def test_there_are_pipelines_in_the_documents() -> None:
    assert {block.path for block in USES} >= {"README.md", "docs/how-to/use-github-actions.md"}
    assert {block.path for block in INCLUDES} == {"docs/how-to/use-gitlab.md"}


@pytest.mark.parametrize("block", USES, ids=lambda block: f"{block.path}:{block.line}")
def test_the_inputs_of_actions_exist_and_those_that_are_needed_are_given(block: Block) -> None:
    for step in steps_of(block):
        name = re.search(r"/actions/(check|close)@", step.get("uses", ""))
        if name:
            inputs = read_action(name[1])["inputs"]
            assert set(step["with"]) <= set(inputs)
            assert {key for key, one in inputs.items() if one.get("required")} <= set(step["with"])


@pytest.mark.parametrize("block", INCLUDES, ids=lambda block: f"{block.path}:{block.line}")
def test_the_inputs_of_the_template_exist_and_the_deploy_job_waits_for_it(block: Block) -> None:
    parsed = yaml.safe_load(block.text)
    inputs = parsed["include"][0]["inputs"]
    jobs = read_template(**inputs)

    assert set(parsed["deploy"]["needs"]) <= set(jobs)


def test_the_six_lines_of_the_readme_deploy(tmp_path: Path) -> None:
    (block,) = [block for block in USES if block.path == "README.md"]
    assert len(block.text.strip().splitlines()) == 6
    with fake_gate() as gate:
        env = {"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "9001"}
        runner = Runner(a_repo(tmp_path).folder, tmp_path / "temp", env)
        for step in steps_of(block):
            if "uses" in step:
                given = {
                    key: str(value).replace("${{ job.status }}", "success")
                    for key, value in step["with"].items()
                }
                ran = runner.use(
                    step["uses"].split("/")[3].partition("@")[0],
                    **{**given, "url": gate.url, "token": TOKEN},
                )
                assert ran.code == 0, ran.log

        assert gate.acts() == ["place", "submit", "admission", "closure"]
