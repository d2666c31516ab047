"""What is typed into the box of the queue."""

import pytest

from gate.core.decision.values import Band, ChangeType
from gate.errors import Invalid
from gate.flow.queries.queue import QueueFilters, Tab
from gate.web.queue import wanted


@pytest.mark.parametrize(
    ("text", "filters"),
    [
        ("", QueueFilters()),
        ("is:held", QueueFilters(tab=Tab.HELD)),
        ("is:emergency is:high", QueueFilters(type=ChangeType.EMERGENCY, band=Band.HIGH)),
        (
            "service:web env:production month end",
            QueueFilters(service="web", environment="production", words="month end"),
        ),
        ("ticket:42 is: service:", QueueFilters(words="ticket:42 is: service:")),
    ],
)
def test_a_text_is_filters_and_the_rest_are_words(text: str, filters: QueueFilters) -> None:
    assert wanted.read(text) == filters


def test_an_unknown_is_word_says_which_ones_there_are() -> None:
    with pytest.raises(Invalid, match=r"is:weird means nothing here\. There are is:mine"):
        wanted.read("is:weird")


@pytest.mark.parametrize("tab", list(Tab))
def test_what_is_written_for_a_tab_reads_back_as_the_same_filters(tab: Tab) -> None:
    filters = QueueFilters(
        service="web",
        environment="production",
        type=ChangeType.NORMAL,
        band=Band.LOW,
        words="month end",
    )

    read = wanted.read(wanted.written(filters, tab))

    assert (read.tab, read.service, read.environment, read.type, read.band, read.words) == (
        *(tab, "web", "production", ChangeType.NORMAL, Band.LOW, "month end"),
    )
