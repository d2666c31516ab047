"""The last check before a deployment: every refusal by its name, and the one envelope."""

import asyncio
import base64
import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection

from gate.core.change import Emergency, Planned, Repository, Run
from gate.core.history import TrackRecord
from gate.errors import Conflict, NotAllowed, NotFound, Unavailable
from gate.flow.caller import ChangeHolder, Machine, Role
from gate.flow.changes import cancel
from gate.flow.signing import Signing, read_key
from gate.ledger.statement import Deployment, verify_admission
from gate.storage.changes import history
from gate.storage.changes.history import PlaceQuery
from gate.storage.database.tx import Tx
from gate.storage.tables import schema
from tests.builders import ISSUER, SMALL, Wire, commit_of, image_of
from tests.flow.reviewers import approve, large, refused
from tests.flow.shop import (
    ADA,
    ADMIN,
    AUDITOR,
    BASE_URL,
    OTHER_PIPELINE,
    PIPELINE,
    Shop,
    make_files,
    open_shop,
    policy_text,
)

pytestmark = pytest.mark.anyio

BOUND = Machine("bound", Role.PIPELINE, frozenset({"web"}))


def statement_of(envelope: Wire) -> Wire:
    """What was signed."""
    found: Wire = json.loads(base64.b64decode(envelope["payload"]))
    return found


# Who may


async def test_whoever_cannot_see_the_change_finds_nothing(small_shop: Shop) -> None:
    change = await small_shop.submit("a")

    for by in (
        BOUND,
        ChangeHolder("chg_" + "0" * 26, "token:pipeline"),
        Machine("hook", Role.HOOK),
    ):
        with pytest.raises(NotFound):
            await small_shop.admit(change, by)
    with pytest.raises(NotFound):
        await small_shop.admit(change | {"id": "chg_" + "0" * 26})


@pytest.mark.parametrize("by", [ADA, ADMIN, AUDITOR])
async def test_only_a_pipeline_deploys(small_shop: Shop, by: Any) -> None:
    change = await small_shop.submit("a")

    with pytest.raises(NotAllowed, match="only the pipeline of checkout may admit"):
        await small_shop.admit(change, by)


async def test_another_token_of_the_service_and_the_holder_of_the_change_may(
    small_shop: Shop,
) -> None:
    first, second = await small_shop.submit("a"), await small_shop.submit("b", service="web")

    assert await small_shop.admit(first, OTHER_PIPELINE)
    assert await small_shop.admit(second, ChangeHolder(second["id"], PIPELINE.caller))


async def test_without_a_signing_key_nothing_is_admitted(sqlite_url: str, tmp_path: Path) -> None:
    async with open_shop(sqlite_url, tmp_path, signing_key_file=tmp_path / "made") as shop:
        change = await shop.submit("a")
        keyless = replace(shop, gate=replace(shop.gate, signing=Signing(None, BASE_URL)))

        with pytest.raises(Unavailable) as refusal:
            await keyless.admit(change)

        assert (refusal.value.problem, (await shop.read(change))["state"]) == (
            "signing_unavailable",
            "approved",
        )
        assert (await keyless.submit("b", service="web"))["state"] == "approved"


# Refusals


OTHER_SUBJECTS: Mapping[str, dict[str, Any]] = {
    "A07 another commit": {"commit": commit_of("b")},
    "A08 a prefix": {"commit": commit_of("a")[:39]},
    "A06 another artifact": {"artifacts": (image_of("b"),)},
    "an artifact less": {"artifacts": ()},
    "an artifact more": {"artifacts": (image_of("a"), image_of("b"))},
    "A08 another environment": {"environment": "staging"},
    "A08 a longer name": {"environment": "production-eu"},
}


async def test_another_subject_is_refused_and_stands_in_the_ledger(shop: Shop) -> None:
    change = await shop.submit("a")

    for name, different in OTHER_SUBJECTS.items():
        by = await shop.pipeline()  # equal refusals of one caller are recorded once
        assert await refused(shop, change, by=by, **different) == "subject_mismatch", name
        entry = (await shop.entries("refusal"))[-1]
        assert (entry.change, dict(entry.fields)) == (
            change["id"],
            {"problem": "subject_mismatch", "operation": "admission", "by": f"token:{by.id}"},
        ), name
        assert (await shop.read(change))["state"] == "approved", name
    assert await shop.admit(change)


async def test_the_environment_may_be_called_by_any_of_its_names(small_shop: Shop) -> None:
    change = await small_shop.submit("a")

    assert await small_shop.admit(change, environment="prod")


async def test_what_nobody_approved_is_not_admitted(small_shop: Shop) -> None:
    pending = await small_shop.submit("a", claims={})
    await small_shop.adopt(
        requirements="[{id: green, title: Green, require: [checks.passed > 0], otherwise: reject}]"
    )
    rejected = await small_shop.submit("b")

    assert [await refused(small_shop, change) for change in (pending, rejected)] == [
        "not_approved",
        "not_approved",
    ]


async def test_an_emergency_is_not_admitted_by_asking(small_shop: Shop) -> None:
    change = await small_shop.submit("a", emergency=Emergency("fire", "INC-1"))

    assert await refused(small_shop, change) == "not_approved"


async def test_a10_an_approval_that_was_not_used_in_time_is_over(shop: Shop) -> None:
    change = await shop.submit("a")
    await shop.let_pass_hours(4.1)

    before = await refused(shop, change)
    await shop.round()

    assert (before, await refused(shop, change), (await shop.read(change))["state"]) == (
        "expired",
        "expired",
        "expired",
    )


async def test_what_is_over_is_not_admitted(small_shop: Shop) -> None:
    closed = await small_shop.deploy("a")
    canceled = await small_shop.submit("b", base=commit_of("a"))
    await cancel.cancel(small_shop.gate, canceled["id"], "", PIPELINE)

    assert [await refused(small_shop, change) for change in (closed, canceled)] == [
        "state_conflict",
        "state_conflict",
    ]


async def test_planned_times_bind(small_shop: Shop) -> None:
    now = datetime.now(UTC)
    early = await small_shop.submit("a", planned=Planned(now + timedelta(hours=1), None))
    late = await small_shop.submit(
        "b", service="web", planned=Planned(None, now - timedelta(hours=1))
    )
    inside = await small_shop.submit(
        "c", service="ledger", planned=Planned(now - timedelta(hours=1), now + timedelta(hours=1))
    )

    assert [await refused(small_shop, change) for change in (early, late)] == ["outside_window"] * 2
    assert await small_shop.admit(inside)


async def test_a09_an_approval_is_consumed_once(shop: Shop) -> None:
    change = await shop.submit("a")
    envelope = await shop.admit(change)

    assert await shop.admit(change) == envelope
    assert (
        await shop.admit(change, run=Run("a", 1, "deploy", "https://ci.example.com/1")) == envelope
    )
    others = [Run("a", 2, "deploy"), Run("a", 1, "second"), Run("b", 1, "deploy")]
    assert [await refused(shop, change, run=run) for run in others] == ["consumed"] * 3
    assert len(await shop.entries("admission")) == 1
    assert (await shop.measures())["admitted"] == 1


async def test_another_subject_of_the_same_run_gets_no_answer_again(small_shop: Shop) -> None:
    change = await small_shop.deploy("a", None)

    assert await refused(small_shop, change, commit=commit_of("b")) == "subject_mismatch"


# In each other's way


async def test_two_deployments_of_a_place_at_once_are_refused(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with open_shop(sqlite_url, tmp_path, make_files(parallel="allow")) as shop:
        second, first = await shop.submit("b"), await shop.submit("a")
        await shop.adopt(parallel="refuse")
        third = await shop.submit("c", service="web")
        await shop.admit(first)
        assert (await shop.read(second))["state"] == "canceled"

        assert await shop.admit(third)


@pytest.mark.parametrize("parallel", ["refuse", "allow"])
async def test_of_two_admissions_at_once_exactly_one_wins_unless_both_may(
    database_url: str, tmp_path: Path, parallel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two changes of a place, approved before they could know of each other, on two stores of one
    database.
    """
    files = make_files(parallel=parallel)
    async with (
        open_shop(database_url, tmp_path, files) as one,
        open_shop(database_url, tmp_path, files) as other,
    ):
        first = await one.submit("a")
        await one.gate.store.write(put_state, first["id"], "pending")
        second = await other.submit("b")
        await one.gate.store.write(put_state, first["id"], "approved")
        monkeypatch.setattr(history, "track_record", together(history.track_record))

        answers = await asyncio.gather(
            one.admit(first), other.admit(second), return_exceptions=True
        )

        won = [isinstance(answer, dict) for answer in answers]
        states = [(await one.read(change))["state"] for change in (first, second)]
        assert [state == "deploying" for state in states] == won
        assert won[1] if parallel == "allow" else sum(won) == 1
        assert {answer.problem for answer in answers if isinstance(answer, Conflict)} <= {
            "conflict",
            "state_conflict",
        }


def together(
    look: Callable[[Connection, PlaceQuery], TrackRecord],
) -> Callable[[Connection, PlaceQuery], TrackRecord]:
    """Whoever has looked waits for the other one to have looked too, if nothing keeps the two
    apart.
    """
    both = threading.Barrier(2)

    def looked(conn: Connection, ask: PlaceQuery) -> TrackRecord:
        found = look(conn, ask)
        with suppress(threading.BrokenBarrierError):
            both.wait(timeout=0.2)
        return found

    return looked


def put_state(tx: Tx, change: str, state: str) -> None:
    """As if it stood there."""
    tx.conn.execute(
        schema.changes.update().where(schema.changes.c.id == change).values(state=state)
    )


async def test_a_deployment_that_was_never_closed_is_in_nobodys_way_for_ever(shop: Shop) -> None:
    await shop.deploy("a", None)
    await shop.let_pass_hours(7)

    assert await shop.deploy("b", None)


async def test_an_admission_supersedes_what_was_asked_before_it(shop: Shop) -> None:
    pending = await shop.submit("a", claims={})
    emergency = await shop.submit("b", emergency=Emergency("fire", "INC-1"))
    elsewhere = [
        await shop.submit("a", claims={}, environment="staging"),
        await shop.submit("a", claims={}, service="web"),
    ]
    winner = await shop.submit("c")
    later = await shop.submit("d", claims={})
    await shop.admit(winner)

    states = [
        (await shop.read(change))["state"] for change in (pending, emergency, *elsewhere, later)
    ]
    assert states == ["canceled", "pending", "pending", "pending", "pending"]
    (entry,) = await shop.entries("cancellation")
    assert (entry.change, dict(entry.fields)) == (
        pending["id"],
        {"by": "token:pipeline", "superseded_by": winner["id"]},
    )
    assert (await shop.measures())["canceled"] == 1


async def test_a_rollback_closes_what_is_deploying(shop: Shop) -> None:
    await shop.deploy("a")
    bad = await shop.deploy("b", None, base=commit_of("a"))

    back = await shop.submit("a", run=Run("back", 1, ""), base=commit_of("a"))
    await shop.admit(back)

    closed = await shop.read(bad)
    entry = (await shop.entries("closure", bad))[0]
    assert (back["state"], closed["state"], closed["closed"]["result"]) == (
        "approved",
        "closed",
        "rolled_back",
    )
    assert dict(entry.fields) == {
        "by": "token:pipeline",
        "result": "rolled_back",
        "matched": True,
        "rolled_back_by": back["id"],
    }
    assert (await shop.measures())["failed"] == 1


async def test_a_rollback_closes_everything_that_is_deploying_there(small_shop: Shop) -> None:
    """More than a decision lists by name."""
    await small_shop.adopt(parallel="allow")
    await small_shop.deploy("a")
    others = [
        await small_shop.submit(letter, base=commit_of("a"), run=Run(letter)) for letter in "bcdef9"
    ]
    for other in others:
        await small_shop.admit(other)
    elsewhere = await small_shop.deploy("8", None, service="web")

    await small_shop.admit(
        await small_shop.submit("a", run=Run("back", 1, ""), base=commit_of("a"))
    )

    assert {(await small_shop.read(other))["closed"]["result"] for other in others} == {
        "rolled_back"
    }
    assert (await small_shop.read(elsewhere))["state"] == "deploying"


# The envelope


async def test_the_envelope_is_verified_by_whoever_has_the_key_alone(shop: Shop) -> None:
    change = await shop.submit(
        "a", repository=Repository(ISSUER, 1001, "acme/checkout"), run=Run("17", 2, "deploy")
    )
    envelope = await shop.admit(change)
    key = read_key(shop.folder / "gate.key", BASE_URL)
    assert key is not None

    statement = verify_admission(
        orjson.dumps(envelope),
        key.verifier,
        Deployment("checkout", "production", commit_of("a"), "17", (image_of("a"),)),
        at=datetime.now(UTC),
    )

    (entry,) = await shop.entries("admission")
    assert (statement.change, statement.service, statement.repository, statement.repository_id) == (
        change["id"],
        "checkout",
        "acme/checkout",
        1001,
    )
    assert (statement.policy_revision, statement.subject_digest, statement.type) == (
        change["policy"]["revision"],
        change["subject_digest"],
        "standard",
    )
    assert statement.expires_at - statement.admitted_at == timedelta(minutes=15)
    assert dict(entry.fields) == {
        "by": "token:pipeline",
        "subject_digest": change["subject_digest"],
        "run": ["17", 2, "deploy"],
        "expires_at": statement.expires_at.isoformat(),
        "policy_revision": change["policy"]["revision"],
        "valid_until": change["valid_until"],
    }


async def test_without_a_repository_the_service_stands_for_it(small_shop: Shop) -> None:
    envelope = await small_shop.admit(await small_shop.submit("a"))

    assert statement_of(envelope)["subject"][0] == {
        "name": "checkout",
        "digest": {"gitCommit": commit_of("a")},
    }


async def test_other_policies_change_nothing_about_what_people_approved(small_shop: Shop) -> None:
    change = await small_shop.submit(large())
    approved = await approve(small_shop, change, "ada")
    await small_shop.adopt(standard_changes="[]")

    assert (
        statement_of(await small_shop.admit(approved))["predicate"]["policy_revision"]
        == change["policy"]["revision"]
    )


async def test_a_policy_that_is_gone_admits_what_it_has_approved(small_shop: Shop) -> None:
    change = await small_shop.submit("a", claims=SMALL)
    files = make_files()
    files["production.yaml"] = policy_text("renamed")
    await small_shop.adopt(files)

    assert await small_shop.admit(change)
