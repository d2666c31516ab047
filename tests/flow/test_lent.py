"""A pipeline lends its token: GitHub verifies what it claims without an App, and nothing keeps it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection

from gate.config import Settings
from gate.connections import connections_of
from gate.core.change import Repository, Run
from gate.core.messages.host import HostQuestion
from gate.core.workload import Provider, Workload
from gate.errors import SourceUnavailable
from gate.flow.caller import Caller
from gate.flow.changes import submit
from gate.flow.changes.evaluate import evaluate_change
from gate.flow.gate import Gate
from gate.flow.lent import LentHost, lend
from gate.storage.tables import schema
from gate.storage.tables.packed import unpack
from tests.builders import ISSUER, SMALL, Wire, make_change
from tests.flow.shop import PIPELINE, Shop, as_json, make_files
from tests.integrations.fake_github import APP_ID, FakeGitHub, app_key_text, reply
from tests.integrations.github_answers import BASE, HEAD, REPOSITORY, fake

pytestmark = pytest.mark.anyio

CANARY = "ghs_canary.of-a_job"
FOREVER = 4e9
JOB = Workload(
    issuer=ISSUER,
    provider=Provider.GITHUB,
    repository=REPOSITORY,
    commit=HEAD,
    run=Run("77", 1),
    jti="one",
    expires_at=datetime(2199, 1, 1, tzinfo=UTC),
    login="zoe",
    ref="refs/heads/main",
    ref_protected=True,
    event="push",
    services=frozenset({"checkout"}),
)
ASK = HostQuestion(
    repository=REPOSITORY,
    commit=HEAD,
    base=None,
    claimed_base=None,
    environments=("production",),
    ref="refs/heads/main",
    proves_ref=True,
    run=JOB.run,
)


def lending(shop: Shop, known: FakeGitHub, **settings: Any) -> Gate:
    """The gate as an operator connects it, at this GitHub."""
    joined = connections_of(Settings.read({}, **settings), known.open_client)
    return replace(shop.gate, hosts=joined.hosts, lenders=joined.lenders)


def lent(**knows: Any) -> FakeGitHub:
    """A GitHub that takes the token of the job."""
    return fake(tokens={CANARY: FOREVER}, **knows)


async def asked(gate: Gate, by: Caller = JOB, token: str = CANARY) -> Wire:
    """The facts of an evaluation."""
    change = make_change("b", commit=HEAD, base=BASE, run=JOB.run, claims=SMALL)
    found: Wire = as_json(await evaluate_change(lend(gate, by, token), change, by))["facts"]
    return found


def origins(facts: Wire) -> Mapping[str, str]:
    """Where the facts of a host are from."""
    named = ("checks.passed", "reviews.approvals", "reviews.pull_request")
    return {name: facts[name]["origin"] for name in named if name in facts}


# Where it counts for nothing


@pytest.mark.parametrize(
    ("by", "token"),
    [
        pytest.param(PIPELINE, CANARY, id="beside an API token"),
        pytest.param(replace(JOB, issuer="https://gitlab.com"), CANARY, id="of another issuer"),
        pytest.param(JOB, "", id="nothing was lent"),
    ],
)
async def test_h3_it_counts_only_beside_an_identity_token_of_its_host(
    small_shop: Shop, by: Caller, token: str
) -> None:
    gate = lending(small_shop, lent())

    assert lend(gate, by, token) is gate


def with_app(shop: Shop, known: FakeGitHub) -> Gate:
    """The gate with an App of its own."""
    return lending(shop, known, github_app_id=APP_ID, github_app_key=app_key_text())


async def test_h3_the_gates_own_access_is_better(small_shop: Shop) -> None:
    known = lent()

    assert origins(await asked(with_app(small_shop, known))) != {}
    sent = {request.headers["authorization"] for request in known.requests}
    assert f"Bearer {CANARY}" not in sent


async def test_h3_where_the_app_is_not_installed_the_lent_token_reads(small_shop: Shop) -> None:
    known = lent(failing={"/installation": reply(404, {"message": "Not Found"})})
    gate = with_app(small_shop, known)

    assert origins(await asked(gate)) == dict.fromkeys(origins(await asked(gate)), "verified")
    assert origins(await asked(gate)) != {}
    assert origins(await asked(gate, token="")) == {}


@pytest.mark.parametrize(
    ("part", "status"),
    [("/installation", 403), ("/installation", 503), ("/access_tokens", 422), ("/pulls", 503)],
)
async def test_h3_other_trouble_of_the_app_is_not_got_round_by_lending(
    small_shop: Shop, part: str, status: int
) -> None:
    known = lent(failing={part: reply(status, {"message": "no"})})

    await asked(with_app(small_shop, known))

    sent = {request.headers["authorization"] for request in known.requests}
    assert f"Bearer {CANARY}" not in sent


async def test_h3_the_gate_itself_never_learns_it(small_shop: Shop) -> None:
    gate = lending(small_shop, lent())

    await asked(gate)

    assert gate.hosts == {}
    assert origins(await asked(gate, token="")) == {}


async def test_h3_it_reads_the_proved_repository_alone(small_shop: Shop) -> None:
    known = lent(repositories={"acme/checkout": 1001, "acme/other": 2})
    host = LentHost(lending(small_shop, known).lenders[ISSUER].lent(CANARY), REPOSITORY, CANARY)

    with pytest.raises(SourceUnavailable, match="of the run alone"):
        await host.facts(replace(ASK, repository=Repository(ISSUER, 2, "acme/other")))
    with pytest.raises(SourceUnavailable, match="does not read run"):
        await host.run(REPOSITORY, "77")
    assert known.requests == []


async def test_h3_another_repository_of_the_same_name_says_nothing(small_shop: Shop) -> None:
    facts = await asked(lending(small_shop, lent(repositories={"acme/checkout": 666})))

    assert origins(facts) == {}


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(fake(), id="a token that is good for nothing"),
        pytest.param(lent(failing={"/check-runs": reply(403)}), id="a permission is missing"),
    ],
)
async def test_h3_what_the_lender_may_not_read_is_unknown(
    small_shop: Shop, known: FakeGitHub
) -> None:
    facts = await asked(lending(small_shop, known))

    assert "checks.passed" not in origins(facts)


# What it is good for


async def test_h3_reviews_and_checks_are_verified_without_an_app(shop: Shop) -> None:
    known = lent()

    facts = await asked(lending(shop, known))

    assert set(origins(facts).values()) == {"verified"}
    assert facts["reviews.approvals"]["value"] == 1
    assert {one.method for one in known.requests} == {"GET"}
    assert {one.url.host for one in known.requests} == {"api.github.com"}
    assert {one.headers["authorization"] for one in known.requests} == {f"Bearer {CANARY}"}


async def test_h3_a29_it_is_nowhere_afterwards(
    small_shop: Shop, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Even where the host answers with the very token that it was sent."""
    echo = reply(403, {"message": f"{CANARY} may not read this"})
    known = lent(failing={"/check-runs": echo, "/pulls": echo})
    gate = lending(small_shop, known)
    await small_shop.adopt(make_files(trust_claims="[]"))
    change = make_change("b", commit=HEAD, run=JOB.run, claims=SMALL)

    answer = await submit.submit(lend(gate, JOB, CANARY), change, JOB)

    said = json.dumps(orjson.loads(answer.body))
    assert "(the lent token) may not read this" in said
    files = b"".join(one.read_bytes() for one in small_shop.folder.rglob("*") if one.is_file())
    lines = capsys.readouterr()
    for place in (said, lines.out, lines.err, caplog.text, repr(lend(gate, JOB, CANARY).hosts)):
        assert CANARY not in place
    assert CANARY.encode() not in files
    # Records are packed in the files, so they are read, too.
    rows = await small_shop.gate.store.read(_all_rows)
    assert "(the lent token) may not read this" in rows
    assert CANARY not in rows


def _all_rows(conn: Connection) -> str:
    """Every row of every table, unpacked."""
    values = [
        value
        for table in schema.metadata.sorted_tables
        for row in conn.execute(table.select())
        for value in row
    ]
    return repr([unpack(one) if isinstance(one, bytes) else one for one in values])
