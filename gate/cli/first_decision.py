"""The steps that are left until the first verified decision, in order.

None of these lines is an error.
"""

from collections.abc import Iterator

from sqlalchemy import Connection

from gate.cli.database import existing
from gate.config import Settings
from gate.core.decision import record as records
from gate.core.facts import Origin
from gate.errors import GateError
from gate.flow.rulebooks import Rulebook, current_rulebook
from gate.integrations.github.facts import issuer_of
from gate.storage.changes import decisions
from gate.storage.identity import people
from gate.storage.store import transaction

NAMED_MAX = 5
"""The most services without a repository that are named."""
LOOKED_AT_MAX = 50
"""How many of the newest decisions are searched for one with verified facts."""


def examine(settings: Settings) -> list[tuple[bool, str]]:
    """Return one line for each step, with False for a step that is not done yet."""
    try:
        with transaction(existing(settings)) as tx:
            return list(_steps(settings, tx.conn))
    except GateError:
        # The line about the database says why.
        return []


def _steps(settings: Settings, conn: Connection) -> Iterator[tuple[bool, str]]:
    book = current_rulebook(conn)
    yield _catalogue(book)
    yield _address(settings)
    yield _access(settings, book)
    yield _people(conn)
    yield _decision(conn)


def _catalogue(book: Rulebook) -> tuple[bool, str]:
    if not book.id:
        return False, "a catalogue in force: start `gate serve` once with your policies"
    bare = [one.name for one in book.catalogue.services.values() if not one.repositories]
    if bare:
        named = ", ".join(bare[:NAMED_MAX]) + (" and others" if len(bare) > NAMED_MAX else "")
        return False, (
            f"repositories of {named}: give each its `repositories` with the numeric id in "
            "catalog.yaml, because a pipeline is known by it"
        )
    return True, "every service names its repositories"


def _address(settings: Settings) -> tuple[bool, str]:
    if settings.base_url:
        return True, f"identity tokens are made for {settings.address}"
    return False, (
        "GATE_BASE_URL: the https address that pipelines reach; their identity tokens are made "
        "for it"
    )


def _access(settings: Settings, book: Rulebook) -> tuple[bool, str]:
    used = {
        repository.issuer
        for service in book.catalogue.services.values()
        for repository in service.repositories
    }
    gitlab = settings.gitlab_url.rstrip("/")
    if gitlab in used and not settings.gitlab_token.get_secret_value():
        return False, (
            f"GATE_GITLAB_TOKEN: a token with `read_api` for {gitlab}, whose jobs cannot lend one "
            "that reads approvals"
        )
    if issuer_of(settings.github_api_url) in used and not settings.github_app_id:
        return True, "GitHub is asked with the token that each job lends; an App is not needed"
    return True, "code hosts are asked with the gate's own access"


def _people(conn: Connection) -> tuple[bool, str]:
    if not people.nobody_yet(conn):
        return True, "somebody was let in"
    return False, "somebody who can sign in: `gate people invite --admin E-MAIL` prints a link"


def _decision(conn: Connection) -> tuple[bool, str]:
    newest = decisions.newest_records(conn, LOOKED_AT_MAX)
    if not newest:
        return False, (
            "a pipeline that asks: put the lines of `gate init` around the step that deploys"
        )
    for record in newest:
        facts = records.read(record).case.facts.values()
        if any(one.origin is Origin.VERIFIED for one in facts):
            return True, "a code host has verified what a decision was made from"
    return False, (
        f"verified facts: of the last {len(newest)} decisions none has any; `gate explain` of one "
        "says which source was silent and why"
    )
