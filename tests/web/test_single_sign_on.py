"""Single sign-on from end to end: a real provider on loopback, a browser that is sent there and comes back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import update

from gate.flow import people
from gate.flow.asks import InviteAsk, PersonAsk
from gate.flow.caller import Role
from gate.ledger.format import read_entry
from gate.storage import schema
from gate.storage.people import CLAIMS_GOOD_FOR, forget_old_claims
from gate.storage.tx import Tx
from tests.api.asgi import BASE_URL
from tests.api.served import ROOT, Served, served
from tests.flow.doors import enter
from tests.flow.shop import ADMIN
from tests.identity_provider import by_hand
from tests.single_sign_on import AUTHORIZE, CLIENT, DISCOVERY, KEYS, TOKEN, Answer, PeopleProvider, down, drip, elsewhere, garbage, huge
from tests.single_sign_on import people_provider as running_provider

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_hashes")]
NOT_ACCEPTED = "cannot be accepted"
LISTED = "release-managers: {people: [ada, ben, chloe]"
START_AGAIN = "was not begun in this browser"


@dataclass(frozen=True, slots=True)
class World:
    """The service, and the provider that it sends people to."""

    service: Served
    provider: PeopleProvider

    def browser(self) -> httpx.AsyncClient:
        """One that was just opened."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.service.app, raise_app_exceptions=False), base_url=BASE_URL)

    async def leave(self, http: httpx.AsyncClient, **query: str) -> str:
        """Go to the provider, sign in there, and say where it sends the browser back to."""
        sent = await http.get("/login/sso", params=query)
        assert sent.status_code == 303, sent.text
        async with httpx.AsyncClient() as outside:
            back = await outside.get(sent.headers["location"])
        assert back.status_code == 302
        return str(back.headers["location"])

    async def come_back(self, http: httpx.AsyncClient, address: str) -> httpx.Response:
        """The browser follows the provider's answer."""
        assert address.startswith(f"{BASE_URL}/login/sso/callback?")
        return await http.get(address)

    async def sign_in(self, http: httpx.AsyncClient | None = None, **query: str) -> httpx.Response:
        """The whole way."""
        http = http or self.browser()
        return await self.come_back(http, await self.leave(http, **query))

    async def me(self) -> dict[str, Any]:
        """How admins see whoever signed in last."""
        rows = (await people.listing(self.service.gate, ADMIN)).items
        return max(rows, key=lambda row: str(row["signed_in_at"]))


@pytest.fixture
async def world(sqlite_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """The service with the shipped people, whose release managers may also be a group of the provider."""
    async with opened(sqlite_url, tmp_path) as found:
        yield found


@pytest.fixture
async def either_world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """The same, once on each kind of database."""
    async with opened(database_url, tmp_path) as found:
        yield found


@asynccontextmanager
async def opened(url: str, folder: Path) -> AsyncIterator[World]:
    """The service and its provider, for one test."""
    policies = folder / "policies"
    policies.mkdir()
    for file in (ROOT / "policies").glob("*.yaml"):
        (policies / file.name).write_text(file.read_text().replace(LISTED, LISTED + ", sso: [rm]"))
    with running_provider() as provider:
        async with served(url, folder, policies=policies, **provider.settings) as service:
            yield World(service, provider)


# What is refused


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param({"claims": {"nonce": "another"}}, id="another's nonce"),
        pytest.param({"claims": {"nonce": None}}, id="no nonce"),
        pytest.param({"claims": {"iss": "https://evil.example.com"}}, id="another issuer"),
        pytest.param({"claims": {"aud": "another-client"}}, id="for another client"),
        pytest.param({"claims": {"aud": [CLIENT, "another-client"]}}, id="for others too, without saying whose"),
        pytest.param({"claims": {"azp": "another-client"}}, id="given to another client"),
        pytest.param({"claims": {"exp": 1}}, id="over"),
        pytest.param({"claims": {"exp": None}}, id="without an end"),
        pytest.param({"claims": {"iat": 1}}, id="kept by somebody"),
        pytest.param({"claims": {"iat": 2**40}}, id="of tomorrow"),
        pytest.param({"claims": {"exp": float("inf")}}, id="for ever"),
        pytest.param({"claims": {"sub": None}}, id="of nobody"),
        pytest.param({"claims": {"sub": ""}}, id="of nobody at all"),
        pytest.param({"claims": {"sub": "x" * 256}}, id="of an endless name"),
        pytest.param({"key": "another"}, id="signed with another key"),
        pytest.param({"kid": "unpublished"}, id="signed with a key that is not published"),
        pytest.param({"header": {"crit": ["x"], "x": 1}}, id="asks for what nobody knows"),
        pytest.param({"header": {"kid": None}}, id="names no key"),
    ],
)
async def test_an_id_token_that_is_not_exactly_right_lets_nobody_in(world: World, lie: dict[str, Any]) -> None:
    for name, value in lie.items():
        setattr(world.provider, name, value)
    http = world.browser()

    answer = await world.sign_in(http)

    assert (answer.status_code, NOT_ACCEPTED in answer.text) == (403, True)
    assert "__Host-gate=" not in str(answer.headers.get("set-cookie"))
    assert (await http.get("/")).status_code == 303


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_a21_an_id_token_of_another_algorithm_lets_nobody_in(world: World, algorithm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def sign(self: PeopleProvider, asked: Any) -> str:
        return by_hand({"alg": algorithm, "kid": self.kid}, {"iss": self.url, "aud": CLIENT, "nonce": asked.nonce, **asked.person})

    monkeypatch.setattr(PeopleProvider, "sign", sign)

    assert NOT_ACCEPTED in (await world.sign_in()).text


async def test_the_answer_to_one_browser_is_of_no_use_in_another(world: World) -> None:
    mine, other, fresh = world.browser(), world.browser(), world.browser()
    address = await world.leave(mine)
    await world.leave(other)

    for stranger in (other, fresh):
        answer = await world.come_back(stranger, address)
        assert (answer.status_code, START_AGAIN in answer.text) == (403, True)
    assert (await world.come_back(mine, address)).status_code == 303


async def test_the_same_answer_twice_lets_nobody_in_again(world: World) -> None:
    http = world.browser()
    address = await world.leave(http)
    kept = http.cookies["__Host-gate-sso"]
    await world.come_back(http, address)

    forgotten = await world.come_back(http, address)
    replayed = await world.browser().get(address, headers={"Cookie": f"__Host-gate-sso={kept}"})

    assert (forgotten.status_code, START_AGAIN in forgotten.text) == (403, True)
    assert (replayed.status_code, NOT_ACCEPTED in replayed.text) == (403, True)


@pytest.mark.parametrize("change", ["state", "iss", "code", "no iss"])
async def test_an_answer_that_was_changed_on_the_way_lets_nobody_in(world: World, change: str) -> None:
    http = world.browser()
    address = httpx.URL(await world.leave(http))
    address = address.copy_remove_param("iss") if change == "no iss" else address.copy_set_param(change, "another")

    answer = await http.get(address)

    assert (answer.status_code, (START_AGAIN if change == "state" else NOT_ACCEPTED) in answer.text) == (403, True)


async def test_a_cookie_that_was_changed_lets_nobody_in(world: World) -> None:
    http = world.browser()
    address = await world.leave(http)
    kept = http.cookies["__Host-gate-sso"]

    for forged in ("A" + kept[1:], kept[:-1] + ("0" if kept[-1] != "0" else "1"), kept.partition(".")[0], "." + kept.partition(".")[2], ""):
        answer = await world.browser().get(address, headers={"Cookie": f"__Host-gate-sso={forged}"})
        assert (answer.status_code, START_AGAIN in answer.text) == (403, True)


async def test_the_provider_may_say_no(world: World) -> None:
    answer = await world.browser().get("/login/sso/callback?error=access_denied&error_description=<b>no</b>&state=x")

    assert (answer.status_code, "did not sign you in" in answer.text, "<b>" in answer.text) == (403, True, False)


@pytest.mark.parametrize(
    ("person", "words"),
    [
        ({"sub": "1", "email": "eve@example.com", "email_verified": True}, "nobody here has the address"),
        ({"sub": "1", "email": "ada@example.com", "email_verified": False}, "names no verified address"),
        ({"sub": "1", "email": "ada@example.com", "email_verified": "false"}, "names no verified address"),
        ({"sub": "1"}, "names no verified address"),
        ({"sub": "1", "email": ["ada@example.com"]}, "names no verified address"),
        ({"sub": "1", "email": "ada+evil@example.com"}, "nobody here has the address"),
        ({"sub": "1", "email": "\u0430da@example.com"}, "names no verified address"),
        ({"sub": "1", "email": "ada-ekberg@users.noreply.github.com"}, "nobody here has the address"),
        ({"sub": "1", "email": "ada-ekberg"}, "nobody here has the address"),
        ({"sub": "1", "email": "ada"}, "nobody here has the address"),
    ],
)  # fmt: skip
async def test_a02_whoever_the_catalogue_does_not_know_by_this_very_address_stays_out(
    world: World, person: dict[str, Any], words: str
) -> None:
    world.provider.person = person

    answer = await world.sign_in()

    assert (answer.status_code, words in answer.text) == (403, True)
    assert (await people.listing(world.service.gate, ADMIN)).items == []


async def test_a02_an_address_that_is_taken_over_at_the_provider_is_not_the_person(either_world: World) -> None:
    assert (await either_world.sign_in()).status_code == 303
    either_world.provider.person = {"sub": "00u2", "email": "ada@example.com", "email_verified": True}

    answer = await either_world.sign_in()

    assert (answer.status_code, "under another name" in answer.text) == (403, True)


async def test_who_was_shut_out_stays_out(world: World) -> None:
    await people.change(world.service.gate, "ada", PersonAsk(disabled=True), ADMIN)

    answer = await world.sign_in()

    assert (answer.status_code, "may not sign in" in answer.text) == (403, True)


@pytest.mark.parametrize("path", [DISCOVERY, TOKEN, KEYS])
@pytest.mark.parametrize("answer", [down, garbage, elsewhere, huge])
async def test_f23_a_provider_that_is_not_well_lets_nobody_in_and_whoever_is_in_stays(world: World, path: str, answer: Answer) -> None:
    signed_in = await world.service.signed_in("ben")
    world.provider.answers[path] = answer
    http = world.browser()

    if path == DISCOVERY:
        said = await http.get("/login/sso")
    else:
        said = await world.sign_in(http)

    assert said.status_code == 503
    assert "/elsewhere" not in world.provider.hits
    assert (await signed_in.get("/v1/log")).status_code == 200
    assert "__Host-gate" not in http.cookies


async def test_f23_a_provider_that_begins_and_never_ends_is_left_in_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gate.integrations.http.SOURCE_SECONDS_MAX", 0.2)
    http = world.browser()
    address = await world.leave(http)
    world.provider.answers[TOKEN] = drip

    assert (await world.come_back(http, address)).status_code == 503


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example.com"},
        {"authorization_endpoint": None},
        {"authorization_endpoint": "http://evil.example.com/authorize"},
        {"token_endpoint": "http://192.0.2.1/token"},
        {"token_endpoint": 7},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
async def test_a_discovery_document_that_leads_elsewhere_is_refused(world: World, document: dict[str, Any]) -> None:
    world.provider.document = document

    assert (await world.browser().get("/login/sso")).status_code == 503


# Who comes in


async def test_somebody_of_the_catalogue_comes_in_and_goes_where_they_wanted(either_world: World) -> None:
    http = either_world.browser()

    page = await http.get("/login", params={"next": "/log?q=a"})
    after = await either_world.sign_in(http, next="/log?q=a")

    assert 'href="/login/sso?next=/log%3Fq%3Da"' in page.text
    assert (after.status_code, after.headers["location"]) == (303, "/log?q=a")
    assert (await http.get("/")).status_code == 200
    me = await either_world.me()
    assert (me["id"], me["role"], me["single_sign_on"], me["password"]) == ("ada", None, True, False)
    entries = [dict(entry.fields) for entry in await _entries(either_world)]
    assert {"person": "ada", "action": "bound", "by": "single sign-on"} in entries


@pytest.mark.parametrize("address", ["//evil.example.com", "https://evil.example.com", "/\\evil.example.com"])
async def test_a40_nobody_is_sent_elsewhere_after_single_sign_on(world: World, address: str) -> None:
    assert (await world.sign_in(next=address)).headers["location"] == "/"


async def test_what_the_browser_is_sent_with(world: World) -> None:
    http = world.browser()

    sent = await http.get("/login/sso", headers={"Host": "evil.example.com", "X-Forwarded-Host": "evil.example.com"})

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


async def test_a_person_is_known_by_the_providers_name_whatever_their_address_is_later(world: World) -> None:
    await world.sign_in()
    world.provider.person = {"sub": "00u1", "email": "ada@married.example.com", "email_verified": False}

    http = world.browser()

    assert (await world.sign_in(http)).status_code == 303
    assert (await world.me())["id"] == "ada"


async def test_groups_of_the_provider_count_until_it_says_otherwise(either_world: World) -> None:
    http = either_world.browser()
    either_world.provider.person = {"sub": "1", "email": "lena@example.com", "groups": ["rm", "everybody"]}

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
async def test_what_is_claimed_of_groups_may_be_anything(world: World, claimed: object, counts: bool) -> None:  # noqa: FBT001 - the expected answer
    world.provider.person = {"sub": "1", "email": "lena@example.com", "groups": claimed}
    http = world.browser()

    assert (await world.sign_in(http)).status_code == 303
    assert ("release-managers" in (await world.me())["groups"]) == counts


async def test_a17_groups_that_nobody_confirmed_for_a_week_count_no_more(either_world: World) -> None:
    http = either_world.browser()
    either_world.provider.person = {"sub": "1", "email": "lena@example.com", "groups": ["rm"]}
    await either_world.sign_in(http)

    await either_world.service.gate.store.write(_age, CLAIMS_GOOD_FOR - timedelta(minutes=1))
    await either_world.service.gate.store.write(forget_old_claims)
    in_time = (await either_world.me())["groups"]
    await either_world.service.gate.store.write(_age, timedelta(minutes=2))
    await either_world.service.gate.store.write(forget_old_claims)

    assert (in_time, (await either_world.me())["groups"]) == (["release-managers", "team-web"], ["team-web"])


def _age(tx: Tx, by: timedelta) -> None:
    table = schema.metadata.tables["people"]
    tx.conn.execute(update(table).values(claimed_at=table.c.claimed_at - by // timedelta(microseconds=1)))


async def test_somebody_outside_the_catalogue_comes_in_once_invited_and_is_in_no_group(either_world: World) -> None:
    await people.invite(either_world.service.gate, InviteAsk("Audit@Example.org", Role.AUDITOR), ADMIN)
    either_world.provider.person = {"sub": "1", "email": "audit@example.org", "email_verified": True, "groups": ["rm"]}
    http = either_world.browser()

    await either_world.sign_in(http)

    me = await either_world.me()
    assert (me["email"], me["role"], me["groups"], me["single_sign_on"]) == ("audit@example.org", "auditor", [], True)
    assert (await http.get("/v1/log")).status_code == 200


async def test_a_person_with_a_password_may_come_in_either_way(world: World) -> None:
    await enter(world.service.gate, role=Role.ADMIN)

    http = world.browser()
    await world.sign_in(http)

    me = await world.me()
    assert (me["id"], me["role"], me["password"], me["single_sign_on"]) == ("ada", "admin", True, True)


@pytest.mark.parametrize("method", [["client_secret_basic"], ["client_secret_post"], None])
async def test_the_gate_proves_itself_as_the_provider_wants_it(world: World, method: list[str] | None) -> None:
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

    for secret in (code, "00u1", http.cookies["__Host-gate"], either_world.provider.settings["sso_client_secret"]):
        assert secret not in everything


def _everything(conn: Any) -> str:
    return repr([tuple(row) for table in schema.metadata.sorted_tables for row in conn.execute(table.select())])


async def _entries(world: World) -> list[Any]:
    def read(conn: Any) -> list[bytes]:
        return [
            bytes(one) for one in conn.execute(schema.ledger_entries.select().with_only_columns(schema.ledger_entries.c.body)).scalars()
        ]

    return [read_entry(body) for body in await world.service.gate.store.read(read)]
