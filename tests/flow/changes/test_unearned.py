"""A standard change that is not earned yet says how many successes are settled, and when the next
one will be.
"""

from datetime import timedelta
from pathlib import Path

import pytest

from gate.core.decision.decide import decide
from gate.core.instants import clock
from gate.flow.queries import look
from gate.storage.changes.change_list import ChangeFilters
from tests.builders import commit_of
from tests.flow.shop import ADMIN, EVERYDAY, make_files, open_shop

pytestmark = pytest.mark.anyio

EARNED = (
    "{id: earned, title: Earned, owner: platform, authorised_by: [release-managers], when: "
    "[diff.lines_added < 100], up_to: low, earn: {successes: 2, settle: 24h}}"
)


async def test_e26_a_decision_says_when_the_next_success_will_have_settled(
    database_url: str, tmp_path: Path
) -> None:
    files = make_files(standard_changes=f"[{EARNED}, {EVERYDAY}]")
    async with open_shop(database_url, tmp_path, files) as shop:
        await shop.deploy("a")  # the other standard change lets it pass
        await shop.adopt(standard_changes=f"[{EARNED}]")
        (deployed,) = (await look.changes(shop.gate, ChangeFilters(), ADMIN)).items
        assert deployed.closed is not None
        settles = deployed.closed.at + timedelta(hours=24)

        change = await shop.submit("e", base=commit_of("a"))
        (record,) = await shop.records(change)
        book = await shop.gate.rulebooks.of(record.revisions)

    assert change["reasons"][0]["because"] == (
        "Earned is not earned here yet: 0 of 2 successes in a row are settled; one more "
        f"settles on {clock(settles)}"
    )
    assert decide(book.policies, record.case) == record.decision  # the words are in the record
