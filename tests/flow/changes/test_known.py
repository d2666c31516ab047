"""A change as it is known: with the incidents that it is tied to."""

from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import Connection, event

from gate.core.change import Result, State
from gate.flow.changes.known import Known, know, know_all
from gate.flow.incidents import ties
from gate.flow.queries import look
from gate.storage.changes import change_list
from gate.storage.changes.change_list import ChangeFilters
from gate.storage.database.pages import Part
from gate.storage.incidents.links import SHOWN_MAX
from tests.flow.breaking import BEN, report
from tests.flow.reviewers import approve, large, reject
from tests.flow.shop import ADA, Shop, as_json

pytestmark = pytest.mark.anyio


async def test_section_8_a_change_names_its_incidents_with_title_and_method(shop: Shop) -> None:
    change = await shop.deploy("a", Result.UNSUCCESSFUL)
    other = await shop.deploy("b", service="ledger")
    opened = await report(shop, id="named", changes=(change["id"],))
    later = await report(shop, id="later", service="ledger")

    read = as_json(await look.change(shop.gate, change["id"], ADA, 0))
    listed = as_json(await look.changes(shop.gate, ChangeFilters(), ADA))["items"]

    shown = {"id": opened["id"], "title": "Baskets are empty", "method": "explicit"}
    assert (change["incidents"], read["incidents"]) == ([], [shown])
    assert {one["id"]: one["incidents"] for one in listed} == {
        change["id"]: [shown],
        other["id"]: [{"id": later["id"], "title": "Baskets are empty", "method": "window"}],
    }


async def test_a_link_that_a_person_removed_is_no_incident_of_the_change(shop: Shop) -> None:
    change = await shop.deploy("a")
    opened = await report(shop)

    link = opened["links"][0]["id"]
    await ties.unlink(shop.gate, opened["id"], link, "the network was down", BEN)

    read = as_json(await look.change(shop.gate, change["id"], ADA, 0))
    assert read["incidents"] == []


async def test_of_many_incidents_the_last_are_shown_and_where_all_are_listed(shop: Shop) -> None:
    change = await shop.deploy("a", Result.UNSUCCESSFUL)
    other = await shop.deploy("b", service="ledger")
    ids = [
        (await report(shop, id=f"i{number}", changes=(change["id"],)))["id"]
        for number in range(SHOWN_MAX)
    ]
    full = as_json(await look.change(shop.gate, change["id"], ADA, 0))
    ids.append((await report(shop, id="one more", changes=(change["id"],)))["id"])

    read = as_json(await look.change(shop.gate, change["id"], ADA, 0))
    listed = as_json(await look.changes(shop.gate, ChangeFilters(), ADA))["items"]

    newest = ids[:0:-1]
    assert (len(full["incidents"]), "incidents" in full["links"]) == (SHOWN_MAX, False)
    assert [one["id"] for one in read["incidents"]] == newest
    assert read["links"]["incidents"].endswith(f"/v1/incidents?change={change['id']}")
    assert {one["id"]: len(one["incidents"]) for one in listed} == {
        change["id"]: SHOWN_MAX,
        other["id"]: 0,
    }


async def a_bit_of_everything(shop: Shop, letters: str) -> None:
    """One change that was deployed, one that was rejected, one that waits with an approval."""
    deployed, rejected, waiting = tuple(letters)
    await shop.deploy(deployed, Result.UNSUCCESSFUL, service="web")
    await reject(shop, await shop.submit(large(rejected, service="ledger")), "ben")
    await approve(shop, await shop.submit(large(waiting)), "ben")


async def test_many_changes_are_read_with_as_many_questions_as_a_few(shop: Shop) -> None:
    await a_bit_of_everything(shop, "abc")
    few = await shop.gate.store.read(statements_of, lambda conn: listed(shop, conn))
    await a_bit_of_everything(shop, "def")
    await a_bit_of_everything(shop, "123")
    many = await shop.gate.store.read(statements_of, lambda conn: listed(shop, conn))

    assert (len(many), few) == (len(few), many)


async def test_a_change_of_many_is_known_as_it_is_alone(shop: Shop) -> None:
    await a_bit_of_everything(shop, "abc")

    def both(conn: Connection) -> tuple[Sequence[object], Sequence[object]]:
        together = listed(shop, conn)
        now = shop.gate.clock()
        alone = [know(conn, shop.gate.rulebooks, one.stored.id) for one in together]
        answers = [one.answer(now, "") for one in together]
        return answers, [one and one.answer(now, "") for one in alone]

    together, alone = await shop.gate.store.read(both)

    assert together == alone
    states = {as_json(one)["state"] for one in together}
    assert states == {State.CLOSED, State.REJECTED, State.APPROVED}


def listed(shop: Shop, conn: Connection) -> list[Known]:
    """What `GET /v1/changes` reads."""
    now = shop.gate.clock()
    found = change_list.change_page(conn, ChangeFilters(), Part(50), now=now)
    return know_all(conn, shop.gate.rulebooks, found.rows)


def statements_of(conn: Connection, read: Callable[[Connection], object]) -> list[str]:
    """The tables that are asked, statement by statement."""
    said: list[str] = []

    def hear(_conn: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        said.append(statement.partition("FROM ")[2].split()[0])

    event.listen(conn, "before_cursor_execute", hear)
    try:
        read(conn)
    finally:
        event.remove(conn, "before_cursor_execute", hear)
    return said
