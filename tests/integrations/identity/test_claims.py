"""The claims of both hosts become one value; the examples are the hosts' own."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gate.core.change import Repository, Run
from gate.core.workload import Provider, Workload
from gate.errors import NotAllowed
from gate.integrations.identity.claims import Unreadable, workload_of
from tests.identity_provider import github, gitlab
from tests.shared_data import shared

AT = datetime(2026, 11, 23, tzinfo=UTC)
ISSUER = "https://issuer.example.com"


def read(provider: Provider, **claims: Any) -> Workload:
    usual = github(**claims) if provider is Provider.GITHUB else gitlab(**claims)
    return workload_of(provider, {"iss": ISSUER, **usual}, AT)


def test_the_example_of_github_is_understood() -> None:
    claims = json.loads(shared("payloads/oidc/github-actions-claims.json").read_text())

    assert workload_of(Provider.GITHUB, claims, AT) == Workload(
        issuer="https://token.actions.githubusercontent.com",
        provider=Provider.GITHUB,
        repository=Repository(
            "https://token.actions.githubusercontent.com", 74, "octo-org/octo-repo"
        ),
        commit="example-sha",
        run=Run("example-run-id", 2),
        jti="example-id",
        expires_at=AT,
        login="octocat",
        account="12",
        ref="refs/heads/main",
        event="workflow_dispatch",
        workflow="octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main",
        environment="prod",
    )


def test_the_example_of_gitlab_is_understood() -> None:
    claims = json.loads(shared("payloads/oidc/gitlab-ci-claims.json").read_text())

    assert workload_of(Provider.GITLAB, claims, AT) == Workload(
        issuer="https://gitlab.example.com",
        provider=Provider.GITLAB,
        repository=Repository("https://gitlab.example.com", 20, "my-group/my-project"),
        commit="714a629c0b401fdce83e847fc9589983fc6f46bc",
        run=Run("574", 302, check="302"),
        jti="235b3a54-b797-45c7-ae9a-f72d7bc6ef5b",
        expires_at=AT,
        login="sample-user",
        account="1",
        email="sample-user@example.com",
        ref="refs/heads/feature-branch-1",
        ref_protected=False,
        event="push",
        workflow="gitlab.example.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main",
        environment="test-environment2",
    )


def test_c15_a_token_of_gitlab_without_any_ref_is_none_of_gitlabs() -> None:
    with pytest.raises(Unreadable):
        read(Provider.GITLAB, ref=None, ref_path=None)


@pytest.mark.parametrize(
    "number",
    [
        "",
        "0",
        "-1",
        "1.5",
        " 7",
        "+7",
        "7_0",
        "\u0667",
        "1" * 17,
        "99999999999999999",
        True,
        7.0,
        [7],
    ],
)
def test_an_id_is_a_whole_number_or_none(number: object) -> None:
    for provider, name in (
        (Provider.GITHUB, "repository_id"),
        (Provider.GITLAB, "project_id"),
        (Provider.GITLAB, "job_id"),
    ):
        with pytest.raises(Unreadable):
            read(provider, **{name: number})


def test_an_id_may_be_a_number_or_its_text() -> None:
    assert [
        read(Provider.GITHUB, repository_id=one).repository.id for one in (74, "74", "074")
    ] == [74] * 3


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ("true", True),
        ("false", False),
        (True, True),
        ("True", None),
        ("", None),
        (1, None),
        ([], None),
    ],
)
def test_a_flag_that_is_not_clear_is_unknown(said: object, *, known: bool | None) -> None:
    assert read(Provider.GITLAB, ref_protected=said).ref_protected is known


@pytest.mark.parametrize("job_project", ["21", "0", "acme", 21])
def test_a_job_of_another_project_is_refused(job_project: object) -> None:
    with pytest.raises((NotAllowed, Unreadable)):
        read(Provider.GITLAB, job_project_id=job_project)


@pytest.mark.parametrize(
    ("claims", "ref"),
    [
        ({}, "refs/heads/main"),
        ({"ref_path": None}, "refs/heads/main"),
        ({"ref_path": None, "ref_type": "tag", "ref": "v1"}, "refs/tags/v1"),
        ({"ref_path": None, "ref_type": None}, "main"),
        (
            {"ref_path": None, "ref_type": "branch", "ref": "refs/merge-requests/3/head"},
            "refs/merge-requests/3/head",
        ),
    ],
)
def test_c15_a_ref_of_gitlab_says_what_it_is_or_stays_short(
    claims: dict[str, Any], ref: str
) -> None:
    assert read(Provider.GITLAB, **claims).ref == ref


def test_who_acts_is_named_with_the_host() -> None:
    assert read(Provider.GITHUB).actor == ("github:kofi-mensah#12",)
    assert read(Provider.GITHUB, actor_id=None).actor == ("github:kofi-mensah",)
    assert read(Provider.GITLAB).actor == ("gitlab:goran.gl#1", "goran@example.com")
    assert read(Provider.GITHUB, actor=None).actor == ()
