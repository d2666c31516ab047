"""Somebody is erased: the name is nowhere, every proof stays whole, and it is no way around
separation of duties.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from gate.cli.ledger import offline
from gate.core.change import Emergency, Repository, Run
from gate.core.messages.host import HostQuestion, Review, Reviews, Verdict
from gate.errors import Conflict, Invalid, NotAllowed, NotFound
from gate.flow.answers.written import written
from gate.flow.audit import reports
from gate.flow.audit.evidence import evidence
from gate.flow.audit.scope import ReportQuestion
from gate.flow.caller import Role
from gate.flow.changes import post_review, review
from gate.flow.commands import (
    IdempotencyKey,
    InvitationCommand,
    OverrideCommand,
    PostReviewCommand,
    ReviewCommand,
)
from gate.flow.identity import erasure, people
from gate.flow.identity.erasure import Erasure
from gate.flow.queries import log, look
from gate.flow.queries.story import story
from gate.flow.rulebooks import current_rulebook
from gate.storage.changes.change_list import ChangeFilters
from gate.storage.changes.log import LogFilters
from gate.storage.database.engine import open_engine, sqlite_path
from gate.storage.database.tx import Tx
from gate.storage.messages import pushes
from gate.storage.privacy.compact import compact
from gate.storage.privacy.whose import Remnant
from gate.storage.tables import schema
from tests.builders import ISSUER, Wire, commit_of, make_person
from tests.flow.changes.test_listen import MEASURED, REPOSITORY, connected, says
from tests.flow.changes.test_privacy import rows
from tests.flow.ledger.exported import exported, faults_of, settle
from tests.flow.shop import ADA, ADMIN, AUDITOR, CATALOGUE, Shop, make_files, open_shop

pytestmark = pytest.mark.anyio

LARGE = {"diff.lines_added": 500, "diff.lines_deleted": 2, "diff.files_changed": 1}
ENTRY = (
    "  zelda: {name: Zelda Quuxington, emails: [zelda.q@example.net], github: [zeldaq77], "
    "slack: U0ZELDA}\n"
)
WITH_ZELDA = CATALOGUE.replace("people: [farida, ivan]", "people: [farida, ivan, zelda]") + ENTRY
NAMES = ("zelda.q@example.net", "zelda quuxington", "zeldaq77", "u0zelda")
ZELDA = make_person("zelda", "team-payments")
BEN = make_person("ben", "release-managers")
CHLOE = make_person("chloe", "on-call")


def files(catalogue: str = CATALOGUE, **parts: str) -> dict[str, str]:
    return make_files(**parts) | {"catalog.yaml": catalogue}


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database_url, tmp_path, files(WITH_ZELDA)) as opened:
        yield opened


async def deployed(shop: Shop, letter: str, by: Any = ADA, **different: Any) -> Wire:
    """A large change that somebody approved, and that ended well."""
    change = await shop.submit(letter, claims=LARGE, **different)
    shown = ReviewCommand(change["subject_digest"], "I asked Zelda Quuxington, and it is right")
    await review.approve(shop.gate, change["id"], shown, by)
    await shop.admit(await shop.read(change))
    return await shop.close(change, notes="zelda.q@example.net watched it")


async def life_of_zelda(shop: Shop) -> tuple[Wire, Wire]:
    """A change that she wrote and one that she approved; then she leaves."""
    key = IdempotencyKey("key", "b" * 64)
    repository = Repository(ISSUER, 1001, "acme/checkout")
    written_by = {"authors": ("Zelda.Q@example.net", "zoe@example.com"), "requested_by": "zeldaq77"}
    wrote = await deployed(
        shop, "a", key=key, title="for zeldaq77: round", repository=repository, **written_by
    )
    approved = await deployed(shop, "b", ZELDA, base=commit_of("a"))
    await people.invite(shop.gate, InvitationCommand("zelda.q@example.net"), ADMIN)
    await shop.adopt(files())
    return wrote, approved


async def plan(shop: Shop, who: str) -> Erasure:
    return await shop.gate.store.write(_plan, who)


async def erase(shop: Shop, who: str) -> Erasure:
    return await shop.gate.store.write(_erase, who)


def _plan(tx: Tx, who: str) -> Erasure:
    return erasure.plan(tx.conn, current_rulebook(tx.conn), who)


def _erase(tx: Tx, who: str) -> Erasure:
    planned = _plan(tx, who)
    erasure.carry_out(tx, planned)
    return planned


async def answers(shop: Shop) -> str:
    """What readers, receivers and exports get of everything, as one text in small letters."""
    changes = (await look.changes(shop.gate, ChangeFilters(), AUDITOR)).items
    stories = [await story(shop.gate, one.id, ADA) for one in changes]
    logged = [row async for row in log.stream(shop.gate, LogFilters())]
    asked = ReportQuestion()
    found = [await reports.report(shop.gate, name, asked) for name in reports.REPORTS]
    admins = await people.listing(shop.gate, ADMIN)
    said = written([changes, stories, logged, found, admins])
    return (said + b"".join(await exported(shop))).decode().lower()


def everything(conn: Connection) -> dict[str, str]:
    return {table.name: rows(conn, table) for table in schema.metadata.sorted_tables}


# Forbidden first.


async def test_nobody_is_erased_who_is_in_the_catalogue_in_force(shop: Shop) -> None:
    with pytest.raises(Conflict, match=r"take them out of catalog\.yaml first"):
        await erase(shop, "zeldaq77")


@pytest.mark.parametrize("who", ["per_nobody", "ab"])
async def test_nobody_and_nothing_is_not_erased(shop: Shop, who: str) -> None:
    with pytest.raises((NotFound, Invalid)):
        await erase(shop, who)


async def test_a_name_that_two_people_had_is_no_name(shop: Shop) -> None:
    await shop.adopt(files())
    await shop.adopt(files(CATALOGUE + "  zelda: {emails: [other@example.net]}\n"))
    await shop.adopt(files())

    with pytest.raises(Invalid, match=r"zelda may be several people \(zelda, zelda\)"):
        await erase(shop, "zelda")
    planned = await plan(shop, "other@example.net")
    assert "zelda.q@example.net" not in planned.subject.spellings


@pytest.mark.parametrize("named", ["authors", "requested_by"])
async def test_an_author_of_a_change_that_waits_is_not_erased(shop: Shop, named: str) -> None:
    different: Any = {
        "authors": ("zoe@example.com", "zelda.q+work@example.net"),
        "requested_by": "zeldaq77",
    }
    change = await shop.submit("a", claims=LARGE, **{named: different[named]})
    await shop.adopt(files())

    with pytest.raises(Conflict, match="name this person") as refused:
        await erase(shop, "zelda.q@example.net")
    assert change["id"] in str(refused.value)


@pytest.mark.parametrize("login", ["zeldaq77", "zelda"])
@pytest.mark.parametrize(
    "written_as",
    [
        {"requested_by": "github:{login}"},
        {"authors": ("zoe@example.com", "7+{login}@users.noreply.github.com")},
    ],
    ids=["login with its host", "address without reply"],
)
async def test_a_login_with_its_host_is_the_login_while_a_change_waits_and_afterwards(
    shop: Shop, written_as: dict[str, Any], login: str
) -> None:
    await shop.adopt(files(WITH_ZELDA.replace("zeldaq77", login)))
    await shop.adopt(files())
    named: Any = {
        key: value.format(login=login)
        if isinstance(value, str)
        else tuple(one.format(login=login) for one in value)
        for key, value in written_as.items()
    }
    change = await shop.submit("a", claims=LARGE, **named)

    with pytest.raises(Conflict, match="name this person"):
        await erase(shop, "zelda.q@example.net")
    no = ReviewCommand(change["subject_digest"], "not today")
    await review.reject(shop.gate, change["id"], no, BEN)
    await erase(shop, "zelda.q@example.net")
    assert login not in await shop.gate.store.read(rows, schema.texts)


async def test_an_account_is_erased_under_every_login_that_it_had(shop: Shop) -> None:
    await shop.adopt(files(WITH_ZELDA.replace("zeldaq77", '"zeldaq77#71"')))
    await shop.adopt(files())
    change = await shop.submit("a", claims=LARGE, authors=("github:quux-later#71",))

    with pytest.raises(Conflict, match="name this person"):
        await erase(shop, "zelda.q@example.net")
    no = ReviewCommand(change["subject_digest"], "zeldaq77 should not, today")
    await review.reject(shop.gate, change["id"], no, BEN)
    await erase(shop, "zelda.q@example.net")
    texts = await shop.gate.store.read(rows, schema.texts)
    assert [one for one in ("zeldaq77", "quux-later") if one in texts] == []


async def test_an_author_whose_emergency_is_not_looked_back_at_is_not_erased(shop: Shop) -> None:
    urgent = await shop.submit(
        "b", claims=LARGE, emergency=Emergency("it burns", "INC-1"), requested_by="zeldaq77"
    )
    shown = ReviewCommand(urgent["subject_digest"])
    await review.approve(shop.gate, urgent["id"], shown, CHLOE)
    await shop.admit(await shop.read(urgent))
    await shop.close(urgent)
    await shop.adopt(files())

    with pytest.raises(Conflict, match="review is owed"):
        await erase(shop, "zeldaq77")
    learnt = PostReviewCommand("a typo", "read it twice")
    await post_review.hold_review(shop.gate, urgent["id"], learnt, BEN)
    assert await erase(shop, "zeldaq77")


async def test_whoever_comes_back_cannot_approve_what_they_pushed(
    database_url: str, tmp_path: Path
) -> None:
    reviewed = Reviews((Review("ada-ekberg", Verdict.APPROVES, of_commit=True, may_write=True),), 7)
    answer = says({**MEASURED, **LARGE}, reviews=reviewed)

    def with_commits(question: HostQuestion) -> Any:
        return replace(answer(question), commits=(question.commit,), pulled=(question.commit,))

    async with connected(database_url, tmp_path, with_commits) as (shop, _):
        await shop.adopt(files(WITH_ZELDA))
        where = (REPOSITORY.issuer, REPOSITORY.id)
        await shop.gate.store.write(pushes.add, where, [commit_of("c")], "github:zeldaq77")
        await shop.adopt(files())
        await erase(shop, "zeldaq77")
        await shop.adopt(files(WITH_ZELDA.replace("zeldaq77", "zelda-again")))

        change = await shop.submit("c", repository=REPOSITORY, authors=(), requested_by="")

        (record,) = await shop.records(change)
        assert record.case.people.shared
        assert sum(one["count"] for one in change["approvals"]["required"]) == 2
        assert not any(name.startswith("reviews.") for name in record.case.facts)
        shown = ReviewCommand(change["subject_digest"])
        again = make_person("zelda_2", "team-payments")
        await review.approve(shop.gate, change["id"], shown, again)
        with pytest.raises(Conflict) as refused:
            await shop.admit(await shop.read(change))
        assert refused.value.problem == "not_approved"


async def test_what_was_rejected_stays_so_when_nobody_knows_who_wrote_it(shop: Shop) -> None:
    change = await shop.submit("a", claims=LARGE, authors=("zelda.q@example.net",))
    no = ReviewCommand(change["subject_digest"], "not today")
    await review.reject(shop.gate, change["id"], no, BEN)
    await shop.adopt(files())
    await erase(shop, "zelda.q@example.net")
    came_back = WITH_ZELDA.replace("zelda.q@example.net", "new@example.net").replace(
        "zeldaq77", "zelda-again"
    )
    await shop.adopt(files(came_back))

    lift = OverrideCommand("it was not so bad")
    for person in (make_person("zelda_2", "team-payments"), ADA):
        with pytest.raises(NotAllowed, match="a name of this change was erased"):
            await review.override(shop.gate, change["id"], lift, person)
    again = await shop.submit("a", claims=LARGE, run=Run("another", 1, "deploy"))
    assert (again["id"], again["state"]) == (change["id"], "rejected")


# What it does.


async def test_a_plan_says_what_would_go_and_what_would_stay_and_changes_nothing(
    shop: Shop,
) -> None:
    await life_of_zelda(shop)
    await settle(shop)
    before = await shop.gate.store.read(everything)
    readable = await answers(shop)

    planned = await plan(shop, "zelda.q@example.net")

    assert planned.subject.persons == ("per_zelda",)
    assert {"zelda", "Zelda Quuxington", "U0ZELDA"} <= set(planned.subject.spellings)
    assert len(planned.found.changes) == 1
    assert planned.accounts == 0
    assert planned.remnants == ()
    assert before == await shop.gate.store.read(everything)
    assert [one for one in NAMES[:3] if one not in readable] == []


async def test_afterwards_no_answer_report_or_export_has_the_name_and_all_verifies(
    shop: Shop, tmp_path: Path
) -> None:
    asked = ReportQuestion(ends=shop.gate.clock(), at=shop.gate.clock())
    wrote, approved = await life_of_zelda(shop)
    await settle(shop)
    digest = (await reports.report(shop.gate, "entitled-approvers", asked)).digest

    await erase(shop, "zeldaq77")
    await settle(shop)

    assert [one for one in NAMES if one in await answers(shop)] == []
    assert await faults_of(shop) == []
    key = (await shop.gate.signing.own()).verifier
    for change in (wrote, approved):
        content = await evidence(shop.gate, change["id"], AUDITOR)
        (tmp_path / "pack.zip").write_bytes(content)
        assert offline.verify(tmp_path / "pack.zip", [str(key)], []) == 0
    (given,) = (await shop.read(approved))["approvals"]["given"]
    assert (given["person"], given["comment"]) == ("per_zelda", None)
    assert "per_zelda" in (await shop.read(wrote))["approvals"]["excluded"]
    (entry,) = await shop.entries("erasure")
    assert (entry.fields["persons"], entry.fields["by"]) == (["per_zelda"], "command line")
    assert entry.fields["rows"]["texts"] > len(NAMES)
    assert digest == (await reports.report(shop.gate, "entitled-approvers", asked)).digest


async def test_a_database_file_that_was_written_anew_has_the_name_nowhere(
    shop: Shop, database_url: str
) -> None:
    await life_of_zelda(shop)
    path = sqlite_path(database_url)
    if path is None:
        await erase(shop, "zeldaq77")
        await asyncio.to_thread(compact, database_url)
        assert await shop.gate.store.read(_words) == []
        return
    assert any(name in _bytes_of(path) for name in NAMES)
    await shop.gate.store.write(_leave_bytes)

    await erase(shop, "zeldaq77")
    await asyncio.to_thread(compact, database_url)

    # In the index a word stands without the beginning that it shares with the word before it.
    parts = (*NAMES, "uuxington", "q77")
    assert [part for part in parts if part in _bytes_of(path)] == []
    with closing(open_engine(database_url).raw_connection()) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE VIRTUAL TABLE temp.seen USING fts5vocab(main, decision_words, row)")
        terms = {term for (term, *_) in cursor.execute("SELECT * FROM temp.seen")}
    assert terms.isdisjoint({"zelda", "zeldaq77", "quuxington"})
    assert await shop.submit("d", service="web")


def _leave_bytes(tx: Tx) -> None:
    """Have SQLite leave what is deleted in the file, as most builds of it do."""
    tx.execute("PRAGMA secure_delete = OFF").fetchone()


def _words(conn: Any) -> list[str]:
    query = "SELECT words FROM decisions WHERE string_to_array(words, ' ') @> ARRAY['zeldaq77']"
    return [row[0] for row in conn.exec_driver_sql(query)]


def _bytes_of(path: Path) -> str:
    log_file = path.with_name(f"{path.name}-wal")
    return (path.read_bytes() + log_file.read_bytes()).decode("latin-1").lower()


async def test_an_account_is_closed_and_its_person_comes_back_as_somebody_else(shop: Shop) -> None:
    made = await people.invite(
        shop.gate, InvitationCommand("guest@example.net", Role.AUDITOR), ADMIN
    )
    before = made.answer.id

    planned = await erase(shop, before)
    back = await people.invite(shop.gate, InvitationCommand("guest@example.net"), ADMIN)

    assert planned.accounts == 1
    assert (back.answer.id == before, back.answer.role) == (False, None)
    listed = {one.id: one for one in (await people.listing(shop.gate, ADMIN)).items}
    assert (listed[before].email, listed[before].role, listed[before].disabled) == ("", None, True)


async def test_what_is_part_of_a_decision_stays_and_is_said(shop: Shop) -> None:
    change = await shop.submit("a", ref="refs/heads/zeldaq77/round")
    await shop.admit(change)
    await shop.close(change)
    await shop.adopt(files())

    planned = await erase(shop, "zeldaq77")

    assert Remnant("decisions", "record", 1) in planned.remnants
    assert Remnant("changes", "detail", 1) in planned.remnants
