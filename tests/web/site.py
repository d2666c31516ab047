"""A real server with people signed in, and what a test asks of it from outside."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Error,
    Page,
    Request,
)

from gate.flow.caller import Role
from gate.storage.identity import people, sessions
from gate.storage.store import transaction
from tests.builders import commit_of, image_of
from tests.flow.shop import make_files
from tests.live import LiveGate, person_keyed, token_of

LARGE = {
    "diff": {"lines_added": 220, "lines_deleted": 4, "files": ["src/cart.py"], "files_changed": 1}
}
SMALL = {
    "diff": {"lines_added": 5, "lines_deleted": 2, "files": ["src/cart.py"], "files_changed": 1}
}
COOKIE = "gate"
WITHIN_MS = 20_000
"""How long a test waits for what has to be seen. A busy machine is no fault of a page."""

NOTHING_BY_THE_CLOCK = "window.setInterval = () => 0"
"""Once a minute an open page reads itself again. In a test it does not, so whatever appears by
itself came by the stream, however long that took."""


@dataclass(slots=True)
class Site:
    """One server, and a number for every change, so that tests on it do not meet."""

    gate: LiveGate
    pipeline: str
    browser: Browser | None = None  # the fixture opens one for each module
    number: int = 0
    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def submit(self, title: str, facts: Any = None, **fields: Any) -> dict[str, Any]:
        """A change of `web` to production that needs somebody; with `SMALL` facts one that passes
        by itself.
        """
        self.number += 1
        letter = f"{self.number % 16:x}"
        image = image_of(letter)
        asked = {
            "service": "web",
            "environment": "production",
            "commit": commit_of(letter)[:-8] + f"{self.number:08x}",
            "artifacts": [{"name": image.name, "digest": image.digest}],
            "run": {"id": f"{title[:40]}-{self.number}"},
            "requested_by": "zoe@example.com",
            "authors": ["zoe@example.com"],
            "title": title,
            "facts": facts or LARGE,
            **fields,
        }
        return self.post("/v1/changes", asked)

    def pass_alone(self, title: str) -> dict[str, Any]:
        """A change of `web` to staging that passes by itself, whatever runs there by now."""
        with httpx.Client(
            base_url=self.gate.url, headers={"Authorization": f"Bearer {self.pipeline}"}
        ) as http:
            running = http.get("/v1/services/web/environments/staging").json()["running"]
        base = running and running["commit"]
        change = self.submit(title, SMALL, environment="staging", base=base)
        assert change["state"] == "approved", change["reasons"]
        return change

    def deploy(self, change: dict[str, Any]) -> None:
        """Have it admitted, and report that it went well."""
        admission = {name: change[name] for name in ("commit", "artifacts", "environment")} | {
            "run": {"id": change["run"]["id"]}
        }
        self.post(f"/v1/changes/{change['id']}/admission", admission)
        self.post(f"/v1/changes/{change['id']}/closure", {"result": "successful"})

    def post(self, path: str, body: Any, token: str | None = None) -> dict[str, Any]:
        """What a machine would send."""
        with httpx.Client(
            base_url=self.gate.url, headers={"Authorization": f"Bearer {token or self.pipeline}"}
        ) as http:
            response = http.post(path, json=body)
            assert response.status_code in {200, 201}, response.text
            answer: dict[str, Any] = response.json()
            return answer

    def get(self, path: str) -> dict[str, Any]:
        """What an auditor would read."""
        with httpx.Client(
            base_url=self.gate.url, headers={"Authorization": f"Bearer {self.token(Role.AUDITOR)}"}
        ) as http:
            answer: dict[str, Any] = http.get(path).json()
            return answer

    def read(self, change: dict[str, Any]) -> dict[str, Any]:
        """The change as it is now."""
        with httpx.Client(
            base_url=self.gate.url, headers={"Authorization": f"Bearer {self.pipeline}"}
        ) as http:
            answer: dict[str, Any] = http.get(f"/v1/changes/{change['id']}").json()
            return answer

    def token(self, role: Role | None = None, person: str | None = None) -> str:
        """As the command line makes one."""
        return token_of(self.gate, role, person)

    def session(self, key: str, role: Role | None = None) -> str:
        """The secret of a new session of the person whom the catalogue calls so."""
        with transaction(self.gate.database_url) as tx:
            person = person_keyed(tx, key)
            people.ensure(tx, person, "test")
            people.set_role(tx, person, role.value if role else None)
            return sessions.open_session(tx, person).secret

    @contextmanager
    def as_person(self, person: str, role: Role | None = None, **options: Any) -> Iterator[Page]:
        """A browser of their own in which this person is signed in; whatever leaves the origin is
        noted, and fails the test.
        """
        assert self.browser is not None
        context = self.browser.new_context(
            **{"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **options}
        )
        context.set_default_timeout(WITHIN_MS)
        context.add_init_script(NOTHING_BY_THE_CLOCK)
        context.add_cookies(
            [{"name": COOKIE, "value": self.session(person, role), "url": self.gate.url}]
        )
        self._watch(context)
        try:
            yield context.new_page()
        finally:
            context.close()
        assert self.foreign == []
        assert self.complaints == []

    def _watch(self, context: BrowserContext) -> None:
        def on_dialog(dialog: Dialog) -> None:
            self.complaints.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        def on_console(message: ConsoleMessage) -> None:
            if _is_complaint(message.text):
                self.complaints.append(message.text)

        def on_error(error: Error) -> None:
            self.complaints.append(f"error: {error}")

        def on_request(request: Request) -> None:
            if not request.url.startswith(f"{self.gate.url}/"):
                self.foreign.append(request.url)

        def on_page(page: Page) -> None:
            page.on("dialog", on_dialog)
            page.on("pageerror", on_error)
            page.on("console", on_console)

        context.on("page", on_page)
        context.on("request", on_request)


def _is_complaint(text: str) -> bool:
    return "Content Security Policy" in text or "Refused to" in text or "Uncaught" in text


@contextmanager
def open_site(folder: Path, database_url: str) -> Iterator[Site]:
    """A server on this database with the policies of the tests."""
    policies = folder / "policies"
    policies.mkdir()
    for name, text in make_files().items():
        (policies / name).write_text(text, encoding="utf-8")
    gate = LiveGate(folder, database_url, policies)
    gate.start()
    try:
        yield Site(gate, token_of(gate, Role.PIPELINE))
    finally:
        gate.kill()
