"""An evidence pack proves itself offline; whatever is changed in it, taken out or put in is found."""

import io
import zipfile
from pathlib import Path
from warnings import catch_warnings

import pytest

from gate.cli.ledger import offline
from gate.errors import NotFound, Unavailable
from gate.flow.audit.evidence import evidence
from gate.flow.caller import Machine, Role
from gate.flow.changes import review
from gate.flow.commands import ReviewCommand
from gate.ledger.note import VerifierKey
from gate.ledger.pack import ABOUT, PackCheck
from tests.builders import Wire
from tests.flow.ledger.exported import settle
from tests.flow.shop import ADA, AUDITOR, Shop

pytestmark = pytest.mark.anyio
LARGE = {"diff.lines_added": 500, "diff.lines_deleted": 2, "diff.files_changed": 1}


async def whole_life(shop: Shop) -> Wire:
    """A change that was decided twice, approved, admitted and closed."""
    change = await shop.submit("b", claims=LARGE)
    await shop.adopt(rules="[{id: any, title: Any, points_by: diff.lines_added, steps: {1: 50}}]")
    change = await shop.submit("b", claims=LARGE)
    shown = ReviewCommand(change["subject_digest"], "looks right")
    await review.approve(shop.gate, change["id"], shown, ADA)
    await shop.admit(await shop.read(change))
    await shop.close(change)
    return change


def unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def faults_of(files: dict[str, bytes], key: VerifierKey) -> list[str]:
    check = PackCheck(files, [key])
    check.run()
    return [what for _, what in check.faults]


async def test_a_pack_has_everything_and_proves_it(shop: Shop, tmp_path: Path) -> None:
    change = await whole_life(shop)
    await settle(shop)
    key = (await shop.gate.signing.own()).verifier

    content = await evidence(shop.gate, change["id"], AUDITOR)

    files = unpacked(content)
    kinds = [name.partition("-")[2].partition(".")[0] for name in files if "proofs/" in name]
    assert kinds == ["decision", "decision", "approval", "admission", "closure"]
    assert {"records/1.json", "records/2.json"} <= files.keys()
    assert len([name for name in files if name.startswith("policies/")]) == 2
    assert b"looks right" in files["about/change.json"]
    assert b'"same": true' in files["about/replay.json"]
    assert faults_of(files, key) == []
    pack = tmp_path / "pack.zip"
    pack.write_bytes(content)
    assert offline.verify(pack, [str(key)], []) == 0
    assert content == await evidence(shop.gate, change["id"], AUDITOR)


async def test_every_byte_that_is_proved_is_covered(shop: Shop) -> None:
    change = await whole_life(shop)
    await settle(shop)
    key = (await shop.gate.signing.own()).verifier
    files = unpacked(await evidence(shop.gate, change["id"], AUDITOR))
    proved = [name for name in files if not name.startswith(ABOUT)]

    for name in proved:
        middle = len(files[name]) // 2
        flipped = bytearray(files[name])
        flipped[middle] ^= 1
        assert faults_of({**files, name: bytes(flipped)}, key), f"{name} was changed"
    for name in proved:
        without = {other: content for other, content in files.items() if other != name}
        if not name.startswith("proofs/"):
            assert faults_of(without, key), f"{name} was taken out"
    assert faults_of({**files, "records/9.json": b"{}"}, key) == [
        "records/9.json is in the pack, and no entry has its digest"
    ]
    no_decision = {name: one for name, one in files.items() if "-decision" not in name}
    assert "the pack proves no decision" in faults_of(no_decision, key)


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        pytest.param("decision", "decision 2 of {} follows decision 0", id="the first decision"),
        pytest.param("approval", "who gave none that counts", id="what the admission rests on"),
        pytest.param("admission", "{} is closed, and was never admitted", id="the admission"),
    ],
)
async def test_an_act_that_others_follow_from_is_not_left_out_unnoticed(
    shop: Shop, left_out: str, said: str
) -> None:
    change = await whole_life(shop)
    await settle(shop)
    key = (await shop.gate.signing.own()).verifier
    files = unpacked(await evidence(shop.gate, change["id"], AUDITOR))
    proofs = sorted(name for name in files if name.endswith(f"-{left_out}.tlog-proof"))

    del files[proofs[0]]
    if left_out == "decision":
        del files["records/1.json"]

    assert any(said.format(change["id"]) in fault for fault in faults_of(files, key))


async def test_entries_of_two_changes_are_no_evidence_of_one(shop: Shop) -> None:
    one, other = await whole_life(shop), await shop.submit("a", service="web")
    await settle(shop)
    key = (await shop.gate.signing.own()).verifier
    both = unpacked(await evidence(shop.gate, other["id"], AUDITOR)) | unpacked(
        await evidence(shop.gate, one["id"], AUDITOR)
    )

    assert any("this entry is about" in what for what in faults_of(both, key))


async def test_what_is_not_signed_yet_or_not_seen_is_not_packed(shop: Shop) -> None:
    change = await shop.submit("a")
    stranger = Machine("stranger", Role.PIPELINE, frozenset({"web"}))

    with pytest.raises(Unavailable, match="not signed yet"):
        await evidence(shop.gate, change["id"], AUDITOR)
    with pytest.raises(NotFound):
        await evidence(shop.gate, change["id"], stranger)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        pytest.param("about/../records/1.json", "another place", id="out of its folder"),
        pytest.param("../x", "another place", id="above"),
        pytest.param("/etc/x", "another place", id="absolute"),
        pytest.param("about/..\\records\\1.json", "another place", id="as Windows writes it"),
        pytest.param("about//x", "another place", id="a part without a name"),
        pytest.param("about/c:x", "another place", id="a drive"),
        pytest.param("about/\u202ex", "another place", id="read from right to left"),
        pytest.param("records/1.json", "twice", id="what is verified, once more"),
    ],
)
async def test_a_pack_that_unpacks_to_other_files_than_were_verified_is_refused(
    shop: Shop, tmp_path: Path, name: str, says: str
) -> None:
    change = await shop.deploy("a")
    await settle(shop)
    key = (await shop.gate.signing.own()).verifier
    pack = tmp_path / "pack.zip"
    pack.write_bytes(await evidence(shop.gate, change["id"], AUDITOR))
    assert offline.verify(pack, [str(key)], []) == 0
    with catch_warnings(action="ignore"), zipfile.ZipFile(pack, "a") as packed:
        packed.writestr(name, "{}")

    with pytest.raises(offline.CannotVerify, match=says):
        offline.verify(pack, [str(key)], [])


async def test_a_link_in_a_pack_is_refused(shop: Shop, tmp_path: Path) -> None:
    key = (await shop.gate.signing.own()).verifier
    pack = tmp_path / "pack.zip"
    link = zipfile.ZipInfo("about/change.json")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(pack, "w") as packed:
        packed.writestr(link, "/etc/passwd")

    with pytest.raises(offline.CannotVerify, match="another place"):
        offline.verify(pack, [str(key)], [])


async def test_what_is_no_pack_is_not_verified(shop: Shop, tmp_path: Path) -> None:
    key = (await shop.gate.signing.own()).verifier
    broken = tmp_path / "broken.zip"
    broken.write_bytes(offline.ZIP_BEGINS + b"and no more")

    with pytest.raises(offline.CannotVerify, match="cannot be unpacked"):
        offline.verify(broken, [str(key)], [])
