"""`gate init`: what it writes is taken as it is, and what is there stays as it was."""

from pathlib import Path

import pytest

from gate.core.catalogue.catalogue import Catalogue
from gate.core.rulebook.bundle import read_bundle
from gate.flow.folder import read_folder
from tests.cli.running import Done, gate
from tests.client.repositories import Repo

CODEOWNERS = "# who\n* @acme/payments @ada-gh ben@example.com # all\ndocs/ @acme/writers\n"
WORKFLOW = """\
jobs:
  first:
    environment: Staging-EU
  second:
    environment:
      url: https://shop.example.com
      name: "prod"  # the shop
  third:
    environment: {name: qa, url: https://qa.example.com}
  fourth:
    environment: ${{ inputs.where }}
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of acme/checkout at GitHub, in which one stands."""
    made = Repo(tmp_path / "checkout")
    made.git("config", "user.email", "me@example.com")
    made.git("remote", "add", "origin", "git@github.com:acme/checkout.git")
    (made.folder / ".github" / "workflows").mkdir(parents=True)
    monkeypatch.chdir(made.folder)
    monkeypatch.delenv("GATE_POLICIES", raising=False)
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    return made.folder


def written() -> Catalogue:
    """The catalogue, from a folder that the gate takes as a whole and without a warning."""
    bundle = read_bundle(read_folder(Path("policies")))
    assert bundle.warnings == ()
    return bundle.catalogue


def done(*arguments: str) -> Done:
    """It went well."""
    ended = gate("init", *arguments)
    assert (ended.code, ended.err) == (0, "")
    return ended


# What is there stays


def test_h4_nothing_that_is_there_is_changed(repository: Path) -> None:
    (repository / "policies").mkdir()
    for name in ("policies/catalog.yaml", ".github/workflows/deploy.yml"):
        (repository / name).write_text("mine\n")

    found = done().out

    assert (repository / "policies/catalog.yaml").read_text() == "mine\n"
    assert (repository / ".github/workflows/deploy.yml").read_text() == "mine\n"
    assert "kept   policies/catalog.yaml" in found
    assert "uses: example/gate/actions/check" in found, "the lines are shown instead"


def test_h4_a_link_is_not_written_through(repository: Path, tmp_path: Path) -> None:
    (repository / "policies").mkdir()
    (repository / "policies" / "catalog.yaml").symlink_to(tmp_path / "elsewhere")

    done()

    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("link", ["policies", ".github/workflows"])
def test_h4_a_folder_that_leads_out_of_the_repository_gets_no_file(
    repository: Path, tmp_path: Path, link: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (repository / ".github" / "workflows").rmdir()
    (repository / link).symlink_to(outside)

    ended = gate("init")

    assert ended.code != 0
    assert "leads out of the repository" in ended.err
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".github/workflows/a.yml", "environment:" + " " * 900_000 + "{"),
        (".github/workflows/a.yml", "environment: {name:" + " " * 900_000 + "{"),
        ("CODEOWNERS", "* ada@" + "a." * 450_000 + "<\n"),
        ("CODEOWNERS", "* @a" + "/a" * 450_000 + "!\n"),
    ],
    ids=["spaces", "spaces of a name", "an address", "a team"],
)
def test_h4_no_line_of_a_repository_keeps_anybody_waiting(
    repository: Path, file: str, text: str
) -> None:
    (repository / file).write_text(text)

    # It took hours; the limit of a test is a minute.
    done()
    assert "production" in written().environments


def test_h4_a_name_may_hold_any_character(repository: Path) -> None:
    Repo(repository).git("config", "user.name", "Ada \U0001f642 \u2028 \\ud83d")

    done()

    assert next(iter(written().people.values())).name == "Ada \U0001f642 \u2028 \\ud83d"


def test_h4_the_second_time_changes_nothing(repository: Path) -> None:
    done()
    before = {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()}

    done()

    after = {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()}
    assert before == after


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("* @acme/x: {people: [eve]}\n", id="yaml"),
        pytest.param('* "a"@b.example\n* @acme/te"am\n', id="quotes"),
        pytest.param("* @true @null @123 true@example.com\n", id="words of YAML"),
        pytest.param("* " + " ".join(f"@user{n}" for n in range(500)), id="very many"),
        pytest.param("* @acme/owners\n", id="a team called like a word of ours"),
        pytest.param("\x00\xff\u202e", id="no text"),
    ],
)
def test_h4_whatever_a_repository_holds_the_files_are_good(repository: Path, text: str) -> None:
    (repository / ".github" / "CODEOWNERS").write_text(text)

    done()

    assert "checkout" in written().services


# What is seen


def test_h4_owners_environments_and_the_git_user_are_found(repository: Path) -> None:
    (repository / ".github" / "CODEOWNERS").write_text(CODEOWNERS)
    (repository / ".github" / "workflows" / "deploy.yml").write_text(WORKFLOW)

    found = done().out

    catalogue = written()
    tiers = {name: place.tier for name, place in catalogue.environments.items()}
    assert tiers == {"Staging-EU": "staging", "prod": "production", "qa": "testing"}
    assert catalogue.services["checkout"].owners == ("payments", "writers", "checkout-owners")
    (first, *others) = catalogue.members("checkout-owners")
    assert sorted(others) == ["ada-gh", "ben"]
    assert {catalogue.members(one) for one in ("release-managers", "on-call", "platform")} == {
        (first,)
    }
    assert all(catalogue.observes("checkout", place) for place in tiers)
    assert "gh api repos/acme/checkout --jq .id" in found
    assert found.count("  1. ") == found.count("  2. ") == found.count("  3. ") == 1


def test_h4_a_runner_knows_the_numeric_id(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/checkout")
    monkeypatch.setenv("GITHUB_REPOSITORY_ID", "1001")

    done()

    assert repository.exists()
    (listed,) = written().services["checkout"].repositories
    assert (listed.id, listed.name) == (1001, "acme/checkout")


def test_h4_without_a_pipeline_one_is_made(repository: Path) -> None:
    done()

    made = (repository / ".github/workflows/deploy.yml").read_text()
    assert "service: checkout, environment: production" in made
    assert "id-token: write" in made


def test_h4_where_nothing_says_anything_there_is_still_a_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GATE_POLICIES", raising=False)
    (tmp_path / "My Shop").mkdir()
    monkeypatch.chdir(tmp_path / "My Shop")

    done()

    assert list(written().services) == ["my-shop"]


# Backstage

COMPONENTS = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: Checkout, annotations: {github.com/project-slug: acme/checkout}}
spec: {type: service, lifecycle: production, owner: group:default/payments,
       dependsOn: [component:default/ledger, resource:db, "component:unknown"]}
---
kind: System
metadata: {name: shop}
---
kind: Component
metadata: {name: ledger}
spec: {type: service, owner: payments}
"""


def test_h4_services_come_from_backstage(repository: Path) -> None:
    (repository / "catalog-info.yaml").write_text(COMPONENTS)

    found = done("--from-backstage", "catalog-info.yaml").out

    services = written().services
    assert {name: one.owners for name, one in services.items()} == {
        "checkout": ("payments",),
        "ledger": ("payments",),
    }
    assert services["checkout"].depends_on == ("ledger",)
    assert "skipped in catalog-info.yaml, because they are no components: 1" in found


@pytest.mark.parametrize(
    "text", ["", "kind: Component\n", "kind: System\nmetadata: {name: x}\n", "a: &b [*b]\n", "- 1"]
)
def test_h4_a_file_without_components_is_refused_and_nothing_is_written(
    repository: Path, text: str
) -> None:
    (repository / "catalog-info.yaml").write_text(text)

    ended = gate("init", "--from-backstage", "catalog-info.yaml")

    assert (ended.code, ended.out) == (1, "")
    assert not (repository / "policies").exists()
