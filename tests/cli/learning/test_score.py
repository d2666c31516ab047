"""`gate policy score`: the plain sum of points for every row of a table, or a refusal and no file."""

import csv
import gzip
from pathlib import Path

import pytest
from hypothesis import given

from gate.core.decision.evaluate import evaluate, score_of
from gate.core.facts import Facts, Origin, facts_of
from gate.core.policy.file import read_policy
from gate.core.policy.policy import Policy, Rule
from tests.cli.running import gate
from tests.core.policy_texts import FACTS, policies, policy_text
from tests.shipped import ROOT

SHIPPED = read_policy((ROOT / "policies" / "production.yaml").read_text(), "production.yaml")
STEPS = 60
RULES = 15
MAP = "la: diff.lines_added\nfix: change.fixes_defect\nage: diff.days_since_touched\n"
TABLE = "id,la,fix,age\na,12,0,30\nb,,1,\nc,0,0,400\n"


@pytest.fixture
def table(here: Path) -> Path:
    """A map and a table of three changes in the working folder."""
    (here / "map.yaml").write_text(MAP)
    (here / "changes.csv").write_text(TABLE)
    return here


def scored(path: Path) -> list[dict[str, str]]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    return list(csv.DictReader(text.splitlines()))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(
            ("changes.csv", "--map", "map.yaml", "--keep", "idd"),
            "changes.csv:1: idd: changes.csv has no such column, allowed are id, la, fix, age; did "
            "you mean id?",
            id="a column that is not there",
        ),
        pytest.param(
            ("none.csv", "--map", "map.yaml"), "none.csv cannot be read (No such", id="no table"
        ),
        pytest.param(
            ("changes.csv", "--map", "none.yaml"), "none.yaml cannot be read", id="no map"
        ),
        pytest.param(
            ("changes.csv", "--map", "map.yaml", "--policy", "map.yaml"),
            "map.yaml:1:1: the policy: found no policy, it is required",
            id="a policy that is none",
        ),
        pytest.param(
            ("changes.csv", "--map", "map.yaml", "--keep", "score"),
            "--keep score: the column with the scores has this name; rename yours",
            id="two columns of one name",
        ),
        pytest.param(
            ("late.csv", "--map", "map.yaml"),
            "late.csv:3: la: found many, allowed is a number from 0 to",
            id="a cell that is no value, after one that is",
        ),
        pytest.param(
            ("plain.csv.gz", "--map", "map.yaml"),
            "plain.csv.gz is no whole gzip file",
            id="no gzip",
        ),
        pytest.param(
            ("cut.csv.gz", "--map", "map.yaml"), "cut.csv.gz is no whole gzip file", id="cut gzip"
        ),
        pytest.param(("bytes.csv", "--map", "map.yaml"), "bytes.csv is not UTF-8", id="no text"),
    ],
)
def test_what_cannot_be_read_is_refused_and_leaves_no_file(
    table: Path, arguments: tuple[str, ...], words: str
) -> None:
    (table / "late.csv").write_text(TABLE.replace("b,,1", "b,many,1"))
    (table / "plain.csv.gz").write_text(TABLE)
    (table / "cut.csv.gz").write_bytes(gzip.compress(TABLE.encode())[:-9])
    (table / "bytes.csv").write_bytes(b"\xff\xfe\n")

    done = gate("policy", "score", *arguments, "--out", "scores.csv")

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(words)
    assert not list(table.glob("scores*"))


def test_every_row_has_the_plain_sum_under_the_shipped_policy_and_what_is_kept(
    table: Path,
) -> None:
    done = gate(
        "policy", "score", "changes.csv", "--map", "map.yaml", "--keep", "id", "--out", "s.csv"
    )

    assert (done.code, done.err) == (0, "")
    found = {row["id"]: int(row["score"]) for row in scored(table / "s.csv")}
    known = {"diff.lines_added": 0, "change.fixes_defect": False, "diff.days_since_touched": 400}
    assert found["c"] == evaluate(SHIPPED, facts_of(known, Origin.VERIFIED)).raw
    assert found["c"] < found["a"] < found["b"]


def test_files_are_packed_by_their_name_and_another_policy_may_be_asked(table: Path) -> None:
    (table / "changes.csv.gz").write_bytes(gzip.compress(TABLE.encode()))
    (table / "small.yaml").write_text(
        policy_text("applies_to: [environment.tier == staging]", "trust_claims: [author]")
    )

    done = gate(
        *("policy", "score", "changes.csv.gz", "--map", "map.yaml", "--keep", "id,la"),
        *("--policy", "small.yaml", "--out", "scores.csv.gz"),
    )

    assert (done.code, done.err) == (0, "")
    assert [tuple(row.values()) for row in scored(table / "scores.csv.gz")] == [
        ("a", "12", "8"),
        ("b", "", "30"),  # unknown is the worst case
        ("c", "0", "0"),
    ]


def test_the_order_of_the_rows_says_nothing(table: Path) -> None:
    header, *rows = TABLE.splitlines()
    (table / "other.csv").write_text("\n".join((header, *reversed(rows))))

    for name in ("changes", "other"):
        flags = ("--map", "map.yaml", "--keep", "id", "--out", f"{name}.out.csv")
        assert gate("policy", "score", f"{name}.csv", *flags).code == 0

    first, second = (scored(table / f"{name}.out.csv") for name in ("changes", "other"))
    assert sorted(map(str, first)) == sorted(map(str, second))


@given(policies(), FACTS)
def test_a_score_is_the_sum_of_the_points_of_all_findings(policy: Policy, facts: Facts) -> None:
    values = {name: fact.value for name, fact in facts.items()}

    findings = evaluate(policy, facts_of(values, Origin.VERIFIED)).findings

    assert score_of(policy, values) == sum(one.points for one in findings)


@pytest.mark.parametrize("rule", SHIPPED.rules, ids=lambda rule: rule.id)
def test_the_shipped_points_rise_with_what_they_count(rule: Rule) -> None:
    """But for what was left alone for long, where they fall, until the files are new ones."""
    steps = rule.steps[:-1] if rule.points_by == "diff.days_since_touched" else rule.steps
    points = [points for _, points in steps]

    assert points == sorted(points, reverse=rule.points_by == "diff.days_since_touched")


def test_the_shipped_policy_stays_within_what_a_person_can_read() -> None:
    steps = sum(len(rule.steps) or 1 for rule in SHIPPED.rules)
    looked_at = {rule.points_by or "" for rule in SHIPPED.rules} | {
        fact for rule in SHIPPED.rules if rule.when for fact in rule.when.facts
    }

    assert (len(SHIPPED.rules) <= RULES, steps <= STEPS) == (True, True)
    assert not {"calendar.weekday", "calendar.hour"} & looked_at
