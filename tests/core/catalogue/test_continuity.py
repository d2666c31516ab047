"""Who is the same person in the next catalogue.

The identities tell, and a key alone never does (A3).
"""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.catalogue.catalogue import Person
from gate.core.catalogue.continuity import continuity
from gate.core.catalogue.identity import hosted

People = dict[str, Person]


def people(**identities: str) -> People:
    """Keys, each with blanks between the local parts of its addresses."""
    return {
        key: Person(
            key,
            emails=tuple(f"{name}@example.com" for name in names.split()),
            github=(key,) if not names else (),
        )
        for key, names in identities.items()
    }


@pytest.mark.parametrize(
    ("before", "after", "kept", "merged"),
    [
        pytest.param({"ada": "a"}, {"ada": "x"}, {}, {}, id="other identities in one stroke"),
        pytest.param({"ada": "a"}, {}, {}, {}, id="removed"),
        pytest.param({}, {"ada": "a"}, {}, {}, id="new, or back again"),
        pytest.param({"ada": "a"}, {"ada": "a"}, {"ada": "ada"}, {}, id="nothing changed"),
        pytest.param({"ada": "a b"}, {"ada": "b c"}, {"ada": "ada"}, {}, id="one identity stays"),
        pytest.param(
            {"ada": "a"}, {"lovelace": "a"}, {"lovelace": "ada"}, {}, id="the key was renamed"
        ),
        pytest.param(
            {"ada": "a", "ben": "b"},
            {"ada": "b", "ben": "a"},
            {"ada": "ben", "ben": "ada"},
            {},
            id="two changed places",
        ),
        pytest.param(
            {"ada": "a"},
            {"ada": "x", "eve": "a"},
            {"eve": "ada"},
            {},
            id="the key went to somebody else",
        ),
        pytest.param(
            {"ada": "a b"},
            {"ada": "a", "eve": "b"},
            {"ada": "ada"},
            {},
            id="an address went to somebody new",
        ),
        pytest.param(
            {"ada": "a b"}, {"eve": "a", "zoe": "b"}, {}, {}, id="torn in two: it is neither"
        ),
        pytest.param(
            {"ada": "a", "ben": "b"},
            {"ada": "a b"},
            {"ada": "ada"},
            {"ben": "ada"},
            id="two were one all along",
        ),
        pytest.param(
            {"ada": "a", "ben": "b"},
            {"zoe": "a b"},
            {},
            {"ada": "zoe", "ben": "zoe"},
            id="both merge into a third",
        ),
    ],
)
def test_the_identities_tell(
    before: dict[str, str], after: dict[str, str], kept: dict[str, str], merged: dict[str, str]
) -> None:
    found = continuity(people(**before), people(**after))

    assert (dict(found.kept), dict(found.merged)) == (kept, merged)


def test_an_address_in_another_spelling_is_the_same_and_a_login_of_another_host_is_not() -> None:
    before = {
        "ada": Person("ada", emails=("Ada+x@Example.com",)),
        "ben": Person("ben", github=("ben",)),
    }
    after = {
        "ada": Person("ada", emails=("ada@example.com",)),
        "ben": Person("ben", gitlab=("ben",)),
    }

    assert dict(continuity(before, after).kept) == {"ada": "ada"}


@st.composite
def catalogues(draw: st.DrawFn) -> People:
    """Up to five keys; each of eight addresses belongs to one of them at most."""
    owners = draw(st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from("vwxyz")))
    return people(
        **{
            key: " ".join(name for name in sorted(owners) if owners[name] == key)
            for key in set(owners.values())
        }
    )


@given(catalogues(), catalogues())
def test_nobody_becomes_two_people_and_whoever_is_kept_shares_an_identity(
    before: People, after: People
) -> None:
    found = continuity(before, after)

    assert len(set(found.kept.values())) == len(found.kept)
    assert set(found.merged).isdisjoint(found.kept.values())
    assert all(shares(before[old], after[new]) for new, old in found.kept.items())
    assert all(shares(before[old], after[new]) for old, new in found.merged.items())
    assert all(
        found.kept[key] == key
        for key in before.keys() & after.keys()
        if shares(before[key], after[key])
    )


@given(catalogues(), catalogues())
def test_names_say_nothing(before: People, after: People) -> None:
    def renamed(catalogue: Mapping[str, Person]) -> People:
        return {
            key: Person(key, name="Somebody else", emails=person.emails, github=person.github)
            for key, person in catalogue.items()
        }

    assert continuity(before, after) == continuity(renamed(before), renamed(after))


@given(catalogues())
def test_the_same_catalogue_again_keeps_everybody(catalogue: People) -> None:
    assert dict(continuity(catalogue, catalogue).kept) == {key: key for key in catalogue}


def shares(one: Person, other: Person) -> bool:
    """Whether both have an identity."""
    return not set(hosted(one)).isdisjoint(hosted(other))
