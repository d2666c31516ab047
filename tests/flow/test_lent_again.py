"""What was read with a lent token, when the change is decided again and when it is admitted later:
it counts as long as nothing speaks against it, and no deployment begins on an old yes.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from gate.core.change import Result
from gate.core.decision.guards import KEPT, when_kept
from gate.core.decision.record import Record
from gate.core.decision.values import Outcome
from gate.errors import Conflict
from gate.flow.changes import admit, submit
from gate.flow.commands import FreezeCommand
from gate.flow.gate import Gate
from gate.flow.lent import lend
from gate.flow.policies import freezes
from tests.builders import SMALL, Wire, make_change
from tests.flow.reviewers import approve
from tests.flow.shop import ADA, CATALOGUE, Shop, admission_of, as_json, make_files
from tests.flow.test_lent import CANARY, FOREVER, JOB, lending, lent, with_app
from tests.integrations.fake_github import FakeGitHub, reply
from tests.integrations.github_answers import BASE, HEAD, check, fake

pytestmark = pytest.mark.anyio

CHECKED = "[{id: checked, title: Checked, require: [checks.failed == 0], otherwise: review}]"
RULES: Mapping[str, Any] = {"requirements": CHECKED, "trust_claims": "[diff, author, change]"}
LATER, SOON = timedelta(minutes=11), timedelta(minutes=9)
RED = [check(conclusion="failure")]


async def running(shop: Shop, known: FakeGitHub) -> Gate:
    """A gate at this GitHub; what the change is compared with runs there."""
    await shop.deploy("a")
    await shop.adopt(**RULES)
    return lending(shop, known)


async def asked(gate: Gate, token: str = CANARY, **different: Any) -> Wire:
    """A job asks, and lends its token."""
    claims = {"claims": SMALL, **different}
    change = make_change("b", commit=HEAD, base=BASE, run=JOB.run, artifacts=(), **claims)
    answer = await submit.submit(lend(gate, JOB, token), change, JOB)
    found: Wire = orjson.loads(answer.body)
    return found


async def admitted(gate: Gate, change: Wire, token: str = "") -> Wire:
    """It asks for its admission with a token of the same job."""
    by = replace(JOB, jti="two")
    return as_json(await admit.admit(lend(gate, by, token), change["id"], admission_of(change), by))


async def held(shop: Shop, gate: Gate, **different: Any) -> tuple[Wire, str]:
    """A change that only a freeze holds, and the window."""
    window = FreezeCommand("Closing", ends=datetime.now(UTC) + timedelta(hours=9))
    made = as_json(await freezes.add(shop.gate, window, ADA))
    change = await asked(gate, **different)
    assert change["state"] == "pending"
    assert change["hold"] is not None
    return change, made["id"]


def of_host(records: list[Record]) -> set[str]:
    """Where reviews and checks of the decision in force are from."""
    facts = records[-1].case.facts
    names = ("checks.failed", "reviews.approvals", "diff.files")
    return {facts[name].origin for name in names if name in facts}


# Where it says nothing any more


async def test_h3_what_was_kept_is_not_for_a_catalogue_that_knows_other_people(
    small_shop: Shop,
) -> None:
    gate = await running(small_shop, lent())
    change, window = await held(small_shop, gate)
    other = CATALOGUE.replace("people: [farida, ivan]", "people: [farida]")
    await small_shop.adopt(make_files(**RULES) | {"catalog.yaml": other})

    await freezes.lift(small_shop.gate, window, ADA)
    await small_shop.round()

    now = await small_shop.read(change)
    assert (now["state"], now["route"]) == ("pending", "review")


async def test_h3_what_was_kept_is_not_for_another_base(small_shop: Shop) -> None:
    """Another deployment ends while this one waits for it."""
    await small_shop.deploy("a")
    other = await small_shop.deploy("e", result=None, base=BASE)
    await small_shop.adopt(**RULES)
    change = await asked(lending(small_shop, lent()))
    assert of_host(await small_shop.records(change)) == {"verified"}

    await small_shop.close(other)
    await small_shop.round()

    assert (await small_shop.read(change))["state"] == "pending"
    assert of_host(await small_shop.records(change)) == set()


async def test_h3_a_contradiction_stays_while_the_token_is_away(small_shop: Shop) -> None:
    gate = await running(small_shop, lent())
    change, window = await held(small_shop, gate, claims={**SMALL, "diff.lines_added": 50})

    await freezes.lift(small_shop.gate, window, ADA)
    await small_shop.round()

    assert (await small_shop.read(change))["state"] == "pending"
    record = (await small_shop.records(change))[-1]
    assert [one.fact for one in record.case.contradictions] == ["diff.lines_added"]


# Where it counts


async def test_h3_when_a_hold_ends_what_was_verified_lets_it_pass(small_shop: Shop) -> None:
    gate = await running(small_shop, lent())
    change, window = await held(small_shop, gate)

    await freezes.lift(small_shop.gate, window, ADA)
    await small_shop.round()

    now = await small_shop.read(change)
    assert (now["state"], now["route"]) == ("approved", "automatic"), now["reasons"]
    first, *_, last = await small_shop.records(change)
    assert when_kept(last.case.notes) == first.at
    because = next(one["because"] for one in now["reasons"] if one["rule"] == KEPT)
    assert "the admission asks it again" in because


async def test_h3_the_time_of_asking_alone_is_no_other_decision(small_shop: Shop) -> None:
    gate = await running(small_shop, lent(check_runs={HEAD: RED}))
    change = await asked(gate)
    await small_shop.adopt(valid_for="5h", **RULES)

    for _ in range(2):
        await small_shop.round()

    records = await small_shop.records(change)
    assert [one.decision.outcome for one in records] == [Outcome.PENDING]


# At the admission


async def test_h3_a_young_answer_is_not_asked_for_again(small_shop: Shop) -> None:
    known = lent()
    gate = await running(small_shop, known)
    change = await asked(gate)
    await small_shop.let_pass(SOON)
    known.requests.clear()

    assert (await admitted(gate, change, CANARY))["payload"]
    assert known.requests == []


@pytest.mark.parametrize(
    ("worse", "token", "because"),
    [
        pytest.param({}, "", "no job lent its token", id="nothing was lent"),
        pytest.param({"check_runs": {HEAD: RED}}, CANARY, "failed", id="a check failed since"),
        pytest.param(
            {"failing": {"/check-runs": reply(503)}},
            CANARY,
            "unknown: checks failed",
            id="silence",
        ),
        pytest.param({"tokens": {}}, CANARY, "does not read", id="the token ended"),
    ],
)
async def test_h3_an_old_yes_admits_nothing(
    small_shop: Shop, worse: dict[str, Any], token: str, because: str
) -> None:
    known = lent()
    gate = await running(small_shop, known)
    change = await asked(gate)
    assert change["state"] == "approved"
    await small_shop.let_pass(LATER)
    for name, value in worse.items():
        setattr(known, name, value)

    with pytest.raises(Conflict, match=because) as refused:
        await admitted(gate, change, token)

    assert refused.value.problem == "stale_decision"
    assert (await small_shop.read(change))["state"] == "pending"
    await small_shop.round()
    assert (await small_shop.read(change))["state"] == "pending"


async def test_h3_an_old_yes_that_is_still_true_admits(small_shop: Shop) -> None:
    gate = await running(small_shop, lent())
    change = await asked(gate)
    await small_shop.let_pass(LATER)

    assert (await admitted(gate, change, CANARY))["payload"]
    assert len(await small_shop.records(change)) == 1


SCORED = (
    "[{id: checks, title: Red, when: [checks.failed > 0], points: 20},"
    " {id: failed, title: It failed here, when: [history.failures > 0], points: 20}]"
)


@pytest.mark.parametrize(
    ("red", "failed_here", "passes"),
    [(True, False, True), (False, True, True), (True, True, False)],
    ids=["a red check", "a failure here", "both"],
)
async def test_h3_what_the_host_says_and_what_the_gate_knows_are_judged_together(
    small_shop: Shop,
    *,
    red: bool,
    failed_here: bool,
    passes: bool,
) -> None:
    known = lent()
    gate = await running(small_shop, known)
    await small_shop.adopt(rules=SCORED, trust_claims="[diff, author, change]")
    earlier = await small_shop.submit("c", base=BASE)
    change = await asked(gate)
    assert change["state"] == "approved"
    if failed_here:
        await small_shop.admit(earlier)
        await small_shop.close(earlier, Result.UNSUCCESSFUL)
    await small_shop.let_pass(LATER)
    known.check_runs = {HEAD: RED} if red else known.check_runs

    if passes:
        assert (await admitted(gate, change, CANARY))["payload"]
    else:
        with pytest.raises(Conflict, match="would not now"):
            await admitted(gate, change, CANARY)


async def test_h3_deciding_again_makes_no_answer_young(small_shop: Shop) -> None:
    gate = await running(small_shop, lent())
    change, window = await held(small_shop, gate)
    await small_shop.let_pass(LATER)
    await freezes.lift(small_shop.gate, window, ADA)
    await small_shop.round()
    assert (await small_shop.read(change))["state"] == "approved"

    with pytest.raises(Conflict, match="no job lent its token"):
        await admitted(gate, change)


async def test_h3_the_app_is_asked_again_without_a_token(small_shop: Shop) -> None:
    known = fake(tokens={CANARY: FOREVER})
    await running(small_shop, known)
    gate = with_app(small_shop, known)
    change = await asked(gate, token="")
    await small_shop.let_pass(LATER)
    known.check_runs = {HEAD: RED}

    with pytest.raises(Conflict, match="failed"):
        await admitted(gate, change)


async def test_h3_what_people_approved_is_theirs(small_shop: Shop) -> None:
    """They saw what the host said, and answer for it."""
    known = lent(check_runs={HEAD: RED})
    gate = await running(small_shop, known)
    change = await asked(gate)
    await small_shop.round()

    change = await approve(small_shop, change, "farida")
    await small_shop.let_pass(LATER)

    assert (await admitted(gate, change))["payload"]
    await small_shop.close(change, Result.SUCCESSFUL, by=JOB)
