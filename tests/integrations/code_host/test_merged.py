"""Does a merge change what was reviewed, and nothing else (C13)?"""

from collections.abc import Sequence

import pytest

from gate.integrations.code_host.merged import Touched, holds_no_more

PATCH = "@@ -1,2 +1,3 @@ def total()\n a\n+b\n c"
LOWER = "@@ -81,2 +92,3 @@ def other()\n a\n+b\n c"
FILE = Touched("src/cart.py", None, "modified", "1", PATCH)
BINARY = Touched("logo.png", None, "modified", "7", None)


@pytest.mark.parametrize(
    ("merged", "same"),
    [
        pytest.param([FILE, BINARY], True, id="the same"),
        pytest.param([BINARY, FILE], True, id="in another order"),
        pytest.param(
            [FILE._replace(blob="2", patch=LOWER), BINARY], True, id="others changed it above"
        ),
        pytest.param(
            [FILE._replace(blob="2", patch=LOWER.replace("+b", "+x")), BINARY],
            False,
            id="another line",
        ),
        pytest.param(
            [FILE._replace(blob="2", patch=LOWER.replace(" c", " d")), BINARY],
            False,
            id="among other lines",
        ),
        pytest.param([FILE, BINARY._replace(blob="8")], False, id="another content"),
        pytest.param([FILE, BINARY._replace(blob=None)], False, id="nobody knows the content"),
        pytest.param([FILE, BINARY._replace(how="renamed")], False, id="it happened otherwise"),
        pytest.param([FILE, BINARY._replace(before="old.png")], False, id="from elsewhere"),
        pytest.param([FILE, BINARY._replace(path="b.png")], False, id="another file"),
        pytest.param([FILE], False, id="a file less"),
        pytest.param([FILE, BINARY, FILE._replace(path="x")], False, id="a file more"),
        pytest.param([FILE, FILE], False, id="one twice"),
        pytest.param(None, False, id="a list that was cut"),
    ],
)
def test_c13_a_merge_holds_what_was_reviewed_and_nothing_else(
    merged: Sequence[Touched] | None,
    same: bool,  # noqa: FBT001 - what is expected
) -> None:
    reviewed = [FILE, BINARY]

    assert holds_no_more(merged, reviewed) is same
    assert holds_no_more(merged, None) is False
