"""The way in and out, as a browser sees it; who may not come in, first."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from gate.flow.attempts import ACCOUNT_FAILURES_MAX
from gate.flow.commands import PersonCommand
from gate.flow.identity import people
from gate.flow.identity.sessions import WRONG
from tests.api.asgi import BASE_URL
from tests.api.served import Served, served
from tests.flow.doors import PASSWORD, enter, link
from tests.flow.shop import ADMIN

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_hashes")]
COOKIE = "__Host-gate"
HERE = {"Origin": BASE_URL, "Sec-Fetch-Site": "same-origin"}


def browser(service: Served, **options: Any) -> httpx.AsyncClient:
    """One that was just opened."""
    transport = httpx.ASGITransport(service.app, raise_app_exceptions=False, **options)
    return httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=HERE)


async def sign_in(
    http: httpx.AsyncClient,
    email: str = "ada@example.com",
    password: str = PASSWORD,
    headers: dict[str, str] | None = None,
    **fields: str,
) -> httpx.Response:
    """Fill the form and send it."""
    return await http.post(
        "/login", data={"email": email, "password": password, **fields}, headers=headers
    )


def csrf(page: httpx.Response) -> str:
    """The word of the session, from a page's form."""
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page.text)
    assert found
    return found[1]


# Who may not


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example.com", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
        {"Origin": BASE_URL, "Sec-Fetch-Site": "cross-site"},
        {"Origin": BASE_URL, "Sec-Fetch-Site": "same-site"},
        {"Origin": BASE_URL, "Sec-Fetch-Site": "none"},
        {"Origin": "http://gate.example.com"},
        {"Origin": BASE_URL + ".evil.example.com"},
        {"Origin": BASE_URL + ":8443"},
        {
            "Host": "evil.example.com",
            "Origin": "https://evil.example.com",
            "Sec-Fetch-Site": "same-origin",
        },
        {},
    ],
)
async def test_a37_what_another_page_sends_signs_nobody_in_or_out(
    service: Served, headers: dict[str, str]
) -> None:
    await enter(service.gate)
    invited = await link(service.gate, "ben@example.com")
    http = browser(service)
    await sign_in(http)
    word = csrf(await http.get("/"))
    foreign = httpx.AsyncClient(
        transport=httpx.ASGITransport(service.app),
        base_url=BASE_URL,
        headers=headers,
        cookies=http.cookies,
    )

    said = [
        await sign_in(foreign),
        await foreign.post("/logout", data={"csrf": word}),
        await foreign.post(
            f"/invitations/{invited}", data={"password": PASSWORD, "again": PASSWORD}
        ),
    ]

    assert [answer.status_code for answer in said] == [403] * 3
    assert [answer.headers.get("set-cookie") for answer in said] == [None] * 3
    assert (await http.get("/")).status_code == 200
    assert (await people.offered(service.gate, invited)).email == "ben@example.com"


@pytest.mark.parametrize("word", ["", "x" * 64, None])
async def test_a37_a_form_without_the_word_of_its_session_does_nothing(
    service: Served, word: str | None
) -> None:
    await enter(service.gate)
    http = browser(service)
    await sign_in(http)
    other = browser(service)
    await sign_in(other)

    answer = await http.post(
        "/logout", data={"csrf": csrf(await other.get("/")) if word is None else word}
    )

    assert answer.status_code == 403
    assert (await http.get("/")).status_code == 200


async def test_a37_looking_changes_nothing(service: Served) -> None:
    await enter(service.gate)
    invited = await link(service.gate, "ben@example.com")
    http = browser(service)
    await sign_in(http)

    for address in ("/logout", f"/invitations/{invited}", "/login"):
        await http.get(address)
        await http.head(address)

    assert (await http.get("/")).status_code == 200
    assert (await people.offered(service.gate, invited)).email == "ben@example.com"


async def test_a30_a_wrong_try_says_nothing_of_the_account_and_gives_the_form_back(
    service: Served,
) -> None:
    await enter(service.gate)
    http = browser(service)

    wrong, unknown = (
        await sign_in(http, password="not this one, no"),  # noqa: S106 - a wrong one
        await sign_in(http, "eve@example.com"),
    )

    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert wrong.text.replace("ada@", "eve@") == unknown.text
    assert WRONG in wrong.text
    assert "not this one" not in wrong.text
    assert "set-cookie" not in wrong.headers


async def test_a30_a_thousand_tries_end_soon_and_others_come_in(service: Served) -> None:
    await enter(service.gate)
    pipeline = await service.pipeline()
    attacker, owner = (
        browser(service, client=("203.0.113.9", 1)),
        browser(service, client=("198.51.100.7", 1)),
    )

    said = [
        (await sign_in(attacker, password=f"a guess number {n}")).status_code for n in range(1_000)
    ]

    assert (said[:ACCOUNT_FAILURES_MAX], set(said[ACCOUNT_FAILURES_MAX:])) == (
        [401] * ACCOUNT_FAILURES_MAX,
        {429},
    )
    assert (await sign_in(attacker)).headers["retry-after"] == "60"
    assert (await sign_in(owner)).status_code == 303
    assert (await pipeline.get("/v1/changes")).status_code == 200


async def test_a30_addresses_of_one_network_are_one_source(service: Served) -> None:
    await enter(service.gate)

    said = [
        (
            await sign_in(
                browser(service, client=(f"2001:db8:1:2::{n:x}", 1)), password=f"a guess number {n}"
            )
        )
        for n in range(1, 13)
    ]

    assert [answer.status_code for answer in said] == [401] * ACCOUNT_FAILURES_MAX + [429] * 2
    assert (await sign_in(browser(service, client=("2001:db8:1:3::1", 1)))).status_code == 303


async def test_d21_a30_behind_a_trusted_proxy_guesses_lock_out_their_source_alone(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with served(sqlite_url, tmp_path, trusted_proxies="10.0.0.0/8") as service:
        await enter(service.gate)
        proxy, stranger = (
            browser(service, client=("10.0.0.1", 1)),
            browser(service, client=("203.0.113.9", 1)),
        )
        guess, owner = (
            {"X-Forwarded-For": "203.0.113.8"},
            {"X-Forwarded-For": "203.0.113.8, 198.51.100.7"},
        )

        said = [
            (await sign_in(proxy, password=f"a guess number {n}", headers=guess)).status_code
            for n in range(ACCOUNT_FAILURES_MAX + 2)
        ]
        made_up = [
            (
                await sign_in(
                    stranger,
                    password=f"a guess number {n}",
                    headers={"X-Forwarded-For": f"192.0.2.{n}"},
                )
            ).status_code
            for n in range(ACCOUNT_FAILURES_MAX + 2)
        ]

        assert said == made_up == [401] * ACCOUNT_FAILURES_MAX + [429] * 2
        assert (await sign_in(proxy, headers=owner)).status_code == 303


async def test_d21_a_trusted_proxy_that_was_reached_by_https_makes_cookies_secure(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with served(
        sqlite_url, tmp_path, trusted_proxies="10.0.0.0/8", base_url="http://gate.example.com"
    ) as service:
        await enter(service.gate)
        proxy, stranger = (
            browser(service, client=("10.0.0.1", 1)),
            browser(service, client=("203.0.113.9", 1)),
        )
        by_https = {"Origin": BASE_URL, "X-Forwarded-Proto": "https"}

        through, past = (
            await sign_in(proxy, headers=by_https),
            await sign_in(stranger, headers=by_https),
        )
        plain = await sign_in(stranger, headers={"Origin": "http://gate.example.com"})

    assert (through.status_code, past.status_code, plain.status_code) == (303, 403, 303)
    assert through.headers["set-cookie"].startswith("__Host-gate=")
    assert through.headers["set-cookie"].endswith("; Secure")
    assert "Secure" not in plain.headers["set-cookie"]


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example.com",
        "https://evil.example.com/",
        "/\\evil.example.com",
        "javascript:alert(1)",
        "evil",
        "/\t/evil.example.com",
        "\\\\evil",
        "/é",
    ],
)
async def test_a40_nobody_is_sent_elsewhere_after_signing_in(service: Served, address: str) -> None:
    await enter(service.gate)
    http = browser(service)

    shown = await http.get("/login", params={"next": address})
    after = await sign_in(http, next=address)
    again = await http.get("/login", params={"next": address})

    assert 'name="next" value="/"' in shown.text
    assert (after.status_code, after.headers["location"]) == (303, "/")
    assert (again.status_code, again.headers["location"]) == (303, "/")


@pytest.mark.parametrize("host", ["evil.example.com", "gate.example.com.evil.example.com"])
async def test_a40_no_link_is_made_of_the_host_that_a_request_names(
    service: Served, host: str
) -> None:
    admin = await service.admin()
    admin.headers.update({"Host": host, "X-Forwarded-Host": host, "X-Forwarded-Proto": "http"})

    invited = (await admin.post("/v1/people", json={"email": "ben@example.com"})).json()[
        "invitation"
    ]
    after = await browser(service).get("/", headers={"Host": host})

    assert invited.startswith(f"{BASE_URL}/invitations/")
    assert after.headers["location"] == "/login?next=%2F"


@pytest.mark.parametrize("token", ["x", "x" * 43, "x" * 199, "%00"])
async def test_a_link_that_never_was_is_not_found(service: Served, token: str) -> None:
    http = browser(service)

    for answer in (
        await http.get(f"/invitations/{token}"),
        await http.post(f"/invitations/{token}", data={"password": PASSWORD}),
    ):
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("password", "again", "words"),
    [
        ("too short", "too short", "at least 12 are needed"),
        (PASSWORD, PASSWORD + "!", "The two passwords differ"),
        ("x" * 1_025, "x" * 1_025, "more than 1024 bytes"),
        ("", "", "at least 12 are needed"),
    ],
)
async def test_a_password_that_is_refused_leaves_the_link_good(
    service: Served, password: str, again: str, words: str
) -> None:
    invited = await link(service.gate, "ben@example.com")
    http = browser(service)

    refused = await http.post(
        f"/invitations/{invited}", data={"password": password, "again": again}
    )
    taken = await http.post(
        f"/invitations/{invited}", data={"password": PASSWORD, "again": PASSWORD}
    )
    twice = await http.post(
        f"/invitations/{invited}", data={"password": PASSWORD, "again": PASSWORD}
    )

    assert (refused.status_code, words in refused.text) == (422, True)
    assert (taken.status_code, taken.headers["location"], twice.status_code) == (303, "/", 404)


# Who may


async def test_the_cookie_is_for_this_host_alone_and_unseen_by_scripts(service: Served) -> None:
    await enter(service.gate)
    http = browser(service)

    after = await sign_in(http, next="/changes?q=a")

    name, value, *attributes = re.split("=|; ", after.headers["set-cookie"], maxsplit=2)
    assert (after.status_code, after.headers["location"], name, len(value)) == (
        303,
        "/changes?q=a",
        COOKIE,
        43,
    )
    assert attributes == ["Max-Age=86400; Path=/; HttpOnly; SameSite=Lax; Secure"]
    assert after.headers["cache-control"] == "no-store"
    assert (await http.get("/")).status_code == 200


async def test_a39_signing_in_makes_a_new_session_and_ends_the_one_that_was_there(
    service: Served,
) -> None:
    await enter(service.gate)
    http = browser(service)
    http.cookies.set(COOKIE, "planted" * 6 + "x", domain="gate.example.com")
    await sign_in(http)
    first = http.cookies[COOKIE]
    assert not first.startswith("planted")

    await sign_in(http)

    assert http.cookies[COOKIE] != first
    assert (
        await browser(service).get("/", headers={"Cookie": f"{COOKIE}={first}"})
    ).status_code == 303
    assert (await http.get("/")).status_code == 200


async def test_a39_after_signing_out_the_old_cookie_is_nobodys(service: Served) -> None:
    await enter(service.gate)
    http = browser(service)
    await sign_in(http)
    old = http.cookies[COOKIE]

    after = await http.post("/logout", data={"csrf": csrf(await http.get("/"))})

    assert (after.status_code, after.headers["location"]) == (303, "/login")
    assert COOKIE not in http.cookies
    assert (await browser(service).get("/", headers={"Cookie": f"{COOKIE}={old}"})).headers[
        "location"
    ] == "/login?next=%2F"
    assert (await http.post("/logout", data={})).status_code == 303


async def test_a39_who_is_shut_out_is_led_to_the_door(service: Served) -> None:
    await enter(service.gate)
    http = browser(service)
    await sign_in(http)

    await people.change(service.gate, "ada", PersonCommand(disabled=True), ADMIN)

    assert (await http.get("/")).headers["location"] == "/login?next=%2F"


async def test_two_cookies_of_one_name_are_none(service: Served) -> None:
    await enter(service.gate)
    http = browser(service)
    await sign_in(http)
    mine = http.cookies[COOKIE]

    answer = await browser(service).get("/", headers={"Cookie": f"{COOKIE}={mine}; {COOKIE}=x"})

    assert answer.status_code == 303


async def test_the_first_person_sets_the_gate_up_once(service: Served) -> None:
    first, second = (
        await service.gate.store.write(people.make_setup),
        await service.gate.store.write(people.make_setup),
    )
    fields = {"email": "zoe@example.com", "password": PASSWORD, "again": PASSWORD}
    http = browser(service)

    page = await http.get(f"/invitations/{first}")
    nameless = await http.post(f"/invitations/{first}", data={**fields, "email": "zoe"})
    after = await http.post(f"/invitations/{first}", data=fields)
    late = await browser(service).post(
        f"/invitations/{second}", data={**fields, "email": "eve@example.com"}
    )

    assert "Set up the gate" in page.text
    assert (nameless.status_code, after.status_code, late.status_code) == (422, 303, 404)
    (row,) = (await people.listing(service.gate, ADMIN)).items
    assert (row.email, row.role, row.groups) == ("zoe@example.com", "admin", ())
    assert (await http.get("/v1/people")).status_code == 200
    assert await service.gate.store.write(people.make_setup) is None


async def test_the_demos_link_signs_in_without_a_password_once(service: Served) -> None:
    secret = await service.gate.store.write(people.make_demo_link, await service.person_id("ada"))
    http = browser(service)

    page = await http.get(f"/invitations/{secret}")
    after = await http.post(f"/invitations/{secret}", data={"sent": "by a browser"})

    assert "Ada Ekberg" in page.text
    assert 'type="password"' not in page.text
    assert after.status_code == 303
    assert (await http.get("/")).status_code == 200
    assert (
        await browser(service).post(f"/invitations/{secret}", data={"sent": "again"})
    ).status_code == 404


async def test_without_single_sign_on_nothing_speaks_of_it(service: Served) -> None:
    http = browser(service)

    assert "single sign-on" not in (await http.get("/login")).text
    assert (await http.get("/login/sso")).status_code == 404
    assert (await http.get("/login/sso/callback")).status_code == 404
