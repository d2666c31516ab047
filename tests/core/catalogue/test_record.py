"""The stored catalogue: no name, address or login stands in it, and it comes back as long as they
are known.
"""

import json

import pytest

from gate.core.canonical import canonical
from gate.core.catalogue.catalogue import ERASED, Catalogue, Person
from gate.core.catalogue.file import read_catalogue
from gate.core.catalogue.identity import Identities
from gate.core.catalogue.record import as_file, pseudonymised, restored, revision, spelled
from tests.core.catalogue.test_file import GOOD, SHIPPED

KNOWN = read_catalogue(GOOD, "catalog.yaml")
PERSONAL = [
    "ada",
    "Ada Lovelace",
    "ada@example.com",
    "ada@old.example.com",
    "ada-gh",
    "ada.gl",
    "U0ADA",
    "cy@example.com",
]


class Names:
    """Stand-ins as storage keeps them: one for each text, until it is erased."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def pseudonym(self, text: str) -> str:
        """The stand-in of a text."""
        for stand_in, known in self.texts.items():
            if known == text:
                return stand_in
        stand_in = f"{len(self.texts):064x}"
        self.texts[stand_in] = text
        return stand_in

    def lookup(self, stand_in: str) -> str | None:
        """The text of a stand-in."""
        return self.texts.get(stand_in)


def keys(catalogue: Catalogue, names: Names) -> dict[str, str]:
    """As if everybody's id were the key."""
    return {names.pseudonym(key): key for key in catalogue.people}


def test_nothing_that_says_who_somebody_is_stands_in_the_stored_form() -> None:
    stored = canonical(pseudonymised(KNOWN, Names().pseudonym)).decode()

    assert [text for text in PERSONAL if f'"{text}"' in stored] == []


def test_a_stored_catalogue_comes_back_with_its_revision() -> None:
    names = Names()
    stored = json.loads(canonical(pseudonymised(KNOWN, names.pseudonym)))

    found = restored(stored, names.lookup, keys(KNOWN, names))

    assert (found.environments, found.services, found.groups, found.people) == (
        KNOWN.environments,
        KNOWN.services,
        KNOWN.groups,
        KNOWN.people,
    )
    assert found.revision == revision(stored)


def test_the_same_file_has_the_same_revision_and_another_name_another_one() -> None:
    names = Names()
    first = revision(pseudonymised(KNOWN, names.pseudonym))

    assert (
        revision(
            pseudonymised(read_catalogue(f"# the same\n{GOOD}", "catalog.yaml"), names.pseudonym)
        )
        == first
    )
    assert (
        revision(
            pseudonymised(
                read_catalogue(GOOD.replace("Ada Lovelace", "Ada"), "catalog.yaml"), names.pseudonym
            )
        )
        != first
    )


def test_erasing_changes_no_revision_and_leaves_nobody_behind() -> None:
    names = Names()
    stored = pseudonymised(KNOWN, names.pseudonym)
    names.texts.clear()

    (stand_in,) = stored["groups"]["release-managers"]["people"]
    found = restored(stored, names.lookup, {stand_in: "per_1"})

    assert found.people["per_1"] == Person(
        "per_1", ERASED, (ERASED, ERASED), (ERASED,), (ERASED,), ERASED, ERASED
    )
    assert found.revision == revision(stored)
    assert Identities(found).person("ada@example.com") is None
    assert Identities(found).person(ERASED) is None


@pytest.mark.parametrize("text", [GOOD, SHIPPED.read_text()], ids=["all keys", "the shipped one"])
def test_what_is_shown_of_a_catalogue_can_be_sent_back(text: str) -> None:
    names = Names()
    kept = pseudonymised(read_catalogue(text, "catalog.yaml"), names.pseudonym)

    shown = json.dumps(as_file(spelled(kept, names.lookup)))
    again = pseudonymised(read_catalogue(shown, "catalog.yaml"), names.pseudonym)

    assert "null" not in shown
    assert revision(again) == revision(kept)


def test_the_shipped_catalogue_comes_back_too() -> None:
    shipped = read_catalogue(SHIPPED.read_text(), "catalog.yaml")
    names = Names()

    assert (
        restored(pseudonymised(shipped, names.pseudonym), names.lookup, keys(shipped, names)).people
        == shipped.people
    )
