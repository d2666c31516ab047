"""What a server does beside answering: one of several does it, an error ends nothing, policy files
are followed.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select
from structlog.testing import capture_logs

from gate import worker as module
from gate.core.decision.decide import decide
from gate.errors import Unavailable
from gate.flow.caller import Role
from gate.flow.commands import IdempotencyKey, TokenCommand
from gate.flow.identity.tokens import make_token
from gate.flow.queries.upkeep import upkeep
from gate.storage.database.pages import Part
from gate.storage.database.tx import Tx
from gate.storage.identity import tokens
from gate.storage.identity.tokens import Maker
from gate.storage.messages import leases
from gate.storage.policies import policy_sets
from gate.storage.tables import schema, schema_work
from gate.worker import LEASE, Worker
from tests.builders import make_change
from tests.flow.shop import Shop, as_json, forget_pauses, make_files, open_shop, open_usual_shop

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shop(shop_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A gate in service; the folder of its policies is empty."""
    async with open_usual_shop(shop_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def small_shop(sqlite_shop_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """The same on SQLite alone."""
    async with open_usual_shop(sqlite_shop_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def nothing_adopted(database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A gate that never had any policies."""
    async with open_shop(database_url, tmp_path, in_force=False) as opened:
        yield opened


def write(folder: Path, files: Mapping[str, str]) -> None:
    """As an operator or a deployment of policies does."""
    for path in folder.glob("*.yaml"):
        path.unlink()
    for name, text in files.items():
        (folder / name).write_text(text)


async def revision(shop: Shop) -> str:
    """Of the policies in force."""
    return (await shop.gate.rulebooks.refresh()).revisions.policies


def measured(shop: Shop, name: str) -> float:
    """A measure as an operator reads it."""
    line = next(
        line
        for line in shop.gate.metrics.exposition().decode().splitlines()
        if line.startswith(f"{name} ")
    )
    return float(line.rsplit(maxsplit=1)[1])


# One of several


async def test_of_two_workers_one_works_and_the_other_takes_over_when_it_is_silent(
    shop: Shop,
) -> None:
    first, second = shop.worker("first"), shop.worker("second")
    await first.changes()
    await shop.submit("a")
    await shop.submit("b", claims={}, service="web")

    await shop.gate.store.write(move_into_the_past)
    await second.changes()
    beside_the_first = len(await shop.entries("expiry"))
    await shop.let_pass(module.LEASE_HELD)
    await second.changes()
    await first.changes()

    assert (beside_the_first, len(await shop.entries("expiry"))) == (0, 2)
    assert not await take(shop, "first")


def move_into_the_past(tx: Tx) -> None:
    """Every change is too late; the lease is not touched."""
    columns = schema.changes.c
    late = {"expires_at": columns.expires_at - 10**12, "valid_until": columns.valid_until - 10**12}
    tx.conn.execute(schema.changes.update().values(late))


async def test_a_worker_that_stops_lets_another_one_go_on_at_once(shop: Shop) -> None:
    first = shop.worker("first")
    await first.changes()
    assert not await take(shop, "second")

    await first.stop(first.start())

    assert await take(shop, "second")


async def take(shop: Shop, name: str) -> bool:
    """Whether a worker of that name gets the lease."""
    return await shop.gate.store.write(leases.take, LEASE, name, hold_for=timedelta(seconds=10))


async def test_a_worker_stops_although_the_database_is_gone(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(_: Worker) -> None:
        raise Unavailable("the database does not write")

    monkeypatch.setattr(Worker, "tidy", gone)

    await small_shop.worker().stop([])


# Errors


@pytest.mark.parametrize(
    "error", [Unavailable("the database does not write"), LookupError("a bug"), ZeroDivisionError()]
)
async def test_an_error_ends_a_turn_and_never_the_loop_and_is_logged_once(
    error: Exception, small_shop: Shop
) -> None:
    done = asyncio.Event()
    turns = 0

    async def turn() -> None:
        nonlocal turns
        turns += 1
        if turns > 2:
            done.set()
            await asyncio.Event().wait()
        raise error

    with capture_logs() as logged:
        task = asyncio.create_task(small_shop.worker().repeat("tidy", 0, turn))
        await done.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert turns == 3
    assert [(line["where"], line["error"]) for line in logged] == [
        ("worker: tidy", f"{type(error).__name__}: {error}")
    ]
    assert measured(small_shop, 'gate_troubles_total{where="worker: tidy"}') == 2
    assert "gate_loop_success_timestamp_seconds{" not in (
        small_shop.gate.metrics.exposition().decode()
    ), "a loop whose turns all fail has not succeeded"


async def test_a_loop_that_works_shows_when_it_did_last(small_shop: Shop) -> None:
    twice = asyncio.Event()
    turns = 0

    async def turn() -> None:
        nonlocal turns
        turns += 1
        if turns > 1:
            twice.set()

    began = time.time()
    task = asyncio.create_task(small_shop.worker().repeat("tidy", 0, turn))
    await twice.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert measured(small_shop, 'gate_loop_success_timestamp_seconds{loop="tidy"}') >= began


async def test_the_loops_run_and_end(small_shop: Shop) -> None:
    write(small_shop.folder, make_files(close_within="8h"))
    worker, activated = small_shop.worker(), asyncio.Event()
    small_shop.gate.store.on_change(
        lambda topics: activated.set() if policy_sets.TOPIC in topics else None
    )

    tasks = worker.start()
    await activated.wait()
    await worker.stop(tasks)

    assert all(task.done() for task in tasks)


# What it does


async def test_a_round_expires_and_decides_again(shop: Shop) -> None:
    await shop.adopt(standard_changes="[]")
    pending, late = await shop.submit("a"), await shop.submit("b", service="web")
    await shop.gate.store.write(move_into_the_past)
    again = await shop.submit("c", service="ledger")
    await shop.adopt()
    forget_pauses(shop.gate.pauses)

    await shop.worker().changes()

    assert [(await shop.read(change))["state"] for change in (pending, late, again)] == [
        "expired",
        "expired",
        "approved",
    ]


async def test_tidying_forgets_old_keys_and_notes_when_tokens_were_used(shop: Shop) -> None:
    key = IdempotencyKey("k", "b" * 64)
    created = await shop.gate.store.write(
        make_token, TokenCommand(Role.AUDITOR), None, Maker("test")
    )
    worker = shop.worker()
    await shop.ask(make_change("a"), key=key)
    await worker.access.authenticate(created.text)
    await shop.let_pass_hours(25)

    await worker.tidy()
    await worker.tidy()

    (token,) = (await shop.gate.store.read(tokens.token_page, None, Part(2))).rows
    assert token.last_used_at is not None
    assert await shop.gate.store.read(count_keys) == 0


def count_keys(conn: Connection) -> int:
    """How many idempotency keys are kept."""
    return conn.execute(select(func.count()).select_from(schema_work.idempotency)).scalar_one()


async def test_the_clock_follows_the_database(small_shop: Shop) -> None:
    await small_shop.worker().clock()

    database = await small_shop.gate.store.now()

    assert abs(small_shop.gate.clock() - database) < timedelta(seconds=5)


# The folder


async def test_a_change_in_the_folder_is_in_force_after_the_next_turn_also_back_to_what_is_known(
    shop: Shop,
) -> None:
    worker = shop.worker()
    write(shop.folder, make_files())
    await worker.files()
    first = await revision(shop)

    write(shop.folder, make_files(close_within="8h"))
    await worker.files()
    second = await revision(shop)
    write(shop.folder, make_files())
    await worker.files()

    assert first != second
    assert await revision(shop) == first


async def test_a_start_with_known_files_does_not_undo_what_was_activated(shop: Shop) -> None:
    write(shop.folder, make_files())
    other = await shop.adopt(close_within="8h")

    started = shop.worker("another start")
    await started.files()
    at_start = await revision(shop)
    await started.files()

    assert at_start == await revision(shop) == other.revisions.policies


async def test_f29_a_broken_folder_keeps_the_last_good_set_and_is_seen(shop: Shop) -> None:
    worker = shop.worker()
    write(shop.folder, make_files())
    await worker.files()
    good, activated = (
        await revision(shop),
        measured(shop, "gate_policy_set_activated_timestamp_seconds"),
    )

    for broken in (
        {"production.yaml": "policy: production\nrules: 7\n"},
        make_files() | {"extra.yaml": ""},
    ):
        write(shop.folder, broken)
        await worker.files()
        assert (await revision(shop), measured(shop, "gate_policy_files_broken")) == (good, 1)
        assert worker.complaint is not None
        assert "yaml" in worker.complaint
    (shop.folder / "production.yaml").write_bytes(b"\xff\xfe")
    await worker.files()
    assert (await revision(shop), measured(shop, "gate_policy_files_broken")) == (good, 1)

    write(shop.folder, make_files())
    await worker.files()
    assert (await revision(shop), measured(shop, "gate_policy_files_broken")) == (good, 0)
    assert measured(shop, "gate_policy_set_activated_timestamp_seconds") == activated


async def test_a_folder_that_is_gone_is_no_empty_policy(small_shop: Shop) -> None:
    before = await revision(small_shop)
    worker = replace_folder(small_shop.worker(), small_shop.folder / "nowhere")

    await worker.files()

    assert (await revision(small_shop), measured(small_shop, "gate_policy_files_broken")) == (
        before,
        1,
    )


def replace_folder(worker: Worker, folder: Path) -> Worker:
    """The same with another folder."""
    return replace(worker, folder=folder)


BROKEN = "policy: production\nrules: 7\n"


async def test_e27_files_that_were_broken_at_the_first_start_are_the_reason_of_every_pending_change(
    nothing_adopted: Shop,
) -> None:
    shop, worker = nothing_adopted, nothing_adopted.worker()
    write(shop.folder, make_files() | {"production.yaml": BROKEN})
    await worker.files()

    before = await shop.submit("a")
    write(shop.folder, make_files() | {"production.yaml": f"\n{BROKEN}"})
    await worker.files()
    forget_pauses(shop.gate.pauses)
    await worker.changes()
    moved = await shop.read(before)
    (first, second) = await shop.records(before)
    write(shop.folder, make_files())
    await worker.files()
    forget_pauses(shop.gate.pauses)
    await worker.changes()

    because = (
        "no policies are in force, because the policy files cannot be used: "
        "production.yaml:{line}:8: rules: found 7"
    )
    assert before["state"] == "pending"
    assert before["reasons"][0]["because"].startswith(because.format(line=2))
    assert moved["reasons"][0]["because"].startswith(because.format(line=3))
    assert [one["rule"] for one in moved["reasons"]] == ["nothing-in-force"]
    for record in (first, second):  # what was said then can be computed again from the record
        book = await shop.gate.rulebooks.of(record.revisions)
        assert decide(book.policies, record.case) == record.decision
    assert (await shop.read(before))["state"] == "approved"


async def test_e27_what_a_broken_catalogue_says_of_people_is_in_no_record(
    nothing_adopted: Shop,
) -> None:
    shop, files = nothing_adopted, make_files()
    twice = files["catalog.yaml"].replace(
        "\npeople:\n", "\npeople:\n  eve: {emails: [ada@example.com]}\n"
    )
    write(shop.folder, files | {"catalog.yaml": twice})
    await shop.worker().files()

    change = await shop.submit("a")

    (reason,) = change["reasons"]
    (recorded,) = await shop.records(change)
    assert "catalog.yaml:" in reason["because"]
    assert (
        "the catalogue cannot be understood here; `gate policy check` says why" in reason["because"]
    )
    assert "ada@example.com" not in f"{change} {recorded}"
    assert "ada@example.com" in as_json(await upkeep(shop.gate))["policy_files"]["error"]


async def test_e27_a_set_that_waits_for_its_activation_is_the_reason(nothing_adopted: Shop) -> None:
    shop = replace(nothing_adopted, gate=replace(nothing_adopted.gate, activate_at_once=False))
    write(shop.folder, make_files())
    await shop.worker().files()

    change = await shop.submit("a")

    assert change["reasons"][0]["because"] == (
        "no policies are in force; they are registered, and an admin activates them who "
        "did not register them"
    )


async def test_e27_files_that_break_later_are_shown_and_decide_nothing(shop: Shop) -> None:
    worker = shop.worker()
    write(shop.folder, make_files())
    await worker.files()
    write(shop.folder, make_files() | {"production.yaml": BROKEN})
    await worker.files()

    change, shown = await shop.submit("a"), as_json(await upkeep(shop.gate))

    assert change["state"] == "approved"
    assert shown["policy_files"]["error"].startswith("production.yaml:2:8: rules: found 7")
    write(shop.folder, make_files())
    await worker.files()
    assert as_json(await upkeep(shop.gate))["policy_files"] is None


async def test_a_folder_that_was_broken_at_the_start_counts_as_changed_when_it_is_mended(
    small_shop: Shop,
) -> None:
    first = await revision(small_shop)
    await small_shop.adopt(close_within="8h")
    worker = small_shop.worker()
    write(small_shop.folder, make_files() | {"extra.yaml": ""})
    await worker.files()

    write(small_shop.folder, make_files())
    await worker.files()

    assert await revision(small_shop) == first


async def test_an_emptied_folder_is_no_empty_policy(small_shop: Shop) -> None:
    worker = small_shop.worker()
    write(small_shop.folder, make_files())
    await worker.files()
    before = await revision(small_shop)

    write(small_shop.folder, {})
    await worker.files()

    assert (await revision(small_shop), measured(small_shop, "gate_policy_files_broken")) == (
        before,
        1,
    )


async def test_without_any_policy_everything_goes_to_people(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with open_shop(sqlite_url, tmp_path, {}) as shop:
        assert (await shop.submit("a"))["state"] == "pending"
