"""`/v1/people`, tokens of one's own, and what a session may do at the interface (A30, A37, A39,
A63).
"""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from gate.flow.caller import Role
from tests.api.asgi import BASE_URL, problem_name
from tests.api.served import Served

pytestmark = pytest.mark.anyio
WRITES: list[tuple[str, str, Any]] = [
    ("POST", "/v1/people", {"email": "ben@example.com"}),
    ("PATCH", "/v1/people/ben", {"disabled": True}),
    ("POST", "/v1/tokens", {"role": "admin"}),
    ("DELETE", "/v1/tokens/0123456789abcdef", None),
    ("POST", "/v1/freezes", {"reason": "Nobody is here", "stop": True}),
    ("POST", "/v1/changes/chg_00000000000000000000000000/approvals", {"subject_digest": "0" * 64}),
    ("DELETE", "/v1/changes/chg_00000000000000000000000000/approvals", None),
    ("POST", "/v1/evaluations", {}),
]


async def send(http: httpx.AsyncClient, call: tuple[str, str, Any]) -> httpx.Response:
    """One of the calls above."""
    method, path, body = call
    return await http.request(method, path, json=body)


# Requests with a session


OTHER_PAGES: Mapping[str, Mapping[str, str]] = {
    "another page": {"origin": "https://evil.example.com", "sec-fetch-site": "cross-site"},
    "nowhere": {"origin": "", "sec-fetch-site": ""},
    "a neighbour": {"sec-fetch-site": "same-site"},
    "a sandbox": {"origin": "null"},
    "without the word": {"x-csrf-token": ""},
    "with another word": {"x-csrf-token": "0" * 64},
}
"""The headers that differ from those of our own page; an empty one is not sent."""


async def test_a37_a_session_changes_nothing_unless_our_own_page_asked(service: Served) -> None:
    http = await service.signed_in("ada", Role.ADMIN)
    own = http.headers.copy()

    for page, headers in OTHER_PAGES.items():
        others = {**own, **headers}
        http.headers = httpx.Headers({name: text for name, text in others.items() if text})
        for call in WRITES:
            answer = await send(http, call)
            assert (answer.status_code, problem_name(answer)) == (403, "not_allowed"), (page, call)


async def test_a37_a_word_of_any_bytes_is_another_word(service: Served) -> None:
    http = await service.signed_in("ada", Role.ADMIN)
    del http.headers["X-CSRF-Token"]

    answer = await http.post(
        "/v1/people",
        json={"email": "ben@example.com"},
        headers=[(b"X-CSRF-Token", b"\xff\xc3\xa9")],
    )

    assert problem_name(answer) == "not_allowed"


async def test_a37_the_word_of_another_session_is_not_enough(service: Served) -> None:
    mine, other = (
        await service.signed_in("ada", Role.ADMIN),
        await service.signed_in("ada", Role.ADMIN),
    )
    mine.headers["X-CSRF-Token"] = other.headers["X-CSRF-Token"]

    assert (await send(mine, WRITES[0])).status_code == 403
    assert (await send(other, WRITES[0])).status_code == 201


async def test_a37_a_token_needs_no_word_and_a_bad_one_is_not_made_good_by_a_cookie(
    service: Served,
) -> None:
    http = await service.signed_in("ada", Role.ADMIN)
    token = await service.token(Role.ADMIN)

    good = await service.anybody(token).post(
        "/v1/people",
        json={"email": "ben@example.com"},
        headers={"Origin": "https://evil.example.com"},
    )
    http.headers["Authorization"] = "Bearer gate_wrong"

    assert good.status_code == 201
    assert (await http.get("/v1/people")).status_code == 401


async def test_a39_a_session_that_was_ended_is_nobodys_and_other_cookies_are_none(
    service: Served,
) -> None:
    http = await service.signed_in("ada", Role.ADMIN)
    assert (await http.get("/v1/people")).status_code == 200
    await (await service.admin()).patch("/v1/people/ada", json={"role": None})

    assert problem_name(await http.get("/v1/people")) == "unauthenticated"
    for cookie in (
        "__Host-gate=",
        "gate=x",
        "__Host-gate=" + "x" * 43,
        "a=b",
        ";;;",
        "=",
        "__Host-gate",
    ):
        assert (
            problem_name(await service.anybody().get("/v1/people", headers={"Cookie": cookie}))
            == "unauthenticated"
        )


async def test_reading_with_a_session_needs_the_cookie_alone(service: Served) -> None:
    http = await service.signed_in("ada")
    for name in ("Origin", "Sec-Fetch-Site", "X-CSRF-Token"):
        del http.headers[name]

    assert (await http.get("/v1/log", headers={"Sec-Fetch-Site": "cross-site"})).status_code == 200


# People


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/people", {}),
        ("POST", "/v1/people", {"email": "ada"}),
        ("POST", "/v1/people", {"email": "a b@example.com"}),
        ("POST", "/v1/people", {"email": "a\x05b@example.com"}),
        ("POST", "/v1/people", {"email": "ab@example\x85.com"}),
        ("POST", "/v1/people", {"email": "a" * 254 + "@example.com"}),
        ("POST", "/v1/people", {"email": "ben@example.com", "role": "pipeline"}),
        ("POST", "/v1/people", {"email": "ben@example.com", "password": "correct horse"}),
        ("PATCH", "/v1/people/ben", {}),
        ("PATCH", "/v1/people/ben", {"role": "king"}),
        ("PATCH", "/v1/people/ben", {"disabled": "yes"}),
        ("PATCH", "/v1/people/ben", {"id": "ada", "disabled": True}),
    ],
)
async def test_a33_what_is_not_understood_is_refused(
    service: Served, method: str, path: str, body: dict[str, Any]
) -> None:
    answer = await (await service.admin()).request(method, path, json=body)

    assert (answer.status_code, problem_name(answer)) == (422, "invalid")


async def test_a63_an_admin_does_not_change_their_own_role(service: Served) -> None:
    http = await service.signed_in("ada", Role.ADMIN)

    for body in ({"role": "auditor"}, {"role": None}, {"disabled": True}, {"disabled": False}):
        assert problem_name(await http.patch("/v1/people/ada", json=body)) == "not_allowed"
    invited = await http.post("/v1/people", json={"email": "ada@example.com", "role": "auditor"})

    assert problem_name(invited) == "not_allowed"


async def test_somebody_is_let_in_promoted_and_shut_out(service: Served) -> None:
    admin = await service.admin()

    invited = await admin.post("/v1/people", json={"email": "Ben@Example.com", "role": "auditor"})
    promoted = await admin.patch("/v1/people/ben", json={"role": "admin"})
    out = await admin.patch("/v1/people/ben", json={"disabled": True})
    listed = await admin.get("/v1/people")
    nobody = await admin.patch("/v1/people/eve", json={"disabled": True})

    assert invited.status_code == 201
    assert invited.json()["invitation"].startswith(f"{BASE_URL}/invitations/")
    assert (invited.json()["id"], invited.json()["role"]) == (
        await service.person_id("ben"),
        "auditor",
    )
    assert (promoted.json()["role"], promoted.json()["disabled"]) == ("admin", False)
    assert (out.json()["disabled"], out.json()["groups"]) == (True, [])
    assert [(one["id"], one["invited"]) for one in listed.json()["items"]] == [
        (invited.json()["id"], False)
    ]
    assert "invitations/" not in listed.text
    assert problem_name(nobody) == "not_found"


# Tokens of one's own


async def test_people_have_tokens_of_their_own_and_no_others(service: Served) -> None:
    http, admin = await service.signed_in("lena"), await service.admin()
    foreign = await (await service.signed_in("ben")).post("/v1/tokens", json={"person": "ben"})
    for_lena = await admin.post("/v1/tokens", json={"person": "lena"})

    role = await http.post("/v1/tokens", json={"role": "auditor"})
    other = await http.post("/v1/tokens", json={"person": "ben@example.com"})
    mine = await http.post("/v1/tokens", json={"person": "lena"})
    listed = await http.get("/v1/tokens")
    ended = await http.delete(f"/v1/tokens/{foreign.json()['id']}")

    assert [problem_name(one) for one in (for_lena, role, other, ended)] == ["not_allowed"] * 3 + [
        "not_found"
    ]
    assert [one["id"] for one in listed.json()["items"]] == [mine.json()["id"]]
    by_token = service.anybody(mine.json()["token"])
    assert (await by_token.get("/v1/log")).status_code == 200
    assert (await http.delete(f"/v1/tokens/{mine.json()['id']}")).status_code == 204
    assert (await by_token.get("/v1/log")).status_code == 401
