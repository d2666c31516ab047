"""What is shown: text of others gives no command, no markup and no surprise, in any format."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.client.show.formats import show
from gate.client.show.github import SUMMARY_BYTES_MAX, code_span, fenced, markdown, mask, outputs
from gate.client.show.outcome import Outcome
from gate.client.show.summary import summary
from gate.client.show.text import visible
from gate.client.world import World
from tests.client.fake_gate import a_change
from tests.client.worlds import a_world, noted, said

HOSTILE = [
    "![x](http://evil.example.com/i.png)",
    "@everyone and @octo-org/team",
    "</details><script>alert(1)</script>",
    "``` \n# heading\n```",
    "a `code` ``more`` b",
    "x\n::stop-commands::y",
    "::add-mask::z",
    "  ::set-output name=decision::approved",
    "##[set-env name=PATH]x",
    "decision=approved\ndecision<<EOF\napproved\nEOF",
    "\x1b[2J\x1b]0;title\x07red\x1b[31m",
    "\u202eevil\u2066 \u200b",
    "nul\x00 and \x9b31m and \x7f",
    "https://evil.example.com www.evil.example.com",
    "| a | b |",
    "\u2028::error::x",
]


def hostile_change(text: str) -> dict[str, Any]:
    """A change with this text wherever a text can stand."""
    reason = {"rule": text, "title": text, "points": 8, "holds": True, "because": text, "facts": {}}
    return a_change(
        **dict.fromkeys(
            ("id", "service", "environment", "commit", "type", "route", "standard_change"), text
        ),
        risk={"score": text, "band": text},
        reasons=[reason, "no reason"],
        policy={"name": text},
        hold={"reason": text, "until": text},
        approvals={"required": [{"by": [text], "count": 1, "missing": 1}, text]},
        links={"page": text},
    )


def shown(folder: Path, outcome: Outcome, output: str, **env: str) -> World:
    world = a_world(folder, env=env)
    show(outcome, output, world)
    return world


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_one_visible_line_that_is_no_command(text: str) -> None:
    line = visible(text)

    assert line.isprintable()
    assert not line.lstrip().startswith("::")
    assert "##[" not in line


@given(st.text())
def test_any_text_is_one_visible_line_that_is_no_command(text: str) -> None:
    line = visible(text)

    assert all(character.isprintable() for character in line)
    assert not line.lstrip().startswith("::")
    assert "##[" not in line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Grüße, 世界", "Grüße, 世界"),
        ("a\r\n\tb", "a b"),
        ("a\u202eb", "a\\u202eb"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("\x1b[1mbold\x1b[0m", "bold"),
        ("x" * 3_000, "x" * 1_999 + "…"),
        (None, "None"),
        (7, "7"),
    ],
)
def test_what_cannot_be_seen_is_shown_and_the_rest_is_left_alone(text: object, line: str) -> None:
    assert visible(text) == line


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("decision", ["approved", "pending", "rejected", "unreviewed", "error"])
def test_no_line_of_any_format_is_a_command_but_our_own(
    tmp_path: Path, text: str, decision: str
) -> None:
    outcome = Outcome(0, decision, hostile_change(text), text)
    for output in ("text", "json", "gitlab", "github"):
        world = shown(
            tmp_path,
            outcome,
            output,
            GITHUB_OUTPUT=str(tmp_path / "out"),
            GITHUB_STEP_SUMMARY=str(tmp_path / "sum"),
        )
        lines = [
            line
            for line in (said(world) + noted(world)).splitlines()
            if line.lstrip().startswith("::") or "##[" in line
        ]
        own = {"approved": "notice", "pending": "warning", "unreviewed": "warning"}.get(
            decision, "error"
        )
        assert [line[: line.index("gate::") + 4] for line in lines] == (
            [f"::{own} title=Change gate"] if output == "github" else []
        )
        assert all(
            character.isprintable() or character == "\n" for character in said(world) + noted(world)
        )


@pytest.mark.parametrize("text", HOSTILE)
def test_outputs_of_a_step_have_one_line_each_and_a_delimiter_that_nobody_knows(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / "out"
    shown(
        tmp_path,
        Outcome(5, "pending", hostile_change(text), text),
        "github",
        GITHUB_OUTPUT=str(file),
    )
    read = _read_outputs(file.read_text())

    assert read["decision"] == "pending"
    assert read["admitted"] == "false"
    assert set(read) == set(outputs(Outcome(0, "approved")))
    assert "\n" not in "".join(read.values())
    delimiters = re.findall(r"<<(\S+)$", file.read_text(), re.MULTILINE)
    assert len(set(delimiters)) == len(delimiters) == len(read)


def _read_outputs(content: str) -> dict[str, str]:
    """As the runner reads it."""
    found: dict[str, str] = {}
    lines = iter(content.split("\n"))
    for line in lines:
        if not line:
            continue
        name, delimiter = line.split("<<")
        value = [next(lines)]
        while value[-1] != delimiter:
            value.append(next(lines))
        found[name] = "\n".join(value[:-1])
    return found


@pytest.mark.parametrize("text", HOSTILE)
def test_in_a_summary_text_of_others_stands_in_code_alone(text: str) -> None:
    content = markdown(summary(Outcome(5, "pending", hostile_change(text), text)))
    outside = _outside_code(content)

    assert re.sub(r"\s+", " ", outside).strip() == "### Change gate - - - **Reasons** **Next**"


def _outside_code(content: str) -> str:
    """What is left when fenced blocks and code spans, found as CommonMark finds them, are taken
    away.
    """
    kept: list[str] = []
    fence = ""
    for line in content.splitlines():
        if fence:
            fence = "" if line == fence else fence
        elif line.startswith("```") and line.endswith("text"):
            fence = line.removesuffix("text")
        else:
            kept.append(_without_spans(line))
    assert not fence
    return "\n".join(kept)


def _without_spans(line: str) -> str:
    runs = [(match.start(), match.end()) for match in re.finditer(r"`+", line)]
    kept, at = "", 0
    while runs:
        begins, inner = runs.pop(0)
        closing = next(((start, end) for start, end in runs if end - start == inner - begins), None)
        if closing is None:
            continue
        kept += line[at:begins]
        at = closing[1]
        runs = [run for run in runs if run[0] >= at]
    return kept + line[at:]


@given(st.text(alphabet="`a \\", min_size=1))
def test_a_code_span_and_a_block_hold_any_number_of_back_ticks(text: str) -> None:
    assert _without_spans(code_span(text)) == ""
    assert _outside_code(fenced([text])) == ""


def test_a_summary_that_would_not_fit_says_so(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    file.write_text("x" * (SUMMARY_BYTES_MAX - 300))
    shown(
        tmp_path,
        Outcome(5, "pending", hostile_change("y" * 900)),
        "github",
        GITHUB_STEP_SUMMARY=str(file),
    )
    assert "too long to be shown" in file.read_text()
    file.write_text("x" * SUMMARY_BYTES_MAX)
    shown(tmp_path, Outcome(5, "pending", a_change()), "github", GITHUB_STEP_SUMMARY=str(file))
    assert file.stat().st_size == SUMMARY_BYTES_MAX


def test_an_annotation_escapes_percent_signs(tmp_path: Path) -> None:
    world = shown(tmp_path, Outcome(1, "error", None, "100% of %0A"), "github")
    assert "::error title=Change gate::ERROR; 100%25 of %250A\n" in said(world)


def test_secrets_are_masked_for_a_runner_and_shown_to_nobody_else(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    mask(world, "secret")
    assert noted(world) == ""
    world = a_world(tmp_path, GITHUB_ACTIONS="true")
    mask(world, "secret")
    mask(world, "")
    assert (said(world), noted(world)) == ("", "::add-mask::secret\n")


@pytest.mark.parametrize("text", HOSTILE)
def test_the_variables_of_gitlab_are_words_and_numbers(tmp_path: Path, text: str) -> None:
    shown(tmp_path, Outcome(5, "pending", hostile_change(text), text), "gitlab")
    lines = (tmp_path / "gate.env").read_text().splitlines()

    assert lines[:2] == ["GATE_DECISION=pending", "GATE_ADMITTED=false"]
    assert all(re.fullmatch(r"GATE_[A-Z]+=[A-Za-z0-9._-]*", line) for line in lines)
    assert len(lines) == 7


# what people and programs read


def test_json_is_the_change_as_received_with_the_exit_code(tmp_path: Path) -> None:
    change = a_change(title="a ##[b] \u202e")
    document = json.loads(
        said(shown(tmp_path, Outcome(0, "approved", change, admitted=True), "json"))
    )
    assert document == {**change, "exit_code": 0, "admitted": True}
    document = json.loads(said(shown(tmp_path, Outcome(1, "error", None, "broken"), "json")))
    assert document == {"decision": "error", "exit_code": 1, "admitted": False, "error": "broken"}


def test_text_says_the_outcome_the_reasons_and_what_to_do_next(tmp_path: Path) -> None:
    text = said(
        shown(
            tmp_path,
            Outcome(
                5, "pending", a_change(hold={"reason": "Year end", "until": None}), "frozen (409)"
            ),
            "text",
        )
    )
    assert text == (
        "PENDING  checkout to staging, commit cccccccccccc, chg_00000000000000000000000001\n"
        "  frozen (409)\n"
        "  standard change, automatic, everyday, risk 12 (low), policy default\n"
        "  held: Year end, until a person lifts it\n"
        "\n"
        "Reasons\n"
        "     +8  Larger changes fail more often: 12 lines added\n"
        "     no  All checks passed: checks failed is 1\n"
        "    +10  New author: author is unknown\n"
        "\n"
        "Next\n"
        "  needs 2 approvals by release-managers or owners\n"
        "  see https://gate.example.com/v1/changes/chg_00000000000000000000000001\n"
        "  gate check --wait 30m waits for the answer; a later run of the same commit "
        "joins this change\n"
    )


@pytest.mark.parametrize(
    ("until", "words"),
    [
        ("2027-01-02T00:00:00Z", "until 2 Jan 2027, 00:00 UTC"),
        ("2027-01-02T00:00:00.123456Z", "until 2 Jan 2027, 00:00 UTC"),
        ("2027-01-02T00:00:00+01:00", "until 2027-01-02T00:00:00+01:00"),
        ("2027-01-02T00:00\x1b[2K:00Z\n", "until 2027-01-02T00:00:00Z"),
        ("tomorrow", "until tomorrow"),
    ],
)
def test_the_end_of_a_freeze_is_a_clock_time(tmp_path: Path, until: str, words: str) -> None:
    change = a_change(hold={"reason": "Year end", "until": until})
    text = said(shown(tmp_path, Outcome(5, "pending", change), "text"))
    assert f"  held: Year end, {words}" in text


@pytest.mark.parametrize(
    ("outcome", "next_step"),
    [
        (Outcome(0, "approved", a_change(), admitted=True), "gate close --result successful"),
        (Outcome(0, "approved", a_change()), "without --no-admit"),
        (Outcome(0, "unreviewed"), "--unreviewed gate-unreviewed.json"),
        (Outcome(4, "error"), "check the token"),
        (Outcome(6, "expired", a_change()), "run the pipeline again"),
        (Outcome(3, "rejected", a_change()), "see https://gate.example.com"),
    ],
)
def test_each_way_to_end_says_what_to_do_next(outcome: Outcome, next_step: str) -> None:
    assert any(next_step in line for line in summary(outcome).next_steps)


def test_colour_is_for_terminals_that_want_it(tmp_path: Path) -> None:
    outcome = Outcome(0, "approved", a_change(), admitted=True)
    for terminal, env, coloured in (
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
    ):
        world = a_world(tmp_path, terminal=terminal, env=env)
        show(outcome, "text", world)
        assert said(world).startswith("\x1b[1;32m") is coloured


def test_an_unreviewed_deployment_is_announced_loudly(tmp_path: Path) -> None:
    world = shown(tmp_path, Outcome(0, "unreviewed", None, "it did not answer"), "json")
    assert noted(world).count("!" * 72) == 2
    assert "UNREVIEWED" in noted(world)
    assert json.loads(said(world))["unreviewed"] == "it did not answer"


def test_a_change_of_an_unexpected_shape_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    change = {
        "id": "chg_1",
        "state": "pending",
        "reasons": 7,
        "risk": [],
        "approvals": {"required": 1},
        "hold": "x",
        "links": None,
    }
    assert said(shown(tmp_path, Outcome(5, "pending", change), "text")).startswith("PENDING")


def test_very_many_reasons_are_cut(tmp_path: Path) -> None:
    change = a_change(reasons=[{"title": "t", "because": "b", "points": 0, "holds": True}] * 402)
    text = said(shown(tmp_path, Outcome(5, "pending", change), "text"))
    assert text.count("t: b") == 400
    assert "and 2 reasons more" in text
