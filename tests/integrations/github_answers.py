"""What a fake GitHub knows of one small reviewed change, by the words of the interface; each part
with one thing different.
"""

from typing import Any

from gate.core.change import Repository
from gate.core.messages.host import HostFacts, HostQuestion
from gate.integrations.github.app import App
from gate.integrations.github.facts import HEADERS, PUBLIC_API, GitHub
from gate.integrations.http.rest import Rest
from tests.builders import ISSUER, commit_of
from tests.integrations.fake_github import APP_ID, FakeGitHub, app_key_text

BASE, HEAD = commit_of("a"), commit_of("b")
SPAN = f"{BASE}...{HEAD}"
REVIEWED = f"{BASE}...{commit_of('c')}"
"""What the head of the pull request changes, from where it left the branch."""
REPOSITORY = Repository(ISSUER, 1001, "acme/checkout")


def commit(
    author: str | None = "cy", message: str = "Round half to even", **different: Any
) -> dict[str, Any]:
    """A commit as a comparison lists it; `author` None is an address that is nobody's account."""
    who = {"name": "Somebody", "email": f"{author or 'nobody'}@example.com"}
    account = {"login": author, "type": "User"} if author else None
    verification = {"verified": False, "reason": "unsigned"}
    plain = {
        "commit": {
            "author": who,
            "committer": who,
            "message": message,
            "verification": verification,
        },
        "author": account,
    }
    return {**plain, "committer": account, "sha": HEAD, "parents": [{"sha": BASE}], **different}


def merge(**different: Any) -> dict[str, Any]:
    """What GitHub itself committed, when somebody pressed the button that merges."""
    who = {"name": "GitHub", "email": "noreply@github.com"}
    said = {
        **commit()["commit"],
        "committer": who,
        "verification": {"verified": True, "reason": "valid"},
        "tree": {"sha": commit_of("e")},
    }
    return commit(commit=said | different, committer={"login": "web-flow", "type": "User"})


def file(name: str = "src/cart.py", additions: int = 5, deletions: int = 2) -> dict[str, Any]:
    """A changed file as a comparison lists it."""
    return {
        "filename": name,
        "status": "modified",
        "additions": additions,
        "deletions": deletions,
        "changes": additions + deletions,
        "sha": commit_of("d"),
    }


def comparison(
    status: str = "ahead", commits: Any = None, files: Any = None, total: int | None = None
) -> dict[str, Any]:
    """An answer to a comparison."""
    commits = [commit()] if commits is None else commits
    return {
        "status": status,
        "total_commits": len(commits) if total is None else total,
        "commits": commits,
        "files": [file()] if files is None else files,
    }


def pull(number: int = 7, **different: Any) -> dict[str, Any]:
    """A merged pull request."""
    return {
        "number": number,
        "merged_at": "2026-01-05T10:00:00Z",
        "merge_commit_sha": HEAD,
        "head": {"sha": commit_of("c")},
        "user": {"login": "cy"},
    } | different


def said(
    state: str,
    login: str = "ada-gh",
    commit_id: str = commit_of("c"),
    kind: str = "User",
    **different: Any,
) -> dict[str, Any]:
    """A review."""
    return {
        "state": state,
        "user": {"login": login, "type": kind},
        "commit_id": commit_id,
    } | different


def check(
    name: str = "test", conclusion: str | None = "success", **different: Any
) -> dict[str, Any]:
    """A check run of GitHub Actions."""
    status = "completed" if conclusion else "in_progress"
    return {
        "id": 1,
        "name": name,
        "status": status,
        "conclusion": conclusion,
        "app": {"slug": "github-actions"},
    } | different


def fake(**knows: Any) -> FakeGitHub:
    """One that knows a small reviewed change."""
    compares = knows.pop("compares", {SPAN: comparison()})
    usual: dict[str, Any] = {
        "compares": {REVIEWED: compares.get(SPAN)} | compares,
        "pulls": {HEAD: [pull()]},
        "reviews": {7: [said("APPROVED")]},
        "check_runs": {HEAD: [check()]},
        "commits": {HEAD: merge()},
        "writers": {"ada-gh": "write"},
    }
    return FakeGitHub(**usual | knows)


def github(fake: FakeGitHub, url: str = PUBLIC_API, **rest: Any) -> GitHub:
    """The gate's side of it."""

    async def no_sleep(_: float) -> None:
        return

    asked = Rest(url, HEADERS, fake.open_client, sleep=no_sleep, **rest)
    return GitHub(asked, app_at(asked))


def app_at(rest: Rest) -> App:
    """The App, as GitHub knows it."""
    return App(APP_ID, app_key_text(), rest)


def ask(**different: Any) -> HostQuestion:
    """About that change."""
    usual: dict[str, Any] = {
        "repository": REPOSITORY,
        "commit": HEAD,
        "base": BASE,
        "claimed_base": None,
        "environments": ("production", "prod"),
        "ref": None,
        "proves_ref": False,
        "run": None,
    }
    return HostQuestion(**usual | different)


async def answer(fake: FakeGitHub, **different: Any) -> HostFacts:
    """What is heard."""
    return await github(fake).facts(ask(**different))
