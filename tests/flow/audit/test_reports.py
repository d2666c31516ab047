"""Every question of an auditor gets the rows that answer it, the same rows for everybody, and a
digest by which two people compare them.
"""

import csv
import io
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from gate.api.formats.report import csv_lines
from gate.core.canonical import canonical, digest
from gate.core.change import Emergency, Result, Run
from gate.errors import Invalid, NotFound
from gate.flow.audit import reports
from gate.flow.audit.scope import ReportQuestion
from gate.flow.changes import review
from gate.flow.commands import FreezeCommand, OverrideCommand, ReviewCommand
from gate.flow.entries import append_entry
from gate.flow.policies import freezes
from gate.ledger.format import Kind
from gate.storage import texts
from gate.storage.database.tx import Tx
from gate.storage.identity import persons
from gate.storage.messages import inbox
from gate.storage.messages.inbox import InboxDelivery
from gate.storage.tables import schema
from gate.storage.tables.schema_hooks import sources_heard
from tests.builders import Wire, commit_of, make_person
from tests.flow.ledger.exported import settle
from tests.flow.shop import ADA, CATALOGUE, Shop, as_json, make_files

pytestmark = pytest.mark.anyio
LARGE = {"diff.lines_added": 500, "diff.lines_deleted": 2, "diff.files_changed": 1}
BEN = make_person("ben", "release-managers")
CHLOE = make_person("chloe", "on-call")


async def report(shop: Shop, name: str, **asked: object) -> Wire:
    ask = ReportQuestion(**asked)  # type: ignore[arg-type]  # by name, as the address gives them
    return as_json(await reports.report(shop.gate, name, ask))


async def rows(shop: Shop, name: str, **asked: object) -> list[Wire]:
    return list((await report(shop, name, **asked))["rows"])


def shown(change: Wire, comment: str = "looks right") -> ReviewCommand:
    return ReviewCommand(change["subject_digest"], comment)


async def reviewed(shop: Shop, letter: str, **different: Any) -> Wire:
    """A large change that a person approved and that was admitted."""
    change = await shop.submit(letter, claims=LARGE, **different)
    await review.approve(shop.gate, change["id"], shown(change), ADA)
    await shop.admit(await shop.read(change))
    return change


async def test_each_report_has_the_columns_it_promises(shop: Shop) -> None:
    await shop.deploy("a")

    for name in reports.REPORTS:
        found = await report(shop, name)
        assert {"name", "parameters", "rows", "row_count", "root", "digest"} <= found.keys(), name
        assert found["row_count"] == len(found["rows"]), name
        for row in found["rows"]:
            assert list(row) == found["columns"], name
        bare = {part: found[part] for part in ("name", "parameters", "rows")}
        assert found["digest"] == digest(canonical(bare)), name


async def test_two_people_who_ask_alike_get_the_same(shop: Shop) -> None:
    await shop.deploy("a")
    await shop.deploy("b", Result.UNSUCCESSFUL, base=commit_of("a"))
    await settle(shop)
    ends = shop.gate.clock()
    asked = {"begins": ends - timedelta(days=1), "ends": ends}

    first = await report(shop, "by-policy-revision", **asked)
    await shop.submit("c", service="web")
    await settle(shop)
    second = await report(shop, "by-policy-revision", **asked)

    assert first["rows"] == second["rows"]
    assert first["digest"] == second["digest"]
    assert first["root"] != second["root"]
    assert first["rows"][0]["approved"] == 2


async def test_a_report_that_is_not_there_or_too_long_says_so(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.deploy("a")

    with pytest.raises(NotFound, match="there is no report nothing"):
        await report(shop, "nothing")
    monkeypatch.setattr(reports, "ROWS_MAX", 1)
    with pytest.raises(Invalid, match="ask for a shorter time"):
        await report(shop, "completeness")


async def test_overrides_are_told_with_their_reason_until_it_is_erased(shop: Shop) -> None:
    change = await shop.submit("e", claims=LARGE)
    await review.reject(shop.gate, change["id"], shown(change, "not today"), BEN)
    await review.override(shop.gate, change["id"], OverrideCommand("=2+2 was wrong"), ADA)
    asked = {"ends": shop.gate.clock()}
    before = await report(shop, "overrides", **asked)

    await shop.gate.store.write(erase, [change["id"]])
    after = await report(shop, "overrides", **asked)

    (row,) = before["rows"]
    assert (row["change"], row["window"], row["person"]) == (change["id"], "rejection", "per_ada")
    assert (row["reason"], after["rows"][0]["reason"]) == ("=2+2 was wrong", None)
    assert before["digest"] == after["digest"]


def erase(tx: Tx, changes: list[str]) -> None:
    every = [
        one
        for (one,) in tx.conn.execute(schema.texts.select().with_only_columns(schema.texts.c.id))
    ]
    texts.erase(tx, every, changes)


async def test_what_goes_round_the_policy_is_counted_once(shop: Shop) -> None:
    await shop.deploy("a")
    urgent = await shop.submit(
        "b", claims=LARGE, emergency=Emergency("it burns", "INC-1"), base=commit_of("a")
    )
    await review.approve(shop.gate, urgent["id"], shown(urgent), CHLOE)
    await shop.admit(await shop.read(urgent))

    whole, place = await rows(shop, "bypass")

    assert (whole["service"], place["service"]) == (None, "checkout")
    assert (place["deployments"], place["emergencies"], place["bypassed"]) == (2, 1, 1)
    assert (place["rate"], whole["rate"]) == (0.5, 0.5)


async def test_an_emergency_that_nobody_looked_back_at_is_overdue(shop: Shop) -> None:
    urgent = await shop.submit("b", claims=LARGE, emergency=Emergency("it burns", "INC-1"))
    await review.approve(shop.gate, urgent["id"], shown(urgent), CHLOE)
    await shop.admit(await shop.read(urgent))
    later = shop.gate.clock() + timedelta(hours=73)

    assert await rows(shop, "overdue-reviews") == []
    shop.hands.ahead = timedelta(hours=73)
    (row,) = await rows(shop, "overdue-reviews", ends=later)
    assert (row["change"], row["owners"]) == (urgent["id"], ["team-payments"])


async def test_what_was_rejected_and_deployed_later_is_found(shop: Shop) -> None:
    change = await shop.submit("e", claims=LARGE)
    await review.reject(shop.gate, change["id"], shown(change, "not today"), BEN)
    await review.override(shop.gate, change["id"], OverrideCommand("the reason is gone"), ADA)
    second = await reviewed(shop, "e", run=Run("another", 1, "deploy"))

    (row,) = await rows(shop, "rejected-then-approved")

    assert (row["rejected"], row["rejected_by"]) == (change["id"], "per_ben")
    assert (row["approved"], row["route"]) == (second["id"], "review")


async def test_a_source_that_falls_silent_is_found_however_long_ago_that_was(shop: Shop) -> None:
    sent = [InboxDelivery("cdevents", f"{n}", "observe", f"token:{n}", b"{}") for n in range(2)]
    await shop.gate.store.write(inbox.add, sent)
    await shop.gate.store.write(inbox.add, [replace(sent[0], source="github", caller="github")])
    heard_at = shop.gate.clock()
    await shop.gate.store.write(heard_earlier, "token:1", timedelta(days=100))
    await shop.gate.store.write(inbox.forget, older_than=timedelta(0))

    (silent,) = await rows(shop, "silent-sources", at=heard_at + timedelta(days=6))
    everybody = await rows(shop, "silent-sources", at=heard_at + timedelta(days=8))

    assert (silent["source"], silent["caller"], silent["silent_days"]) == (
        "cdevents",
        "token:1",
        106,
    )
    assert sorted(one["caller"] for one in everybody) == ["github", "token:0", "token:1"]


async def test_a_source_that_speaks_again_is_silent_no_more(shop: Shop) -> None:
    sent = InboxDelivery("pagerduty", "1", "incident", "pagerduty", b"{}")
    await shop.gate.store.write(inbox.add, [sent])
    await shop.gate.store.write(heard_earlier, "pagerduty", timedelta(days=100))
    before = await rows(shop, "silent-sources")

    # The same delivery once more: nothing is new, and yet it was heard of.
    await shop.gate.store.write(inbox.add, [sent])

    assert ([one["source"] for one in before], await rows(shop, "silent-sources")) == (
        ["pagerduty"],
        [],
    )


def heard_earlier(tx: Tx, caller: str, ago: timedelta) -> None:
    here = sources_heard.c
    earlier = {"last_at": here.last_at - ago // timedelta(microseconds=1)}
    tx.conn.execute(update(sources_heard).where(here.caller == caller).values(earlier))


async def test_an_admission_without_an_end_is_found_when_its_time_is_over(shop: Shop) -> None:
    change = await shop.submit("a")
    await shop.admit(change)

    assert await rows(shop, "unclosed-admissions") == []
    shop.hands.ahead = timedelta(hours=7)
    (row,) = await rows(shop, "unclosed-admissions")
    assert row["change"] == change["id"]


async def test_what_was_only_observed_was_approved_by_nobody(shop: Shop) -> None:
    watched = CATALOGUE.replace(
        "web: {owners: [team-web], tier: 2}",
        "web: {owners: [team-web], tier: 2, gate: {production: observe}}",
    )
    await shop.adopt({**make_files(), "catalog.yaml": watched})
    change = await shop.submit("a", claims=LARGE, service="web")
    await shop.admit(change)

    (row,) = await rows(shop, "observed")
    (unapproved,) = await rows(shop, "unapproved-production")

    assert (row["change"], row["would"]) == (change["id"], "pending")
    assert (unapproved["how"], unapproved["change"]) == ("observed", change["id"])


async def test_who_might_approve_is_told_for_the_time_asked(shop: Shop) -> None:
    await shop.deploy("a")
    before = shop.gate.clock()
    await shop.adopt(
        {
            **make_files(),
            "catalog.yaml": CATALOGUE.replace("{people: [ada, ben]}", "{people: [ada, kofi]}"),
        }
    )

    assert await release_managers(shop, before) == {"per_ada", "per_ben"}
    assert await release_managers(shop, shop.gate.clock()) == {"per_ada", "per_kofi"}


async def release_managers(shop: Shop, at: datetime) -> set[str]:
    """Who was one for production then."""
    return {
        row["person"]
        for row in await rows(shop, "entitled-approvers", at=at)
        if (row["policy"], row["group"]) == ("production", "release-managers")
    }


async def test_changes_of_policies_and_access_are_told(shop: Shop) -> None:
    await shop.adopt(close_within="9h")

    changed = await rows(shop, "policy-changes")

    assert {row["action"] for row in changed} == {"registration", "activation"}
    assert {row["part"] for row in changed} == {"policies", "catalogue", "calendar"}


async def test_a_failure_of_a_standard_change_is_told(shop: Shop) -> None:
    await shop.deploy("a", Result.UNSUCCESSFUL)

    (row,) = await rows(shop, "standard-change-failures")

    assert (row["standard_change"], row["result"]) == ("everyday", "unsuccessful")


async def test_a71_a_log_with_a_hole_or_a_decision_without_entry_is_not_whole(shop: Shop) -> None:
    await shop.deploy("a")
    await settle(shop)
    whole = await rows(shop, "completeness")
    await shop.gate.store.write(drop_an_entry)

    broken = await rows(shop, "completeness")

    assert all(row["ok"] for row in whole)
    wrong = {row["check"] for row in broken if not row["ok"]}
    assert {"indices without a hole", "decisions with an entry"} <= wrong


def drop_an_entry(tx: Tx) -> None:
    tx.execute(
        "DROP TRIGGER ledger_entries_no_delete" + (" ON ledger_entries" if tx.is_postgres else "")
    )
    tx.conn.execute(delete(schema.ledger_entries).where(schema.ledger_entries.c.kind == "decision"))


async def test_a43_a_csv_says_what_it_is_and_runs_nothing_in_a_spreadsheet(shop: Shop) -> None:
    change = await shop.submit("e", claims=LARGE)
    await review.reject(shop.gate, change["id"], shown(change, "not today"), BEN)
    await review.override(shop.gate, change["id"], OverrideCommand("=cmd()"), ADA)
    found = await reports.report(shop.gate, "overrides", ReportQuestion())

    table = list(csv.reader(io.StringIO(csv_lines(found).decode())))

    head = dict(row for row in table if len(row) == 2)
    assert (head["report"], head["digest"], head["rows"]) == ("overrides", found.digest, "1")
    assert "'=cmd()" in table[-1]
    assert tuple(table[-2]) == found.columns


async def test_a_freeze_that_nobody_lifted_is_no_override(shop: Shop) -> None:
    await freezes.add(shop.gate, FreezeCommand("year end", stop=True), ADA)

    assert await rows(shop, "overrides") == []


async def test_an_approval_by_an_author_is_found_however_it_came_there(shop: Shop) -> None:
    change = await shop.submit("b", claims=LARGE, authors=("ada@example.com",))
    assert await rows(shop, "self-approval") == []

    await shop.gate.store.write(approve_by_hand, change["id"], "per_ada")

    (row,) = await rows(shop, "self-approval")
    assert (row["change"], row["person"], row["lapsed_at"]) == (change["id"], "per_ada", None)


async def test_one_person_under_two_ids_who_counted_twice_is_found(shop: Shop) -> None:
    change = await reviewed(shop, "b")
    assert await rows(shop, "double-approval") == []

    await shop.gate.store.write(admit_by_two_ids, change["id"])

    (row,) = await rows(shop, "double-approval")
    assert (row["change"], row["person"], row["approvals"]) == (change["id"], "per_ada", 2)


def approve_by_hand(tx: Tx, change: str, person: str) -> None:
    values = {"change_id": change, "person": person, "decision": 1, "rejected": False}
    more = {"subject_digest": "d" * 64, "comment": "", "at": tx.now}
    tx.conn.execute(schema.approvals.insert().values(**values, **more))


def admit_by_two_ids(tx: Tx, change: str) -> None:
    persons.merge(tx, "per_ada_2", "per_ada")
    append_entry(
        tx,
        Kind.ADMISSION,
        change,
        subject_digest="d" * 64,
        run=["1", 1, ""],
        expires_at="2026-02-01T12:00:00.000000Z",
        approvers=[["per_ada", 0], ["per_ada_2", 1]],
    )
