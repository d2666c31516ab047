"""The gate measures what a host tells as the client measures what git tells: the same words, the
same numbers.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.client.git import commits as client_commits
from gate.client.git import diff as client_diff
from gate.core.facts import decimal
from gate.integrations.code_host.measure import File, Lines, Message, diff_facts, fixes_defect

PATHS = st.lists(st.sampled_from(["a", "b", "src", "x.py"]), min_size=1, max_size=4).map("/".join)
LINES = st.builds(Lines, st.integers(0, 500), st.integers(0, 500))
FILES = st.lists(
    st.builds(File, PATHS, LINES | st.none(), PATHS | st.none()),
    max_size=8,
    unique_by=lambda file: file.path,
)


@given(FILES)
def test_both_measure_the_same(files: list[File]) -> None:
    theirs = client_diff.diff_facts([_as_the_client_sees(one) for one in files])
    ours = diff_facts(files)

    assert {
        name.removeprefix("diff."): value
        for name, value in ours.items()
        if name not in {"diff.files", "diff.entropy"}
    } == {
        name: value
        for name, value in theirs.items()
        if name not in {"files", "entropy"} and value is not None
    }
    assert set(theirs["files"]) == set(ours["diff.files"])  # type: ignore[arg-type]  # a list of texts
    assert ours.get("diff.entropy") == (
        None if theirs["entropy"] is None else decimal(theirs["entropy"])
    )


def _as_the_client_sees(file: File) -> client_diff.File:
    lines = file.lines or Lines(0, 0)
    before = file.path if file.before is None else file.before
    return client_diff.File(
        file.path.encode(),
        before.encode(),
        None,
        lines.added,
        lines.deleted,
        counted=file.lines is not None,
    )


@pytest.mark.parametrize(
    "text",
    [
        "Fix the rounding",
        "bug: rounding",
        "Prefix it",
        "Merge fixes",
        'Revert "Round half to even"\n\nThis reverts commit 1234567.',
        "Round\n\nThis reverts commit 1234567890abcdef.",
        "Round\n\nfix",
        "hotfix",
        "",
    ],
)
def test_both_read_the_same_in_a_message(text: str) -> None:
    theirs = client_commits.Commit("", "", "", "", "", text.partition("\n")[0], text)

    assert (Message(text).repairs, Message(text).reverts) == (theirs.repairs, theirs.reverts)


@pytest.mark.parametrize(
    ("messages", "lines", "fixes"),
    [
        pytest.param([], 0, False, id="nothing"),
        pytest.param([Message("Fix it")], 5, True, id="all of it"),
        pytest.param([Message("Add it")], 5, False, id="none of it"),
        pytest.param(
            [Message("Fix it"), Message("Add it")], 5, None, id="some of it, nobody knows how much"
        ),
        pytest.param(
            [Message("Fix it"), Message("Merge main", is_merge=True)],
            5,
            True,
            id="a merge brings no lines",
        ),
        pytest.param([Message("Fix it")], None, None, id="unknown lines"),
        pytest.param([Message("Fix it")], 0, False, id="no lines"),
    ],
)
def test_what_fixes_a_defect(
    messages: list[Message],
    lines: int | None,
    fixes: bool | None,  # noqa: FBT001 - what is expected
) -> None:
    assert fixes_defect(messages, None if lines is None else [File("a", Lines(lines, 0))]) is fixes


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        (
            "x\n\nCo-authored-by: Ada <ada@example.com>\nco-authored-by: ben@example.com",
            ("ada@example.com", "ben@example.com"),
        ),
        ("x Co-authored-by: nobody", ()),
    ],
)
def test_co_authors(text: str, addresses: tuple[str, ...]) -> None:
    assert Message(text).co_authors == addresses


def test_c14_a_file_whose_lines_are_not_told_leaves_the_lines_unknown_and_keeps_the_rest() -> None:
    facts = diff_facts([File("src/a.py", Lines(5, 2)), File("src/b.bin", None)])

    assert facts == {
        "diff.files": ("src/a.py", "src/b.bin"),
        "diff.files_changed": 2,
        "diff.directories": 1,
        "diff.subsystems": 1,
    }


def test_a_path_that_is_too_long_makes_the_list_unknown_and_keeps_its_count() -> None:
    facts = diff_facts([File("x" * 501, Lines(1, 0))])

    assert "diff.files" not in facts
    assert facts["diff.files_changed"] == 1
