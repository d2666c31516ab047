"""Who may do what to a change now? A page asks before it offers an act, and the command asks again
in its own transaction before it does it.

Each function returns why this person may not, or None where they may. Whether the person is
entitled is asked first and the state of the change last, because somebody without a right to it
should not learn its state from the refusal.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from gate.core.calendar.freeze import Window
from gate.core.catalogue.catalogue import ERASED, OWNERS_OF_LAST_RESORT
from gate.core.change import WAITING, State
from gate.core.decision.admission import Refusal
from gate.core.decision.values import Route
from gate.core.workload import Workload
from gate.errors import Conflict, NotAllowed
from gate.flow.caller import Caller, ChangeHolder, Machine, Person, Role
from gate.flow.changes.known import Known
from gate.flow.changes.workloads import is_own_run
from gate.flow.rulebooks import Rulebook
from gate.storage.changes.post_reviews import PostReview

STATE_CONFLICT = "state_conflict"
REVIEW_HELD = Refusal(STATE_CONFLICT, "the review of this change was held already")
_NOT_ALLOWED, _DUTIES = "not_allowed", "separation_of_duties"


def error_of(refused: Refusal) -> NotAllowed | Conflict:
    """Return the error for a refused act: the person may not do it, or the state of the change
    forbids it.
    """
    is_about_person = refused.problem in {_NOT_ALLOWED, _DUTIES}
    kind = NotAllowed if is_about_person else Conflict
    return kind(refused.detail, problem=refused.problem)


def why_not_approve(known: Known, by: Person, at: datetime) -> Refusal | None:
    """Return why this person may not approve, or None.

    Members of the groups that the change asks may approve, unless they took part in it.
    """
    return _not_asked(known, by) or _took_part(known, by) or _not_pending(known, at)


def why_not_reject(known: Known, by: Person, at: datetime) -> Refusal | None:
    """Return why this person may not reject, or None.

    Members of the groups that the change asks may reject, even if they took part in it. A rejection
    lets nothing pass, so authors may stop their own change.
    """
    return _not_asked(known, by) or _not_pending(known, at)


def why_not_take_back(known: Known, by: Person, at: datetime) -> Refusal | None:
    """Return why this person may not take an approval back, or None.

    Whoever gave an approval may take it back until the deployment begins.
    """
    if by.role is Role.AUDITOR:
        return Refusal(_NOT_ALLOWED, "an auditor reads, and takes back nothing")
    state = known.stored.state_at(at)
    if state not in WAITING:
        return Refusal(
            STATE_CONFLICT,
            f"the change is {state.value}; an approval is taken back before its deployment begins",
        )
    mine = (one for one in known.approvals if one.person == by.id)
    if all(one.rejected or one.lapsed_at for one in mine):
        return Refusal(STATE_CONFLICT, "no approval of yours counts for this change")
    return None


def why_not_override(
    known: Known,
    window: str | None,
    by: Person,
    book: Rulebook,
    opened: Sequence[Window],
    at: datetime,
) -> Refusal | None:
    """Return why this person may not override a window, or None.

    Release managers and the groups that the calendar names for the window may, unless they took
    part in the change. `window` is the id of the window that is overridden, or None for a stopped
    line. `opened` are all windows that are open for the place of the change at this instant.
    """
    named = [one.override_by for one in book.calendar.freezes if one.id == window]
    what = "a stopped line" if window is None else window
    refused = _not_in(
        (OWNERS_OF_LAST_RESORT, *(group for groups in named for group in groups)),
        by,
        f"{what} is overridden by {{}}; ask one of them",
    )
    return refused or _took_part(known, by) or _not_held(known, window, opened, at)


def meant(window: str | None, opened: Iterable[Window]) -> list[Window]:
    """Return the open windows that an override is for: that of this id, or for None every stop."""
    if window is None:
        return [one for one in opened if one.stop]
    return [one for one in opened if one.id == window and not one.stop]


def why_not_lift(known: Known, by: Person, book: Rulebook) -> Refusal | None:
    """Return why this person may not lift a rejection, or None.

    Members of the groups that the change asked may lift it, unless they took part in the change. If
    the change asked nobody, these are the owners of the service and the release managers. After a
    name of the change was erased nobody may, because nobody can show that they took no part.
    """
    if known.record.decision.required:
        refused = _not_asked(known, by)
    else:
        refused = _not_in(
            _who_answer_for(known, book),
            by,
            "a rejection is lifted by {}; you are in none of these groups",
        )
    return refused or _took_part(known, by) or _forgotten(known) or _not_rejected(known)


def why_not_cancel(known: Known, by: Caller, book: Rulebook, at: datetime) -> Refusal | None:
    """Return why the caller may not cancel the change, or None.

    The pipeline that submitted the change may, and so may the holder of its token, release
    managers, owners of the service, and people whose approval it asks for. All of these can stop
    the change in other ways, and an approval that nobody uses blocks other changes.
    """
    state = known.stored.state_at(at)
    if not _may_cancel(known, by, book):
        return Refusal(
            _NOT_ALLOWED,
            "only the pipeline run that asked for a change, a release manager, an owner of its"
            " service, or a person whose approval it asks for, may cancel it",
        )
    if state not in WAITING:
        return Refusal(
            STATE_CONFLICT,
            f"the change is {state.value}; only a pending or approved one can be canceled",
        )
    return None


def why_not_look_back(
    known: Known, owed: PostReview | None, by: Person, book: Rulebook
) -> Refusal | None:
    """Return why this person may not hold the review afterwards, or None.

    Owners of the service and release managers may review a change that failed or was an emergency,
    unless they approved it or took part in it. `owed` is its review, due or held, or None if none
    is owed.
    """
    refused = _not_in(
        _who_answer_for(known, book),
        by,
        "the review is held by {}; you are in none of these groups",
    )
    if refused is not None:
        return refused
    approvers = book.identities.same(one.person for one in known.approvals if not one.rejected)
    if by.id in approvers:
        return Refusal(_DUTIES, "you approved this change; somebody else has to look back on it")
    if by.id in known.people.excluded:
        return Refusal(
            _DUTIES, "you wrote or requested this change; somebody else has to look back on it"
        )
    if owed is None and not known.stored.failed:
        return Refusal(
            STATE_CONFLICT,
            "this change owes no review: it was no emergency that was admitted, and it did not "
            "fail",
        )
    if owed is not None and owed.done_at is not None:
        return REVIEW_HELD
    return None


def _asked_groups(known: Known) -> list[str]:
    return [group for entry in known.record.decision.required for group in entry.by]


def why_not_give_notice(known: Known, by: Person, book: Rulebook) -> Refusal | None:
    """Return why this person may not record a notice to customers, or None.

    Owners of the service and release managers may.
    """
    if by.role is Role.AUDITOR:
        return Refusal(_NOT_ALLOWED, "an auditor reads, and gives no notice")
    return _not_in(
        _who_answer_for(known, book),
        by,
        "a notice is given by {}; you are in none of these groups",
    )


def _who_answer_for(known: Known, book: Rulebook) -> tuple[str, ...]:
    owners = book.catalogue.owners_of(known.stored.service) or ()
    return (OWNERS_OF_LAST_RESORT, *owners)


def _may_cancel(known: Known, by: Caller, book: Rulebook) -> bool:
    if isinstance(by, ChangeHolder):
        return True
    if isinstance(by, Workload) and not is_own_run(by, known.proof):
        return False
    if isinstance(by, Machine | Workload):
        return by.caller == known.stored.caller
    return not by.groups.isdisjoint({*_who_answer_for(known, book), *_asked_groups(known)})


def _not_in(groups: Iterable[str], by: Person, sentence: str) -> Refusal | None:
    allowed = set(groups)
    if by.groups & allowed:
        return None
    return Refusal(_NOT_ALLOWED, sentence.format(" or ".join(sorted(allowed))))


def _not_asked(known: Known, by: Person) -> Refusal | None:
    asked = _asked_groups(known)
    if not by.groups.isdisjoint(asked):
        return None
    return Refusal(
        _NOT_ALLOWED,
        f"this change asks for {' or '.join(dict.fromkeys(asked)) or 'nobody'}; you are in "
        "none of these groups",
    )


def _took_part(known: Known, by: Person) -> Refusal | None:
    if by.id not in known.people.excluded:
        return None
    return Refusal(
        _DUTIES, "you wrote or requested this change, or a part of it; somebody else has to decide"
    )


def _forgotten(known: Known) -> Refusal | None:
    if ERASED not in (*known.names.asked, *known.names.wrote):
        return None
    return Refusal(
        _DUTIES,
        "a name of this change was erased, so nobody can show that they took no part in it; "
        "ask with a new commit",
    )


def _not_pending(known: Known, at: datetime) -> Refusal | None:
    state = known.stored.state_at(at)
    if state is State.EXPIRED:
        return Refusal(
            "expired", "the change was not decided in time and has expired; the pipeline asks again"
        )
    if state is not State.PENDING:
        return Refusal(STATE_CONFLICT, f"the change is {state.value} already")
    return None


def _not_held(
    known: Known, window: str | None, opened: Sequence[Window], at: datetime
) -> Refusal | None:
    state = known.stored.state_at(at)
    if state not in WAITING:
        return Refusal(STATE_CONFLICT, f"the change is {state.value}; only a waiting one is held")
    if not meant(window, opened):
        what = "no stopped line" if window is None else window
        return Refusal(STATE_CONFLICT, f"{what} holds this change now; look at its hold again")
    return None


def _not_rejected(known: Known) -> Refusal | None:
    if known.stored.state is State.REJECTED and known.stored.route is not Route.AUTOMATIC:
        return None
    return Refusal(
        STATE_CONFLICT,
        "no person has rejected this change; name the window, or the stop, to override",
    )
