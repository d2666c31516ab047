"""Single sign-on from end to end: who comes in, as whom, and in which groups."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import update

from gate.errors import NotFound, Unauthenticated
from gate.flow.caller import Role
from gate.flow.commands import InvitationCommand
from gate.flow.folder import read_folder
from gate.flow.identity import people, sessions
from gate.flow.identity.access import Access
from gate.flow.policies import policies
from gate.ledger.format import read_entry
from gate.storage.database.tx import Tx
from gate.storage.identity.people import CLAIMS_GOOD_FOR, forget_old_claims
from gate.storage.tables import schema
from tests.api.asgi import BASE_URL
from tests.flow.doors import PASSWORD, enter
from tests.flow.shop import ADMIN, secret_of
from tests.single_sign_on import AUTHORIZE, CLIENT, DISCOVERY, KEYS
from tests.web.provided import World

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_hashes")]


async def test_somebody_of_the_catalogue_comes_in_and_goes_where_they_wanted(
    either_world: World,
) -> None:
    http = either_world.browser()

    page = await http.get("/login", params={"next": "/log?q=a"})
    after = await either_world.sign_in(http, next="/log?q=a")

    assert 'href="/login/sso?next=/log%3Fq%3Da"' in page.text
    assert (after.status_code, after.headers["location"]) == (303, "/log?q=a")
    assert (await http.get("/")).status_code == 200
    me = await either_world.me()
    assert (me["id"], me["role"], me["single_sign_on"], me["password"]) == (
        await world_id(either_world),
        None,
        True,
        False,
    )
    entries = [dict(entry.fields) for entry in await _entries(either_world)]
    assert {"person": me["id"], "action": "bound", "by": "single sign-on"} in entries


async def world_id(world: World) -> str:
    """Ada's."""
    return await world.service.person_id("ada")


@pytest.mark.parametrize(
    "address", ["//evil.example.com", "https://evil.example.com", "/\\evil.example.com"]
)
async def test_a40_nobody_is_sent_elsewhere_after_single_sign_on(
    world: World, address: str
) -> None:
    assert (await world.sign_in(next=address)).headers["location"] == "/"


async def test_what_the_browser_is_sent_with(world: World) -> None:
    http = world.browser()

    sent = await http.get(
        "/login/sso", headers={"Host": "evil.example.com", "X-Forwarded-Host": "evil.example.com"}
    )

    place = urlsplit(sent.headers["location"])
    query = {name: values[0] for name, values in parse_qs(place.query).items()}
    assert f"{place.scheme}://{place.netloc}{place.path}" == world.provider.url + AUTHORIZE
    assert query.pop("state") != query.pop("nonce")
    assert len(query.pop("code_challenge")) == 43
    assert query == {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": f"{BASE_URL}/login/sso/callback",
        "scope": "openid email profile groups",
        "code_challenge_method": "S256",
    }
    cookie = sent.headers["set-cookie"]
    assert cookie.startswith("__Host-gate-sso=")
    assert cookie.endswith("; Max-Age=600; Path=/; HttpOnly; SameSite=Lax; Secure")


async def test_a_person_is_known_by_the_providers_name_whatever_their_address_is_later(
    world: World,
) -> None:
    await world.sign_in()
    world.provider.person = {
        "sub": "00u1",
        "email": "ada@married.example.com",
        "email_verified": False,
    }

    http = world.browser()

    assert (await world.sign_in(http)).status_code == 303
    assert (await world.me())["id"] == await world_id(world)


async def test_groups_of_the_provider_count_until_it_says_otherwise(either_world: World) -> None:
    http = either_world.browser()
    either_world.provider.person = {
        "sub": "1",
        "email": "lena@example.com",
        "groups": ["rm", "everybody"],
    }

    await either_world.sign_in(http)
    with_it = (await either_world.me())["groups"]
    either_world.provider.person["groups"] = ["everybody"]
    await either_world.sign_in(http)
    without = (await either_world.me())["groups"]

    assert (with_it, without) == (["release-managers", "team-web"], ["team-web"])


@pytest.mark.parametrize(
    ("claimed", "counts"),
    [
        ("rm", True),
        (["rm", 7, None, ""], True),
        ({"rm": True}, False),
        ([["rm"]], False),
        (None, False),
        ([f"g{n}" for n in range(600)] + ["rm"], False),
    ],
)
async def test_what_is_claimed_of_groups_may_be_anything(
    world: World,
    claimed: object,
    counts: bool,  # noqa: FBT001 - the expected answer
) -> None:
    world.provider.person = {"sub": "1", "email": "lena@example.com", "groups": claimed}
    http = world.browser()

    assert (await world.sign_in(http)).status_code == 303
    assert ("release-managers" in (await world.me())["groups"]) == counts


async def test_a17_groups_that_nobody_confirmed_for_a_week_count_no_more(
    either_world: World,
) -> None:
    http = either_world.browser()
    either_world.provider.person = {"sub": "1", "email": "lena@example.com", "groups": ["rm"]}
    await either_world.sign_in(http)

    await either_world.service.gate.store.write(_age, CLAIMS_GOOD_FOR - timedelta(minutes=1))
    await either_world.service.gate.store.write(forget_old_claims)
    in_time = (await either_world.me())["groups"]
    await either_world.service.gate.store.write(_age, timedelta(minutes=2))
    await either_world.service.gate.store.write(forget_old_claims)

    assert (in_time, (await either_world.me())["groups"]) == (
        ["release-managers", "team-web"],
        ["team-web"],
    )


def _age(tx: Tx, by: timedelta) -> None:
    table = schema.metadata.tables["people"]
    tx.conn.execute(
        update(table).values(claimed_at=table.c.claimed_at - by // timedelta(microseconds=1))
    )


async def test_somebody_outside_the_catalogue_comes_in_once_invited_and_is_in_no_group(
    either_world: World,
) -> None:
    await people.invite(
        either_world.service.gate, InvitationCommand("Audit@Example.org", Role.AUDITOR), ADMIN
    )
    either_world.provider.person = {
        "sub": "1",
        "email": "audit@example.org",
        "email_verified": True,
        "groups": ["rm"],
    }
    http = either_world.browser()

    await either_world.sign_in(http)

    me = await either_world.me()
    assert (me["email"], me["role"], me["groups"], me["single_sign_on"]) == (
        "audit@example.org",
        "auditor",
        [],
        True,
    )
    assert (await http.get("/v1/log")).status_code == 200


async def test_a_person_with_a_password_may_come_in_either_way(world: World) -> None:
    await enter(world.service.gate, role=Role.ADMIN)

    http = world.browser()
    await world.sign_in(http)

    me = await world.me()
    assert (me["id"], me["role"], me["password"], me["single_sign_on"]) == (
        await world_id(world),
        "admin",
        True,
        True,
    )


async def test_a2_a_password_that_one_admin_may_have_chosen_ends_when_the_provider_proves_who_it_is(
    either_world: World,
) -> None:
    gate = either_world.service.gate
    by_one_admin = secret_of(await people.invite(gate, InvitationCommand("ada@example.com"), ADMIN))
    stolen = await people.accept(gate, by_one_admin, password=PASSWORD)
    assert await Access(gate).signed_in(stolen.secret) is not None

    http = either_world.browser()
    await either_world.sign_in(http)

    me = await either_world.me()
    assert (me["password"], me["single_sign_on"]) == (False, True)
    assert await Access(gate).signed_in(stolen.secret) is None
    with pytest.raises(Unauthenticated):
        await sessions.sign_in(gate, "ada@example.com", PASSWORD, source="x")
    assert (await http.get("/v1/log")).status_code == 200


async def test_a2_a_link_of_one_admin_dies_when_its_person_comes_in_by_another_way(
    either_world: World,
) -> None:
    gate = either_world.service.gate
    invited = secret_of(await people.invite(gate, InvitationCommand("ada@example.com"), ADMIN))

    await either_world.sign_in()

    with pytest.raises(NotFound):
        await people.offered(gate, invited)
    with pytest.raises(NotFound):
        await people.accept(gate, invited, password=PASSWORD)


async def test_a3_who_comes_back_into_the_catalogue_signs_in_as_another_person(
    either_world: World, tmp_path: Path
) -> None:
    service = either_world.service
    await either_world.sign_in()
    before, files = await world_id(either_world), read_folder(tmp_path / "policies")
    listed = files["catalog.yaml"]
    gone = re.sub(r"^  ada: .*\n", "", re.sub(r"\bada, ", "", listed), flags=re.MULTILINE)
    for catalogue in (gone, listed):
        await policies.adopt(service.gate, files | {"catalog.yaml": catalogue}, changed=True)

    assert (await either_world.sign_in()).status_code == 303

    me = await either_world.me()
    assert me["id"] == await world_id(either_world) != before


@pytest.mark.parametrize("method", [["client_secret_basic"], ["client_secret_post"], None])
async def test_the_gate_proves_itself_as_the_provider_wants_it(
    world: World, method: list[str] | None
) -> None:
    world.provider.document = {"token_endpoint_auth_methods_supported": method}

    assert (await world.sign_in()).status_code == 303
    assert ("client_secret" in world.provider.bodies[-1]) == (method == ["client_secret_post"])


async def test_keys_that_rotate_are_read_again(world: World) -> None:
    world.provider.rotate("second")

    assert (await world.sign_in()).status_code == 303


async def test_the_providers_document_is_read_once_an_hour(world: World) -> None:
    for _ in range(3):
        await world.sign_in()

    # the keys are found through a document of their own
    assert world.provider.hits.count(DISCOVERY) == 2
    assert world.provider.hits.count(KEYS) == 1


async def test_i10_nothing_of_the_sign_in_is_kept(either_world: World) -> None:
    http = either_world.browser()
    address = await either_world.leave(http)
    code = httpx.URL(address).params["code"]
    await either_world.come_back(http, address)

    everything = await either_world.service.gate.store.read(_everything)

    for secret in (
        code,
        "00u1",
        http.cookies["__Host-gate"],
        either_world.provider.settings["sso_client_secret"],
    ):
        assert secret not in everything


def _everything(conn: Any) -> str:
    return repr(
        [
            tuple(row)
            for table in schema.metadata.sorted_tables
            for row in conn.execute(table.select())
        ]
    )


async def _entries(world: World) -> list[Any]:
    def read(conn: Any) -> list[bytes]:
        return [
            bytes(one)
            for one in conn.execute(
                schema.ledger_entries.select().with_only_columns(schema.ledger_entries.c.body)
            ).scalars()
        ]

    return [read_entry(body) for body in await world.service.gate.store.read(read)]
