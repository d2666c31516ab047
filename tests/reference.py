"""The pages of the reference that are made from the code: `make docs` writes them, a test compares
them.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from gate.config import PREFIX, Settings
from gate.core.facts import FACTS, GROUPS, claimable

FOLDER = Path(__file__).parents[1] / "docs" / "reference"

_FACTS_HEAD = """\
# Facts

<!-- Made from gate/core/facts.py by `make docs`; a test compares the two. -->

A fact is one thing that a policy may look at. It has a value, or it is **unknown**.

- Unknown is the worst case. A rule that is unknown counts its highest points, and a requirement that is unknown does not hold.
- Known to be empty is not unknown. Where nothing was ever deployed, counts and rates are 0, lists are empty, and
  `days_since_…` is 3650.
- Rates are 0 to 1. Days and hours are whole, rounded down. A decimal has at most 4 places.
- A pipeline may claim the facts marked *claim*. A claim counts only where the policy names its group in `trust_claims`.
  All other facts come from the identity token, the code host, the gate's own history, the catalogue or the calendar.
- The caller of the gate may add `labels.<name>`: a text of at most 64 characters.
"""

_SETTINGS_HEAD = """\
# Settings

<!-- The first table is made from gate/config.py by `make docs`; a test compares the two. -->

## The service

Every setting is an environment variable, read once at start. Flags of `gate serve` go before them. A secret may also be
given as a file: `NAME_FILE` holds the path. Secrets are printed as stars.

"""

_SETTINGS_TAIL = """
Without `GATE_DATABASE_URL` the gate keeps its data in `.gate/gate.db` below the folder it was started in; `gate serve`
prints the whole path. PostgreSQL is `postgresql+psycopg://USER:PASSWORD@HOST/DATABASE`.

## The client

`gate check`, `gate close` and `gate verify-admission` run in a pipeline. They read:

| variable | meaning |
|---|---|
| `GATE_URL` | address of the gate |
| `GATE_TOKEN` | API token (`gate_…`) |
| `GATE_ID_TOKEN` | identity token of a GitLab job; on GitHub the client asks the runner itself |
| `NO_COLOR` | anything: no colour. Off a terminal there is none anyway |

Each flag of the client can be given as a variable too: `--if-down` is `GATE_IF_DOWN`.
"""


def facts_page() -> str:
    """Every fact, by group."""
    lines = [_FACTS_HEAD]
    for group in GROUPS:
        members = [fact for fact in FACTS.values() if fact.group == group]
        if members:
            lines += [f"## {group}", "", "| fact | type | claim | meaning |", "|---|---|---|---|"]
            for fact in members:
                kind = " or ".join(f"`{choice}`" for choice in fact.choices) or str(fact.type)
                lines.append(
                    f"| `{fact.name}` | {kind} | {'claim' if claimable(fact.name) else ''} "
                    f"| {fact.help} |"
                )
            lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def settings_page() -> str:
    """Every setting of the service."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else _shown(field.default)
        lines.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    return _SETTINGS_HEAD + "\n".join(lines) + "\n" + _SETTINGS_TAIL


def _shown(default: object) -> str:
    text = str(default)
    return f"`{text}`" if text else ""


PAGES: Mapping[str, Callable[[], str]] = MappingProxyType(
    {"facts.md": facts_page, "settings.md": settings_page}
)


def write() -> None:
    """All pages, where readers find them."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write()
