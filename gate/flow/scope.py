"""What a caller may touch: the caller's services, and nothing that the caller cannot see."""

from gate.core.change import Change
from gate.core.workload import Workload
from gate.errors import NotAllowed
from gate.flow.caller import Caller, ChangeHolder, Machine, Role
from gate.flow.rulebooks import Rulebook
from gate.storage.tables.stored_change import StoredChange


def require_service(by: Caller, service: str) -> None:
    """Raise `NotAllowed` where the caller's token is not bound to the service."""
    if isinstance(by, Workload) and service not in by.services:
        detail = (
            f"repository {by.repository.id} of {by.issuer} is not listed for {service[:100]}; "
            "list it in the catalogue"
        )
        raise NotAllowed(detail, problem="identity_mismatch")
    if isinstance(by, Machine) and by.services is not None and service not in by.services:
        bound = ", ".join(sorted(by.services)) or "none"
        raise NotAllowed(
            f"this token is bound to {bound}, not to {service}; use a token made for it"
        )


def require_repository(change: Change, book: Rulebook) -> None:
    """Raise `NotAllowed` where the service lists its repositories, but not the named one."""
    listed = book.catalogue.services.get(change.service)
    if change.repository is None or listed is None or not listed.repositories:
        return
    if all(
        (known.issuer, known.id) != (change.repository.issuer, change.repository.id)
        for known in listed.repositories
    ):
        named = f"repository {change.repository.id} of {change.repository.issuer}"
        raise NotAllowed(
            f"{named} does not belong to {change.service}; list it in the catalogue",
            problem="identity_mismatch",
        )


def sees(by: Caller, stored: StoredChange) -> bool:
    """Return whether the change is there at all for this caller."""
    match by:
        case ChangeHolder():
            return by.change == stored.id
        case Machine(role=Role.PIPELINE):
            return by.services is None or stored.service in by.services
        case Workload():
            return stored.service in by.services
        case Machine(role=Role.HOOK):
            return False
        case _:
            return True


def require_owner(by: Caller, stored: StoredChange, doing: str) -> None:
    """Raise `NotAllowed` for whoever sees the change but does not run its pipeline."""
    if isinstance(by, ChangeHolder | Workload) or (
        isinstance(by, Machine) and by.role is Role.PIPELINE
    ):
        return
    raise NotAllowed(f"only the pipeline of {stored.service} may {doing} this change")


def bound_services(by: Caller) -> frozenset[str] | None:
    """Return the services to which lists are restricted, or None for callers who may read
    everything.
    """
    if isinstance(by, Workload) or (isinstance(by, Machine) and by.role is Role.PIPELINE):
        return by.services
    return None
