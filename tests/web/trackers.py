"""A service whose improvements open and follow issues at a Jira."""

from dataclasses import replace

from gate.config import Settings
from gate.connections import connections_of
from gate.flow.connections import Connections
from tests.integrations.fake_jira import SETTINGS, FakeJira


def connected(known: FakeJira, **settings: str) -> Connections:
    """As the settings of an operator connect it; reading issues again is left to the test."""
    joined = connections_of(Settings.read({}, **SETTINGS, **settings), known.open_client)
    return replace(joined, chores=())


def with_issue(key: str, category: str = "new") -> FakeJira:
    """A Jira in which there is this issue."""
    known = FakeJira()
    known.issues[key] = {"id": "10001", "key": key, "fields": {"labels": []}}
    known.set_category(key, category)
    return known
