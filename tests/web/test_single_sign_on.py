"""Single sign-on from end to end: whoever the provider lies about stays out."""

import asyncio
from typing import Any

import httpx
import pytest

from gate.flow.attempts import CALLBACK_FAILURES_MAX
from gate.flow.commands import PersonCommand
from gate.flow.identity import people
from gate.integrations.http import client
from tests.flow.shop import ADMIN
from tests.identity_provider import by_hand
from tests.loopback import Answer, down, drip, garbage, huge, redirect
from tests.single_sign_on import (
    CLIENT,
    DISCOVERY,
    KEYS,
    TOKEN,
    PeopleProvider,
)
from tests.web.provided import World

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_hashes")]
NOT_ACCEPTED = "cannot be accepted"
START_AGAIN = "was not begun in this browser"


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param({"claims": {"nonce": "another"}}, id="another's nonce"),
        pytest.param({"claims": {"nonce": None}}, id="no nonce"),
        pytest.param({"claims": {"iss": "https://evil.example.com"}}, id="another issuer"),
        pytest.param({"claims": {"aud": "another-client"}}, id="for another client"),
        pytest.param(
            {"claims": {"aud": [CLIENT, "another-client"]}},
            id="for others too, without saying whose",
        ),
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
async def test_an_id_token_that_is_not_exactly_right_lets_nobody_in(
    world: World, lie: dict[str, Any]
) -> None:
    for name, value in lie.items():
        setattr(world.provider, name, value)
    http = world.browser()

    answer = await world.sign_in(http)

    assert (answer.status_code, NOT_ACCEPTED in answer.text) == (403, True)
    assert "__Host-gate=" not in str(answer.headers.get("set-cookie"))
    assert (await http.get("/")).status_code == 303


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_a21_an_id_token_of_another_algorithm_lets_nobody_in(
    world: World, algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sign(self: PeopleProvider, asked: Any) -> str:
        return by_hand(
            {"alg": algorithm, "kid": self.kid},
            {"iss": self.url, "aud": CLIENT, "nonce": asked.nonce, **asked.person},
        )

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
    assert (replayed.status_code, START_AGAIN in replayed.text) == (403, True)
    assert world.provider.hits.count(TOKEN) == 1, "the provider is asked once for one answer"


async def test_d22_what_was_begun_comes_back_once_whoever_comes_and_wherever(
    either_world: World,
) -> None:
    http = either_world.browser()
    address = await either_world.leave(http)
    kept = {"Cookie": f"__Host-gate-sso={http.cookies['__Host-gate-sso']}"}
    wrong = str(httpx.URL(address).copy_set_param("code", "another"))

    first = await either_world.browser().get(wrong, headers=kept)
    answers = await asyncio.gather(
        *(either_world.browser().get(address, headers=kept) for _ in range(5))
    )

    assert NOT_ACCEPTED in first.text
    assert [START_AGAIN in one.text for one in answers] == [True] * 5
    assert either_world.provider.hits.count(TOKEN) == 1


async def test_d22_one_source_that_is_not_let_in_again_and_again_waits_and_others_do_not(
    world: World,
) -> None:
    world.provider.person = {"sub": "1", "email": "eve@example.com", "email_verified": True}
    attacker, owner = (
        world.browser(client=("203.0.113.9", 1)),
        world.browser(client=("198.51.100.7", 1)),
    )
    world.service.gate.callbacks.monotonic = lambda: (
        0.0
    )  # however long the test takes, no time passes

    said = [(await world.sign_in(attacker)).status_code for _ in range(CALLBACK_FAILURES_MAX + 2)]
    asked = world.provider.hits.count(TOKEN)
    world.provider.person = {"sub": "2", "email": "ada@example.com", "email_verified": True}

    assert said == [403] * CALLBACK_FAILURES_MAX + [429] * 2
    assert asked == CALLBACK_FAILURES_MAX
    assert (await world.sign_in(owner)).status_code == 303


async def test_d22_whoever_is_let_in_is_no_failure(world: World) -> None:
    http = world.browser()

    assert {(await world.sign_in(http)).status_code for _ in range(CALLBACK_FAILURES_MAX + 2)} == {
        303
    }


@pytest.mark.parametrize("change", ["state", "iss", "code", "no iss"])
async def test_an_answer_that_was_changed_on_the_way_lets_nobody_in(
    world: World, change: str
) -> None:
    http = world.browser()
    address = httpx.URL(await world.leave(http))
    address = (
        address.copy_remove_param("iss")
        if change == "no iss"
        else address.copy_set_param(change, "another")
    )

    answer = await http.get(address)

    assert (
        answer.status_code,
        (START_AGAIN if change == "state" else NOT_ACCEPTED) in answer.text,
    ) == (403, True)


async def test_a_cookie_that_was_changed_lets_nobody_in(world: World) -> None:
    http = world.browser()
    address = await world.leave(http)
    kept = http.cookies["__Host-gate-sso"]

    for forged in (
        "A" + kept[1:],
        kept[:-1] + ("0" if kept[-1] != "0" else "1"),
        kept.partition(".")[0],
        "." + kept.partition(".")[2],
        "",
    ):
        answer = await world.browser().get(address, headers={"Cookie": f"__Host-gate-sso={forged}"})
        assert (answer.status_code, START_AGAIN in answer.text) == (403, True)


async def test_the_provider_may_say_no(world: World) -> None:
    answer = await world.browser().get(
        "/login/sso/callback?error=access_denied&error_description=<b>no</b>&state=x"
    )

    assert (answer.status_code, "did not sign you in" in answer.text, "<b>" in answer.text) == (
        403,
        True,
        False,
    )


@pytest.mark.parametrize(
    ("person", "words"),
    [
        ({"sub": "1", "email": "eve@example.com", "email_verified": True}, "Nobody here has the address"),
        ({"sub": "1", "email": "ada@example.com", "email_verified": False}, "names no verified address"),
        ({"sub": "1", "email": "ada@example.com", "email_verified": "false"}, "names no verified address"),
        ({"sub": "1"}, "names no verified address"),
        ({"sub": "1", "email": ["ada@example.com"]}, "names no verified address"),
        ({"sub": "1", "email": "ada+evil@example.com"}, "Nobody here has the address"),
        ({"sub": "1", "email": "\u0430da@example.com"}, "names no verified address"),
        ({"sub": "1", "email": "ada-ekberg@users.noreply.github.com"}, "Nobody here has the address"),
        ({"sub": "1", "email": "ada-ekberg"}, "Nobody here has the address"),
        ({"sub": "1", "email": "ada"}, "Nobody here has the address"),
    ],
)  # fmt: skip
async def test_a02_whoever_the_catalogue_does_not_know_by_this_very_address_stays_out(
    world: World, person: dict[str, Any], words: str
) -> None:
    world.provider.person = person

    answer = await world.sign_in()

    assert (answer.status_code, words in answer.text) == (403, True)
    assert (await people.listing(world.service.gate, ADMIN)).items == ()


async def test_a02_an_address_that_is_taken_over_at_the_provider_is_not_the_person(
    either_world: World,
) -> None:
    assert (await either_world.sign_in()).status_code == 303
    either_world.provider.person = {
        "sub": "00u2",
        "email": "ada@example.com",
        "email_verified": True,
    }

    answer = await either_world.sign_in()

    assert (answer.status_code, "under another name" in answer.text) == (403, True)


async def test_who_was_shut_out_stays_out(world: World) -> None:
    await people.change(world.service.gate, "ada", PersonCommand(disabled=True), ADMIN)

    answer = await world.sign_in()

    assert (answer.status_code, "may not sign in" in answer.text) == (403, True)


@pytest.mark.parametrize("path", [DISCOVERY, TOKEN, KEYS])
@pytest.mark.parametrize("answer", [down, garbage, redirect, huge])
async def test_f23_a_provider_that_is_not_well_lets_nobody_in_and_whoever_is_in_stays(
    world: World, path: str, answer: Answer
) -> None:
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


async def test_f23_a_provider_that_begins_and_never_ends_is_left_in_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "SOURCE_SECONDS_MAX", 0.2)
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
async def test_a_discovery_document_that_leads_elsewhere_is_refused(
    world: World, document: dict[str, Any]
) -> None:
    world.provider.document = document

    assert (await world.browser().get("/login/sso")).status_code == 503
