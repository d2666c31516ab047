"""What a person wrote, and who they are, stands in `texts` alone: nowhere in a record, an entry or
the row of a change.
"""

import json
from typing import Any

import pytest
from sqlalchemy import Connection, Table, select

from gate.core.change import Assessment, Emergency, Repository, Result, Run
from gate.flow.changes import cancel
from gate.flow.commands import FreezeCommand, IdempotencyKey
from gate.flow.policies import freezes, policies
from gate.flow.queries import log
from gate.storage import texts
from gate.storage.changes import keys
from gate.storage.changes.log import LogFilters
from gate.storage.database.tx import Tx
from gate.storage.tables import schema, schema_people, schema_policies, schema_work
from tests.builders import ISSUER, SMALL, commit_of, make_person
from tests.flow.shop import ADA, ADMIN, PIPELINE, Shop, make_files

pytestmark = pytest.mark.anyio

WAYS = (
    "{} plain",
    "{} größer als früher",
    '{} "quoted" \\ and /slashed/',
    "{} in\ntwo lines\twith a tab",
    "{} \N{RIGHT-TO-LEFT OVERRIDE} backwards \N{SLIGHTLY SMILING FACE} \N{ZERO WIDTH SPACE}",
    "{}" + " and so on" * 300,
)
"""Ways to write a text in which `{}` stands for a word that occurs nowhere else."""

TEXT_FIELDS = ("title", "description", "impact", "rollback_plan", "test_plan", "requested_by")
SECRET = "xq{}zv"  # noqa: S105 - a word to be found again


KEY = IdempotencyKey("key", "b" * 64)


def words() -> list[str]:
    """A word of its own for every field and way."""
    return [SECRET.format(number) for number in range(200)]


async def a_life_full_of_words(shop: Shop, way: str) -> list[str]:
    """Take every step of a change, each text with a word of its own; return the words."""
    left = iter(words())
    used: list[str] = []

    def text() -> str:
        used.append(next(left))
        return way.format(used[-1])

    def person() -> str:
        used.append(next(left))
        return f"{used[-1]}@example.com"

    def all_texts() -> dict[str, Any]:
        written = {name: text() for name in TEXT_FIELDS}
        return {**written, "assessment": Assessment(text(), text(), text(), text(), text())}

    repository = Repository(ISSUER, 1001, "acme/checkout")
    first = await shop.submit(
        "a", authors=(person(), person()), repository=repository, key=KEY, **all_texts()
    )
    await shop.admit(first)
    await shop.close(first, Result.SUCCESSFUL_ISSUES, notes=text())
    await shop.close(first, Result.UNSUCCESSFUL, notes=text())
    waiting = await shop.submit(
        "b", claims={}, authors=(person(),), emergency=Emergency(text(), "INC-1"), service="web"
    )
    emergency = Emergency(text(), "INC-1")
    await shop.submit(
        "b", claims=SMALL, authors=(person(),), emergency=emergency, service="web", **all_texts()
    )
    made = await freezes.add(shop.gate, FreezeCommand(text(), stop=True), ADA)
    held = await shop.submit("c", base=commit_of("a"), title=text())
    await shop.round()
    await freezes.lift(shop.gate, made.id, ADA)
    await shop.round()
    await cancel.cancel(shop.gate, waiting["id"], text(), PIPELINE)
    await cancel.cancel(shop.gate, held["id"], text(), PIPELINE)
    await shop.submit("d", title=text(), service="ledger", run=Run("d", 1, ""))
    await shop.close(await shop.submit("e", environment="staging", title=text()), notes=text())
    registered = await policies.register(shop.gate, make_files(close_within="9h"), ADMIN)
    await policies.activate(shop.gate, registered.revision, text(), make_person("ben"))
    return used


def rows(conn: Connection, table: Table) -> str:
    """Everything in a table, and what its JSON says once it is read."""
    found = []
    for row in conn.execute(select(table)):
        for value in row:
            plain = _plain(value)
            found += [plain, _read(plain)]
    return "\n".join(found)


def _plain(value: object) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode(errors="replace")
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def _read(text: str) -> str:
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:  # not JSON: a word, or the bytes of a hash, which may begin with a bracket
        return ""


PUBLIC = (
    schema.ledger_entries,
    schema.decisions,
    schema.changes,
    schema.closures,
    schema_policies.policy_sets,
    schema_policies.freezes,
    schema_work.rollups,
)


@pytest.mark.parametrize("way", WAYS)
async def test_no_word_that_a_person_wrote_is_in_what_is_never_erased(
    small_shop: Shop, way: str
) -> None:
    used = await a_life_full_of_words(small_shop, way)

    for table in (*PUBLIC, schema_policies.in_force, schema.standard_changes, schema_people.tokens):
        content = await small_shop.gate.store.read(rows, table)
        assert [word for word in used if word in content] == [], table.name
    kept = await small_shop.gate.store.read(rows, schema.texts)
    assert [word for word in used if word not in kept] == []


async def test_after_erasing_no_word_is_anywhere_and_every_record_is_what_it_was(
    shop: Shop,
) -> None:
    used = await a_life_full_of_words(shop, WAYS[0])
    before = (
        await shop.gate.store.read(rows, schema.decisions),
        await shop.gate.store.read(rows, schema.ledger_entries),
    )

    await shop.gate.store.write(erase_all)

    for table in schema.metadata.sorted_tables:
        content = await shop.gate.store.read(rows, table)
        assert [word for word in used if word in content] == [], table.name
    assert [
        row for word in used async for row in log.stream(shop.gate, LogFilters(words=word))
    ] == []
    assert before == (
        await shop.gate.store.read(rows, schema.decisions),
        await shop.gate.store.read(rows, schema.ledger_entries),
    )


def erase_all(tx: Tx) -> None:
    """Every text, and the copies of it."""
    changes = list(tx.conn.execute(select(schema.changes.c.id)).scalars())
    texts.erase(tx, list(tx.conn.execute(select(schema.texts.c.id)).scalars()), changes)
    keys.delete_expired(tx)
