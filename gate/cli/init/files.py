"""The files with which a team begins, as text. Whatever comes from a repository is quoted."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gate.cli.init.seen import GITHUB, GITLAB, Seen
from gate.core.catalogue.catalogue import OWNERS

OTHER_GROUPS = ("release-managers", "change-authority", "on-call", "platform")
"""The groups that the shipped policies name."""

CALENDAR = """\
# When nothing may be deployed, and when people are at work. Times are local times of `time_zone`.
time_zone: UTC
business_hours: {days: [mon, tue, wed, thu, fri], from: "09:00", to: "17:00"}
# freezes:
#   - {id: year-end, reason: Year-end closing, begins: 2026-12-20T00:00, ends: 2027-01-02T00:00}
"""
JSON_CODE_MAX = 0xFFFF
"""The last character that JSON writes as one escape."""

_ACTION = "example/gate/actions"
_PERMISSIONS = (
    "{id-token: write, contents: read, pull-requests: read, checks: read, statuses: read}"
)
_COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass(frozen=True, slots=True)
class Service:
    """One service of the repository."""

    name: str
    owners: tuple[str, ...]
    depends_on: tuple[str, ...] = ()


def catalogue(seen: Seen, services: Sequence[Service]) -> str:
    """Return `catalog.yaml`, in which the gate only observes, wherever the services are
    deployed.
    """
    gates = ", ".join(f"{_key(name)}: observe" for name in seen.environments)
    lines = [
        "# Who owns what, and who is who. The gate only observes: delete `gate`, or say enforce,",
        "# when the page Observations says that it is safe.",
        "environments:",
        *(f"  {_key(name)}: {{tier: {tier}}}" for name, tier in seen.environments.items()),
        "services:",
    ]
    for service in services:
        lines += [f"  {_key(service.name)}:", f"    owners: {_list(service.owners)}"]
        if service.depends_on:
            lines.append(f"    depends_on: {_list(service.depends_on)}")
        lines += [f"    gate: {{{gates}}}", f"    {_repositories(seen)}"]
    people = people_of(seen)
    lines += ["groups:", *_groups(seen, services, people), "people:"]
    lines += [f"  {_key(name)}: {{{identity}}}" for name, identity in people.items()]
    return "\n".join(lines) + "\n"


def people_of(seen: Seen) -> dict[str, str]:
    """Return the identities of people by their ids: first the git user, then everybody who owns
    code.
    """
    email = seen.email or "nobody@example.com"
    name = f"name: {_text(seen.user)}, " if seen.user else ""
    found = {_person(email): f"{name}emails: [{_text(email)}]"}
    for one in seen.owners.emails:
        if one.casefold() != email.casefold():
            found.setdefault(_person(one), f"emails: [{_text(one)}]")
    for login in seen.owners.logins:
        found.setdefault(_word(login), f"{seen.provider or GITHUB}: [{_text(login)}]")
    return found


def owners_of(seen: Seen) -> tuple[str, ...]:
    """Return the groups that own the repository."""
    words = map(_word, seen.owners.teams)
    teams = tuple(dict.fromkeys(one for one in words if one != OWNERS))
    named = bool(seen.owners.logins or seen.owners.emails)
    return (*teams, *((f"{seen.name}-owners",) if named else ())) or ("release-managers",)


def pipeline(seen: Seen, service: str) -> str:
    """Return the lines of a pipeline around its deploy step."""
    place = next(name for name, tier in seen.environments.items() if tier == "production")
    if seen.provider == GITLAB:
        return f"""\
include:
  - component: $CI_SERVER_FQDN/example/gate/gate@1
    inputs: {{url: "https://gate.example.com", service: {service}, environment: {place}}}
"""
    return f"""\
# permissions of the job: {_PERMISSIONS}
- uses: {_ACTION}/check@{_COMMIT}  # the commit of a release
  with: {{url: "https://gate.example.com", service: {service}, environment: {place}}}
- run: ./deploy.sh
- uses: {_ACTION}/close@{_COMMIT}
  if: always()
  with: {{url: "https://gate.example.com", status: "${{{{ job.status }}}}"}}
"""


def _groups(seen: Seen, services: Sequence[Service], people: Mapping[str, str]) -> list[str]:
    first, *others = people
    named = [group for service in services for group in service.owners]
    lines = []
    for group in dict.fromkeys((*OTHER_GROUPS, *named)):
        members = [first, *others] if group == f"{seen.name}-owners" else [first]
        lines.append(f"  {_key(group)}: {{people: {_list(members)}}}")
    return lines


def _repositories(seen: Seen) -> str:
    provider = seen.provider or GITHUB
    name = _text(seen.slug or seen.name)
    known = f"{{provider: {provider}, id: {seen.repository_id or 'NUMBER'}, name: {name}}}"
    return ("" if seen.repository_id else "# ") + f"repositories: [{known}]"


def _person(email: str) -> str:
    return _word(email.partition("@")[0])


def _word(text: str) -> str:
    """Return a name for the catalogue that resembles this text."""
    kept = "".join(one if one.isascii() and one.isalnum() else "-" for one in text.casefold())
    return kept.strip("-")[:90] or "somebody"


def _list(names: Iterable[str]) -> str:
    return f"[{', '.join(map(_key, names))}]"


def _key(name: str) -> str:
    """Return the name bare if YAML reads it as text, and quoted otherwise."""
    plain = name.replace("-", "").replace("_", "")
    is_word = plain.isascii() and plain.isalpha() and name[0].isalpha()
    if is_word and name.casefold() not in {"true", "false", "null"}:
        return name
    return _text(name)


def _text(text: str) -> str:
    """Return the text in double quotes for YAML.

    YAML escapes characters beyond 16 bits in another way than JSON.
    """
    written = (
        f"\\U{ord(one):08x}" if ord(one) > JSON_CODE_MAX else json.dumps(one)[1:-1] for one in text
    )
    return f'"{"".join(written)}"'
