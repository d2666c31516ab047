"""The gate only observes: everything is recorded, nobody is held up, and nothing of it approves where the gate enforces."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gate.core.change import Emergency, Planned, Result
from gate.core.decision.decide import decide
from gate.core.policy.set import read_policies
from gate.flow.commands import FreezeCommand
from gate.flow.policies import freezes
from gate.ledger.dsse import StatementError
from gate.ledger.statement import Deployment, verify_admission
from tests.builders import Wire, commit_of, image_of
from tests.flow.ledger.exported import faults_of, settle
from tests.flow.observing import EARNED, NEVER, watching
from tests.flow.reviewers import approve, large, refused, reject
from tests.flow.shop import ADA, Shop

pytestmark = pytest.mark.anyio

TOMORROW = datetime.now(UTC) + timedelta(days=1)


def predicate_of(envelope: Wire) -> Mapping[str, Any]:
    """What was signed."""
    found: Mapping[str, Any] = json.loads(base64.b64decode(envelope["payload"]))["predicate"]
    return found


# What is enforced stays enforced


async def test_h2_an_observed_approval_is_none_once_the_gate_enforces(observing: Shop) -> None:
    change = await observing.submit(large())
    assert (change["state"], change["route"], change["observed"]["outcome"]) == (
        "approved",
        "observed",
        "pending",
    )

    await observing.adopt(watching("enforce"))

    assert await refused(observing, change) == "stale_decision"
    now = await observing.read(change)
    assert (now["state"], now["route"], now["observed"]) == ("pending", "review", None)
    assert await refused(observing, change) == "not_approved"
    await settle(observing)
    assert await faults_of(observing) == []


@pytest.mark.parametrize(
    "different",
    [
        pytest.param({"environment": "staging"}, id="another environment"),
        pytest.param({"service": "web"}, id="another service"),
        pytest.param({"service": "unheard-of"}, id="a service that the catalogue lacks"),
        pytest.param({"environment": "Production"}, id="a name that only looks alike"),
    ],
)
async def test_h2_other_places_are_enforced(small_shop: Shop, different: dict[str, str]) -> None:
    await small_shop.adopt(watching())

    change = await small_shop.submit(large(**different))

    assert (change["state"], change["observed"]) == ("pending", None)
    assert await refused(small_shop, change) == "not_approved"


async def test_h2_the_observed_place_may_be_called_by_any_of_its_names(small_shop: Shop) -> None:
    await small_shop.adopt(watching())

    assert (await small_shop.submit(large(environment="prod")))["observed"]["outcome"] == "pending"


@pytest.mark.parametrize(
    ("different", "problem"),
    [
        pytest.param({"commit": commit_of("b")}, "subject_mismatch", id="another commit"),
        pytest.param({"artifacts": (image_of("b"),)}, "subject_mismatch", id="another artifact"),
        pytest.param({"environment": "staging"}, "subject_mismatch", id="an enforced place"),
    ],
)
async def test_h2_an_observed_approval_is_for_one_subject(
    small_shop: Shop, different: dict[str, Any], problem: str
) -> None:
    await small_shop.adopt(watching())
    change = await small_shop.submit(large())

    assert await refused(small_shop, change, **different) == problem


async def test_h2_an_observed_approval_is_used_once_and_in_time(small_shop: Shop) -> None:
    await small_shop.adopt(watching())
    change, late = await small_shop.submit(large("a")), await small_shop.submit(large("b"))
    await small_shop.admit(change)
    run = (await small_shop.submit(large("c")))["run"]

    assert await refused(small_shop, {**change, "run": {**run, "id": "stranger"}}) == "consumed"
    await small_shop.let_pass_hours(5)
    assert await refused(small_shop, late) in {"expired", "state_conflict"}


async def test_h2_a_statement_says_that_nobody_approved_and_is_refused_unless_that_is_allowed(
    observing: Shop,
) -> None:
    change = await observing.submit(large())
    envelope = await observing.admit(change)

    assert (predicate_of(envelope)["observed"], predicate_of(envelope)["approvers"]) == (True, [])
    key = (await observing.gate.signing.own()).verifier
    deployment = Deployment(
        "checkout", "production", change["commit"], change["run"]["id"], (image_of("a"),)
    )
    content, at = json.dumps(envelope).encode(), datetime.now(UTC)
    with pytest.raises(StatementError, match="only observes"):
        verify_admission(content, key, deployment, at=at)
    assert verify_admission(content, key, deployment, at=at, allow_observed=True).observed
    (entry,) = await observing.entries("admission")
    assert (entry.fields["observed"], "approvers" in entry.fields) == (True, False)
    (decision,) = await observing.entries("decision")
    assert (decision.fields["route"], decision.fields["would"]) == ("observed", "pending")
    await settle(observing)
    assert await faults_of(observing) == []


async def test_h2_a_rejected_commit_is_not_held_here_and_is_held_again_once_the_gate_enforces(
    small_shop: Shop,
) -> None:
    rejected = await small_shop.submit(large())
    await reject(small_shop, rejected, "ada")

    await small_shop.adopt(watching())
    watched = await small_shop.submit(large(run=large("b").run))
    await small_shop.adopt(watching("enforce"))
    again = await small_shop.submit(large(run=large("c").run))

    assert (watched["state"], watched["observed"]["outcome"]) == ("approved", "pending")
    assert (again["id"], again["state"]) == (rejected["id"], "rejected")


async def test_h2_a_run_that_was_only_observed_lifts_no_rejection(observing: Shop) -> None:
    await observing.adopt(watching("enforce"))
    rejected = await observing.submit(large())
    await reject(observing, rejected, "ada")
    await observing.adopt(watching())
    await observing.deploy(large(run=large("b").run))
    await observing.deploy("c", base=commit_of("a"))

    would = await observing.submit(large(run=large("d").run, base=commit_of("c")))
    await observing.adopt(watching("enforce"))
    await freezes.add(observing.gate, FreezeCommand("closing", ends=TOMORROW), ADA)
    again = await observing.submit(large(run=large("e").run, base=commit_of("c")))

    assert would["observed"]["outcome"] == "pending"
    assert (again["id"], again["state"]) == (rejected["id"], "rejected")


async def test_h2_what_nobody_rejected_may_be_rolled_back_to_after_it_was_observed(
    observing: Shop,
) -> None:
    await observing.deploy(large())
    await observing.deploy("c", base=commit_of("a"))
    await observing.adopt(watching("enforce"))
    run = large("e").run
    back = await observing.submit(large(run=run, base=commit_of("c")))
    assert (back["state"], back["standard_change"]) == ("approved", "rollback")

    other = await observing.submit(large(run=large("f").run, artifacts=(), base=commit_of("c")))
    await reject(observing, other, "ada")

    assert await refused(observing, back, run=run) == "stale_decision"


async def test_h2_what_people_approved_under_enforcement_is_decided_again_and_counts_when_it_comes_back(
    small_shop: Shop,
) -> None:
    change = await small_shop.submit(large())
    await approve(small_shop, change, "ada")

    await small_shop.adopt(watching())

    assert await refused(small_shop, change) == "stale_decision"
    assert (await small_shop.read(change))["observed"]["outcome"] == "pending"


# Nobody is held up


@pytest.mark.parametrize(
    ("parts", "would"),
    [
        pytest.param({}, "pending", id="it would wait"),
        pytest.param({"requirements": NEVER}, "rejected", id="it would be refused"),
        pytest.param({"mode": "off"}, "pending", id="no policy applies"),
    ],
)
async def test_h2_nothing_is_refused(small_shop: Shop, parts: dict[str, str], would: str) -> None:
    await small_shop.adopt(watching(**parts))

    change = await small_shop.deploy(large())

    assert (change["observed"]["outcome"], change["approvals"]["required"]) == (would, [])
    assert change["closed"]["result"] == "successful"


async def test_h2_whoever_waited_when_the_watching_began_goes_on(small_shop: Shop) -> None:
    change = await small_shop.submit(large())
    assert change["state"] == "pending"

    await small_shop.adopt(watching())
    await small_shop.round()

    assert (await small_shop.read(change))["state"] == "approved"
    assert await small_shop.admit(change)


@pytest.mark.parametrize("stop", [False, True])
async def test_h2_freezes_and_stopped_lines_are_only_recorded(observing: Shop, stop: bool) -> None:  # noqa: FBT001 - a column of the table
    before = await observing.submit("a", run=large("d").run)
    await freezes.add(
        observing.gate, FreezeCommand("closing", stop=stop, ends=None if stop else TOMORROW), ADA
    )
    await observing.round()
    during = await observing.submit("b")

    assert (await observing.read(before))["hold"] is None
    assert (during["hold"], during["observed"]["hold"]["reason"]) == (None, "closing")
    await observing.admit(before)
    assert (await observing.entries("admission"))[-1].fields["would_wait"] == "frozen"
    await observing.close(before)
    assert await observing.admit(during)


async def test_h2_planned_times_conflicts_and_staleness_refuse_nothing(observing: Shop) -> None:
    deploying = await observing.submit("a")
    await observing.admit(deploying)
    beside = await observing.submit("b")
    later = await observing.submit("c", planned=Planned(TOMORROW, TOMORROW + timedelta(hours=1)))

    await observing.admit(beside)
    await observing.close(deploying)
    await observing.admit(later)

    said = [one.fields.get("would_wait") for one in await observing.entries("admission")]
    assert said == [None, "conflict", "outside_window"]


async def test_h2_an_emergency_leaves_no_debt_because_nobody_was_passed_over(
    small_shop: Shop,
) -> None:
    await small_shop.adopt(watching())
    change = await small_shop.deploy("a", emergency=Emergency("fire", "INC-1"))
    await small_shop.let_pass_hours(100)
    await small_shop.adopt(watching("enforce"))

    assert change["observed"]["type"] == "emergency"
    assert (await small_shop.submit("b", base=commit_of("a")))["state"] == "approved"


async def test_h2_an_observed_change_stands_in_nobodys_way(small_shop: Shop) -> None:
    await small_shop.adopt(watching())
    await small_shop.submit(large("a"))
    await small_shop.adopt(watching("enforce"))

    assert (await small_shop.submit("b"))["state"] == "approved"


# What is learned


async def test_h2_successes_that_were_observed_earn_the_first_automatic_approval(
    observing: Shop,
) -> None:
    await observing.adopt(watching(standard_changes=EARNED))
    base: str | None = None
    for letter in "abcde":
        change = await observing.deploy(letter, base=base)
        base = commit_of(letter)
        assert change["observed"]["outcome"] == "pending"
    await observing.let_pass_hours(25)

    await observing.adopt(watching("enforce", standard_changes=EARNED))
    first = await observing.submit("f", base=base)

    assert (first["state"], first["route"], first["standard_change"]) == (
        "approved",
        "automatic",
        "earned",
    )


async def test_h2_a_failure_that_was_observed_counts(small_shop: Shop) -> None:
    await small_shop.adopt(watching())

    await small_shop.deploy(large(), Result.UNSUCCESSFUL)

    change = await small_shop.submit("b")
    assert (await small_shop.records(change))[0].case.facts["history.failures"].value == 1


async def test_h2_a_decision_is_recomputed_from_its_record(small_shop: Shop) -> None:
    await small_shop.adopt(watching(requirements=NEVER))
    change = await small_shop.submit(large())

    (record,) = await small_shop.records(change)

    files = watching(requirements=NEVER)
    assert decide(read_policies(files), record.case) == record.decision
