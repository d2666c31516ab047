"""What a repository shows about itself: its name, host, owners, and where it is deployed.

Files of the repository are only read as text and never run, and anything that does not look like a
name is left out.
"""

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gate.core.catalogue.names import NAME_LENGTH_MAX

GIT_SECONDS_MAX = 10.0
FILE_BYTES_MAX = 1024 * 1024
FILES_MAX = 200
OWNERS_MAX = 50
CODEOWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
WORKFLOWS, GITLAB_FILE = ".github/workflows", ".gitlab-ci.yml"
GITHUB, GITLAB = "github", "gitlab"

_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.-]{{0,{NAME_LENGTH_MAX - 1}}}")
_REMOTE = re.compile(r"(?:[a-z+]+://)?(?:[^@/\s]+@)?([^/:\s]+)(?::\d+)?[:/](.+?)(?:\.git)?/?")
# The quantifiers are possessive. Otherwise a line of a million spaces would be matched for hours.
_ENVIRONMENT = re.compile(r"(\s*+)environment:\s*+(?:\{\s*+name:\s*+)?+([^#{},]*+)(?:[#,}].*)?")
_NAME_LINE = re.compile(r"(\s*)name:\s*([^#]*)(?:#.*)?")
_TIERS: Mapping[str, str] = {
    "prod": "production",
    "live": "production",
    "stag": "staging",
    "preprod": "staging",
    "uat": "staging",
    "test": "testing",
    "qa": "testing",
    "dev": "development",
}
_LOGIN = re.compile(r"@([A-Za-z0-9][A-Za-z0-9-]{0,38})")
_TEAM = re.compile(r"@[A-Za-z0-9][A-Za-z0-9_.-]*(?:/[A-Za-z0-9][A-Za-z0-9_.-]*)*/([A-Za-z0-9_.-]+)")
_EMAIL = re.compile(r"[^@\s<>\"]++@[^@\s<>\".]++(?:\.[^@\s<>\".]++)++")


@dataclass(frozen=True, slots=True)
class Owners:
    """The owners of the code: teams by name, and people by login or address."""

    teams: tuple[str, ...] = ()
    logins: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """A repository, as far as it says something about itself.

    `provider` is empty where nothing points to a code host, `repository_id` is None where only the
    host knows it. `environments` are names and their tiers.
    """

    name: str
    provider: str
    slug: str
    repository_id: int | None
    owners: Owners
    environments: Mapping[str, str]
    user: str
    email: str


def look_at(folder: Path, env: Mapping[str, str]) -> Seen:
    """Return everything that is found. Nothing is changed, and no network is used."""
    host, slug = _remote(folder)
    provider = _provider(folder, host)
    name = (slug or folder.resolve().name).rpartition("/")[2]
    return Seen(
        name=re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-._").lower()[:NAME_LENGTH_MAX] or "app",
        provider=provider,
        slug=slug,
        repository_id=_id_of(env, slug),
        owners=_owners(folder),
        environments=_environments(folder),
        user=_git(folder, "config", "user.name"),
        email=_git(folder, "config", "user.email"),
    )


def tier_of(environment: str) -> str:
    """Return the tier that the name of an environment suggests."""
    word = environment.casefold()
    begins = (tier for start, tier in _TIERS.items() if word.startswith(start))
    return next(begins, "production" if "prod" in word else "other")


def _git(folder: Path, *arguments: str) -> str:
    """Return one line of git's output, or an empty text if there is none."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ("git", *arguments),  # noqa: S607 - the user's own git
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=GIT_SECONDS_MAX,
            check=False,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    if done.returncode == 0:
        return done.stdout.strip().partition("\n")[0]
    return ""


def _remote(folder: Path) -> tuple[str, str]:
    """Return host and path of `origin`."""
    found = _REMOTE.fullmatch(_git(folder, "config", "remote.origin.url"))
    if found is None or not re.fullmatch(r"[\w./-]+", found[2]):
        return "", ""
    return found[1], found[2].strip("/")


def _provider(folder: Path, host: str) -> str:
    if "gitlab" in host or (folder / GITLAB_FILE).is_file():
        return GITLAB
    if "github" in host or (folder / ".github").is_dir():
        return GITHUB
    return ""


def _id_of(env: Mapping[str, str], slug: str) -> int | None:
    """Return the numeric id of the repository as its runner gives it, or None."""
    for name, identity in (
        ("GITHUB_REPOSITORY", "GITHUB_REPOSITORY_ID"),
        ("CI_PROJECT_PATH", "CI_PROJECT_ID"),
    ):
        if slug and env.get(name) == slug and env.get(identity, "").isdecimal():
            return int(env[identity])
    return None


def _text(path: Path) -> str:
    """Return the text of a file, or an empty text if it is a link, no file, or too large."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > FILE_BYTES_MAX:
            return ""
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _owners(folder: Path) -> Owners:
    """Return everybody whom any line of the first existing CODEOWNERS file names."""
    text = next(filter(None, (_text(folder / name) for name in CODEOWNERS)), "")
    words = [
        word
        for line in text.splitlines()
        if line.strip() and not line.lstrip().startswith(("#", "[", "^"))
        for word in line.partition(" #")[0].split()[1:]
    ]
    return Owners(
        teams=_found(_TEAM, words), logins=_found(_LOGIN, words), emails=_found(_EMAIL, words)
    )


def _found(pattern: re.Pattern[str], words: Iterable[str]) -> tuple[str, ...]:
    matches = (pattern.fullmatch(word) for word in words)
    found = (match[match.lastindex or 0] for match in matches if match is not None)
    return tuple(dict.fromkeys(found))[:OWNERS_MAX]


def _environments(folder: Path) -> dict[str, str]:
    """Return the tiers by environment that pipelines name, or production and staging if none is
    named.
    """
    found = {name: tier_of(name) for text in _pipelines(folder) for name in _named(text)}
    if "production" not in found.values():
        found["production"] = "production"
    return found if len(found) > 1 else {**found, "staging": "staging"}


def _pipelines(folder: Path) -> Iterator[str]:
    files = sorted((folder / WORKFLOWS).glob("*.y*ml"))[:FILES_MAX]
    yield from map(_text, (*files, folder / GITLAB_FILE))


def _named(text: str) -> Iterator[str]:
    """Yield the names in `environment: NAME`, or in `name: NAME` on the deeper lines below it."""
    below: str | None = None
    for line in text.splitlines():
        environment, name = _ENVIRONMENT.fullmatch(line), _NAME_LINE.fullmatch(line)
        if environment is not None:
            said, below = environment[2], environment[1]
        elif name is not None and below is not None and len(name[1]) > len(below):
            said, below = name[2], None
        else:
            continue
        said = said.strip().strip("\"'")
        if _NAME.fullmatch(said):
            yield said
