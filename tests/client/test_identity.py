"""A job without a secret, from its runner to the signed admission: the real client, the real
service, real tokens.
"""

import json
from pathlib import Path

import pytest

from tests.client.jobs import github_env, gitlab_env, job
from tests.identity_provider import github, gitlab


@pytest.mark.server
def test_a_job_of_github_and_one_of_gitlab_deploy_without_a_secret(tmp_path: Path) -> None:
    with job(tmp_path) as here:
        here.github.job = lambda audience: github(
            aud=audience, sha=here.commit, environment="stage"
        )
        env = github_env(here)

        checked = here.run("check", "--service", "web", "--environment", "staging", env=env)
        closed = here.run("close", "--result", "successful", env=env)
        wrong = here.run("check", "--service", "web", "--environment", "production", env=env)

        assert (checked.returncode, closed.returncode) == (0, 0), (
            checked.stdout + checked.stderr + closed.stdout + closed.stderr
        )
        change = json.loads(checked.stdout)
        assert change["repository"] == {
            "issuer": here.github.url,
            "id": 1003,
            "name": "acme/storefront",
        }
        assert wrong.returncode == 4
        assert "identity_mismatch" in wrong.stdout + wrong.stderr

        token = here.gitlab.sign(gitlab(aud=here.gate.url, sha=here.commit))
        env = gitlab_env(here, GATE_ID_TOKEN=token)
        checked = here.run("check", "--service", "status-page", "--environment", "staging", env=env)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert json.loads(checked.stdout)["run"]["attempt"] == 302
