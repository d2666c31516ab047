"""An export proves what it says, and whatever was changed in it is found and placed (A64, A65, A67,
F30).
"""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.ledger.export import FAULTS_MAX, end_line, entry_line, fault_line, removed_line
from gate.ledger.note import SigningKey
from gate.ledger.signers import rotation_text
from tests.ledger.exports import (
    KEY,
    administration,
    admission,
    closure,
    entry,
    export_of,
    faults_of,
    note_of,
    passing,
    tree_of,
)

NEW_KEY = SigningKey(KEY.name, Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
STRANGER = SigningKey(KEY.name, Ed25519PrivateKey.from_private_bytes(bytes(32)))
CHANGES = 100
Entry = dict[str, Any]


def story(changes: int = CHANGES) -> list[Entry]:
    """So many changes that passed, were admitted and closed."""
    entries = administration()
    for number in range(changes):
        name = f"chg_{number:03}"
        entries += [passing(name), admission(change=name), closure(change=name)]
    return entries


STORY = story()
SIZE = len(STORY)
LINES = export_of(STORY, heads=(10, 150, 256))
ENTRY_LINES = [place for place, line in enumerate(LINES) if line.startswith(b'{"entry":')]


def line_of(index: int) -> int:
    """Which line has the entry at that place."""
    return ENTRY_LINES[index]


def first(lines: list[bytes], **asked: Any) -> tuple[int, str]:
    """The first fault; there must be one."""
    found = faults_of(lines, **asked)
    assert found, "nothing was found"
    return found[0]


def test_a_whole_export_verifies() -> None:
    assert faults_of(LINES) == []
    assert SIZE > 256  # more than one tile


def test_an_empty_export_and_one_without_a_head_prove_nothing() -> None:
    assert "is not its end" in first([])[1]
    assert (
        "newest valid checkpoint covers 0"
        in first([line for line in LINES if b'{"checkpoint"' not in line])[1]
    )


@pytest.mark.slow
@settings(max_examples=300)
@given(st.integers(0, sum(map(len, LINES)) - 1), st.integers(0, 7))
def test_no_bit_anywhere_can_be_changed(place: int, bit: int) -> None:
    flipped = bytearray(b"".join(LINES))
    flipped[place] ^= 1 << bit

    assert faults_of(bytes(flipped).splitlines(keepends=True))


@pytest.mark.parametrize("index", [0, 7, 8, 200, 255, 256, SIZE - 1])
def test_a64_an_entry_that_was_changed_is_found_at_its_place(index: int) -> None:
    lines = list(LINES)
    body = bytearray(lines[line_of(index)])
    body[body.index(b"2026")] ^= 1
    lines[line_of(index)] = bytes(body)

    assert first(lines) == (index, "this is not the entry that was sealed here")


def test_a64_two_entries_that_were_swapped_are_found_at_the_first() -> None:
    lines = list(LINES)
    one, other = line_of(9), line_of(12)
    lines[one], lines[other] = lines[other], lines[one]

    assert first(lines) == (9, "this is not the entry that was sealed here")


@pytest.mark.parametrize("index", [3, 258, SIZE - 1])
def test_a64_an_entry_that_is_left_out_or_put_in_is_found_there(index: int) -> None:
    without, more = list(LINES), list(LINES)
    del without[line_of(index)]
    more.insert(line_of(index), entry_line(b"{}"))

    assert first(without)[0] == index
    assert first(more)[0] == index


def test_a64_an_entry_that_is_gone_from_the_database_leaves_the_others_judged() -> None:
    lines = list(LINES)
    lines[line_of(9)] = removed_line(9)  # the closure of a change: nothing follows from it

    assert faults_of(lines) == [(9, "the entry was removed from the database")]


def test_a_row_that_says_something_else_than_its_entry_is_told() -> None:
    lines = list(LINES)
    lines.insert(
        line_of(20), fault_line(19, "decisions.outcome is 'approved', the entry says 'rejected'")
    )

    assert faults_of(lines) == [(19, "decisions.outcome is 'approved', the entry says 'rejected'")]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(lambda _: b"", "is missing", id="removed"),
        pytest.param(
            lambda record: record.replace(b'"number":1', b'"number":2'),
            "its SHA-256 is another one",
            id="another",
        ),
        pytest.param(lambda record: record * 2, "a record stands here", id="twice"),
    ],
)
def test_a64_a_record_that_is_not_the_decided_one_is_found(change: Any, says: str) -> None:
    lines = list(LINES)
    place = line_of(7) + 1
    lines[place : place + 1] = change(lines[place]).splitlines(keepends=True)

    index, what = first(lines)
    assert index == 7
    assert says in what


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(lambda _: b"", "are missing", id="removed"),
        pytest.param(lambda line: line.replace(b"all", b"any"), "not those that", id="others"),
        pytest.param(lambda line: line * 2, "registers none", id="twice"),
    ],
)
def test_a64_policies_that_are_not_the_registered_ones_are_found(change: Any, says: str) -> None:
    lines = list(LINES)
    place = line_of(1) + 1
    lines[place : place + 1] = change(lines[place]).splitlines(keepends=True)

    index, what = first(lines)
    assert index == 1
    assert says in what


def test_a65_a_tail_that_was_rewritten_and_signed_again_contradicts_an_older_head() -> None:
    rewritten = [
        *STORY[:200],
        *({**one, "at": "2026-01-30T12:00:00.000000Z"} for one in STORY[200:]),
    ]
    older, oldest = note_of(tree_of(STORY), 240), note_of(tree_of(STORY), 150)
    lines = export_of(rewritten)

    assert faults_of(lines) == []  # it is consistent in itself, and signed with the real key
    assert faults_of(lines, since=[oldest]) == []  # its beginning is the same
    index, what = first(lines, since=[older, oldest])
    assert (index, "150 to 239" in what) == (150, True)


def test_a65_a_history_that_became_shorter_contradicts_an_older_head() -> None:
    kept = note_of(tree_of(STORY), SIZE)

    assert "of those 100 are here" in first(export_of(STORY[:100]), since=[kept])[1]
    assert faults_of(LINES, since=[kept, note_of(tree_of(STORY), 1)]) == []


def test_a67_two_views_of_one_log_contradict_each_other() -> None:
    one, other = [*STORY, passing("chg_a")], [*STORY, passing("chg_b")]

    assert faults_of(export_of(one), since=[note_of(tree_of(STORY), SIZE)]) == []
    assert first(export_of(one), since=[note_of(tree_of(other), len(other))])[0] == 0


def test_what_was_kept_outside_has_to_be_signed_by_this_log() -> None:
    kept = note_of(tree_of(STORY), 100)

    assert "not of this log" in first(LINES, since=[note_of(tree_of(STORY), 100, STRANGER)])[1]
    assert "no checkpoint" in first(LINES, since=[b"nothing"])[1]
    assert "not of this log" in first(LINES, since=[kept.replace(b"\n100\n", b"\n101\n")])[1]


def test_a_head_between_narrows_down_what_was_rewritten_without_the_key() -> None:
    other = story(CHANGES)
    other[120]["at"] = "2026-01-30T12:00:00.000000Z"
    signed_before = {size: note_of(tree_of(STORY), size) for size in (100, 150, SIZE)}
    lines = export_of(other, heads=signed_before)
    lines = [genuine(line, signed_before) for line in lines]

    index, what = first(lines)
    assert (index, "100 to 149" in what) == (100, True)


def genuine(line: bytes, notes: dict[int, bytes]) -> bytes:
    """In the place of a forged head the one that the real key has signed."""
    if not line.startswith(b'{"checkpoint"'):
        return line
    size = int(json.loads(line)["checkpoint"].split("\n")[1])
    return (
        json.dumps(
            {"checkpoint": notes[size].decode()}, ensure_ascii=False, separators=(",", ":")
        ).encode()
        + b"\n"
    )


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        pytest.param(LINES[:-1], "is not its end", id="cut at the end"),
        pytest.param(LINES[:100], "is not its end", id="cut in the middle"),
        pytest.param([*LINES[:-1], LINES[-1][:-1]], "is none", id="the last line feed is missing"),
        pytest.param([*LINES, LINES[-1]], "is not its end", id="two ends"),
        pytest.param([*LINES[:-1], end_line(SIZE - 1)], "of no known form", id="an end that counts otherwise"),
        pytest.param([*LINES[:20], b"\n", *LINES[20:]], "is none", id="an empty line"),
        pytest.param([*LINES[:20], b'{"other":1}\n', *LINES[20:]], "of no known form", id="a line of another kind"),
        pytest.param([*LINES[:20], LINES[0], *LINES[20:]], "is none", id="a second header"),
        pytest.param(LINES[1:], "is none", id="no header"),
        pytest.param([LINES[0].replace(b",1,", b",2,"), *LINES[1:]], "of no known form", id="another version"),
        pytest.param([b'{"entry":' + b"[" * 100_000 + b"}\n"], "no entry", id="nested too deep"),
        pytest.param([*LINES[:1], LINES[1].replace(b"0/000", b"0/001"), *LINES[2:]], "wrong place", id="another tile"),
        pytest.param([line for line in LINES if b'"0/001' not in line], "sealed here", id="a tile is left out"),
        pytest.param([line.replace(b'"1/000.p/1"', b'"1/000"') for line in LINES], "wrong place", id="a tile of another width"),
    ],
)  # fmt: skip
def test_what_is_no_whole_export_is_refused(lines: list[bytes], says: str) -> None:
    assert any(says in what for _, what in faults_of(lines))


def test_a_higher_tile_is_what_follows_from_those_below() -> None:
    place = next(number for number, line in enumerate(LINES) if line.startswith(b'{"tile":["1/'))
    lines = list(LINES)
    lines[place] = lines[place].replace(
        b'.p/1","', b'.p/1","' + base64.b64encode(bytes(32))[:4], 1
    )[: len(lines[place])]
    forged = (
        json.dumps(
            {"tile": ["1/000.p/1", base64.b64encode(bytes(32)).decode()]}, separators=(",", ":")
        ).encode()
        + b"\n"
    )

    assert first([*LINES[:place], forged, *LINES[place + 1 :]]) == (
        0,
        "tile 1/000.p/1 is not what follows from the tiles below it",
    )
    assert faults_of(lines)


def test_another_key_than_the_logs_is_refused() -> None:
    assert any(
        "no known key has signed" in what for _, what in faults_of(export_of(STORY, key=STRANGER))
    )
    assert any("a key that was not given" in what for _, what in faults_of(LINES, keys=[STRANGER]))
    other = SigningKey.generate("other.example.com/decisions")
    assert "the key is that of other" in first(LINES, keys=[other])[1]


def rotated(signer: SigningKey = KEY, **fields: Any) -> list[Entry]:
    """The story with a new key in its middle, to which the old one hands over."""
    signature = base64.b64encode(signer.sign(rotation_text(str(NEW_KEY.verifier)))).decode()
    handing_over = entry(
        "key", key=str(NEW_KEY.verifier), action="rotated", signature=signature, **fields
    )
    return [*STORY[:50], handing_over, *STORY[50:]]


@pytest.mark.parametrize("given_keys", [[KEY], [NEW_KEY], [KEY, NEW_KEY]])
def test_f30_after_a_rotation_either_key_verifies_everything(given_keys: list[SigningKey]) -> None:
    entries = rotated()
    lines = export_of(entries, heads=(40,), key=NEW_KEY)
    tree = tree_of(entries)
    old, newest = note_of(tree, 40), note_of(tree, len(entries), NEW_KEY)
    lines = [genuine(line, {40: old, len(entries): newest}) for line in lines]

    assert faults_of(lines, keys=given_keys, since=[old]) == []


def test_f30_a_key_to_which_the_old_one_did_not_hand_over_is_not_trusted() -> None:
    lines = export_of(rotated(STRANGER), key=NEW_KEY)

    assert first(lines) == (
        50,
        f"the key {NEW_KEY.verifier} does not follow from the key before it",
    )
    assert any(
        "a key that was not given" in what or "not signed as it should" in what
        for _, what in faults_of(lines)
    )


def epochs() -> list[Entry]:
    """The story with a restore after 100 entries, of which an operator has said so."""
    opened = entry("epoch", epoch=2, size=100, signed=130, root="0" * 64)
    return [*STORY[:100], opened, *STORY[100:]]


def test_a66_a_new_epoch_is_another_log_to_whoever_has_a_head_of_the_former_one() -> None:
    entries = epochs()
    lines = export_of(entries, epochs=[100])
    before = [*STORY[:100], *story(101)[103:140]]  # what had been signed, and was lost

    assert faults_of(lines, since=[note_of(tree_of(before), 90)]) == []
    index, what = first(lines, since=[note_of(tree_of(before), 130)])
    assert (index, what) == (
        100,
        "130 entries were signed when the checkpoint was kept, of those 100 are here",
    )


def test_a66_a_head_of_the_wrong_epoch_is_refused() -> None:
    entries = epochs()

    assert any("another epoch" in what for _, what in faults_of(export_of(entries)))
    assert any("another epoch" in what for _, what in faults_of(export_of(STORY, epochs=[0])))


def test_only_so_many_faults_are_kept() -> None:
    assert len(faults_of([LINES[0], *[entry_line(b"{}")] * 500])) == FAULTS_MAX
