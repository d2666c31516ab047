"""Who may not decide: everybody who was ever named, whoever it turns out to be, and never fewer
than before.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.catalogue.catalogue import Catalogue, Person
from gate.core.catalogue.identity import Identities
from gate.core.decision.decide import NOBODY_KNOWN, People
from gate.core.decision.named import NO_NAMES, Named, named_by, people_of

TEXTS = (
    "ada@example.com",
    "ada@home.example",
    "github:ada-gh",
    "ada-gh",
    "ben@example.com",
    "robot[bot]",
    "eve@nowhere.example",
)
IDS = st.sampled_from(["ada", "ben", "cy"])
NAMED = st.builds(
    Named,
    st.lists(st.sampled_from(TEXTS), max_size=3).map(tuple),
    st.lists(st.sampled_from(TEXTS), max_size=3).map(tuple),
    st.frozensets(IDS, max_size=1),
)
BEFORE = st.builds(
    People, st.sets(IDS).map(sorted).map(tuple), st.booleans(), st.booleans(), st.booleans()
)
CATALOGUES = st.lists(st.tuples(IDS, st.sampled_from(TEXTS[:3] + TEXTS[4:5])), max_size=6)


def identities(*known: tuple[str, str]) -> Identities:
    """Of a catalogue that knows these addresses and logins, each of a person."""
    emails: dict[str, list[str]] = {}
    logins: dict[str, list[str]] = {}
    for person, text in known:
        kind, found = (
            (logins, text.partition(":")[2]) if text.startswith("github:") else (emails, text)
        )
        kind.setdefault(person, []).append(found)
    people = emails.keys() | logins.keys()
    return Identities(
        Catalogue(
            people={
                one: Person(one, "", tuple(emails.get(one, ())), tuple(logins.get(one, ())))
                for one in people
            }
        )
    )


@given(
    named=NAMED,
    more=NAMED,
    before=BEFORE,
    known=CATALOGUES,
    learnt=CATALOGUES,
    rollback=st.booleans(),
)
def test_a1_the_excluded_only_grow(
    named: Named,
    more: Named,
    before: People,
    known: list[tuple[str, str]],
    learnt: list[tuple[str, str]],
    rollback: bool,  # noqa: FBT001 - drawn
) -> None:
    """By what is decided now, by more names, by a catalogue that learns; whatever it forgets
    afterwards.
    """
    now = people_of(named, before, identities(*known), rollback=rollback)
    wider = people_of(named.also(more), now, identities(*known, *learnt), rollback=rollback)
    forgotten = people_of(named, wider, identities(), rollback=rollback)

    assert (
        set(before.excluded) <= set(now.excluded) <= set(wider.excluded) <= set(forgotten.excluded)
    )
    assert (now.named, now.shared) <= (wider.named, wider.shared) or wider.named


@given(named=NAMED, before=BEFORE, known=CATALOGUES)
def test_whoever_asks_is_excluded_from_everything_and_whoever_wrote_from_what_goes_forward(
    named: Named, before: People, known: list[tuple[str, str]]
) -> None:
    book = identities(*known)
    forward, back = (
        set(people_of(named, before, book, rollback=rollback).excluded)
        for rollback in (False, True)
    )

    assert book.excluded(named.asked).people <= forward & back
    assert book.excluded(named.wrote).people <= forward
    assert back <= forward


@pytest.mark.parametrize(
    ("actor", "requested_by", "asks"),
    [
        pytest.param(
            ("github:ada-gh",),
            "ada-gh",
            ("github:ada-gh",),
            id="the actor's bare login is the actor",
        ),
        pytest.param(("github:ada-gh",), "ben-gh", ("github:ada-gh", "ben-gh"), id="somebody else"),
        pytest.param((), "ben-gh", ("ben-gh",), id="no token"),
        pytest.param(
            ("gitlab:ada", "ada@example.com"),
            None,
            ("gitlab:ada", "ada@example.com"),
            id="nobody beside the token",
        ),
        pytest.param((), None, (), id="nobody"),
    ],
)
def test_one_request_names(
    actor: tuple[str, ...], requested_by: str | None, asks: tuple[str, ...]
) -> None:
    assert named_by(actor, requested_by, ("zoe@example.com",)) == Named(asks, ("zoe@example.com",))


def test_bots_name_nobody_and_a_login_of_two_people_is_shared() -> None:
    both = identities(("ada", "github:ada-gh"), ("ben", "github:ada-gh"))

    assert (
        people_of(Named(wrote=("robot[bot]",)), NOBODY_KNOWN, both, rollback=False) == NOBODY_KNOWN
    )
    shared = people_of(Named(wrote=("github:ada-gh",)), NOBODY_KNOWN, both, rollback=False)
    assert shared == People(("ada", "ben"), named=True, verified=False, shared=True)


def test_what_is_known_already_is_no_news() -> None:
    known = Named(("a", "b"), ("c",), frozenset({"ada"}))

    assert not known.beyond(known)
    assert Named(("b", "c"), ("c", "d"), frozenset({"ada", "ben"})).beyond(known) == Named(
        ("c",), ("d",), frozenset({"ben"})
    )
    assert len(known.also(NO_NAMES)) == 4
