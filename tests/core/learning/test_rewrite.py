"""Other points are written into a policy's text, and nothing else of it changes."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.learning.rewrite import rewritten
from gate.core.learning.slots import points_of
from gate.core.policy.file import read_policy
from gate.errors import Invalid
from tests.core.policy_texts import policy_text
from tests.shipped import ROOT

SHIPPED = (ROOT / "policies" / "production.yaml").read_text()
POINTS = points_of(read_policy(SHIPPED, "p.yaml"))


@pytest.mark.slow
@given(st.data())
def test_the_policy_reads_back_with_the_new_points_and_its_words_stay(data: st.DataObject) -> None:
    after = [
        replace(
            one,
            given=tuple(
                data.draw(st.integers(-100, -1) if points < 0 else st.integers(0, 100))
                for points in one.given
            ),
        )
        for one in POINTS
    ]

    text = rewritten(SHIPPED, "p.yaml", POINTS, after)

    assert points_of(read_policy(text, "p.yaml")) == tuple(after)
    numbers = re.compile(r"-?\d+")
    assert numbers.sub("N", text) == numbers.sub("N", SHIPPED)


def test_a_text_without_another_point_is_the_same_text() -> None:
    assert rewritten(SHIPPED, "p.yaml", POINTS, POINTS) == SHIPPED


@pytest.mark.parametrize("comment", ["# größer → teurer, 10 points", "# 😀"])
def test_places_are_found_behind_any_character(comment: str) -> None:
    text = f"{comment}\n{policy_text()}  {comment}\n"
    before = points_of(read_policy(text, "p.yaml"))
    after = [replace(one, given=(9, 31)) for one in before]

    assert rewritten(text, "p.yaml", before, after) == text.replace(
        "{10: 8, 200: 30}", "{10: 9, 200: 31}"
    )


def test_points_that_are_not_where_they_should_be_are_never_overwritten() -> None:
    text = policy_text()
    before = points_of(read_policy(text, "p.yaml"))
    others = [replace(one, given=(1, 2)) for one in before]

    with pytest.raises(Invalid, match="found 8, expected the points 1"):
        rewritten(text, "p.yaml", others, before)
