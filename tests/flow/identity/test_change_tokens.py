"""The token of one change.

Made from a secret, stored nowhere, and good as long as what it was earned with (B11).
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from gate.core.change import Repository, Run
from gate.core.decision.admission import proof_by
from gate.core.workload import Provider, Workload
from gate.errors import NotFound
from gate.flow.caller import Caller, ChangeHolder, Machine, Role
from gate.flow.changes import cancel
from gate.flow.gate import Secrets
from gate.flow.identity import tokens
from gate.flow.identity.change_tokens import change_token
from gate.storage.database.tx import Tx
from gate.storage.tables import schema_people
from tests.builders import ISSUER, SMALL, Wire, commit_of
from tests.flow.doors import whose
from tests.flow.shop import CATALOGUE, PIPELINE, Shop, make_files
from tests.storage.stored import everything_in

pytestmark = pytest.mark.anyio


JOB = Workload(
    issuer=ISSUER,
    provider=Provider.GITHUB,
    repository=Repository(ISSUER, 1001, "acme/checkout"),
    commit=commit_of("a"),
    run=Run("a", 1),
    jti="one",
    expires_at=datetime(2026, 11, 23, tzinfo=UTC),
    ref="refs/heads/main",
    event="push",
    services=frozenset({"checkout"}),
)
HOST_ADMIN = Machine("host", Role.ADMIN)


def token_of(shop: Shop, change: Wire, by: Caller) -> str:
    """The token that its submitter was given."""
    return change_token(shop.gate.secrets.change_tokens, change["id"], by)


@pytest.mark.parametrize("end", ["revoked", "expired"])
async def test_the_token_of_a_change_dies_with_the_api_token_it_was_earned_with(
    shop: Shop, end: str
) -> None:
    mine, other = await shop.pipeline(), await shop.pipeline("checkout")
    change = await shop.submit("a", by=mine)
    earned, of_another = token_of(shop, change, mine), token_of(shop, change, other)

    if end == "revoked":
        await tokens.revoke(shop.gate, mine.id, HOST_ADMIN)
    else:
        await shop.gate.store.write(_expire, mine.id)

    assert await whose(shop.gate, earned) is None
    assert await whose(shop.gate, of_another) == ChangeHolder(change["id"], mine.caller)


def _expire(tx: Tx, token: str) -> None:
    table = schema_people.tokens
    tx.conn.execute(
        update(table).where(table.c.id == token).values(expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    )


async def test_the_token_of_a_change_dies_with_the_identity_token_it_was_earned_with(
    shop: Shop,
) -> None:
    job = replace(JOB, expires_at=shop.gate.clock() + timedelta(minutes=5))
    change = await shop.submit("a", by=job)
    earned, later = (
        token_of(shop, change, job),
        token_of(shop, change, replace(job, expires_at=job.expires_at + timedelta(minutes=5))),
    )

    in_time = await whose(shop.gate, earned)
    shop.hands.ahead = timedelta(minutes=6)

    proved = proof_by(job.run, job.facts).fingerprint
    assert in_time == ChangeHolder(change["id"], job.caller, proved)
    assert await whose(shop.gate, earned) is None
    assert await whose(shop.gate, later) == in_time


async def test_the_token_of_a_change_dies_when_the_repository_deploys_the_service_no_more(
    shop: Shop,
) -> None:
    job = replace(JOB, expires_at=shop.gate.clock() + timedelta(minutes=5))
    change = await shop.submit("a", by=job)
    earned = token_of(shop, change, job)
    assert await whose(shop.gate, earned) is not None

    await shop.adopt(make_files() | {"catalog.yaml": CATALOGUE.replace("id: 1001", "id: 1002")})

    assert await whose(shop.gate, earned) is None


async def test_the_same_asking_has_the_same_token_and_another_one_another(small_shop: Shop) -> None:
    mine, other = await small_shop.pipeline(), await small_shop.pipeline()
    change = await small_shop.submit("a", by=mine)
    token = token_of(small_shop, change, mine)

    assert token == token_of(small_shop, change, mine)
    assert token != token_of(small_shop, change, other)
    assert await whose(small_shop.gate, token) == ChangeHolder(change["id"], mine.caller)


async def test_a_token_of_another_change_or_another_secret_is_nobodys(small_shop: Shop) -> None:
    by, other = await small_shop.pipeline(), await small_shop.pipeline()
    one, two = (
        await small_shop.submit("a", by=by),
        await small_shop.submit("b", by=by, service="web"),
    )
    good = token_of(small_shop, one, by)
    _, change, earner, seal = good.split("_")
    elsewhere = replace(
        small_shop, gate=replace(small_shop.gate, secrets=Secrets(b"x" * 32, b"y" * 32, b"z" * 32))
    )

    forged = [
        f"gatec_{two['id'].removeprefix('chg_')}_{earner}_{seal}",
        f"gatec_{change}_t{other.id}_{seal}",
        f"gatec_{change}_u99999999999_{seal}",
        f"gatec_{change}_{seal}",
        good[:-1] + ("a" if good[-1] != "a" else "b"),
        good + "=",
        good.upper(),
        good[:-1],
        f"gatec_{'0' * 26}_{earner}_{seal}",
        "gatec_",
        token_of(elsewhere, one, by),
    ]
    assert [await whose(small_shop.gate, text) for text in forged] == [None] * len(forged)
    assert await whose(small_shop.gate, good) is not None


async def test_a_holder_may_read_admit_close_and_cancel_that_one_change(shop: Shop) -> None:
    by = await shop.pipeline()
    change, other = await shop.submit("a", by=by), await shop.submit("b", by=by, service="web")
    holder = await whose(shop.gate, token_of(shop, change, by))
    assert isinstance(holder, ChangeHolder)

    assert (await shop.read(change, holder))["id"] == change["id"]
    assert await shop.admit(change, holder)
    assert (await shop.close(change, by=holder))["state"] == "closed"
    with pytest.raises(NotFound):
        await cancel.cancel(shop.gate, other["id"], "", holder)


@pytest.mark.parametrize("end", ["closed", "canceled", "expired", "expired unwritten", "rejected"])
async def test_the_token_of_a_change_is_good_for_a_day_after_its_end(shop: Shop, end: str) -> None:
    by = await shop.pipeline()
    if end == "rejected":
        await shop.adopt(
            requirements="[{id: green, title: Green, require: [checks.passed > 0], otherwise: "
            "reject}]"
        )
    change = await (shop.deploy("a") if end == "closed" else shop.submit("a", claims=SMALL))
    if end == "canceled":
        await cancel.cancel(shop.gate, change["id"], "", PIPELINE)
    if end.startswith("expired"):
        await shop.let_pass_hours(4.01)
    if end == "expired":
        await shop.round()
    assert (await shop.read(change))["state"] == end.partition(" ")[0]

    await shop.let_pass_hours(23.9)
    in_time = await whose(shop.gate, token_of(shop, change, by))
    await shop.let_pass_hours(0.2)

    assert isinstance(in_time, ChangeHolder)
    assert await whose(shop.gate, token_of(shop, change, by)) is None


async def test_as_long_as_a_change_deploys_its_token_is_good(small_shop: Shop) -> None:
    by = await small_shop.pipeline()
    change = await small_shop.deploy("a", None)
    await small_shop.let_pass_hours(24 * 30)

    assert await whose(small_shop.gate, token_of(small_shop, change, by)) is not None


async def test_no_token_of_a_change_is_stored_anywhere(small_shop: Shop) -> None:
    by = await small_shop.pipeline()
    change = await small_shop.submit("a", by=by)

    everything = await small_shop.gate.store.read(everything_in)

    assert token_of(small_shop, change, by).rpartition("_")[2] not in everything
