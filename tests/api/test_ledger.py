"""`/v1/ledger` over HTTP: what is public, what is kept in caches, and that everything fits together
for a stranger.
"""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gate.flow.caller import Role
from gate.flow.entries import append_entry
from gate.ledger.checkpoint import Checkpoint, open_checkpoint, read_proof, verify_proof
from gate.ledger.format import Kind
from gate.ledger.note import VerifierKey
from gate.ledger.tiles import tile_path
from gate.ledger.tree import HASH_BYTES, hash_leaf
from gate.storage.store import transaction
from tests.api.served import Served, admission, request, served
from tests.ledger.trees import root_of

pytestmark = pytest.mark.anyio
WAIT = {"wait": "20"}


@pytest.fixture
async def service(database_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(database_url, tmp_path) as running:
        yield running


async def submitted(service: Served, run: str = "1") -> tuple[httpx.AsyncClient, str]:
    """A pipeline and its change, which passed by itself."""
    pipeline = await service.pipeline()
    answer = await pipeline.post("/v1/changes", json=request(run))
    assert answer.status_code == 201
    return pipeline, answer.json()["id"]


async def key_of(service: Served) -> VerifierKey:
    return VerifierKey.parse((await service.anybody().get("/v1/ledger/key")).text)


async def head_of(service: Served) -> Checkpoint:
    return open_checkpoint(
        (await service.anybody().get("/v1/ledger/checkpoint")).content, [await key_of(service)]
    )


async def test_a_proof_is_waited_for_and_verifies_offline(service: Served) -> None:
    pipeline, change = await submitted(service)

    answer = await pipeline.get(f"/v1/changes/{change}/proof", params=WAIT)

    proof = read_proof(answer.content)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert proof.extra is not None
    assert f'"change":"{change}"'.encode() in proof.extra
    assert b'"kind":"decision"' in proof.extra
    head = verify_proof(proof, proof.extra, [await key_of(service)])
    assert head.size > proof.index


async def test_a_proof_of_another_kind_is_the_newest_entry_of_that_kind(service: Served) -> None:
    pipeline, change = await submitted(service)
    before = await pipeline.get(f"/v1/changes/{change}/proof", params={"kind": "admission"})
    await pipeline.post(f"/v1/changes/{change}/admission", json=admission())

    proof = read_proof(
        (
            await pipeline.get(f"/v1/changes/{change}/proof", params={"kind": "admission", **WAIT})
        ).content
    )

    assert (before.status_code, before.json()["type"]) == (404, "urn:gate:problem:not_found")
    assert b'"kind":"admission"' in (proof.extra or b"")
    verify_proof(proof, proof.extra or b"", [await key_of(service)])


async def test_where_nothing_is_signed_checkpoint_and_proof_say_so(
    sqlite_url: str, tmp_path: Path
) -> None:
    """On a database with entries whose key is missing."""
    with transaction(sqlite_url) as tx:
        append_entry(tx, Kind.REFUSAL, None, problem="not_allowed", operation="test")
    async with served(sqlite_url, tmp_path, signing_key_file=tmp_path / "missing.key") as service:
        pipeline, change = await submitted(service)

        for answer in (
            await service.anybody().get("/v1/ledger/checkpoint"),
            await service.anybody().get("/v1/ledger/key"),
            await pipeline.get(f"/v1/changes/{change}/proof", params={"wait": "1"}),
        ):
            assert (answer.status_code, answer.json()["type"]) == (
                503,
                "urn:gate:problem:signing_unavailable",
            )
            assert int(answer.headers["retry-after"]) > 0


async def test_a_proof_is_for_those_who_may_read_the_change(service: Served) -> None:
    _, change = await submitted(service)

    assert (await service.anybody().get(f"/v1/changes/{change}/proof")).status_code == 401
    assert (
        await (await service.pipeline("checkout")).get(f"/v1/changes/{change}/proof")
    ).status_code == 404
    assert (
        await (await service.pipeline()).get(
            f"/v1/changes/{change}/proof", params={"kind": "token"}
        )
    ).status_code == 422
    assert (
        await (await service.auditor()).get(f"/v1/changes/{change}/proof", params=WAIT)
    ).status_code == 200


async def test_tiles_and_entries_are_for_readers_of_the_log(service: Served) -> None:
    pipeline, change = await submitted(service)
    await pipeline.get(f"/v1/changes/{change}/proof", params=WAIT)

    for path in (
        "/v1/ledger/tile/0/000.p/1",
        "/v1/ledger/tile/entries/000.p/1",
        "/v1/ledger/entries/0",
    ):
        assert (await service.anybody().get(path)).status_code == 401
        assert (await pipeline.get(path)).status_code == 403
        assert (
            await service.anybody(await service.token(Role.HOOK, "web")).get(path)
        ).status_code == 403
        answer = await (await service.auditor()).get(path)
        assert (answer.status_code, answer.headers["cache-control"]) == (
            200,
            "private, max-age=31536000, immutable",
        )


async def test_a_stranger_with_the_tiles_comes_to_the_signed_root(service: Served) -> None:
    pipeline, change = await submitted(service)
    await pipeline.get(f"/v1/changes/{change}/proof", params=WAIT)
    auditor, head = await service.auditor(), await head_of(service)

    tile = await auditor.get(f"/v1/ledger/tile/{tile_path(0, 0, head.size)}")
    bundle = await auditor.get(f"/v1/ledger/tile/{tile_path(None, 0, head.size)}")

    hashes = [
        tile.content[begin : begin + HASH_BYTES]
        for begin in range(0, len(tile.content), HASH_BYTES)
    ]
    entries = unbundled(bundle.content)
    assert (
        tile.headers["content-type"] == bundle.headers["content-type"] == "application/octet-stream"
    )
    assert [hash_leaf(entry) for entry in entries] == hashes
    assert root_of(hashes) == head.root
    for index in (0, head.size - 1):
        assert (await auditor.get(f"/v1/ledger/entries/{index}")).content == entries[index]


async def test_the_checkpoint_is_public_text_and_not_kept_for_long(service: Served) -> None:
    _, change = await submitted(service)
    await (await service.auditor()).get(f"/v1/changes/{change}/proof", params=WAIT)

    answer = await service.anybody().get("/v1/ledger/checkpoint")

    origin, size, root, blank, signature, end = answer.text.split("\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=1"
    assert (origin, blank, end) == ("gate.example.com/decisions", "", "")
    assert int(size) > 0
    assert len(base64.b64decode(root)) == HASH_BYTES
    assert signature.startswith(f"— {origin} ")


NOT_THERE = (
    "tile/0/001", "tile/0/000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/0", "tile/9/000.p/1", "tile/entries/000",
    "tile/x/000", "tile/0/..%2f000", "tile/", "entries/-1", "entries/01", "entries/1e3", "entries/999999", "entries/x",
    "entries/99999999999999999999999",
)  # fmt: skip


async def test_what_is_not_there_is_not_found(service: Served) -> None:
    auditor = await service.auditor()

    answers = {path: (await auditor.get(f"/v1/ledger/{path}")).status_code for path in NOT_THERE}

    assert answers == dict.fromkeys(NOT_THERE, 404)


def unbundled(bundle: bytes) -> list[bytes]:
    """The entries of a bundle: each behind its length in two bytes."""
    entries = []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        entries.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    return entries
