"""`gate people`: invites people, directly in the database; a server knows it within a second."""

from gate.cli.database import existing
from gate.config import Settings
from gate.errors import Invalid
from gate.flow.caller import Role
from gate.flow.commands import InvitationCommand
from gate.flow.identity.people import Invited, invite_person, link_of
from gate.flow.rulebooks import current_rulebook
from gate.storage.store import transaction


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
