"""A deployment that GitLab blocks, as GitLab describes it: what started it, of which ref, by which
definition (C16).
"""

from typing import Any

import pytest

from gate.core.change import Repository
from tests.integrations.fake_gitlab import PROJECT
from tests.integrations.gitlab.test_facts import HEAD, URL, fake, gitlab

pytestmark = pytest.mark.anyio

MAIN = "gitlab.com/acme/checkout//.gitlab-ci.yml@refs/heads/main"
JOB = {
    "id": 302,
    "ref": "main",
    "tag": False,
    "pipeline": {"id": 574, "source": "push"},
    "user": {"username": "cy"},
}


@pytest.mark.parametrize(
    ("job", "answers", "said"),
    [
        pytest.param(
            {},
            {},
            ("push", "refs/heads/main", "gitlab.com/acme/checkout//.gitlab-ci.yml@refs/heads/main"),
            id="a branch",
        ),
        pytest.param(
            {"ref": "v1", "tag": True},
            {"": {"path_with_namespace": "acme/checkout", "ci_config_path": "ci/deploy.yml"}},
            ("push", "refs/tags/v1", "gitlab.com/acme/checkout//ci/deploy.yml@refs/tags/v1"),
            id="a tag, and a file of another name",
        ),
        pytest.param(
            {},
            {
                "": {
                    "path_with_namespace": "acme/checkout",
                    "ci_config_path": "ci.yml@acme/automation",
                }
            },
            ("push", "refs/heads/main", None),
            id="a file of another project",
        ),
        pytest.param(
            {"tag": None}, {}, ("push", "main", None), id="it does not say what the ref is"
        ),
        pytest.param(
            {}, {"": None}, ("push", "refs/heads/main", None), id="the project is not told"
        ),
        pytest.param(
            {"pipeline": {"id": 574}},
            {},
            ("", "refs/heads/main", MAIN),
            id="nobody says what started it",
        ),
        pytest.param(
            {"pipeline": {"id": 574}},
            {"/pipelines/574": {"source": "web"}},
            ("web", "refs/heads/main", MAIN),
            id="an old GitLab",
        ),
        pytest.param(
            {
                "ref": "refs/merge-requests/1/head",
                "pipeline": {"id": 574, "source": "merge_request_event"},
            },
            {},
            (
                "pull_request",
                "refs/merge-requests/1/head",
                "gitlab.com/acme/checkout//.gitlab-ci.yml@refs/merge-requests/1/head",
            ),
            id="a merge request",
        ),
    ],
)
async def test_c16_a_pipeline_is_called_as_the_token_of_its_jobs_calls_it(
    job: Any, answers: Any, said: tuple[str, str, str | None]
) -> None:
    found = {"id": 15, "sha": HEAD, "ref": "main", "deployable": JOB | job}
    known = fake({"": {"path_with_namespace": "acme/checkout"}, "/deployments/15": found} | answers)
    seen = await gitlab(known).run(Repository(URL, PROJECT), "15")

    assert (seen.event, seen.ref, seen.workflow) == said
