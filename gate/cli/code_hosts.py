"""The lines of `gate doctor` about code hosts, and trackers of issues.

A gate needs no code host. If one setting of a code host is there, the others must be there too.
"""

from gate.config import Settings
from gate.connections import connections_of
from gate.core.catalogue.catalogue import PROVIDER_ISSUERS
from gate.errors import GateError
from gate.integrations.github.facts import issuer_of


def examine(settings: Settings) -> list[tuple[bool, str]]:
    """Return one line for each code host; False marks what must be mended."""
    try:
        connections_of(settings)
    except GateError as error:
        return [(False, f"code hosts: {error.detail}")]
    return [_github(settings), _gitlab(settings), *_issues(settings)]


def _github(settings: Settings) -> tuple[bool, str]:
    given = {
        "GATE_GITHUB_APP_ID": bool(settings.github_app_id),
        "GATE_GITHUB_APP_KEY_FILE": bool(settings.github_app_key.get_secret_value()),
        "GATE_GITHUB_WEBHOOK_SECRET": bool(settings.github_webhook_secret.get_secret_value()),
    }
    if not any(given.values()):
        return True, "GitHub: not connected; claims count as the policies say"
    lacking = ", ".join(name for name, there in given.items() if not there)
    if lacking:
        return False, f"GitHub: {lacking} is not set; set it, or unset the others"
    issuer = issuer_of(settings.github_api_url)
    if not _is_trusted(settings, issuer):
        return False, (
            f"GitHub: {settings.github_api_url} belongs to {issuer}, which GATE_ISSUERS "
            "does not list; list it"
        )
    return True, (
        f"GitHub: App {settings.github_app_id} at {settings.github_api_url}; its webhook is "
        f"{settings.address}/v1/hooks/github"
    )


def _gitlab(settings: Settings) -> tuple[bool, str]:
    hook_secret = (
        settings.gitlab_webhook_token.get_secret_value()
        or settings.gitlab_webhook_secret.get_secret_value()
    )
    token = settings.gitlab_token.get_secret_value()
    if not hook_secret and not token:
        return True, "GitLab: not connected; claims count as the policies say"
    if not token:
        return False, (
            "GitLab: GATE_GITLAB_TOKEN is not set, so nothing is verified; set it, or "
            "unset the others"
        )
    if not hook_secret:
        return False, (
            "GitLab: neither GATE_GITLAB_WEBHOOK_SECRET nor GATE_GITLAB_WEBHOOK_TOKEN is "
            "set, so GitLab can report nothing; set one"
        )
    if not _is_trusted(settings, settings.gitlab_url.rstrip("/")):
        return False, (
            f"GitLab: GATE_ISSUERS does not list {settings.gitlab_url}, so no project is "
            "named by it; list it"
        )
    return (
        True,
        f"GitLab: {settings.gitlab_url}; its webhooks go to {settings.address}/v1/hooks/gitlab",
    )


def _issues(settings: Settings) -> list[tuple[bool, str]]:
    """Return where issues of improvements may be opened. A missing setting was found before."""
    if not settings.issues:
        return []
    return [(True, f"issues of improvements: may be opened at {', '.join(settings.issues)}")]


def _is_trusted(settings: Settings, issuer: str) -> bool:
    listed = (
        PROVIDER_ISSUERS.values()
        if settings.issuers is None
        else [one.issuer for one in settings.issuers]
    )
    return issuer in listed
