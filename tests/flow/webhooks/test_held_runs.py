"""A run that the code host holds becomes a change, hears what it waits for, and is let go or
stopped as that is settled.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from sqlalchemy import select

from gate.core.change import Repository, Result
from gate.core.facts import Value
from gate.core.messages.host import Hand, HostFacts, HostQuestion
from gate.core.messages.host_reports import (
    CommitsMoved,
    DeploymentStatus,
    HostDelivery,
    HostReport,
    Pushed,
    RunEnded,
    RunHeld,
    RunSeen,
)
from gate.core.workload import Provider
from gate.errors import NotAllowed
from gate.flow.changes import review
from gate.flow.commands import ReviewCommand
from gate.flow.queries import sightings
from gate.flow.queries.upkeep import upkeep
from gate.flow.signing import Signing
from gate.flow.webhooks import code_hosts, held_runs, inbox
from gate.storage.incidents.sightings import Missing, SightingFilters
from gate.storage.tables import schema, schema_work
from tests.builders import ISSUER, SMALL, Wire, commit_of, make_change, make_person, person_id
from tests.flow.fake_host import Answer, FakeHost
from tests.flow.shop import ADA, ADMIN, EVERYDAY, Shop, as_json, make_files, open_shop

pytestmark = pytest.mark.anyio

BEN = make_person("ben", "release-managers")
HELD = RunHeld(ISSUER, 1001, "acme/checkout", "77", "Production")
SEEN = RunSeen(
    Provider.GITHUB,
    "77",
    1,
    commit_of("b"),
    "push",
    ("zoe-gh", "kofi-m"),
    "main",
    title="Round half to even",
    url="https://github.com/run/77",
)
LARGE: Mapping[str, Value] = {**SMALL, "diff.lines_added": 812}


def says(values: Mapping[str, Value] = SMALL) -> Answer:
    """A whole answer."""

    def answer(question: HostQuestion) -> HostFacts:
        return HostFacts(
            question.base, values, hands=(Hand(("github:zoe-gh",), confirmed=True),), all_hands=True
        )

    return answer


@asynccontextmanager
async def connected(
    url: str, folder: Path, values: Mapping[str, Value] = SMALL, **parts: str
) -> AsyncIterator[tuple[Shop, FakeHost]]:
    """A shop whose repositories are at a host where run 77 waits."""
    host = FakeHost(says(values), runs={"77": SEEN})
    async with open_shop(url, folder, make_files(**parts)) as shop:
        yield replace(shop, gate=replace(shop.gate, hosts={ISSUER: host})), host


async def send_report(shop: Shop, *reported: HostReport, named: str = "d") -> None:
    """Deliveries of the host, worked on."""
    for number, report in enumerate(reported):
        await code_hosts.keep_pusher(shop.gate, report)
        await inbox.receive(
            shop.gate, code_hosts.delivery("github", HostDelivery(f"{named}{number}", report))
        )
    await inbox.work(shop.gate, code_hosts.HANDLERS)


async def heard(shop: Shop) -> list[Wire]:
    """What the host is to be told, oldest first, after a round of the worker."""
    shop.gate.pauses._last.clear()  # noqa: SLF001 - no test waits ten seconds
    await held_runs.answer_due(shop.gate)
    rows = await shop.gate.store.read(
        lambda conn: conn.execute(
            select(schema_work.outbox).order_by(schema_work.outbox.c.at)
        ).all()
    )
    return [orjson.loads(row.body) for row in rows if row.target == "github:1001"]


async def only_change(shop: Shop) -> Wire:
    """The one there is."""
    found = await shop.gate.store.read(
        lambda conn: conn.execute(select(schema.changes.c.id)).scalars().all()
    )
    assert len(found) == 1
    return await shop.read(found[0], ADMIN)


async def test_a_held_run_becomes_a_change_and_is_let_go_when_nothing_stands_in_its_way(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with connected(sqlite_url, tmp_path) as (shop, _):
        await shop.deploy("a")
        await send_report(shop, HELD)
        [said] = await heard(shop)
        changes = await shop.gate.store.read(
            lambda conn: conn.execute(
                select(schema.changes).where(schema.changes.c.run_id == "77")
            ).all()
        )

    assert (said["state"], said["run"], said["environment"]) == ("approved", "77", "Production")
    assert said["words"] == ["approved, risk 0 is low"]
    assert [
        (row.state, row.environment, row.service, row.commit_sha, row.admitted_run_id)
        for row in changes
    ] == [("deploying", "production", "checkout", commit_of("b"), "77")]


async def test_b10_a_held_job_is_not_let_go_by_what_another_job_of_its_run_proves(
    sqlite_url: str, tmp_path: Path
) -> None:
    passes = EVERYDAY.replace("diff.lines_added < 100", "change.workflow == deploy.yml")
    async with connected(sqlite_url, tmp_path, standard_changes=f"[{passes}]") as (shop, _):
        await send_report(shop, HELD)
        waiting = await only_change(shop)
        book = await shop.gate.rulebooks.current()
        repository = Repository(ISSUER, 1001, "acme/checkout")
        held = held_runs.job_of(shop.gate, repository, SEEN, "production", book)
        shop.gate.pauses._last.clear()  # noqa: SLF001 - no test waits ten seconds
        other = replace(held, jti="other", workflow="deploy.yml")
        approved = await shop.submit("b", other, run=None, artifacts=())
        assert (approved["id"], approved["state"]) == (waiting["id"], "approved")

        said = await heard(shop)

        assert "approved" not in [one["state"] for one in said]
        assert (await only_change(shop))["state"] == "pending"


@pytest.mark.parametrize(
    ("mandated", "workflow", "state"),
    [
        pytest.param(True, None, None, id="the host does not say of which workflow it is"),
        pytest.param(True, "mine.yml", None, id="it is of another workflow"),
        pytest.param(True, "deploy.yml", "approved", id="it is of the same workflow"),
        pytest.param(False, None, "approved", id="no rule asks for the workflow"),
    ],
)
async def test_b10_a_held_job_is_not_let_go_by_the_admission_of_another_job_of_its_run(
    sqlite_url: str,
    tmp_path: Path,
    mandated: bool,  # noqa: FBT001 - a parameter of the table
    workflow: str | None,
    state: str | None,
) -> None:
    rule = "change.workflow == deploy.yml" if mandated else "diff.lines_added < 100"
    passes = EVERYDAY.replace("diff.lines_added < 100", rule)
    async with connected(sqlite_url, tmp_path, standard_changes=f"[{passes}]") as (shop, host):
        host.runs["77"] = replace(SEEN, workflow=workflow)
        repository = Repository(ISSUER, 1001, "acme/checkout")
        book = await shop.gate.rulebooks.current()
        held = held_runs.job_of(shop.gate, repository, SEEN, "production", book)
        other = replace(held, jti="other", workflow="deploy.yml", ref="refs/heads/main")
        approved = await shop.submit("b", other, run=None, artifacts=())
        await shop.admit(approved, other)
        shop.gate.pauses._last.clear()  # noqa: SLF001 - no test waits ten seconds
        await send_report(shop, HELD)

        said = [*await heard(shop), *await heard(shop)]

        assert {one["state"] for one in said} == {state}
        assert len({orjson.dumps(one) for one in said}) == 1
        assert (await only_change(shop))["state"] == "deploying"


async def test_nobody_approves_twice_what_was_approved_in_the_gate_is_let_go(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with connected(sqlite_url, tmp_path, LARGE) as (shop, _):
        await send_report(shop, HELD)
        [report] = await heard(shop)
        change = await shop.read(report["url"].rpartition("/")[2], ADMIN)
        await review.approve(shop.gate, change["id"], ReviewCommand(change["subject_digest"]), BEN)
        [_, answer] = await heard(shop)

    assert (report["state"], answer["state"]) == (None, "approved")
    assert report["words"] == [
        "waits for people, risk 30 is moderate",
        "approvals that are missing: 1 of release-managers, team-payments",
    ]
    assert "812 lines added" in " ".join(report["reasons"])
    assert change["requested_by"] == "zoe-gh"


async def test_a61_no_number_of_waiting_runs_keeps_another_from_its_answer(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_runs, "AT_ONCE", 1)
    async with connected(sqlite_url, tmp_path, LARGE) as (shop, host):
        await send_report(shop, HELD)
        first = await only_change(shop)
        host.runs["78"] = replace(SEEN, run="78", commit=commit_of("c"))
        await send_report(shop, replace(HELD, run="78"), named="e")
        reports = await heard(shop)
        (change,) = {one["url"].rpartition("/")[2] for one in reports} - {first["id"]}
        digest = (await shop.read(change, ADMIN))["subject_digest"]
        await review.approve(shop.gate, change, ReviewCommand(digest), BEN)
        answers = await heard(shop)

    assert [(one["run"], one["state"]) for one in answers[2:]] == [("78", "approved")]


async def test_a_rejection_stops_the_run_with_its_reasons(sqlite_url: str, tmp_path: Path) -> None:
    async with connected(sqlite_url, tmp_path, LARGE) as (shop, _):
        await send_report(shop, HELD)
        change = await only_change(shop)
        await review.reject(
            shop.gate, change["id"], ReviewCommand(change["subject_digest"], "Not on a Friday"), BEN
        )
        [answer] = await heard(shop)

    assert (answer["state"], answer["words"]) == ("rejected", ["rejected, risk 30 is moderate"])


async def test_the_same_delivery_and_the_same_run_make_one_change_and_one_answer(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with connected(sqlite_url, tmp_path) as (shop, _):
        await send_report(shop, HELD)
        await send_report(shop, HELD)
        await send_report(shop, HELD, named="e")
        await only_change(shop)
        answers = [*await heard(shop), *await heard(shop)]

    assert [one["state"] for one in answers] == ["approved", "approved"]
    assert answers[0] == answers[1]


async def test_a_held_run_hears_again_only_when_something_moved(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with connected(sqlite_url, tmp_path, LARGE) as (shop, host):
        await send_report(shop, HELD)
        assert len(await heard(shop)) == 1
        assert len(await heard(shop)) == 1
        host.answer = says({**LARGE, "diff.lines_added": 9})
        await send_report(shop, CommitsMoved(ISSUER, 1001, (commit_of("b"),)), named="e")
        await shop.round()
        answers = await heard(shop)

    assert [one["state"] for one in answers] == [None, "approved"]


async def test_a_freeze_keeps_an_approved_run_waiting(sqlite_url: str, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    begins, ends = (
        f"{now + days:%Y-%m-%dT00:00}" for days in (timedelta(days=-2), timedelta(days=2))
    )
    calendar = (
        f"time_zone: UTC\nfreezes:\n  - {{id: closed, reason: Closed, begins: {begins}, ends: "
        f"{ends}, tiers: [production]}}\n"
    )
    async with connected(sqlite_url, tmp_path, calendar=calendar) as (shop, _):
        await send_report(shop, HELD)
        [report] = await heard(shop)

    assert (report["state"], report["words"][0][:17]) == (None, "held by closed un")


async def test_what_may_not_be_admitted_yet_is_told_once(sqlite_url: str, tmp_path: Path) -> None:
    async with connected(sqlite_url, tmp_path) as (shop, _):
        keyless = replace(shop, gate=replace(shop.gate, signing=Signing(None, shop.gate.base_url)))
        await send_report(keyless, HELD)
        assert len(await heard(keyless)) == 1
        reports = await heard(keyless)
        answers = await heard(shop)

    assert [one["state"] for one in reports] == [None]
    assert [one["state"] for one in answers] == [None, "approved"]


@pytest.mark.parametrize(
    ("report", "seen", "words"),
    [
        pytest.param(
            replace(HELD, repository=9),
            SEEN,
            "is listed for no service",
            id="a repository that nobody lists",
        ),
        pytest.param(
            HELD,
            replace(SEEN, event="pull_request"),
            "works on what is not merged yet",
            id="a23 a pull request",
        ),
    ],
)
async def test_a_run_that_may_not_ask_is_stopped_at_once(
    sqlite_url: str, tmp_path: Path, report: RunHeld, seen: RunSeen, words: str
) -> None:
    async with connected(sqlite_url, tmp_path) as (shop, host):
        host.runs["77"] = seen
        await send_report(shop, report)
        rows = await shop.gate.store.read(
            lambda conn: conn.execute(select(schema_work.outbox)).all()
        )
        [answer] = [orjson.loads(row.body) for row in rows]

    assert answer["state"] == "rejected"
    assert words in answer["words"][0]


async def test_a50_a_hook_is_only_a_reason_to_ask_the_host_itself(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with connected(sqlite_url, tmp_path) as (shop, host):
        host.runs.clear()
        await send_report(shop, HELD)

        assert await shop.submitted() == 0
        host.runs["77"] = SEEN
        await shop.gate.store.write(lambda tx: tx.execute("UPDATE deliveries SET next_at = 0"))
        await inbox.work(shop.gate, code_hosts.HANDLERS)
        assert (await only_change(shop))["commit"] == commit_of("b")


async def test_a_run_that_is_over_waits_no_more(sqlite_url: str, tmp_path: Path) -> None:
    async with connected(sqlite_url, tmp_path, LARGE) as (shop, _):
        await send_report(shop, HELD)
        await send_report(shop, RunEnded(ISSUER, 1001, "77", 1, commit_of("b")), named="e")

        assert (await only_change(shop))["state"] == "canceled"
        assert await heard(shop) == []


async def test_a_new_attempt_is_answered_and_the_earlier_one_forgotten(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with connected(sqlite_url, tmp_path, LARGE) as (shop, host):
        await send_report(shop, HELD)
        host.runs["77"] = replace(SEEN, attempt=2)
        await send_report(shop, HELD, named="e")
        change = await only_change(shop)
        await review.approve(shop.gate, change["id"], ReviewCommand(change["subject_digest"]), BEN)
        answers = await heard(shop)
        after = await only_change(shop)

    assert [one["state"] for one in answers] == ["approved"]
    assert (after["state"], after["run"]["attempt"]) == ("deploying", 2)


async def test_the_late_end_of_an_attempt_takes_nothing_from_the_next_one(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with connected(sqlite_url, tmp_path, LARGE) as (shop, host):
        await send_report(shop, HELD)
        host.runs["77"] = replace(SEEN, attempt=2)
        await send_report(shop, HELD, named="e")
        await send_report(shop, RunEnded(ISSUER, 1001, "77", 1, commit_of("b")), named="late")
        change = await only_change(shop)
        await review.approve(shop.gate, change["id"], ReviewCommand(change["subject_digest"]), BEN)
        answers = await heard(shop)

    assert change["state"] == "pending"
    assert [one["state"] for one in answers] == ["approved"]


async def test_the_late_end_of_a_held_attempt_leaves_the_change_that_another_has_joined(
    sqlite_url: str, tmp_path: Path
) -> None:
    """The next attempt asks by itself, with its own token, and no host holds it."""
    async with connected(sqlite_url, tmp_path, LARGE) as (shop, host):
        await send_report(shop, HELD)
        host.runs.clear()
        first = await only_change(shop)
        seen = replace(SEEN, attempt=2)
        repository = Repository(ISSUER, 1001, "acme/checkout")
        book = await shop.gate.rulebooks.current()
        by = held_runs.job_of(shop.gate, repository, seen, "production", book)
        asked = make_change("b", repository=repository, run=None, artifacts=(), requested_by=None)
        joined = await shop.ask(asked, by)
        await send_report(shop, RunEnded(ISSUER, 1001, "77", 1, commit_of("b")), named="late")
        after = await only_change(shop)

    assert (joined.change_id, after["run"]["attempt"]) == (first["id"], 2)
    assert after["state"] == "pending"


async def test_a_repository_of_several_services_says_which(sqlite_url: str, tmp_path: Path) -> None:
    files = make_files()
    files["catalog.yaml"] = files["catalog.yaml"].replace(
        "ledger: {owners: [team-payments], tier: 1}",
        "ledger: {owners: [team-payments], tier: 1, repositories: [{provider: github, id: "
        "1001, name: acme/checkout}]}",
    )
    host = FakeHost(says(), runs={"77": SEEN, "78": replace(SEEN, run="78")})
    async with open_shop(sqlite_url, tmp_path, files) as opened:
        shop = replace(opened, gate=replace(opened.gate, hosts={ISSUER: host}))
        await send_report(shop, HELD, replace(HELD, run="78", environment="ledger/prod"))
        answers = await heard(shop)

    assert [one["state"] for one in answers] == ["rejected", "approved"]
    assert "call the environment SERVICE/ENVIRONMENT" in answers[0]["words"][0]


async def test_a_deployment_that_the_host_saw_closes_its_change(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with connected(sqlite_url, tmp_path) as (shop, _):
        await send_report(shop, HELD)
        await heard(shop)
        await send_report(
            shop,
            DeploymentStatus(
                ISSUER, 1001, "production", commit_of("b"), Result.SUCCESSFUL, shop.gate.clock()
            ),
            named="e",
        )
        change = await only_change(shop)

    assert (change["state"], change["closed"]["result"]) == ("closed", "successful")


async def test_c18_a_deployment_of_a_repository_that_the_catalogue_lacks_is_shown(
    database_url: str, tmp_path: Path
) -> None:
    async with connected(database_url, tmp_path) as (shop, _):
        at = shop.gate.clock()
        begun = DeploymentStatus(
            ISSUER,
            9,
            "production",
            commit_of("b"),
            None,
            at,
            "https://github.com/acme/x/1",
            "acme/x",
        )
        await send_report(shop, begun, named="begun")
        before = (await sightings.listing(shop.gate, SightingFilters(), ADA)).items
        await send_report(shop, replace(begun, result=Result.SUCCESSFUL), named="ended")
        (found,) = (
            await sightings.listing(shop.gate, SightingFilters(missing=Missing.REPOSITORY), ADA)
        ).items
        given_up = as_json(await upkeep(shop.gate))["given_up"]

    assert (before, given_up) == ((), [])
    assert found.repository == Repository(ISSUER, 9, "acme/x")
    assert (found.service, found.environment, found.result) == (
        None,
        "production",
        "successful",
    )
    assert found.because.startswith(
        "the catalogue does not say which service this repository deploys there"
    )


async def test_what_nobody_waits_for_is_not_kept(sqlite_url: str, tmp_path: Path) -> None:
    async with connected(sqlite_url, tmp_path, LARGE) as (shop, _):
        moved = CommitsMoved(ISSUER, 1001, (commit_of("b"),))
        assert await code_hosts.ignored(shop.gate, moved) == "no change of this commit waits"
        await send_report(shop, HELD)
        assert await code_hosts.ignored(shop.gate, moved) == ""
        assert (
            await code_hosts.ignored(shop.gate, replace(moved, repository=9))
            == "no change of this commit waits"
        )
        assert await code_hosts.ignored(shop.gate, HELD) == ""


async def test_a03_whoever_pushed_a_commit_of_the_range_may_not_approve_it(
    database_url: str, tmp_path: Path
) -> None:
    async with connected(database_url, tmp_path, LARGE) as (shop, host):
        plain = host.answer
        host.answer = lambda ask: replace(plain(ask), commits=(commit_of("b"), commit_of("c")))
        pushed = Pushed(ISSUER, 1001, (commit_of("c"),), "github:ada-ekberg")
        await send_report(shop, pushed, pushed, replace(pushed, repository=9, by="github:ben-gh"))
        change = await shop.submit("b", authors=("zoe@example.com",))
        with pytest.raises(NotAllowed):
            await review.approve(
                shop.gate, change["id"], ReviewCommand(change["subject_digest"]), ADA
            )
        await review.approve(shop.gate, change["id"], ReviewCommand(change["subject_digest"]), BEN)

    assert change["approvals"]["excluded"] == [person_id("ada")]


async def test_a_push_to_a_repository_that_nobody_lists_is_not_kept(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with connected(sqlite_url, tmp_path) as (shop, _):
        assert (
            await code_hosts.ignored(shop.gate, Pushed(ISSUER, 9, (commit_of("b"),), "github:x"))
            == "no service lists this repository"
        )
        assert (
            await code_hosts.ignored(shop.gate, Pushed(ISSUER, 1001, (commit_of("b"),), "github:x"))
            == ""
        )
