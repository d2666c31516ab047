"""`gate token`: made straight in the database, shown once, good until revoked."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gate.ledger.format import read_entry
from gate.storage.database.engine import open_engine
from gate.storage.database.pages import Part
from gate.storage.identity import tokens
from gate.storage.store import transaction
from gate.storage.tables import schema
from tests.builders import person_id
from tests.cli.running import gate
from tests.flow.shop import open_shop
from tests.storage.stored import token_of


def good(url: str, text: str) -> tokens.Token | None:
    """Whose token this is."""
    with open_engine(url).connect() as conn:
        return token_of(conn, text, datetime.now(UTC))


TO_COME = "name a time that is to come"
ONLY_BOUND = (
    "only a token of role pipeline or hook is bound to services; leave --service and "
    "--all-services out"
)
KINDS = "--hook cdevents|alertmanager|incidents and --service"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("", "a token is made for a role or for a person: name one of the two"),
        ("--role king", "there is no role king; roles are pipeline, hook, auditor, admin"),
        ("--role pipeline", ("a pipeline token is bound to services: name each with --service, or " "say " "--all-services")),
        ("--role pipeline --service web --all-services", ("--service and --all-services " "contradict each other; take " "one of them")),
        ("--role admin --service web", ONLY_BOUND),
        ("--role auditor --all-services", ONLY_BOUND),
        ("--role hook", "a hook token is for one kind of hook and for named services: " + KINDS),
        ("--role hook --hook cdevents", "a hook token is for one kind of hook and for named " "services: " + KINDS),
        ("--role hook --hook cdevents --all-services", "a hook token is for one kind of hook and " "for named services: " + KINDS),
        ("--role hook --service web", "a hook token is for one kind of hook and for named " "services: " + KINDS),
        ("--role hook --service web --hook pager", ("there is no hook pager; hooks are cdevents, " "alertmanager, incidents")),
        ("--role admin --hook cdevents", ("only a token of role hook is for a kind of hook; leave " "--hook out")),
        ("--person ada --service web", ("a personal token is its person's, for every service; " "leave --service and " "--all-services out")),
        ("--person nobody@example.com", ("nobody@example.com is nobody in the catalogue in force; " "add the address to a " "person there first")),
        ("--role admin --expires-at tomorrow", ("--expires-at tomorrow: write RFC 3339, such as " "2027-01-31T12:00:00Z")),
        ("--role admin --expires-at 2027-01-31T12:00:00", ("--expires-at 2027-01-31T12:00:00 has " "no zone; add Z for UTC")),
        ("--role admin --expires-at 2020-01-31T12:00:00Z", "the token would have expired at " "2020-01-31T12:00:00+00:00; " + TO_COME),
    ],
)  # fmt: skip
def test_a_token_that_makes_no_sense_is_refused(url: str, arguments: str, words: str) -> None:
    done = gate("token", "create", *arguments.split())

    assert (done.code, done.out, done.err) == (1, "", f"{words}\n")
    assert gate("token", "list").out == ""
    assert url


def test_without_a_database_nothing_is_made_and_it_is_said_where_it_was_looked_for(
    here: Path,
) -> None:
    for command in (
        ("token", "list"),
        ("token", "create", "--role", "admin"),
        ("token", "revoke", "0123456789abcdef"),
    ):
        done = gate(*command)

        assert (done.code, done.out) == (1, "")
        assert done.err == (
            f"there is no database at {here}/.gate/gate.db; set GATE_DATABASE_URL to the "
            "one that the running gate names in its first line"
            " (gate serve or gate db upgrade makes a new one)\n"
        )
    assert not (here / ".gate").exists()


def test_a_token_is_printed_alone_and_known_at_once(url: str) -> None:
    done = gate("token", "create", "--role", "pipeline", "--service", "web", "--service", "search")

    text = done.out.removesuffix("\n")
    found = good(url, text)
    assert (done.code, done.err) == (0, "")
    assert found is not None
    assert (found.role, found.services, found.created_by) == (
        "pipeline",
        frozenset({"web", "search"}),
        "command line",
    )


def test_a_token_is_listed_and_revoked_and_never_shown_again(url: str) -> None:
    until = datetime.now(UTC) + timedelta(days=3)
    text = gate(
        *("token", "create", "--role", "auditor", "--expires-at", until.isoformat()),
        *("--name", "quarterly audit"),
    ).out.strip()
    found = good(url, text)
    assert found is not None

    before = gate("token", "list").out
    revoked = gate("token", "revoke", found.id)
    after = gate("token", "list").out
    again = gate("token", "revoke", found.id)

    line = f"{found.id}  auditor  all services"
    assert before == f"{line}  until {until:%Y-%m-%d}  never used  quarterly audit\n"
    assert (revoked.code, revoked.out, good(url, text)) == (0, "", None)
    assert after == f"{line}  revoked  never used  quarterly audit\n"
    assert (again.code, again.err) == (
        1,
        f"there is no token {found.id} that is good; `gate token list` shows them\n",
    )
    assert text.split("_", 2)[2] not in before + after


def test_making_and_revoking_stand_in_the_ledger(url: str) -> None:
    gate("token", "create", "--role", "pipeline", "--all-services")
    with open_engine(url).connect() as conn:
        token = tokens.token_page(conn, None, Part(1)).rows[0].id
    gate("token", "revoke", token)

    with transaction(url) as tx:
        entries = [
            read_entry(bytes(row.body)) for row in tx.conn.execute(schema.ledger_entries.select())
        ]
    assert [(entry.kind.value, dict(entry.fields)) for entry in entries] == [
        ("token", {"token": token, "action": "created", "by": "command line", "role": "pipeline"}),
        ("token", {"token": token, "action": "revoked", "by": "command line"}),
    ]


@pytest.mark.anyio
async def test_a_personal_token_is_its_persons_by_id_or_address(url: str, here: Path) -> None:
    async with open_shop(url, here):
        for name in ("ada", "Ada+work@example.com"):
            found = good(url, gate("token", "create", "--person", name).out.strip())
            assert found is not None
            assert (found.person, found.role, found.services) == (person_id("ada"), None, None)
        assert "Ada Ekberg" in gate("token", "list").out
        both = gate("token", "create", "--person", "ada", "--role", "admin")
        stranger = gate("token", "create", "--person", "eve@example.com")

    assert (both.code, both.err) == (
        1,
        "a token is made for a role or for a person: name one of the two\n",
    )
    assert (stranger.code, stranger.out) == (1, "")


@pytest.mark.anyio
async def test_e26_a_token_for_a_service_that_is_not_there_is_made_and_a_note_says_so(
    url: str, here: Path
) -> None:
    async with open_shop(url, here):
        made = gate("token", "create", "--role", "pipeline", "--service", "chekout")
        known = gate("token", "create", "--role", "pipeline", "--service", "checkout")

    assert good(url, made.out.strip()) is not None
    assert made.err == "note: the catalogue has no service chekout; did you mean checkout?\n"
    assert (known.code, known.err) == (0, "")
