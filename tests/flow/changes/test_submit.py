"""A pipeline asks: what is refused, what is answered again, and what is recorded."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, select
from structlog.testing import capture_logs

from gate.core.change import Emergency, Planned, Repository, Result, Run
from gate.core.decision import decide
from gate.errors import Invalid, NotAllowed, Unavailable
from gate.flow.caller import Machine, Role
from gate.flow.commands import IdempotencyKey
from gate.storage.changes import decisions
from gate.storage.changes.units import Recorded, Unit
from gate.storage.store import Store
from gate.storage.tables import schema_work
from tests.builders import ISSUER, Wire, commit_of, make_change, person_id
from tests.flow.shop import Shop, make_files, open_shop

pytestmark = pytest.mark.anyio

KEY = IdempotencyKey("key-1", "b" * 64)
TOMORROW = datetime.now(UTC) + timedelta(days=1)


async def test_a_token_bound_to_other_services_is_refused(small_shop: Shop) -> None:
    bound = Machine("bound", Role.PIPELINE, frozenset({"web"}))

    with pytest.raises(NotAllowed, match="bound to web, not to checkout"):
        await small_shop.submit("a", bound)

    assert await small_shop.submitted() == 0


@pytest.mark.parametrize(
    "repository",
    [
        pytest.param(Repository(ISSUER, 1002, "acme/checkout"), id="A19 the same name, another id"),
        pytest.param(
            Repository("https://gitlab.com", 1001, "acme/checkout"),
            id="the same id of another issuer",
        ),
    ],
)
async def test_a_repository_that_the_service_does_not_list_is_refused(
    small_shop: Shop, repository: Repository
) -> None:
    with pytest.raises(NotAllowed) as refused:
        await small_shop.submit("a", repository=repository)

    assert refused.value.problem == "identity_mismatch"
    assert await small_shop.submitted() == 0


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            make_change("a", repository=Repository(ISSUER, 1001, "renamed/it")),
            id="listed, under another name",
        ),
        pytest.param(make_change("a", repository=None), id="none named"),
        pytest.param(
            make_change("a", service="web", repository=Repository(ISSUER, 7)),
            id="the service lists none",
        ),
        pytest.param(
            make_change("a", service="unheard-of", repository=Repository(ISSUER, 7)),
            id="the catalogue lacks the service",
        ),
    ],
)
async def test_a_repository_counts_by_issuer_and_id_where_the_service_lists_any(
    small_shop: Shop, change: Any
) -> None:
    assert (await small_shop.submit(change))["service"] == change.service


async def test_a_small_change_is_approved_and_answered_as_it_can_be_read(shop: Shop) -> None:
    answer = await shop.submit("a", repository=Repository(ISSUER, 1001, "acme/checkout"))

    assert (answer["state"], answer["outcome"], answer["type"], answer["route"]) == (
        "approved",
        "approved",
        "standard",
        "automatic",
    )
    assert answer["reasons"][0]["because"] == "Everyday, risk 0 is low"
    assert answer["links"]["self"] == f"https://gate.example.com/v1/changes/{answer['id']}"
    assert answer == await shop.read(answer)


async def test_what_nobody_measured_waits_for_people(small_shop: Shop) -> None:
    answer = await small_shop.submit("a", claims={})

    assert (answer["state"], answer["risk"]) == ("pending", {"score": 30, "band": "moderate"})
    assert answer["approvals"]["required"] == [
        {"by": ["release-managers", "team-payments"], "count": 1, "missing": 1}
    ]
    assert answer == await small_shop.read(answer)


@pytest.mark.parametrize("asked", ["prod", "live", "production"])
async def test_an_environment_is_known_by_all_its_names(small_shop: Shop, asked: str) -> None:
    answer = await small_shop.submit("a", environment=asked)

    assert (answer["environment"], answer["policy"]["name"]) == ("production", "production")


async def test_two_names_of_an_environment_are_one_subject_of_one_run(small_shop: Shop) -> None:
    first, second = (
        await small_shop.submit("a", environment="prod"),
        await small_shop.submit("a", environment="production"),
    )

    assert first["id"] == second["id"]


# Idempotency keys


async def test_the_same_key_and_body_get_the_first_answer_byte_for_byte(shop: Shop) -> None:
    first = await shop.ask(make_change("a", run=None), key=KEY)
    await shop.admit(orjson.loads(first.body) | {"run": {"id": "a", "attempt": 1, "step": ""}})

    again = await shop.ask(make_change("a", run=None), key=KEY)

    assert (again.status, again.body, again.replayed) == (first.status, first.body, True)
    assert await shop.submitted() == 1


async def test_the_same_key_with_another_body_is_refused(shop: Shop) -> None:
    await shop.submit("a", key=KEY)

    with pytest.raises(Invalid) as refused:
        await shop.submit("a", key=replace(KEY, body_sha256="c" * 64))

    assert refused.value.problem == "key_reused"


async def test_a_key_is_its_callers_own(small_shop: Shop) -> None:
    first = await small_shop.ask(make_change("a"), key=KEY)
    second = await small_shop.ask(make_change("b"), by=Machine("other", Role.PIPELINE), key=KEY)

    assert (second.status, second.change_id != first.change_id, second.replayed) == (
        201,
        True,
        False,
    )


async def test_a_key_is_forgotten_after_a_day(shop: Shop) -> None:
    first = await shop.ask(make_change("a", run=None), key=KEY)
    await shop.let_pass_hours(25)

    second = await shop.ask(make_change("a", run=None), key=KEY)

    assert (second.status, second.replayed, second.change_id != first.change_id) == (
        201,
        False,
        True,
    )


@pytest.mark.parametrize(
    "different",
    [
        pytest.param({"run": None}, id="of no run"),
        pytest.param({"claims": {}}, id="that waits for people"),
        pytest.param({"emergency": Emergency("it is down", "INC-7")}, id="an emergency"),
        pytest.param(
            {"planned": Planned(TOMORROW, TOMORROW + timedelta(hours=1))}, id="that is planned"
        ),
        pytest.param(
            {"description": "why", "impact": "none", "rollback_plan": "back", "test_plan": "all"},
            id="with plans",
        ),
        pytest.param({"service": "nobody-knows", "title": ""}, id="of a service nobody knows"),
    ],
)
async def test_the_first_answer_is_made_again_whatever_was_asked(
    shop: Shop, different: dict[str, Any]
) -> None:
    """Only what says where an older change stood is kept as bytes."""
    change = make_change("a", **different)
    first = await shop.ask(change, key=KEY)

    again = await shop.ask(change, key=KEY)

    assert (again.status, again.body, again.replayed) == (first.status, first.body, True)
    assert await shop.gate.store.read(kept_answers) == [None]


def kept_answers(conn: Connection) -> list[bytes | None]:
    return list(conn.execute(select(schema_work.idempotency.c.answer)).scalars())


async def test_a_joining_answer_is_replayed_too_although_the_change_has_moved_on(
    shop: Shop,
) -> None:
    change = await shop.submit("a")
    joining = await shop.ask(make_change("a"), key=KEY)
    await shop.admit(change)

    again = await shop.ask(make_change("a"), key=KEY)

    assert (joining.status, again.status, again.body, again.replayed) == (
        200,
        200,
        joining.body,
        True,
    )


async def test_an_answer_is_replayed_after_a_restart(database_url: str, tmp_path: Path) -> None:
    async with open_shop(database_url, tmp_path) as shop:
        first = await shop.ask(make_change("a"), key=KEY)
    async with open_shop(database_url, tmp_path) as shop:
        again = await shop.ask(make_change("a"), key=KEY)

        assert (again.body, again.replayed) == (first.body, True)
        assert await shop.submitted() == 1


async def test_an_error_is_never_remembered_as_the_answer(shop: Shop) -> None:
    await shop.submit("a")
    with pytest.raises(Invalid):
        await shop.submit("a", commit=commit_of("b"), key=KEY)

    answer = await shop.ask(make_change("b"), key=KEY)

    assert (answer.status, answer.replayed) == (201, False)


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
                rules=f"[{{id: r{self._left}, title: New, points_by: diff.lines_added, steps: "
                f"{{1: {self._left + 1}}}}}]"
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
    assert await shop.submitted() == 1


async def test_policies_that_move_three_times_are_too_restless(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "record", Restless(shop, 3).record, raising=True)

    with pytest.raises(Unavailable, match="moved three times"):
        await shop.submit("a")

    assert await shop.submitted() == 0
    assert await shop.entries("decision") == []


async def test_a_run_that_begins_anew_is_decided_by_the_policies_in_force(shop: Shop) -> None:
    await shop.deploy("a")
    await shop.gate.rulebooks.current()
    registered = await shop.adopt(standard_changes="[]")

    answer = await shop.submit("a", run=Run("a", 2, "deploy"))

    assert (answer["policy"]["revision"], answer["state"]) == (
        registered.revisions.policies,
        "pending",
    )


async def test_a_decision_that_nobody_recorded_is_not_counted(small_shop: Shop) -> None:
    await small_shop.submit("a")
    await small_shop.deploy("b", None, service="web")
    await small_shop.submit("b", service="web", run=Run("b", 2, "deploy"))

    exposition = small_shop.gate.metrics.exposition().decode()

    assert (
        sum(
            float(line.split()[-1])
            for line in exposition.splitlines()
            if line.startswith("gate_decisions_total{")
        )
        == 3
    )


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
        "score": 0,
        "service": "checkout",
        "environment": "production",
        "policy": "production",
        "standard_change": "everyday",
        "policy_revision": record.revisions.policies,
        "catalogue_revision": record.revisions.catalogue,
        "calendar_revision": record.revisions.calendar,
        "subject_digest": change["subject_digest"],
        "record": await stored_hash(shop, change),
        "required": [],
        "excluded": [person_id("ada")],
    }


async def stored_hash(shop: Shop, change: Wire) -> str:
    """SHA-256 of the record's very bytes."""
    content = await shop.gate.store.read(decisions.record, change["id"], 1)
    return hashlib.sha256(content).hexdigest()


async def test_joining_writes_no_entry(small_shop: Shop) -> None:
    change = await small_shop.submit("a")
    before = await small_shop.entries()

    await small_shop.submit("a")
    await small_shop.submit("a", run=Run("a", 2, "deploy"))

    assert await small_shop.entries() == before
    assert (await small_shop.read(change))["decision"]["number"] == 1


async def test_an_error_while_evaluating_sends_the_change_to_people_and_tells_the_operator_why(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a bug in a rule")

    monkeypatch.setattr(decide, "evaluate", fail)  # there is no policy that is known to fail

    with capture_logs() as logged:
        change = await small_shop.submit("a")

    assert (change["state"], change["reasons"][0]["rule"]) == ("pending", "evaluation-failed")
    (line,) = [line for line in logged if line["event"] == "something failed"]
    assert (line["where"], line["error"], line["change"]) == (
        "evaluation",
        "ZeroDivisionError: a bug in a rule",
        change["id"],
    )
    assert (line["place"], line["revision"]) == (
        "checkout to production",
        change["policy"]["revision"],
    )
    assert (
        'gate_troubles_total{where="evaluation"} 1.0'
        in small_shop.gate.metrics.exposition().decode()
    )


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
    assert (
        measures["closed_unsuccessful"],
        measures["failed"],
        measures["submitted"],
        measures["admitted"],
    ) == (1, 1, 2, 1)
    assert Result.UNSUCCESSFUL.value in {
        entry.fields["result"] for entry in await shop.entries("closure")
    }


async def test_a_change_with_hundreds_of_authors_who_are_known_is_recorded_whole_and_fits_its_entry(
    sqlite_url: str, tmp_path: Path
) -> None:
    authors = [f"{'x' * 90}-{k}" for k in range(400)]
    people = "".join(
        f"  {name}: {{name: Somebody, emails: [{name[-20:]}@example.com]}}\n" for name in authors
    )
    by = ", ".join(f"{'g' * 90}-{k}" for k in range(100))
    groups = "".join(f"  {name}: {{people: [ada]}}\n" for name in by.split(", "))
    files = make_files(review=f"[{{from_band: low, approvals: 1, by: [release-managers, {by}]}}]")
    files["catalog.yaml"] = (
        files["catalog.yaml"]
        .replace("people:\n", f"people:\n{people}", 1)
        .replace("groups:\n", f"groups:\n{groups}", 1)
    )

    async with open_shop(sqlite_url, tmp_path, files) as shop:
        change = await shop.submit(
            "a", authors=tuple(f"{name[-20:]}@example.com" for name in authors), claims={}
        )
        (record,) = await shop.records(change)
        (entry,) = await shop.entries("decision", change)

    assert (
        change["approvals"]["excluded"]
        == list(record.case.people.excluded)
        == sorted(map(person_id, authors))
    )
    assert (entry.fields["excluded_beyond"]["names"], entry.fields["required_beyond"]["names"]) == (
        400,
        101,
    )
