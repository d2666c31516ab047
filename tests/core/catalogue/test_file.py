"""Reading catalog.yaml: what is refused, where, and what the shipped one says."""

from pathlib import Path

import pytest

from gate.core.catalogue.catalogue import Catalogue, Environment, Group, Person, Service
from gate.core.catalogue.file import read_catalogue
from gate.core.catalogue.identity import Identities
from gate.core.change import Repository
from gate.errors import Invalid

SHIPPED = Path(__file__).parents[3] / "policies" / "catalog.yaml"

GOOD = """\
environments:
  production: {tier: production, names: [prod, live]}
  staging: {tier: staging}
services:
  checkout:
    owners: [team-payments]
    tier: 1
    environments: [production, staging]
    depends_on: [ledger]
    repositories: [{provider: github, id: 1001, name: acme/checkout}, {issuer: "https://gitlab.example.com", id: 20}]
    alerts_count_from: critical
    gate: {production: observe}
  ledger: {}
groups:
  release-managers: {people: [ada], sso: [rm]}
  team-payments: {people: [cy]}
people:
  ada: {name: Ada Lovelace, emails: [ada@example.com, ada@old.example.com], github: [ada-gh], gitlab: [ada.gl], slack: U0ADA}
  cy: {name: Cy, emails: [cy@example.com]}
"""


def faults(text: str) -> list[tuple[str, str]]:
    """Where, and what, of everything that is refused."""
    with pytest.raises(Invalid) as refused:
        read_catalogue(text, "catalog.yaml")
    return [
        (fault.where.removeprefix("catalog.yaml:"), fault.detail) for fault in refused.value.faults
    ]


@pytest.mark.parametrize(
    ("before", "after", "where", "says"),
    [
        pytest.param(
            "environments:",
            "enviroments:",
            "1:1",
            "did you mean environments?",
            id="an unknown key",
        ),
        pytest.param(
            "tier: staging", "tier: stagin", "3:19", "did you mean staging?", id="an unknown tier"
        ),
        pytest.param(
            "{tier: staging}",
            "{}",
            "3:12",
            "found no tier, it is required",
            id="an environment without a tier",
        ),
        pytest.param(
            "{tier: staging}",
            "{tier: staging, names: [prod]}",
            "3:35",
            "found prod, which already means production",
            id="a name twice",
        ),
        pytest.param(
            "[prod, live]",
            "[staging]",
            "2:41",
            "found staging, which already means staging",
            id="the name of another environment",
        ),
        pytest.param(
            "[prod, live]", "[production]", "2:41", "found production", id="its own name again"
        ),
        pytest.param(
            "[prod, live]", "[prod, prod]", "2:48", "found prod twice", id="one name twice"
        ),
        pytest.param(
            "  staging: {",
            "  sta ging: {",
            "3:3",
            "as the name of an environment, allowed are letters",
            id="a name with a space",
        ),
        pytest.param(
            "owners: [team-payments]",
            "owners: [team-payment]",
            "6:14",
            "no group of the catalogue; did you mean team-payments?",
            id="an unknown group",
        ),
        pytest.param(
            "owners: [team-payments]",
            "owners: team-payments",
            "6:13",
            "allowed is a list",
            id="a text for a list",
        ),
        pytest.param(
            "tier: 1",
            "tier: 0",
            "7:11",
            "allowed is a whole number from 1 to 4",
            id="below the first tier",
        ),
        pytest.param(
            "tier: 1",
            "tier: 5",
            "7:11",
            "allowed is a whole number from 1 to 4",
            id="beyond the last tier",
        ),
        pytest.param(
            "tier: 1",
            "tier: true",
            "7:11",
            "allowed is a whole number from 1 to 4",
            id="a tier that is true",
        ),
        pytest.param("tier: 1", "tier:", "7:10", "found nothing", id="an empty tier"),
        pytest.param(
            "[production, staging]",
            "[production, stagin]",
            "8:32",
            "did you mean staging?",
            id="an unknown environment",
        ),
        pytest.param(
            "[production, staging]",
            "[]",
            "8:19",
            "leave the key out for all of them",
            id="a service that may be nowhere",
        ),
        pytest.param(
            "depends_on: [ledger]",
            "depends_on: [leger]",
            "9:18",
            "did you mean ledger?",
            id="an unknown service",
        ),
        pytest.param(
            "depends_on: [ledger]",
            "depends_on: [checkout]",
            "9:17",
            "found checkout itself",
            id="a service that needs itself",
        ),
        pytest.param(
            "provider: github",
            "provider: gitea",
            "10:31",
            "allowed is github or gitlab",
            id="an unknown provider",
        ),
        pytest.param(
            "{provider: github, id",
            "{id",
            "10:20",
            "found neither provider nor issuer",
            id="neither provider nor issuer",
        ),
        pytest.param(
            "{issuer:",
            "{provider: gitlab, issuer:",
            "10:71",
            "found provider and issuer",
            id="provider and issuer",
        ),
        pytest.param(
            '"https://gitlab.example.com"',
            '"http://gitlab.example.com"',
            "10:80",
            "allowed is an https URL",
            id="plain http",
        ),
        pytest.param(
            '"https://gitlab.example.com"',
            "gitlab.example.com",
            "10:80",
            "allowed is an https URL",
            id="no URL",
        ),
        pytest.param(
            "id: 1001", "id: -1", "10:43", "a whole number from 1", id="a negative number"
        ),
        pytest.param(
            "id: 1001", "id: true", "10:43", "a whole number from 1", id="a number that is true"
        ),
        pytest.param(
            "id: 1001", 'id: "1001"', "10:43", "a whole number from 1", id="a number in quotes"
        ),
        pytest.param("id: 1001,", "", "10:20", "found no id, it is required", id="no number"),
        pytest.param(
            '{issuer: "https://gitlab.example.com", id: 20}',
            "{provider: github, id: 1001}",
            "10:71",
            "found 1001 of",
            id="one repository twice",
        ),
        pytest.param(
            "alerts_count_from: critical",
            "alerts_count_from: So Bad",
            "11:24",
            "allowed is a severity",
            id="no severity",
        ),
        pytest.param(
            "{production: observe}",
            "{production: observ}",
            "12:24",
            "did you mean observe?",
            id="an unknown word for the gate",
        ),
        pytest.param(
            "{production: observe}",
            "{produktion: observe}",
            "12:12",
            "did you mean production?",
            id="a gate for no environment",
        ),
        pytest.param(
            "{production: observe}",
            "{prod: observe}",
            "12:12",
            "found the key prod",
            id="a gate by another name of the environment",
        ),
        pytest.param(
            "gate: {production: observe}",
            "gate: observe",
            "12:11",
            "allowed is a mapping",
            id="a gate for every environment",
        ),
        pytest.param(
            "people: [cy]",
            "people: [cya]",
            "16:28",
            "which is no person of the catalogue; did you mean cy?",
            id="an unknown person",
        ),
        pytest.param(
            "  team-payments:",
            "  owners: {people: [cy]}\n  team-payments:",
            "16:3",
            "stands for the owners",
            id="a group called owners",
        ),
        pytest.param(
            "[cy@example.com]",
            "[cy.example.com]",
            "19:27",
            "allowed is an e-mail address",
            id="no address",
        ),
        pytest.param(
            "[cy@example.com]",
            "[ADA+x@example.com]",
            "19:7",
            "which is ada already",
            id="an address of two people",
        ),
        pytest.param(
            "[cy@example.com]",
            "[7+ada-gh@users.noreply.github.com]",
            "19:7",
            "found github:ada-gh, which is ada",
            id="in a no-reply form",
        ),
        pytest.param(
            "emails: [cy@example.com]",
            "github: [Ada-GH]",
            "19:7",
            "one identity belongs to one person",
            id="a login of two people",
        ),
        pytest.param(
            "emails: [cy@example.com]",
            "github: [cy@example.com]",
            "19:27",
            "allowed is a login",
            id="an address for a login",
        ),
        pytest.param(
            "emails: [cy@example.com]", 'github: ["cy[bot]"]', "19:27", "of a human", id="a bot"
        ),
        pytest.param(
            "emails: [cy@example.com]",
            "github: [12345]",
            "19:27",
            "write it in quotes",
            id="a login of digits",
        ),
        pytest.param(
            "emails: [cy@example.com]",
            "slack: U0 CY",
            "19:25",
            "a member id such as U0ADA",
            id="no Slack id",
        ),
        pytest.param(
            ", emails: [cy@example.com]",
            "",
            "19:7",
            "no e-mail and no login",
            id="a person whom nothing names",
        ),
        pytest.param("  cy: {", "  ada: {", "19:3", "twice", id="a person twice"),
    ],
)
def test_a_catalogue_that_is_not_understood_is_refused(
    before: str, after: str, where: str, says: str
) -> None:
    assert before in GOOD

    found = faults(GOOD.replace(before, after, 1))

    assert [place for place, detail in found if says in detail][:1] == [where], found


@pytest.mark.parametrize("text", ["", "[]", "a", "environments: []", "people: 3", "services:"])
def test_a_catalogue_of_another_shape_is_refused(text: str) -> None:
    assert faults(text)


def test_all_faults_are_told_at_once() -> None:
    assert (
        len(
            faults(
                GOOD.replace("tier: 1", "tier: 9")
                .replace("tier: staging", "tier: x")
                .replace("[ledger]", "[x]")
            )
        )
        == 3
    )


def test_one_login_may_be_two_people_on_two_hosts() -> None:
    found = read_catalogue(
        GOOD.replace("emails: [cy@example.com]", "gitlab: [ada-gh]"), "catalog.yaml"
    )

    assert found.people["cy"].gitlab == ("ada-gh",)


def test_a_repository_may_hold_several_services() -> None:
    found = read_catalogue(
        GOOD.replace("ledger: {}", "ledger: {repositories: [{provider: github, id: 1001}]}"),
        "catalog.yaml",
    )

    assert found.services_of("https://token.actions.githubusercontent.com", 1001) == (
        "checkout",
        "ledger",
    )


def test_a_good_catalogue_becomes_values() -> None:
    assert read_catalogue(GOOD, "catalog.yaml") == Catalogue(
        environments={
            "production": Environment("production", "production", ("prod", "live")),
            "staging": Environment("staging", "staging"),
        },
        services={
            "checkout": Service(
                "checkout",
                owners=("team-payments",),
                tier=1,
                environments=("production", "staging"),
                depends_on=("ledger",),
                repositories=(
                    Repository(
                        "https://token.actions.githubusercontent.com", 1001, "acme/checkout"
                    ),
                    Repository("https://gitlab.example.com", 20),
                ),
                alerts_count_from="critical",
                observing=("production",),
            ),
            "ledger": Service("ledger"),
        },
        groups={
            "release-managers": Group("release-managers", ("ada",), ("rm",)),
            "team-payments": Group("team-payments", ("cy",)),
        },
        people={
            "ada": Person(
                "ada",
                "Ada Lovelace",
                ("ada@example.com", "ada@old.example.com"),
                ("ada-gh",),
                ("ada.gl",),
                "U0ADA",
                "ada",
            ),
            "cy": Person("cy", "Cy", ("cy@example.com",), key="cy"),
        },
    )


def test_the_shipped_catalogue_names_three_people_in_each_group() -> None:
    shipped = read_catalogue(SHIPPED.read_bytes(), str(SHIPPED))

    assert {name: len(group.people) for name, group in shipped.groups.items()} == dict.fromkeys(
        shipped.groups, 3
    )
    assert {"checkout", "ledger", "status-page", "web"} <= set(shipped.services)
    assert {"release-managers", "change-authority", "on-call", "platform", "team-payments"} <= set(
        shipped.groups
    )
    assert {"production", "staging", "testing", "development"} == set(shipped.environments)
    assert all(
        Identities(shipped).person(person.emails[0]) == person.id
        for person in shipped.people.values()
    )
