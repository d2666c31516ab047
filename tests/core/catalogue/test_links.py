"""Links of a service: what is refused, and what a policy learns of them."""

import pytest

from gate.core.catalogue.catalogue import Catalogue
from gate.core.catalogue.file import read_catalogue
from gate.core.catalogue.links import SERVICE_LINK_LENGTH_MAX, LinkName
from gate.core.catalogue.record import as_file, pseudonymised, restored
from gate.errors import Invalid

WIKI = "https://wiki.example.com/checkout"


def catalogue(links: str) -> Catalogue:
    """A catalogue of one service with these links."""
    text = (
        "environments: {production: {tier: production}}\n"
        f"services: {{checkout: {{links: {links}}}}}\n"
    )
    return read_catalogue(text, "catalog.yaml")


@pytest.mark.parametrize(
    ("links", "says"),
    [
        pytest.param('{runbook: "javascript:alert(1)"}', "allowed is an https://", id="a script"),
        pytest.param('{runbook: "https://user@wiki.example.com/"}', "without a user", id="a user"),
        pytest.param('{runbook: "http://wiki.example.com/"}', "http:// for this", id="not private"),
        pytest.param(
            '{runbook: "https://wiki.example.com/a b"}', "an https://", id="a blank in it"
        ),
        pytest.param('{runbook: "https://wiki.example.com/\\n"}', "an https://", id="two lines"),
        pytest.param("{runbook: }", "found nothing, allowed is text", id="no address"),
        pytest.param("{runbok: x}", "did you mean runbook?", id="another name"),
        pytest.param("[runbook]", "allowed is a mapping", id="a list"),
        pytest.param(
            f'{{runbook: "{WIKI}/{"x" * SERVICE_LINK_LENGTH_MAX}"}}',
            f"allowed are {SERVICE_LINK_LENGTH_MAX}",
            id="too long",
        ),
    ],
)
def test_another_address_than_a_page_may_link_to_is_refused(links: str, says: str) -> None:
    with pytest.raises(Invalid, match=r"^catalog\.yaml:2:\d+: ") as refused:
        catalogue(links)

    assert says in refused.value.detail


@pytest.mark.parametrize("known", [(), (LinkName.RUNBOOK,), tuple(LinkName)])
def test_a_fact_says_of_each_link_whether_it_is_there(known: tuple[LinkName, ...]) -> None:
    found = catalogue("{" + ", ".join(f"{name}: {WIKI}/{name}" for name in known) + "}")

    facts = found.facts("checkout", "production")

    assert {name: facts[name.fact].value for name in LinkName} == {
        name: name in known for name in LinkName
    }


def test_of_a_service_that_the_catalogue_lacks_no_link_is_known() -> None:
    facts = catalogue(f"{{runbook: {WIKI}}}").facts("chekout", "production")

    assert [name for name in LinkName if name.fact in facts] == []


def test_links_come_back_from_the_stored_form_and_as_a_file() -> None:
    known = catalogue(f"{{known_issues: {WIKI}/issues}}")

    tree = pseudonymised(known, lambda text: text)

    assert restored(tree, lambda _: None, {}).services == known.services
    assert as_file(tree)["services"]["checkout"]["links"] == {"known_issues": f"{WIKI}/issues"}
