"""The service on a database of its own; a real Chromium and a real server, one of each a worker."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.api.conftest import service  # noqa: F401 - a fixture, which pytest finds by its name
from tests.web.provided import World, opened
from tests.web.site import WITHIN_MS, Site, open_site

CHROMIUM = Path(
    shutil.which("chromium-headless-shell") or shutil.which("chromium") or "/usr/bin/chromium"
)
"""The shell draws the same pages as the whole browser and opens no windows, which nobody sees here:
the tests take less than half of the processor."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without windows if it is there.

    A test that needs it is skipped where it is absent; on the build server it is required.

    Of a module and not of the run: while it is open its event loop runs, and no other test may have
    one.
    """
    if not CHROMIUM.exists():
        pytest.skip("no chromium; on Debian: apt-get install chromium-headless-shell")
    expect.set_options(timeout=WITHIN_MS)
    with sync_playwright() as playwright:
        sandbox = [] if os.geteuid() else ["--no-sandbox"]
        running = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*sandbox, "--disable-dev-shm-usage"]
        )
        yield running
        running.close()


@pytest.fixture(scope="session")
def served_site(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One server for all tests of a worker; each test makes changes of its own."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(sqlite_template, folder / "gate.sqlite")
    with open_site(folder, f"sqlite:///{folder / 'gate.sqlite'}") as running:
        yield running


@pytest.fixture(scope="module")
def site(browser: Browser, served_site: Site) -> Site:
    """The server, and a browser to look at it."""
    served_site.browser = browser
    return served_site


@pytest.fixture
async def world(sqlite_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """The service with the shipped people, whose release managers may also be a group of the
    provider.
    """
    async with opened(sqlite_url, tmp_path) as found:
        yield found


@pytest.fixture
async def either_world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """The same, once on each kind of database."""
    async with opened(database_url, tmp_path) as found:
        yield found
