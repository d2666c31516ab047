"""The schema for editors accepts what the reader accepts, and marks what is bent."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.canonical import canonical
from gate.core.facts import FACTS
from gate.core.policy.file import NUMBER_KEYS
from gate.core.policy.schema import schema
from gate.core.yaml.reader import plain, read
from tests.core.json_schema import accepts
from tests.core.policy_texts import clauses, policy_text

SCHEMA = schema()
SHIPPED = sorted((Path(__file__).parents[3] / "policies").glob("*.yaml"))
POLICIES = [path for path in SHIPPED if "\npolicy: " in path.read_text()]


def fits(text: str) -> bool:
    return accepts(SCHEMA, plain(read(text, "f.yaml", number_keys=NUMBER_KEYS)))


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_the_shipped_policies_fit(path: Path) -> None:
    assert fits(path.read_text())
    assert path.read_text().startswith("# yaml-language-server: $schema=")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("policy: production", "polcy: production"),
        ("policy: production", "policy: Production"),
        ("mode: enforce", "mode: on"),
        ("bands: {moderate: 30,", "bands: {moderate: many,"),
        ("points: 25", "points: 250"),
        ("points: 25", ""),
        ("steps: {3: 2, 5: 4}", "steps: {}"),
        ("points_by: diff.directories", "points_by: diff.files"),
        ("author.subsystem_changes == 0", "author.subsystem_chnges == 0"),
        ("otherwise: review", "otherwise: deny"),
        ("up_to: low", "up_to: lower"),
        ("earn: none", "earn: never"),
        ("expires_after: 24h", "expires_after: 24"),
        ("from_band: high, approvals: 2", "from_band: high, approvals: 0"),
        ("parallel: refuse", "parallel: no"),
        ("during_freeze: true", "during_freeze: yes"),
    ],
)
def test_a_bent_policy_does_not_fit(old: str, new: str) -> None:
    text = next(path for path in POLICIES if path.name == "production.yaml").read_text()

    assert old in text
    assert not fits(text.replace(old, new))


def test_every_fact_may_begin_a_condition() -> None:
    line = SCHEMA["$defs"]["condition"]

    assert all(
        accepts(line, f"{quantifier}{name}{rest}", SCHEMA)
        for name in FACTS
        for quantifier in ("", "any ", "not ")
        for rest in ("", " == x")
    )
    assert not any(
        accepts(line, text, SCHEMA)
        for text in ("", "any", "diff", "diff.filesx == 1", "some diff.files == 1")
    )


@given(clauses(helps=True), st.sampled_from(["enforce", "evaluate", "off"]))
def test_what_the_reader_accepts_fits(entries: list[object], mode: str) -> None:
    requirement = {"id": "r", "title": "R", "require": entries}

    assert accepts(
        SCHEMA,
        {
            **plain(read(policy_text(f"mode: {mode}"), "f.yaml", number_keys=NUMBER_KEYS)),
            "requirements": [requirement],
        },
    )


def test_the_schema_is_plain_json() -> None:
    assert canonical(schema())
