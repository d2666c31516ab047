"""What people and pipelines are shown: every sentence with its facts, nothing that was erased, the
same wherever it stands.
"""

import pytest
from sqlalchemy import select

from gate.core.change import Emergency, Repository, Run
from gate.flow.changes.evaluate import evaluate_change
from gate.flow.queries import log, look
from gate.storage import texts
from gate.storage.changes.change_list import ChangeFilters
from gate.storage.changes.log import LogFilters
from gate.storage.database.tx import Tx
from gate.storage.tables import schema
from tests.builders import ISSUER, SMALL, Wire, commit_of, make_change
from tests.flow.shop import (
    ADMIN,
    AUDITOR,
    CATALOGUE,
    PIPELINE,
    Shop,
    as_json,
    make_files,
    policy_text,
)

pytestmark = pytest.mark.anyio

SHARED = (
    "type",
    "route",
    "outcome",
    "service",
    "environment",
    "repository",
    "commit",
    "base",
    "artifacts",
    "requested_by",
    "authors",
)


async def test_an_evaluation_is_what_a_submit_would_answer_and_records_nothing(
    small_shop: Shop,
) -> None:
    before = await small_shop.entries(), await small_shop.measures()

    evaluation = as_json(await evaluate_change(small_shop.gate, make_change("a"), PIPELINE))

    assert (await small_shop.entries(), await small_shop.measures()) == before
    change = await small_shop.submit("a")
    for name in (
        *SHARED,
        "title",
        "risk",
        "reasons",
        "policy",
        "standard_change",
        "hold",
        "ref",
        "approvals",
    ):
        assert evaluation[name] == change[name], name
    assert not {"id", "state", "submitted_at", "decided_at", "subject_digest"} & evaluation.keys()
    assert evaluation["facts"]["diff.lines_added"] == {"value": 5, "origin": "claimed"}


async def test_a_change_is_shown_alike_alone_in_its_list_and_in_its_decisions(
    small_shop: Shop,
) -> None:
    change = await small_shop.submit(
        "a", repository=Repository(ISSUER, 1001, "acme/checkout"), base=commit_of("9")
    )

    (listed,) = as_json(await look.changes(small_shop.gate, ChangeFilters(), PIPELINE))["items"]
    decisions = await look.decisions(small_shop.gate, change["id"], PIPELINE)
    (decision,) = as_json(decisions)["items"]
    (row,) = as_json(await log.page(small_shop.gate, LogFilters(), AUDITOR))["items"]

    assert listed == change
    assert {name: decision[name] for name in (*SHARED, "risk", "reasons", "policy")} == {
        name: change[name] for name in (*SHARED, "risk", "reasons", "policy")
    }
    assert (row["change"], row["decision"], row["band"], row["score"]) == (
        change["id"],
        1,
        change["risk"]["band"],
        change["risk"]["score"],
    )
    assert (row["reasons"], row["policy"], row["run"], row["repository"]) == (
        change["reasons"],
        change["policy"],
        change["run"],
        change["repository"],
    )


async def test_what_decided_stands_first_and_every_reason_names_its_facts(small_shop: Shop) -> None:
    change = await small_shop.submit("a", claims={**SMALL, "diff.lines_added": 812})

    first, size, *_ = change["reasons"]
    assert first["because"] == "risk 30 is moderate, and no standard change matches"
    assert size == {
        "rule": "size",
        "title": "Larger changes fail more often",
        "points": 30,
        "holds": True,
        "because": "812 lines added; 200 or more gives 30 points",
        "facts": {"diff.lines_added": {"value": 812, "origin": "claimed"}},
    }


async def test_decimals_are_numbers_again(small_shop: Shop) -> None:
    evaluation = as_json(
        await evaluate_change(
            small_shop.gate, make_change("a", claims={"diff.entropy": 15_000}), PIPELINE
        )
    )

    assert evaluation["facts"]["diff.entropy"]["value"] == 1.5


async def test_links_lead_to_the_gate_and_to_the_run(small_shop: Shop) -> None:
    change = await small_shop.submit("a", run=Run("17", 1, "", "https://ci.example.com/17"))
    without = await small_shop.submit("b", run=None, service="web")

    address = f"https://gate.example.com/v1/changes/{change['id']}"
    assert change["links"] == {
        "self": address,
        "page": f"https://gate.example.com/changes/{change['id']}",
        "decisions": f"{address}/decisions",
        "run": "https://ci.example.com/17",
    }
    assert "run" not in without["links"]


async def test_what_was_erased_is_shown_as_nothing(small_shop: Shop) -> None:
    change = await small_shop.submit("a", authors=("ada@example.com", "zoe@example.com"))
    await small_shop.close(await small_shop.deploy("b", None, service="web"), notes="Never mind")

    await small_shop.gate.store.write(_erase)

    shown = await small_shop.read(change)
    assert (shown["title"], shown["requested_by"], shown["authors"]) == ("", None, [])
    assert shown["approvals"]["excluded"] == ["per_ada"]
    assert {name: shown[name] for name in ("reasons", "risk", "subject_digest")} == {
        name: change[name] for name in ("reasons", "risk", "subject_digest")
    }
    (row, *_) = as_json(await log.page(small_shop.gate, LogFilters(service="checkout"), AUDITOR))[
        "items"
    ]
    assert row["requested_by"] is None


def _erase(tx: Tx) -> None:
    texts.erase(tx, list(tx.conn.execute(select(schema.texts.c.id)).scalars()))


async def test_shadow_policies_are_shown_beside_the_decision_and_decide_nothing(
    small_shop: Shop,
) -> None:
    shadow = policy_text("candidate", mode="evaluate", standard_changes="[]")
    await small_shop.adopt(make_files() | {"candidate.yaml": shadow})
    change = await small_shop.submit("a")

    decisions = await look.decisions(small_shop.gate, change["id"], ADMIN)
    (decision,) = as_json(decisions)["items"]
    assert change["state"] == "approved"
    assert decision["shadows"] == [
        {
            "policy": "candidate",
            "outcome": "pending",
            "type": "normal",
            "risk": {"score": 0, "band": "low"},
        }
    ]


async def test_an_emergency_is_one_on_its_face(small_shop: Shop) -> None:
    change: Wire = await small_shop.submit("a", emergency=Emergency("fire", "INC-1"))

    assert (change["type"], change["route"], change["outcome"]) == (
        "emergency",
        "emergency",
        "pending",
    )
    assert change["approvals"]["required"] == [{"by": ["on-call"], "count": 1, "missing": 1}]


async def test_a_change_decided_by_policies_that_are_gone_is_still_explained(
    small_shop: Shop,
) -> None:
    change = await small_shop.submit("a", claims={**SMALL, "diff.lines_added": 812})
    await small_shop.adopt(
        {"staging.yaml": policy_text("staging", "staging"), "catalog.yaml": CATALOGUE}
    )

    assert (await small_shop.read(change))["reasons"] == change["reasons"]
