"""`gate doctor` about code hosts: nobody needs one, who has begun with it needs all of it."""

from pathlib import Path

import pytest

from gate.cli.code_hosts import examine
from gate.config import Settings
from gate.errors import Invalid
from tests.integrations.fake_github import APP_ID, app_key_text

GITHUB = {
    "GATE_GITHUB_APP_ID": APP_ID,
    "GATE_GITHUB_APP_KEY": app_key_text(),
    "GATE_GITHUB_WEBHOOK_SECRET": "s",
}
GITLAB = {"GATE_GITLAB_TOKEN": "t", "GATE_GITLAB_WEBHOOK_TOKEN": "s"}


def found(**environment: str) -> list[tuple[bool, str]]:
    """What is said with these settings."""
    given = {name.removeprefix("GATE_").lower(): value for name, value in environment.items()}
    return examine(Settings.read({}, **given, base_url="https://gate.example.com"))


def test_nobody_needs_a_code_host() -> None:
    assert [good for good, _ in found()] == [True, True]


def test_a_whole_connection_says_where_its_webhook_goes() -> None:
    assert found(**GITHUB, **GITLAB) == [
        (
            True,
            f"GitHub: App {APP_ID} at https://api.github.com; its webhook is https://gate.example.com/v1/hooks/github",
        ),
        (
            True,
            "GitLab: https://gitlab.com; its webhooks go to https://gate.example.com/v1/hooks/gitlab",
        ),
    ]


@pytest.mark.parametrize("missing", GITHUB)
def test_what_github_lacks_is_named(missing: str) -> None:
    (good, line), _ = found(**{name: value for name, value in GITHUB.items() if name != missing})

    assert (good, missing in line) == (False, True)


@pytest.mark.parametrize("missing", GITLAB)
def test_what_gitlab_lacks_is_named(missing: str) -> None:
    _, (good, line) = found(**{name: value for name, value in GITLAB.items() if name != missing})

    assert (good, missing in line) == (False, True)


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        pytest.param(
            GITHUB | {"GATE_GITHUB_API_URL": "https://git.acme.example/api/v3"}, 0, id="a GitHub"
        ),
        pytest.param(GITLAB | {"GATE_GITLAB_URL": "https://git.acme.example"}, 1, id="a GitLab"),
    ],
)
def test_a_server_of_ones_own_that_no_issuer_names_is_said(
    settings: dict[str, str], place: int
) -> None:
    good, line = found(**settings)[place]

    assert (good, "GATE_ISSUERS" in line) == (False, True)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(GITHUB | {"GATE_GITHUB_APP_KEY": "no key"}, id="a key that cannot sign"),
        pytest.param(
            GITLAB | {"GATE_GITLAB_WEBHOOK_SECRET": "whsec_!"}, id="a signing token that is none"
        ),
    ],
)
def test_a_secret_that_cannot_be_is_said_without_showing_it(settings: dict[str, str]) -> None:
    [(good, line)] = found(**settings)

    assert not good
    assert "no key" not in line.replace("has no private key", "")


def test_the_key_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "app.pem").write_text(app_key_text())
    files = {"GATE_GITHUB_APP_KEY_FILE": str(tmp_path / "app.pem")}
    settings = Settings.read(files, github_app_id=APP_ID, github_webhook_secret=app_key_text())

    assert examine(settings)[0][0]


ISSUES = {
    "GATE_ISSUES": "github, gitlab, jira",
    "GATE_GITHUB_ISSUES_TOKEN": "t",
    "GATE_GITLAB_TOKEN": "t",
    "GATE_GITLAB_WEBHOOK_TOKEN": "s",
    "GATE_JIRA_URL": "https://acme.atlassian.net",
    "GATE_JIRA_TOKEN": "t",
    "GATE_JIRA_PROJECT": "OPS",
}


@pytest.mark.parametrize(
    "missing", sorted(ISSUES.keys() - {"GATE_ISSUES", "GATE_GITLAB_WEBHOOK_TOKEN"})
)
def test_what_a_tracker_of_issues_lacks_is_named(missing: str) -> None:
    given = {name: value for name, value in ISSUES.items() if name != missing}

    ((good, line),) = found(**given)

    assert (good, f"{missing} is not set; set it" in line) == (False, True)


def test_where_issues_may_be_opened_is_said() -> None:
    assert found(**ISSUES)[-1] == (
        True,
        "issues of improvements: may be opened at github, gitlab, jira",
    )


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("GATE_ISSUES", "github,trello"),
        ("GATE_JIRA_URL", "http://jira.example.com"),
        ("GATE_JIRA_URL", "https://user@jira.example.com"),
        ("GATE_JIRA_PROJECT", 'OPS" OR project = "X'),
    ],
)
def test_a_setting_that_leads_elsewhere_is_refused(setting: str, value: str) -> None:
    with pytest.raises(Invalid, match=setting):
        found(**ISSUES | {setting: value})
