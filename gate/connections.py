"""The code hosts and trackers that the settings name, each with what it answers and looks for."""

from collections.abc import Mapping

from gate.config import Settings
from gate.core.learning.issues import TrackerName
from gate.errors import Invalid
from gate.flow.connections import Chore, Connections, Hook, joined_by
from gate.flow.learning import issues
from gate.flow.ports import Tracker
from gate.flow.webhooks import code_hosts, held_runs
from gate.integrations.github.answers import GitHubAnswers
from gate.integrations.github.app import App
from gate.integrations.github.facts import HEADERS as GITHUB_HEADERS
from gate.integrations.github.facts import GitHub
from gate.integrations.github.facts import issuer_of as github_issuer
from gate.integrations.github.hook import GitHubHook
from gate.integrations.github.issues import DENIED as ISSUES_DENIED
from gate.integrations.github.issues import PERMISSIONS as ISSUES_PERMISSIONS
from gate.integrations.github.issues import GitHubIssues
from gate.integrations.github.lent import GitHubLender, TokenAccess
from gate.integrations.github.missed import send_missed_again
from gate.integrations.gitlab.answers import GitLabAnswers
from gate.integrations.gitlab.facts import HEADERS as GITLAB_HEADERS
from gate.integrations.gitlab.facts import GitLab
from gate.integrations.gitlab.hook import GitLabHook
from gate.integrations.gitlab.issues import GitLabIssues
from gate.integrations.http.client import OpenClient, open_client
from gate.integrations.http.rest import Rest
from gate.integrations.jira.hook import JiraHook
from gate.integrations.jira.issues import HEADERS as JIRA_HEADERS
from gate.integrations.jira.issues import JiraIssues
from gate.integrations.jira.issues import credential as jira_credential

HELD_RUNS = Chore("held runs", 1.0, held_runs.answer_due)
"""The chore that answers, every second, the runs that a code host holds and whose change was
settled."""

MISSED_SECONDS = 300.0
"""How often the gate looks for deliveries of GitHub that never arrived."""


def connections_of(settings: Settings, open_client: OpenClient = open_client) -> Connections:
    """Return every system that the settings name.

    Raises `Invalid` for a key that cannot sign, and for a tracker that lacks a setting.
    """
    return joined_by(
        _github(settings, open_client),
        _gitlab(settings, open_client),
        _trackers(settings, open_client),
    )


def _github(settings: Settings, open_client: OpenClient) -> Connections:
    issuer = github_issuer(settings.github_api_url)
    hook = GitHubHook(
        issuer, settings.github_api_url, settings.github_webhook_secret.get_secret_value()
    )
    key = settings.github_app_key.get_secret_value()
    rest = Rest(settings.github_api_url, GITHUB_HEADERS, open_client)
    # Also if there is an App, because it may be installed in some repositories only.
    lenders = {issuer: GitHubLender(rest)}
    if not settings.github_app_id or not key:
        return Connections(lenders=lenders, hooks={"github": hook}, close=rest.close)
    app = App(settings.github_app_id, key, rest)
    github = GitHub(rest, app)
    return Connections(
        hosts={issuer: github},
        lenders=lenders,
        deliveries={"github": GitHubAnswers(github)},
        hooks={"github": hook},
        chores=(
            HELD_RUNS,
            Chore(
                "github deliveries",
                MISSED_SECONDS,
                lambda gate: send_missed_again(rest, app, gate.clock),
            ),
        ),
        close=rest.close,
    )


def _gitlab(settings: Settings, open_client: OpenClient) -> Connections:
    issuer = settings.gitlab_url.rstrip("/")
    token = settings.gitlab_webhook_token.get_secret_value()
    secret = settings.gitlab_webhook_secret.get_secret_value()
    hook = GitLabHook(issuer, token=token, secret=secret)
    access = settings.gitlab_token.get_secret_value()
    if not access:
        return Connections(hooks={"gitlab": hook})
    rest = Rest(issuer, GITLAB_HEADERS, open_client)
    gitlab = GitLab(rest, access)
    return Connections(
        hosts={issuer: gitlab},
        deliveries={"gitlab": GitLabAnswers(gitlab)},
        hooks={"gitlab": hook},
        chores=(
            Chore(
                "gitlab deployments",
                code_hosts.LOOK_SECONDS,
                lambda gate: code_hosts.look_for_held(gate, issuer, gitlab.held),
            ),
            HELD_RUNS,
        ),
        close=rest.close,
    )


def _trackers(settings: Settings, open_client: OpenClient) -> Connections:
    """Return where issues of improvements may be opened: nowhere, if the settings name nothing.

    They are asked apart from what decisions ask, so that they take nothing from its pace.
    """
    rests: list[Rest] = []

    def rest(url: str, headers: Mapping[str, str]) -> Rest:
        rests.append(Rest(url, headers, open_client))
        return rests[-1]

    async def close() -> None:
        for one in rests:
            await one.close()

    made: dict[TrackerName, Tracker] = {}
    hooks: dict[str, Hook] = {}
    if "github" in settings.issues:
        made[TrackerName.GITHUB] = GitHubIssues(
            _github_for_issues(settings, rest(settings.github_api_url, GITHUB_HEADERS))
        )
    if "gitlab" in settings.issues:
        token = settings.gitlab_token.get_secret_value()
        _require("gitlab", GATE_GITLAB_TOKEN=token)
        gitlab = GitLab(rest(settings.gitlab_url, GITLAB_HEADERS), token)
        made[TrackerName.GITLAB] = GitLabIssues(gitlab)
    if "jira" in settings.issues:
        url, token = settings.jira_url or "", settings.jira_token.get_secret_value()
        project = settings.jira_project
        _require("jira", GATE_JIRA_URL=url, GATE_JIRA_TOKEN=token, GATE_JIRA_PROJECT=project)
        jira, by = rest(url, JIRA_HEADERS), jira_credential(settings.jira_user, token)
        made[TrackerName.JIRA] = JiraIssues(jira, by, project, settings.jira_issue_type)
        hooks["jira"] = JiraHook(jira.url, settings.jira_webhook_secret.get_secret_value())
    chores = (Chore("issues", issues.LOOK_SECONDS, issues.look_due),) if made else ()
    return Connections(trackers=made, hooks=hooks, chores=chores, close=close)


def _github_for_issues(settings: Settings, rest: Rest) -> GitHub:
    """Return GitHub with the right to write issues: as the App, or else with a token."""
    app_id, key = settings.github_app_id, settings.github_app_key.get_secret_value()
    if app_id and key:
        return GitHub(rest, App(app_id, key, rest, permissions=ISSUES_PERMISSIONS))
    token = settings.github_issues_token.get_secret_value()
    _require("github", GATE_GITHUB_ISSUES_TOKEN=token)
    return GitHub(rest, TokenAccess(rest, token, ISSUES_DENIED))


def _require(tracker: str, **given: str) -> None:
    lacking = ", ".join(name for name, value in given.items() if not value)
    if lacking:
        raise Invalid(f"GATE_ISSUES names {tracker}, and {lacking} is not set; set it")
