"""`gate doctor`: what is still missing until the first verified decision."""

import asyncio
from pathlib import Path

import pytest

from gate.core.messages.host import HostFacts
from tests.builders import ISSUER, commit_of, make_change
from tests.cli.running import gate
from tests.cli.test_doctor import lines
from tests.flow.fake_host import FakeHost
from tests.flow.shop import CATALOGUE, Shop, make_files, open_shop

LISTED = "ledger: {owners: [team-payments], tier: 1"
A_RUN = "a pipeline that asks"
NAMED = ", repositories: [{provider: github, id: 1002, name: acme/x}]"


def to_do() -> list[str]:
    """The steps that are not done, by their first word."""
    found = gate("doctor").out.partition("until the first verified decision:")[2]
    return [line.partition(":")[0] for line in lines(found, "to do")]


async def decide(url: str, here: Path, *, verified: bool) -> None:
    """One decision by a catalogue that names every repository."""
    catalogue = CATALOGUE.replace(LISTED, LISTED + NAMED)
    catalogue = catalogue.replace("web: {owners: [team-web]", "web: {owners: [team-web]" + NAMED)
    async with open_shop(url, here, make_files() | {"catalog.yaml": catalogue}) as shop:
        asked: Shop = shop
        if verified:
            heard = HostFacts(base=commit_of("0"), values={"checks.passed": 3})
            asked = shop.with_hosts({ISSUER: FakeHost(lambda _: heard)})
        await asked.submit(make_change("a" if verified else "b"))


def test_h4_every_step_is_named_until_it_is_done(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{here / '.gate' / 'gate.db'}"
    assert to_do() == []
    gate("db", "upgrade")
    assert to_do() == ["a catalogue in force", "GATE_BASE_URL", "somebody who can sign in", A_RUN]

    asyncio.run(adopt(url, here))
    assert to_do()[0] == "repositories of ledger, web"

    monkeypatch.setenv("GATE_BASE_URL", "https://gate.example.com")
    gate("people", "invite", "--admin", "ada@example.com")
    asyncio.run(decide(url, here, verified=False))
    assert to_do() == ["verified facts"]

    asyncio.run(decide(url, here, verified=True))
    assert to_do() == []


async def adopt(url: str, here: Path) -> None:
    """The usual catalogue."""
    async with open_shop(url, here):
        pass
