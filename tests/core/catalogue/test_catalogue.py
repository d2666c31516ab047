"""What the catalogue answers about services, environments, groups and people."""

import pytest

from gate.core.catalogue.catalogue import Catalogue, Environment, Service
from gate.core.catalogue.links import LinkName
from gate.core.change import Repository
from gate.core.facts import Fact, Origin, Value
from tests.core.windows import make_catalogue

KNOWN = make_catalogue()
NO_LINKS = {name.fact: False for name in LinkName}


def said(facts: dict[str, Fact]) -> dict[str, Value]:
    """The values, after a look at their origin."""
    assert {fact.origin for fact in facts.values()} == {Origin.CATALOGUE}
    return {name: fact.value for name, fact in facts.items()}


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        pytest.param("Production", "Production", id="another case is another text"),
        pytest.param("prod-eu", "prod-eu", id="a name that begins alike"),
        pytest.param("", "", id="nothing"),
        pytest.param("prod", "production", id="a second name"),
        pytest.param("live", "production", id="another second name"),
        pytest.param("production", "production", id="its own name"),
    ],
)
def test_an_environment_is_found_by_its_exact_names(asked: str, name: str) -> None:
    assert KNOWN.environment_named(asked) == name


@pytest.mark.parametrize(
    ("said", "environment", "means"),
    [
        pytest.param("production", "staging", False, id="another one"),
        pytest.param("Live", "staging", False, id="another one in other letters"),
        pytest.param(
            "prod", "qa", False, id="another one's exact name, which is this one's in other letters"
        ),
        pytest.param("pRoD", "production", False, id="two may be meant"),
        pytest.param("pRoD", "qa", False, id="two may be meant, so neither is"),
        pytest.param("prod-eu", "production", False, id="a name that begins alike"),
        pytest.param("", "production", False, id="nothing"),
        pytest.param("lab", "LAB2", False, id="neither is known"),
        pytest.param("prod", "production", True, id="a second name"),
        pytest.param("PROD", "qa", True, id="an exact name"),
        pytest.param("LIVE", "production", True, id="a second name in other letters"),
        pytest.param("Lab", "lab", True, id="one that the catalogue lacks, in other letters"),
    ],
)
def test_a_token_may_call_an_environment_by_each_of_its_names(
    said: str, environment: str, *, means: bool
) -> None:
    places = (
        Environment("production", "production", ("prod", "live")),
        Environment("staging", "staging"),
        Environment("qa", "testing", ("PROD",)),
    )

    assert (
        Catalogue(environments={place.name: place for place in places}).means(said, environment)
        is means
    )


@pytest.mark.parametrize(
    ("service", "environment", "facts"),
    [
        pytest.param(
            "new",
            "lab",
            {"service.name": "new", "service.known": False, "environment.name": "lab"},
            id="neither is known: the rest is unknown",
        ),
        pytest.param(
            "new",
            "production",
            {
                "service.name": "new",
                "service.known": False,
                "environment.name": "production",
                "environment.tier": "production",
            },
            id="a service that is not known",
        ),
        pytest.param(
            "ledger",
            "staging",
            {
                "service.name": "ledger",
                "service.known": True,
                "service.owners": (),
                **NO_LINKS,
                "service.tier": 2,
                "environment.name": "staging",
            },
            id="an environment that the service does not list has no tier for it",
        ),
        pytest.param(
            "checkout",
            "production",
            {
                "service.name": "checkout",
                "service.known": True,
                "service.owners": ("team-payments",),
                **NO_LINKS,
                "service.tier": 1,
                "environment.name": "production",
                "environment.tier": "production",
            },
            id="both are known",
        ),
    ],
)
def test_facts_are_what_the_catalogue_says_and_no_more(
    service: str, environment: str, facts: dict[str, Value]
) -> None:
    assert said(KNOWN.facts(service, environment)) == facts


def test_facts_given_out_twice_are_not_shared() -> None:
    KNOWN.facts("checkout", "production").clear()

    assert "service.tier" in KNOWN.facts("checkout", "production")


def test_a_tier_that_nobody_gave_is_unknown() -> None:
    assert "service.tier" not in Catalogue(services={"x": Service("x")}).facts("x", "production")


def test_groups_and_people_know_each_other() -> None:
    assert KNOWN.members("nobody") == ()
    assert KNOWN.members("team-payments") == ("ada", "ben")
    assert KNOWN.groups_of("zoe") == ()
    assert KNOWN.groups_of("ada") == ("release-managers", "team-payments")
    assert KNOWN.groups_of("ben") == ("team-payments",)


def test_services_know_what_they_need() -> None:
    assert KNOWN.depends_on("new") == ()
    assert KNOWN.depends_on("checkout") == ("ledger",)


def test_a_repository_is_its_issuer_and_number_and_may_hold_several_services() -> None:
    shared = Repository("https://gitlab.com", 7, "acme/one")
    known = Catalogue(
        services={name: Service(name, repositories=(shared,)) for name in ("api", "web")}
    )

    assert known.services_of("https://gitlab.com", 7) == ("api", "web")
    assert known.services_of("https://gitlab.example.com", 7) == ()
    assert known.services_of("https://gitlab.com", 70) == ()
