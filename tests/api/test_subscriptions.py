"""`/v1/calendar.ics` as calendar programs ask for it: with a user and a password, after they were
asked for them.
"""

import pytest

from gate.flow.caller import Role
from tests.api.asgi import problem_name
from tests.api.served import Served

CALENDAR = "/v1/calendar.ics"

pytestmark = pytest.mark.anyio


async def test_a_program_is_asked_for_a_password_there_and_nowhere_else(service: Served) -> None:
    answers = [await service.anybody().get(path) for path in (CALENDAR, "/v1/calendar")]

    assert [one.headers["www-authenticate"] for one in answers] == [
        'Basic realm="gate"',
        'Bearer realm="gate"',
    ]


@pytest.mark.parametrize(
    "password", ["", "gate_0000000000000000_nothing", "a:b", "pass word", "\N{SNOWMAN}"]
)
async def test_a_wrong_password_reads_nothing(service: Served, password: str) -> None:
    response = await service.anybody().get(CALENDAR, auth=("ada", password))

    assert (response.status_code, problem_name(response)) == (401, "unauthenticated")


@pytest.mark.parametrize("given", ["Basic", "Basic ", "Basic ***", "Basic w7/Dvw=="])
async def test_what_is_no_password_at_all_reads_nothing(service: Served, given: str) -> None:
    assert (
        await service.anybody().get(CALENDAR, headers={"Authorization": given})
    ).status_code == 401


async def test_a_token_is_a_password_for_the_calendar_alone(service: Served) -> None:
    auth = ("calendar", await service.token(Role.AUDITOR))

    read = await service.anybody().get(CALENDAR, auth=auth)
    assert (read.status_code, read.text.partition("\r\n")[0]) == (200, "BEGIN:VCALENDAR")
    assert (await service.anybody().get("/v1/calendar", auth=auth)).status_code == 401


async def test_the_password_of_somebody_who_may_not_read_reads_nothing(service: Served) -> None:
    response = await service.anybody().get(
        CALENDAR, auth=("calendar", await service.token(Role.PIPELINE, "web"))
    )

    assert (response.status_code, problem_name(response)) == (403, "not_allowed")
