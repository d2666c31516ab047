"""What is said of a service or an environment that the catalogue lacks."""

import pytest

from gate.core.catalogue.catalogue import Catalogue, Environment, Service
from gate.core.decision.places import notes_of_place

CATALOGUE = Catalogue(
    environments={name: Environment(name, name) for name in ("production", "staging")},
    services={"checkout": Service("checkout"), "web": Service("web", environments=("staging",))},
)


@pytest.mark.parametrize(
    ("service", "environment", "said"),
    [
        pytest.param("checkout", "production", [], id="both are known"),
        pytest.param("web", "staging", [], id="it is deployed there"),
        pytest.param(
            "web",
            "production",
            ["the catalogue has web in staging, not in production, so its tier there is unknown"],
            id="it is deployed elsewhere",
        ),
        pytest.param(
            "chekout",
            "stagign",
            [
                "the catalogue has no service chekout; did you mean checkout?",
                "the catalogue has no environment stagign; did you mean staging?",
            ],
            id="neither is known",
        ),
        pytest.param(
            "\x1b[2J",
            "staging",
            [
                (
                    "the catalogue has no service \\x1b[2J; add it in catalog.yaml, or name "
                    "another service"
                )
            ],
            id="a name that acts on a terminal",
        ),
    ],
)
def test_each_name_that_is_not_known_is_said(
    service: str, environment: str, said: list[str]
) -> None:
    notes = notes_of_place(CATALOGUE, service, environment)

    assert [dict(note.seen)["because"] for note in notes] == said
    assert {note.holds for note in notes} <= {False}


def test_a_catalogue_that_lists_nothing_says_nothing() -> None:
    assert notes_of_place(Catalogue(), "checkout", "production") == ()
