"""A pipeline asks: what is refused, what is answered again, and what is recorded."""

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from gate.core.change import EmergencyAsk, Repository, Result, Run
from gate.core.facts import Value
from gate.errors import Conflict, Invalid, NotAllowed, Unavailable
from gate.flow import cancel
from gate.flow.asks import IdempotencyKey, Wire
from gate.flow.caller import Machine, Role
from gate.storage.store import Store
from gate.storage.units import Recorded, Unit
from tests.builders import ISSUER, SMALL, commit_of, image_of, make_change
from tests.flow.shop import PIPELINE, Shop, make_files, open_shop

pytestmark = pytest.mark.anyio

KEY = IdempotencyKey("key-1", "b" * 64)


async def count(shop: Shop) -> int:
    """How many changes there are."""
    measures = await shop.measures()
    return measures.get("submitted", 0)


async def test_a_token_bound_to_other_services_is_refused(small_shop: Shop) -> None:
    bound = Machine("bound", Role.PIPELINE, frozenset({"web"}))

    with pytest.raises(NotAllowed, match="bound to web, not to checkout"):
        await small_shop.submit("a", bound)

    assert await count(small_shop) == 0


@pytest.mark.parametrize(
    "repository",
    [
        pytest.param(Repository(ISSUER, 1002, "acme/checkout"), id="A19 the same name, another id"),
        pytest.param(Repository("https://gitlab.com", 1001, "acme/checkout"), id="the same id of another issuer"),
    ],
)
async def test_a_repository_that_the_service_does_not_list_is_refused(small_shop: Shop, repository: Repository) -> None:
    with pytest.raises(NotAllowed) as refused:
        await small_shop.submit("a", repository=repository)

    assert refused.value.problem == "identity_mismatch"
    assert await count(small_shop) == 0


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(make_change("a", repository=Repository(ISSUER, 1001, "renamed/it")), id="listed, under another name"),
        pytest.param(make_change("a", repository=None), id="none named"),
        pytest.param(make_change("a", service="web", repository=Repository(ISSUER, 7)), id="the service lists none"),
        pytest.param(make_change("a", service="unheard-of", repository=Repository(ISSUER, 7)), id="the catalogue lacks the service"),
    ],
)
async def test_a_repository_counts_by_issuer_and_id_where_the_service_lists_any(small_shop: Shop, change: Any) -> None:
    assert (await small_shop.submit(change))["service"] == change.service


async def test_a_small_change_is_approved_and_answered_as_it_can_be_read(shop: Shop) -> None:
    answer = await shop.submit("a", repository=Repository(ISSUER, 1001, "acme/checkout"))

    assert (answer["state"], answer["outcome"], answer["type"], answer["route"]) == ("approved", "approved", "standard", "automatic")
    assert answer["reasons"][0]["because"] == "Everyday, risk 0 is low"
    assert answer["links"]["self"] == f"https://gate.example.com/v1/changes/{answer['id']}"
    assert answer == await shop.read(answer)


async def test_what_nobody_measured_waits_for_people(small_shop: Shop) -> None:
    answer = await small_shop.submit("a", claims={})

    assert (answer["state"], answer["risk"]) == ("pending", {"score": 30, "band": "moderate"})
    assert answer["approvals"]["required"] == [{"by": ["release-managers", "team-payments"], "count": 1, "missing": 1}]
    assert answer == await small_shop.read(answer)


@pytest.mark.parametrize("asked", ["prod", "live", "production"])
async def test_an_environment_is_known_by_all_its_names(small_shop: Shop, asked: str) -> None:
    answer = await small_shop.submit("a", environment=asked)

    assert (answer["environment"], answer["policy"]["name"]) == ("production", "production")


async def test_two_names_of_an_environment_are_one_subject_of_one_run(small_shop: Shop) -> None:
    first, second = await small_shop.submit("a", environment="prod"), await small_shop.submit("a", environment="production")

    assert first["id"] == second["id"]


# The same run again


async def test_the_same_run_again_joins_its_change(shop: Shop) -> None:
    first = await shop.ask(make_change("a"))
    second = await shop.ask(make_change("a"))

    assert (first.status, second.status) == (201, 200)
    assert first.change_id == second.change_id
    assert await count(shop) == 1


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"commit": commit_of("b")}, id="another commit"),
        pytest.param({"artifacts": (image_of("b"),)}, id="another artifact"),
        pytest.param({"emergency": EmergencyAsk("fire", "INC-1")}, id="an emergency now"),
    ],
)
async def test_another_subject_in_the_same_attempt_is_refused(shop: Shop, other: dict[str, Any]) -> None:
    await shop.submit("a")

    with pytest.raises(Invalid) as refused:
        await shop.submit("a", **other)

    assert refused.value.problem == "key_reused"
    assert await count(shop) == 1


async def test_another_subject_in_a_new_attempt_is_a_new_change_and_leaves_the_old_one_alone(shop: Shop) -> None:
    old = await shop.deploy("a", None)

    new = await shop.ask(make_change("a", commit=commit_of("b"), run=Run("a", 2, "deploy")))

    assert new.status == 201
    assert new.change_id != old["id"]
    assert (await shop.read(old))["state"] == "deploying"


async def test_an_attempt_that_was_overtaken_is_refused(shop: Shop) -> None:
    await shop.submit("a", run=Run("a", 2, "deploy"))

    with pytest.raises(Conflict, match="overtaken by attempt 2"):
        await shop.submit("a", run=Run("a", 1, "deploy"))


@pytest.mark.parametrize("claims", [pytest.param({}, id="pending"), pytest.param(SMALL, id="approved")])
async def test_a_waiting_change_is_joined_by_a_new_attempt_which_it_is_then_known_by(shop: Shop, claims: dict[str, Value]) -> None:
    first = await shop.submit("a", claims=claims)

    second = await shop.ask(make_change("a", run=Run("a", 3, "deploy"), claims=claims))

    joined = orjson.loads(second.body)
    assert (second.status, joined["id"], joined["run"]["attempt"]) == (200, first["id"], 3)
    assert joined == await shop.read(first)


async def test_a_deploying_change_is_joined_by_the_same_attempt(shop: Shop) -> None:
    change = await shop.deploy("a", None)

    again = await shop.ask(make_change("a"))

    assert (again.status, again.change_id, orjson.loads(again.body)["state"]) == (200, change["id"], "deploying")


async def test_a_deploying_change_is_closed_as_failed_when_its_run_is_run_again(shop: Shop) -> None:
    old = await shop.deploy("a", None)

    new = await shop.ask(make_change("a", run=Run("a", 2, "deploy")))

    closed = (await shop.read(old))["closed"]
    assert (closed["result"], closed["notes"]) == ("unsuccessful", "run again")
    assert (new.status, new.change_id != old["id"]) == (201, True)


async def test_what_is_run_again_is_not_in_its_own_way(shop: Shop) -> None:
    await shop.deploy("a", None)

    new = orjson.loads((await shop.ask(make_change("a", run=Run("a", 2, "deploy")))).body)

    assert new["state"] == "approved"
    assert (await shop.admit(new))["payload"]


async def ended_as(shop: Shop, state: str) -> Wire:
    """A change of run `a`, attempt 1, in this final state."""
    if state == "closed":
        return await shop.deploy("a")
    change = await shop.submit("a")
    if state == "canceled":
        await cancel.cancel(shop.gate, change["id"], "", PIPELINE)
    if state == "expired":
        await shop.let_pass_hours(5)
    return change


@pytest.mark.parametrize("state", ["closed", "canceled", "expired"])
async def test_a_change_that_is_over_is_begun_anew_by_a_new_attempt_only(shop: Shop, state: str) -> None:
    over = await ended_as(shop, state)

    same = await shop.ask(make_change("a"))
    new = await shop.ask(make_change("a", run=Run("a", 2, "deploy")))
    joined = await shop.ask(make_change("a", run=Run("a", 2, "deploy")))

    assert (same.status, same.change_id, orjson.loads(same.body)["state"]) == (200, over["id"], state)
    assert (new.status, new.change_id != over["id"]) == (201, True)
    assert (joined.status, joined.change_id) == (200, new.change_id)
    assert (await shop.read(over))["state"] == state


async def test_what_a_policy_refused_is_asked_again_by_a_new_attempt(database_url: str, tmp_path: Path) -> None:
    files = make_files(requirements="[{id: green, title: Green, require: [checks.failed == 0], otherwise: reject}]")
    async with open_shop(database_url, tmp_path, files) as shop:
        refused = await shop.submit("a")
        again = await shop.ask(make_change("a", run=Run("a", 2, "deploy")))

        assert (refused["state"], refused["route"]) == ("rejected", "automatic")
        assert (again.status, again.change_id != refused["id"]) == (201, True)


async def test_steps_services_and_environments_of_a_run_are_changes_of_their_own(small_shop: Shop) -> None:
    asked = [
        make_change("a"),
        make_change("a", run=Run("a", 1, "second step")),
        make_change("a", service="web"),
        make_change("a", environment="staging"),
        make_change("a", repository=Repository(ISSUER, 1001)),
    ]

    assert len({(await small_shop.submit(change))["id"] for change in asked}) == len(asked)


async def test_without_a_run_every_asking_is_a_change_of_its_own(small_shop: Shop) -> None:
    first, second = await small_shop.ask(make_change("a", run=None)), await small_shop.ask(make_change("a", run=None))

    assert (first.status, second.status) == (201, 201)
    assert first.change_id != second.change_id


# Idempotency keys


async def test_the_same_key_and_body_get_the_first_answer_byte_for_byte(shop: Shop) -> None:
    first = await shop.ask(make_change("a", run=None), key=KEY)
    await shop.admit(orjson.loads(first.body) | {"run": {"id": "a", "attempt": 1, "step": ""}})

    again = await shop.ask(make_change("a", run=None), key=KEY)

    assert (again.status, again.body, again.replayed) == (first.status, first.body, True)
    assert await count(shop) == 1


async def test_the_same_key_with_another_body_is_refused(shop: Shop) -> None:
    await shop.submit("a", key=KEY)

    with pytest.raises(Invalid) as refused:
        await shop.submit("a", key=replace(KEY, body_sha256="c" * 64))

    assert refused.value.problem == "key_reused"


async def test_a_key_is_its_callers_own(small_shop: Shop) -> None:
    first = await small_shop.ask(make_change("a"), key=KEY)
    second = await small_shop.ask(make_change("b"), by=Machine("other", Role.PIPELINE), key=KEY)

    assert (second.status, second.change_id != first.change_id, second.replayed) == (201, True, False)


async def test_a_key_is_forgotten_after_a_day(shop: Shop) -> None:
    first = await shop.ask(make_change("a", run=None), key=KEY)
    await shop.let_pass_hours(25)

    second = await shop.ask(make_change("a", run=None), key=KEY)

    assert (second.status, second.replayed, second.change_id != first.change_id) == (201, False, True)


async def test_a_joining_answer_is_replayed_too_although_the_change_has_moved_on(shop: Shop) -> None:
    change = await shop.submit("a")
    joining = await shop.ask(make_change("a"), key=KEY)
    await shop.admit(change)

    again = await shop.ask(make_change("a"), key=KEY)

    assert (joining.status, again.status, again.body, again.replayed) == (200, 200, joining.body, True)


async def test_an_answer_is_replayed_after_a_restart(database_url: str, tmp_path: Path) -> None:
    async with open_shop(database_url, tmp_path) as shop:
        first = await shop.ask(make_change("a"), key=KEY)
    async with open_shop(database_url, tmp_path) as shop:
        again = await shop.ask(make_change("a"), key=KEY)

        assert (again.body, again.replayed) == (first.body, True)
        assert await count(shop) == 1


async def test_an_error_is_never_remembered_as_the_answer(shop: Shop) -> None:
    await shop.submit("a")
    with pytest.raises(Invalid):
        await shop.submit("a", commit=commit_of("b"), key=KEY)

    answer = await shop.ask(make_change("b"), key=KEY)

    assert (answer.status, answer.replayed) == (201, False)


# Many at once


async def at_once(shop: Shop, number: int, change: Any, key: IdempotencyKey | None) -> list[Any]:
    """So many equal requests, all answers."""
    return await asyncio.gather(*(shop.ask(change, key=key) for _ in range(number)))


async def test_twenty_equal_requests_at_once_are_one_change(shop: Shop) -> None:
    answers = await at_once(shop, 20, make_change("a"), KEY)

    assert len({(answer.status, answer.body) for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    assert await count(shop) == 1


async def test_twenty_requests_of_a_run_without_a_key_are_one_change(shop: Shop) -> None:
    answers = await at_once(shop, 20, make_change("a"), None)

    assert sorted(answer.status for answer in answers) == [200] * 19 + [201]
    assert len({answer.change_id for answer in answers}) == 1


async def test_equal_requests_that_join_at_once_get_one_answer(shop: Shop) -> None:
    await shop.submit("a")

    answers = await at_once(shop, 10, make_change("a"), KEY)

    assert len({(answer.status, answer.body) for answer in answers}) == 1


async def test_a_new_attempt_that_asks_many_times_at_once_begins_anew_once(shop: Shop) -> None:
    old = await shop.deploy("a", None)

    answers = await at_once(shop, 10, make_change("a", run=Run("a", 2, "deploy")), KEY)

    assert len({(answer.status, answer.body) for answer in answers}) == 1
    assert answers[0].change_id != old["id"]
    assert await count(shop) == 2
    assert len(await shop.entries("closure")) == 1


async def test_two_stores_on_one_database_record_equal_requests_once(database_url: str, tmp_path: Path) -> None:
    async with open_shop(database_url, tmp_path) as one, open_shop(database_url, tmp_path) as other:
        answers = await asyncio.gather(*(shop.ask(make_change("a"), key=KEY) for shop in (one, other) * 5))

        assert len({answer.body for answer in answers}) == 1
        assert await count(one) == 1


# Policies that move


class Restless:
    """Records like the store, but activates other policies just before, so many times."""

    def __init__(self, shop: Shop, times: int) -> None:
        self._shop = shop
        self._left = times
        self._record = shop.gate.store.record

    async def record(self, unit: Unit) -> Recorded:
        """As the store does."""
        if self._left:
            self._left -= 1
            await self._shop.adopt(
                rules=f"[{{id: r{self._left}, title: New, points_by: diff.lines_added, steps: {{1: {self._left + 1}}}}}]"
            )
        return await self._record(unit)


@pytest.mark.parametrize("times", [1, 2])
async def test_a_decision_by_policies_that_are_no_longer_in_force_is_made_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    monkeypatch.setattr(Store, "record", Restless(shop, times).record, raising=True)

    answer = await shop.submit("a")

    assert answer["policy"]["revision"] == (await shop.gate.rulebooks.refresh()).revisions.policies
    assert answer["decision"]["number"] == 1
    assert await count(shop) == 1


async def test_policies_that_move_three_times_are_too_restless(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "record", Restless(shop, 3).record, raising=True)

    with pytest.raises(Unavailable, match="moved three times"):
        await shop.submit("a")

    assert await count(shop) == 0
    assert await shop.entries("decision") == []


async def test_a_run_that_begins_anew_is_decided_by_the_policies_in_force(shop: Shop) -> None:
    await shop.deploy("a")
    await shop.gate.rulebooks.current()
    registered = await shop.adopt(standard_changes="[]")

    answer = await shop.submit("a", run=Run("a", 2, "deploy"))

    assert (answer["policy"]["revision"], answer["state"]) == (registered.revisions.policies, "pending")


async def test_a_decision_that_nobody_recorded_is_not_counted(small_shop: Shop) -> None:
    await small_shop.submit("a")
    await small_shop.deploy("b", None, service="web")
    await small_shop.submit("b", service="web", run=Run("b", 2, "deploy"))

    exposition = small_shop.gate.metrics.exposition().decode()

    assert sum(float(line.split()[-1]) for line in exposition.splitlines() if line.startswith("gate_decisions_total{")) == 3


# What is recorded


async def test_a_submit_writes_one_entry_that_names_the_record_by_its_hash(shop: Shop) -> None:
    change = await shop.submit("a", authors=("ada@example.com",))

    (entry,) = await shop.entries(change=change)
    (record,) = await shop.records(change)
    assert entry.kind == "decision"
    assert dict(entry.fields) == {
        "number": 1,
        "outcome": "approved",
        "type": "standard",
        "route": "automatic",
        "band": "low",
        "policy_revision": record.revisions.policies,
        "catalogue_revision": record.revisions.catalogue,
        "calendar_revision": record.revisions.calendar,
        "subject_digest": change["subject_digest"],
        "record": await stored_hash(shop, change),
        "required": [],
        "excluded": ["ada"],
    }


async def stored_hash(shop: Shop, change: Wire) -> str:
    """SHA-256 of the record's very bytes."""
    from gate.storage import decisions  # noqa: PLC0415

    content = await shop.gate.store.read(decisions.record, change["id"], 1)
    return hashlib.sha256(content).hexdigest()


async def test_joining_writes_no_entry(small_shop: Shop) -> None:
    change = await small_shop.submit("a")
    before = await small_shop.entries()

    await small_shop.submit("a")
    await small_shop.submit("a", run=Run("a", 2, "deploy"))

    assert await small_shop.entries() == before
    assert (await small_shop.read(change))["decision"]["number"] == 1


async def test_refusals_record_nothing(small_shop: Shop) -> None:
    before = await small_shop.entries()

    with pytest.raises(NotAllowed):
        await small_shop.submit("a", Machine("bound", Role.PIPELINE, frozenset()))

    assert await small_shop.entries() == before
    assert (await small_shop.measures()) == {}


async def test_run_again_counts_a_failure(shop: Shop) -> None:
    await shop.deploy("a", None)
    await shop.submit("a", run=Run("a", 2, "deploy"))

    measures = await shop.measures()
    assert (measures["closed_unsuccessful"], measures["failed"], measures["submitted"], measures["admitted"]) == (1, 1, 2, 1)
    assert Result.UNSUCCESSFUL.value in {entry.fields["result"] for entry in await shop.entries("closure")}
