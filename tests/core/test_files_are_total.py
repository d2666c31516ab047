"""Whatever stands in catalog.yaml or calendar.yaml, the readers answer with values or with
`Invalid`, and with nothing else.
"""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from gate.core.calendar.file import read_calendar
from gate.core.catalogue.file import read_catalogue
from gate.errors import Invalid
from tests.core.calendar.test_file import GOOD as CALENDAR
from tests.core.catalogue.test_file import GOOD as CATALOGUE

_VALUES = [
    "null",
    "true",
    "-1",
    "1e9",
    ".5",
    "[]",
    "{}",
    "[[]]",
    "{a: b}",
    "''",
    '"\\u0000"',
    "999999999d",
    "FREQ=YEARLY;COUNT=1000",
    "2199-12-31T23:59",
]


@st.composite
def bent(draw: st.DrawFn, text: str) -> str:
    """A good file in which some words are replaced by something else, or a part is cut out."""
    for _ in range(draw(st.integers(1, 4))):
        words = text.split(" ")
        place = draw(st.integers(0, len(words) - 1))
        words[place] = draw(st.sampled_from(_VALUES) | st.sampled_from(words) | st.text(max_size=8))
        text = " ".join(words)
    cut = draw(st.integers(0, len(text)))
    return text[:cut] + text[cut + draw(st.integers(0, 20)) :]


@given(bent(CATALOGUE))
def test_a_bent_catalogue_is_read_or_refused(text: str) -> None:
    with suppress(Invalid):
        read_catalogue(text, "catalog.yaml")


@given(bent(CALENDAR))
def test_a_bent_calendar_is_read_or_refused(text: str) -> None:
    with suppress(Invalid):
        read_calendar(text, "calendar.yaml", read_catalogue(CATALOGUE, "catalog.yaml"))
