"""A token's claims go into the change, whatever the body leaves out; whatever it says otherwise is
refused (A22).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.catalogue.catalogue import Catalogue, Environment, Service
from gate.core.change import Change, Repository, Run
from gate.core.workload import Provider, Workload
from gate.errors import NotAllowed
from gate.flow.caller import Machine, Role
from gate.flow.changes.workloads import bind
from gate.flow.rulebooks import NOTHING_IN_FORCE

ISSUER = "https://issuer.example.com"
REPOSITORY = Repository(ISSUER, 1003, "acme/storefront")
CATALOGUE = Catalogue(
    environments={
        "production": Environment("production", "production", ("prod",)),
        "staging": Environment("staging", "staging"),
    },
    services={"web": Service("web", repositories=(REPOSITORY,)), "checkout": Service("checkout")},
)
BOOK = replace(NOTHING_IN_FORCE, catalogue=CATALOGUE)
JOB = Workload(
    issuer=ISSUER,
    provider=Provider.GITHUB,
    repository=REPOSITORY,
    commit="a" * 40,
    run=Run("9001", 2),
    jti="one",
    expires_at=datetime(2026, 11, 23, tzinfo=UTC),
    login="kofi-mensah",
    ref="refs/heads/main",
    ref_protected=True,
    event="push",
    environment="Prod",
    services=frozenset({"web"}),
)
CHANGE = Change("web", "production", JOB.commit)

# what a body may say of each: nothing or the same, and something else
SAME: Mapping[str, list[Any]] = {
    "commit": [JOB.commit],
    "ref": [None, "main", "refs/heads/main"],
    "repository": [
        None,
        REPOSITORY,
        Repository(ISSUER, 1003),
        Repository(ISSUER, 1003, "Acme/Storefront"),
    ],
    "run": [None, Run("9001", 2), Run("9001", 2, "eu", "https://ci.example.com/9001")],
    "service": ["web"],
    "environment": ["production"],
}
OTHER: Mapping[str, list[Any]] = {
    "commit": ["b" * 40, "A" * 40, ""],
    "ref": ["heads/main", "Main", "refs/tags/main", "refs/heads/main2", ""],
    "repository": [
        Repository(ISSUER, 1004),
        Repository(ISSUER + "/", 1003),
        Repository(ISSUER, 1003, "acme/storefront2"),
    ],
    "run": [Run("9002", 2), Run("9001", 1), Run("9001", 3), Run("09001", 2), Run("", 2)],
    "service": ["checkout", "Web", ""],
    "environment": ["staging", "prod", "Prod", ""],
}
FIELDS = sorted(SAME)


@given(said=st.fixed_dictionaries({name: st.sampled_from(SAME[name]) for name in FIELDS}))
def test_a_body_that_says_the_same_or_nothing_becomes_what_the_token_says(
    said: dict[str, Any],
) -> None:
    bound = bind(CHANGE._replace(**said), JOB, BOOK)

    assert (bound.service, bound.environment, bound.commit) == ("web", "production", JOB.commit)
    assert (bound.repository, bound.ref) == (REPOSITORY, "refs/heads/main")
    assert bound.run is not None
    assert (bound.run.id, bound.run.attempt) == ("9001", 2)
    assert bound.actor == ("github:kofi-mensah",)
    assert bound.proved == {
        "change.event": "push",
        "change.ref": "refs/heads/main",
        "change.ref_protected": True,
        "environment.proved": True,
    }


@given(
    said=st.fixed_dictionaries({name: st.sampled_from(SAME[name]) for name in FIELDS}),
    wrong=st.sets(st.sampled_from(FIELDS), min_size=1),
    data=st.data(),
)
def test_one_contradiction_is_enough_whatever_else_agrees(
    said: dict[str, Any], wrong: set[str], data: st.DataObject
) -> None:
    otherwise = {name: data.draw(st.sampled_from(OTHER[name])) for name in sorted(wrong)}

    with pytest.raises(NotAllowed) as raised:
        bind(CHANGE._replace(**said | otherwise), JOB, BOOK)

    assert raised.value.problem == "identity_mismatch"


def test_a_step_and_an_address_are_the_bodys_to_say() -> None:
    run = Run("9001", 2, "eu", "https://ci.example.com/9001")

    assert bind(CHANGE._replace(run=run), JOB, BOOK).run == run


def test_without_an_identity_token_a_change_stays_as_it_was() -> None:
    change = CHANGE._replace(commit="b" * 40, service="checkout")

    assert bind(change, Machine("pipeline", Role.PIPELINE), BOOK) is change


@pytest.mark.parametrize("repository", [1, 10030, 100])
def test_a_repository_that_is_not_listed_is_refused_even_where_a_service_lists_none(
    repository: int,
) -> None:
    job = replace(
        JOB, repository=Repository(ISSUER, repository), services=frozenset({"checkout", "web"})
    )

    for service in ("checkout", "web"):
        with pytest.raises(NotAllowed):
            bind(CHANGE._replace(service=service), job, BOOK)
