"""A shop on a copied database is as if its policies had been put in force there."""

from pathlib import Path

import pytest

from tests.flow.shop import Shop, open_shop

pytestmark = pytest.mark.anyio


async def seen(shop: Shop) -> dict[str, object]:
    """What a test may meet in it."""
    book = await shop.gate.rulebooks.current()
    return {
        # the revision of a catalogue is another one in each database: it has ids in place of names
        "entries": [
            (one.kind, one.change, one.fields.get("part"), one.fields.get("by"))
            for one in await shop.entries()
        ],
        "people": book.catalogue.people,
        "policies": book.policies.revision,
        "latest": shop.gate.rulebooks.latest.id == book.id,
        "adopted again": (await shop.adopt(changed=False)).activated,
        "the next ada": shop.gate.person_id("ada"),
        "somebody new": shop.gate.person_id("zelda"),
        "signs": await shop.gate.signing.problem(),
        "deployed": (await shop.deploy())["closed"]["result"],
    }


async def test_on_a_copy_everything_is_as_where_the_policies_were_put_in_force(
    shop: Shop, database_url: str, tmp_path: Path
) -> None:
    async with open_shop(database_url, tmp_path) as adopted:
        assert await seen(shop) == await seen(adopted)
