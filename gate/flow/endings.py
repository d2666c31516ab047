"""How a change ends, inside a transaction: closed, canceled or expired, with everything that follows from it."""

from gate.core.canonical import canonical
from gate.core.change import FAILED_RESULTS, State
from gate.core.instants import to_us
from gate.core.standard import to_suspend
from gate.errors import Invalid
from gate.flow.compose import rollups
from gate.flow.known import Known
from gate.flow.rulebooks import Rulebook
from gate.ledger.format import Kind, entry
from gate.storage import closures, matches, moves, reconsider
from gate.storage.changes import StoredChange
from gate.storage.closures import Closing, Report
from gate.storage.ledger import append_entry
from gate.storage.tx import Tx

NAMES_BYTES_MAX = 12_000
"""Of services and environments that one entry names."""

CHANGED = frozenset({Closing.CLOSED, Closing.WORSENED})


def close(tx: Tx, known: Known, report: Report, book: Rulebook, *, by: str, rolled_back_by: str | None = None) -> Closing:
    """Take one report about the end of a deployment; a failure may suspend the standard changes it matched."""
    stored = known.stored
    closing = closures.close(tx, stored, report, known.files)
    if closing in CHANGED or closing is Closing.UNMATCHED:
        tell(
            tx,
            Kind.CLOSURE,
            stored.id,
            by=by,
            result=report.result.value,
            matched=closing is not Closing.UNMATCHED,
            rolled_back_by=rolled_back_by,
        )
    if closing in CHANGED:
        failed = report.result in FAILED_RESULTS and not stored.failed
        measures = [f"closed_{report.result.value}"] if closing is Closing.CLOSED else [f"worsened_{report.result.value}"]
        tx.add(rollups(known.record, [*measures, "failed"] if failed else measures, at=tx.now))
        if failed:
            _suspend(tx, stored, book)
        reconsider.ask(tx, stored.service, stored.environment)
    return closing


def cancel(tx: Tx, known: Known, by: str, *, comment: str = "", superseded_by: str | None = None) -> bool:
    """It will not be deployed. False: it is no longer what was read."""
    stored = known.stored
    waiting = (State.PENDING, State.APPROVED)
    if stored.state not in waiting or not moves.move(
        tx, stored.id, from_states=(stored.state,), of_decision=stored.decision, state=State.CANCELED, redecide_at=None
    ):
        return False
    tell(tx, Kind.CANCELLATION, stored.id, by=by, comment=comment or None, superseded_by=superseded_by)
    tx.add(rollups(known.record, ["canceled"], at=tx.now))
    reconsider.ask(tx, stored.service, stored.environment)
    return True


def expire(tx: Tx, known: Known) -> bool:
    """Its time is over. False: somebody was first."""
    stored = known.stored
    if not moves.move(tx, stored.id, from_states=(stored.state,), of_decision=stored.decision, state=State.EXPIRED, redecide_at=None):
        return False
    tell(tx, Kind.EXPIRY, stored.id, state=stored.state.value)
    tx.add(rollups(known.record, ["expired"], at=tx.now))
    reconsider.ask(tx, stored.service, stored.environment)
    return True


def tell(tx: Tx, kind: Kind, change: str | None, **fields: object) -> None:
    """One entry in the ledger, at the database's time."""
    append_entry(tx, kind.value, to_us(tx.now), change, entry(kind, tx.now, change, **fields))


def check_names(*names: str) -> None:
    """Raises `Invalid` for more names than one entry of the ledger holds."""
    size_bytes = len(canonical(names))
    if size_bytes > NAMES_BYTES_MAX:
        raise Invalid(f"the names take {size_bytes} bytes, at most {NAMES_BYTES_MAX} are allowed; name fewer, or none for all")


def _suspend(tx: Tx, stored: StoredChange, book: Rulebook) -> None:
    policy = book.policies.named(stored.policy)  # the others, shadows among them, have their own idea of the same names
    rules = {one.id: one.suspend for one in policy.standard_changes if one.suspend is not None} if policy else {}
    for name in stored.matched:
        if name not in rules:
            continue
        newest = matches.newest(tx.conn, stored.service, stored.environment, name)
        known = matches.suspension(tx.conn, stored.service, stored.environment, name)
        because = to_suspend(rules[name], newest, reinstated_at=known.reinstated_at)
        if because is not None and matches.suspend(tx, stored.service, stored.environment, name, because):
            tell(
                tx,
                Kind.STANDARD_CHANGE,
                stored.id,
                standard_change=name,
                action="suspended",
                service=stored.service,
                environment=stored.environment,
                because=because,
            )
