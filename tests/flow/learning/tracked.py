"""A gate that is connected to one tracker, GitHub, GitLab or Jira, by its settings, and what its
worker does.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gate.app import receivers
from gate.config import Settings
from gate.connections import connections_of
from gate.core.change import Result
from gate.core.learning.issues import TrackerName
from gate.flow.connections import Connections
from gate.flow.learning import issues
from gate.flow.notifications.notify import Post
from tests.builders import Wire
from tests.flow.learning.test_improvements import item
from tests.flow.reviewers import person
from tests.flow.shop import Shop, as_json, make_files, open_shop
from tests.integrations import fake_jira
from tests.integrations.fake_github import APP_ID, FakeGitHub, app_key_text
from tests.integrations.fake_gitlab import TOKEN, FakeGitLab
from tests.integrations.fake_jira import FakeJira

FAKES: dict[TrackerName, Callable[[], Any]] = {
    TrackerName.GITHUB: lambda: FakeGitHub(permissions=frozenset({"issues"})),
    TrackerName.GITLAB: FakeGitLab,
    TrackerName.JIRA: FakeJira,
}
SETTINGS: dict[TrackerName, dict[str, str]] = {
    TrackerName.GITHUB: {"github_app_id": APP_ID, "github_app_key": app_key_text()},
    TrackerName.GITLAB: {"gitlab_token": TOKEN},
    TrackerName.JIRA: {
        "jira_url": fake_jira.URL,
        "jira_user": fake_jira.USER,
        "jira_token": fake_jira.TOKEN,
        "jira_project": fake_jira.PROJECT,
    },
}
NAMES = {
    TrackerName.GITHUB: ("acme/checkout#1", "https://github.com/acme/checkout/issues/1"),
    TrackerName.GITLAB: ("acme/checkout#1", "https://gitlab.com/acme/checkout/-/issues/1"),
    TrackerName.JIRA: ("OPS-1", f"{fake_jira.URL}/browse/OPS-1"),
}
BOTH_HOSTS = "[{provider: github, id: 1001, name: acme/checkout}, {provider: gitlab, id: 20, name: acme/checkout}]"
ONE_HOST = "[{provider: github, id: 1001, name: acme/checkout}]"


@dataclass(slots=True)
class Story:
    """A gate that is connected to one tracker, and what the worker does, without waiting."""

    shop: Shop
    name: TrackerName
    known: Any
    joined: Connections
    given: Settings

    async def ask(self, begun: Wire, by: str = "farida") -> Wire:
        """Have an issue opened for an item."""
        return as_json(await issues.ask(self.shop.gate, begun["id"], self.name, person(by)))

    async def settle(self) -> Wire:
        """A round of the outbox by any replica; what the item says of its issue afterwards."""
        post = Post(self.shop.gate, receivers(self.given, self.shop.gate))
        await post.turn()
        await post.settled()
        found: Wire = (await item(self.shop))["issue"]
        return found

    async def look(self) -> Wire:
        """A later round of the chore, and what the item says of its issue afterwards."""
        await self.shop.let_pass(issues.LOOK_PAUSE)
        (chore,) = (one for one in self.joined.chores if one.name == "issues")
        await chore.turn(self.shop.gate)
        found: Wire = (await item(self.shop))["issue"]
        return found

    def end(self) -> None:
        """Close the issue at its tracker."""
        match self.name:
            case TrackerName.JIRA:
                self.known.set_category("OPS-1", "done")
            case _:
                self.known.issues[0]["state"] = "closed"


@asynccontextmanager
async def story_at(
    name: TrackerName, database_url: str, folder: Path, **settings: str
) -> AsyncIterator[Story]:
    known = FAKES[name]()
    files = make_files()
    files["catalog.yaml"] = files["catalog.yaml"].replace(ONE_HOST, BOTH_HOSTS)
    given = Settings.read({}, **SETTINGS[name], issues=name.value, **settings)
    joined = connections_of(given, known.open_client)
    async with open_shop(database_url, folder, files) as opened:
        gate = replace(opened.gate, trackers=joined.trackers)
        shop = replace(opened, gate=gate)
        await shop.deploy("a", Result.UNSUCCESSFUL)
        yield Story(shop, name, known, joined, given)
    await joined.close()
