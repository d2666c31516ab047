"""What is typed into the box of the queue."""

from dataclasses import replace

import pytest

from gate.core.catalogue.catalogue import Catalogue, Environment
from gate.core.decision.values import Band, ChangeType
from gate.errors import Invalid
from gate.flow.queries.queue import QueueFilters, Tab
from gate.web.queue import wanted

CATALOGUE = Catalogue(
    environments={"production": Environment("production", "production", ("prod", "live"))}
)


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
        ("is:High is:Held", QueueFilters(tab=Tab.HELD, band=Band.HIGH)),
        ("prod", QueueFilters(environment="production")),
        ("environment:live month", QueueFilters(environment="production", words="month")),
        ("34cdd85", QueueFilters(commit="34cdd85")),
        ("34CDD85F end", QueueFilters(commit="34cdd85f", words="end")),
        ("34cdd8 defaced", QueueFilters(words="34cdd8 defaced")),
        ("ticket:42 is: service:", QueueFilters(words="ticket:42 is: service:")),
    ],
)
def test_a_text_is_filters_and_the_rest_are_words(text: str, filters: QueueFilters) -> None:
    assert wanted.read(text, CATALOGUE) == filters


def test_an_unknown_is_word_says_which_ones_there_are() -> None:
    with pytest.raises(Invalid, match=r"is:weird means nothing here\. There are is:mine"):
        wanted.read("is:weird", CATALOGUE)


@pytest.mark.parametrize("tab", list(Tab))
def test_what_is_written_for_a_tab_reads_back_as_the_same_filters(tab: Tab) -> None:
    filters = QueueFilters(
        service="web",
        environment="production",
        type=ChangeType.NORMAL,
        band=Band.LOW,
        words="month end",
        commit="34cdd85",
    )

    read = wanted.read(wanted.written(filters, tab), CATALOGUE)

    assert read == replace(filters, tab=tab)
