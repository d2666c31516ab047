"""The pages of the reference that are made from the code: `make docs` writes them, a test compares
them.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from gate.config import PREFIX, Settings
from gate.core.facts import FACTS, GROUPS, claimable
from gate.metrics import Metrics

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

The server also reads the standard variables of OpenTelemetry for [traces](logs.md#traces).

Each flag of the client can be given as a variable too: `--if-down` is `GATE_IF_DOWN`.
"""

_METRICS_HEAD = """\
# Metrics

<!-- The table is made from gate/metrics.py by `make docs`; a test compares the two. -->

`GET /metrics` answers in the text format of Prometheus, to any token. With `GATE_METRICS_PORT` the same figures have a port of
their own that needs none; keep that one inside. Every replica serves its own figures: add counters up, and of gauges about the
database (changes, ledger, outbox, inbox) take the highest, because every replica shows the same.

A histogram NAME is served as `NAME_bucket`, `NAME_sum` and `NAME_count`. Labels never hold a service, a change or a person.

"""

_METRICS_TAIL = """
`process_cpu_seconds_total`, `process_resident_memory_bytes`, `process_open_fds` and their like are those of every Prometheus client.

## Healthy, slow, stuck

| question | look at |
|---|---|
| Does it decide? | `gate_decisions_total` grows, `gate_responses_total{status=~"5.."}` does not |
| Is it slow? | `gate_decision_seconds`, and which part of it: `gate_code_host_seconds`, `gate_writer_commit_seconds` |
| Is the database the reason? | `gate_writer_commit_seconds`, `gate_troubles_total{where=~"database.*"}` |
| Is the writer stuck? | the highest `gate_writer_oldest_seconds` of some minutes: after 8 seconds the writer gives up on what waits |
| Is a loop stuck? | `time() - gate_loop_success_timestamp_seconds`, by `loop` |
| Can anything be admitted? | `gate_signing_ready` |
| Does somebody wait for people? | `gate_changes_oldest_seconds{state="pending"}` |

[Alert rules](../deploy/README.md) and a dashboard use exactly these.
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


def metrics_page() -> str:
    """Every metric."""
    lines = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    for one in Metrics().described:
        labels = ", ".join(f"`{label}`" for label in one.labels)
        lines.append(f"| `{one.name}` | {one.kind} | {labels} | {one.words} |")
    return _METRICS_HEAD + "\n".join(lines) + "\n" + _METRICS_TAIL


PAGES: Mapping[str, Callable[[], str]] = MappingProxyType(
    {"facts.md": facts_page, "metrics.md": metrics_page, "settings.md": settings_page}
)


def write() -> None:
    """All pages, where readers find them."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write()
