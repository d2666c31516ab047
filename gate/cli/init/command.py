"""`gate init`: writes the files that are missing, shows them, and says what to do next."""

import os
from pathlib import Path

from gate.cli.init import backstage, files
from gate.cli.init.files import Service
from gate.cli.init.seen import GITHUB, GITLAB, GITLAB_FILE, WORKFLOWS, Seen, look_at
from gate.core.rulebook.bundle import CALENDAR_FILE, CATALOGUE_FILE, read_bundle
from gate.errors import Invalid
from gate.flow.folder import SHIPPED_POLICIES

POLICY_FILES = ("production.yaml", "default.yaml")
CASES_FILES = tuple(f"tests/{name.replace('.yaml', '.test.yaml')}" for name in POLICY_FILES)


def begin(policies: Path, from_backstage: Path | None) -> None:
    """Make the first files here. Nothing that is there is changed.

    Raises `Invalid` for a file of Backstage that says nothing, and where the folder as a whole
    would be refused.
    """
    here = Path.cwd()
    seen = look_at(here, os.environ)
    services: tuple[Service, ...] = (Service(seen.name, files.owners_of(seen)),)
    skipped = 0
    if from_backstage is not None:
        services, skipped = backstage.services_of(from_backstage)
    wanted = {CATALOGUE_FILE: files.catalogue(seen, services), CALENDAR_FILE: files.CALENDAR}
    wanted |= {name: _shipped(name) for name in (*POLICY_FILES, *CASES_FILES)}
    # What is written must be taken by the gate as it is.
    read_bundle({name: text for name, text in wanted.items() if not name.startswith("tests/")})
    made = [_write(policies / name, text) for name, text in wanted.items()]
    lines = files.pipeline(seen, services[0].name)
    shown = _pipeline(here, seen, lines)
    if skipped:
        print(f"skipped in {from_backstage}, because they are no components: {skipped}")
    if made[0]:
        print(f"\nThe gate only observes until {policies / CATALOGUE_FILE} says otherwise:\n")
        print(_indented(wanted[CATALOGUE_FILE]))
    if shown:
        print(f"\nAround the step that deploys:\n\n{_indented(lines)}")
    _say_next(policies, seen)


def _shipped(name: str) -> str:
    folder = next((one for one in SHIPPED_POLICIES if (one / name).is_file()), None)
    if folder is None:
        raise Invalid(f"this installation has no {name} of its own; install the gate again")
    return (folder / name).read_text(encoding="utf-8")


def _write(path: Path, text: str) -> bool:
    """Write a file and return True, or return False if something of that name exists already.

    Raises `Invalid` if it cannot be written, or if its folder leads out of the repository, because
    the author of the repository must not choose which other folder gets files.
    """
    _require_inside(path.parent)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        print(f"kept   {path}, which is there already")
        return False
    except OSError as error:
        raise Invalid(f"{path} cannot be written: {error.strerror}") from None
    print(f"wrote  {path}")
    return True


def _require_inside(folder: Path) -> None:
    here = Path.cwd().resolve()
    named, leads_to = Path(os.path.normpath(here / folder)), (here / folder).resolve()
    if named.is_relative_to(here) and not leads_to.is_relative_to(here):
        raise Invalid(
            f"{folder} is a link that leads out of the repository, to {leads_to}; name that folder "
            "with --policies, or remove the link"
        )


def _pipeline(here: Path, seen: Seen, lines: str) -> bool:
    """Write a pipeline where the host has none yet. Return whether the lines must be shown."""
    if seen.provider == GITLAB and not (here / GITLAB_FILE).exists():
        return not _write(Path(GITLAB_FILE), lines)
    if seen.provider == GITHUB and not any((here / WORKFLOWS).glob("*")):
        return not _write(Path(WORKFLOWS) / "deploy.yml", _workflow(lines))
    return True


def _workflow(lines: str) -> str:
    comment, *steps = lines.splitlines()
    permissions = comment.partition("job: ")[2]
    body = "\n".join(f"      {line}" for line in steps)
    return f"""\
name: Deploy
on: {{push: {{branches: [main]}}}}
jobs:
  deploy:
    runs-on: ubuntu-latest
    permissions: {permissions}
    steps:
      - uses: actions/checkout@v4
        with: {{fetch-depth: 0}}
{body}
"""


def _say_next(policies: Path, seen: Seen) -> None:
    print("\nNext:")
    print(f"  1. gate policy check {policies}   reads what was written")
    print("  2. gate serve                 decides by it; the first start prints a link to sign in")
    print("  3. put the lines of the pipeline around the step that deploys, and push")
    print("\nBefore the gate enforces:")
    if seen.repository_id is None:
        print(f"  - in {policies / CATALOGUE_FILE} the id of the repository: {_ask_id(seen)}")
    print("  - other people in every group: nobody approves a change of their own")
    print("  - one entry for each person, with every address and login that is theirs")
    print("  - the page Observations says when it is safe")
    if not seen.email:
        print("  - your address instead of nobody@example.com: git has no user.email")


def _ask_id(seen: Seen) -> str:
    if seen.provider == GITLAB:
        return "the page of the project shows it"
    return f"gh api repos/{seen.slug or 'OWNER/NAME'} --jq .id"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in text.splitlines())
