"""Which lines of files differ: as everybody shows it, and in a time that nobody chooses."""

import time
from difflib import unified_diff

from hypothesis import given
from hypothesis import strategies as st

from gate.web.changed_lines import changed_files

SECONDS_MAX = 3.0
"""Generous: without an end of the search it takes half a minute."""

TEXTS = st.lists(st.sampled_from("abcdef"), max_size=40).map("\n".join)


def shown(before: str, now: str) -> list[tuple[str, str]]:
    """The lines of one file that are shown, without those that only give the place."""
    found = changed_files({"a": before}, {"a": now})
    return [(one.kind, one.text) for file in found for one in file.lines if one.text[:2] != "@@"]


@given(TEXTS, TEXTS)
def test_a_difference_is_the_one_that_everybody_knows(before: str, now: str) -> None:
    kinds = {"+": "add", "-": "cut"}
    known = [*unified_diff(before.splitlines(), now.splitlines(), lineterm="")][2:]

    assert shown(before, now) == [
        (kinds.get(line[0], ""), line) for line in known if not line.startswith("@@")
    ]


def test_a_file_that_is_new_or_gone_is_shown_whole() -> None:
    found = changed_files({"gone": "a", "same": "b"}, {"new": "c", "same": "b"})

    assert [(one.file, [(line.kind, line.text) for line in one.lines]) for one in found] == [
        ("gone", [("", "@@ -1,1 +1,0 @@"), ("cut", "-a")]),
        ("new", [("", "@@ -1,0 +1,1 @@"), ("add", "+c")]),
    ]


def test_no_text_takes_long_and_none_of_its_lines_is_left_out() -> None:
    before, now = (
        "\n".join(f"#same{k}\n#{word}{k}" for k in range(7_000)) for word in ("old", "new")
    )
    began = time.process_time()

    found = [text for _, text in shown(before, now)]

    assert time.process_time() - began < SECONDS_MAX
    assert [line[1:] for line in found if line[0] != "+"][-1] == before.splitlines()[-1]
    assert {line[1:] for line in found if line[0] != "-"} >= {f"#new{k}" for k in range(7_000)}
