"""`gate people`: invites and erases people, directly in the database. Servers notice it within a
second.
"""

from gate.cli.database import existing, reading
from gate.config import Settings
from gate.core.counting import counted
from gate.errors import Invalid
from gate.flow.caller import Role
from gate.flow.commands import InvitationCommand
from gate.flow.identity import erasure
from gate.flow.identity.erasure import Erasure
from gate.flow.identity.people import Invited, invite_person, link_of
from gate.flow.rulebooks import current_rulebook
from gate.storage.privacy.compact import compact
from gate.storage.store import transaction

LOOKS_MAX = 3
"""How often everything is looked through once more, for what others wrote in the meantime."""

WHY_IT_REMAINS = {
    "decisions": "what was decided on, whose digest the ledger has",
    "ledger_entries": "what is sealed in the ledger",
    "changes": "the branch, repository or address of the run that was asked for",
    "policy_sets": "policies and calendars by which it was decided; take it out of the files",
    "deployments_seen": "the repository or address at which another system saw a deployment",
    "held_runs": "the repository of a run",
    "texts": "texts of the catalogue that is in force",
}
"""Why a name remains in a table. In a table that is not listed here, a name is part of what others
sent to the gate."""

_OTHERWISE = "what another system calls a thing by"


def invite(email: str, *, admin: bool, auditor: bool) -> None:
    """Invite somebody, and print only the link."""
    if admin and auditor:
        raise Invalid("--admin and --auditor contradict each other; take one of them")
    role = Role.ADMIN if admin else Role.AUDITOR if auditor else None
    settings = Settings.read()
    with transaction(existing(settings)) as tx:
        made = invite_person(tx, current_rulebook(tx.conn), InvitationCommand(email, role), None)
    if not isinstance(made, Invited):
        raise TypeError("on the host nobody else has to agree")
    print(link_of(settings.address, made.secret))


def erase(who: str, *, yes: bool) -> None:
    """Say what erasing somebody would remove and leave; with `yes` erase it."""
    with reading() as conn:
        planned = erasure.plan(conn, current_rulebook(conn), who)
    if not yes:
        print("\n".join(_said(planned, "Would be erased")))
        print("Nothing was changed; with --yes it is erased, and nobody can bring it back.")
        return
    url = existing(Settings.read())
    _carry_out(url, planned)
    print("\n".join(_said(planned, "Erased")))
    try:
        _erase_what_came_since(url, planned)
    finally:
        compact(url)
    print(
        "The database was written anew, so no free page, index or log of it has the name. Backups, "
        "exports, evidence packs and what receivers got before may have it: delete those yourself."
    )


def _carry_out(url: str, planned: Erasure) -> None:
    """Erase what was planned, if that may still be done."""
    # Everything was looked through before, because on SQLite nobody else writes meanwhile.
    with transaction(url) as tx:
        erasure.confirm(tx, current_rulebook(tx.conn), planned)
        erasure.carry_out(tx, planned)


def _erase_what_came_since(url: str, planned: Erasure) -> None:
    """Erase what others wrote with this name while it was looked for and erased."""
    for _ in range(LOOKS_MAX):
        with reading() as conn:
            since = erasure.look(conn, current_rulebook(conn), planned.subject)
        number = len(since.found.texts) + len(since.found.copies)
        if not number:
            return
        _carry_out(url, since)
        print(f"  and {counted(number, 'row')} that came meanwhile")
    print("Others still write this name: find out who does, and erase it once more.")


def _said(planned: Erasure, what: str) -> list[str]:
    subject, found = planned.subject, planned.found
    ids = ", ".join(subject.persons) or "(none was given)"
    lines = [
        f"{what}: {', '.join(subject.spellings)}",
        f"  {counted(len(found.texts), 'text')} with this name",
        f"  words of the search, answers and messages of {counted(len(found.changes), 'change')}",
        f"  other stored answers, messages and reports: {len(found.copies)}",
        *(
            f"  {counted(number, 'message')} to {target} among them that nobody got yet"
            for target, number in planned.undelivered.items()
        ),
        f"  {counted(planned.accounts, 'account')}, with sessions, invitations and personal tokens",
        "Remains, because it proves who did what:",
        f"  the random ids {ids}, in records, entries and approvals; they name nobody any more",
    ]
    lines += [
        f"  {one.table}.{one.column} of {counted(one.rows, 'row')}: "
        f"{WHY_IT_REMAINS.get(one.table, _OTHERWISE)}"
        for one in planned.remnants
    ]
    return lines
