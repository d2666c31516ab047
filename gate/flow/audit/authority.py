"""The authority map: who may approve, override and reinstate what in each place of the catalogue.

It is made from what is in force, so it is never out of date. A cell that no person can fill is a
finding, because whatever waits there would wait for ever.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from gate.core.calendar import freeze
from gate.core.catalogue.catalogue import OWNERS_OF_LAST_RESORT, Catalogue
from gate.core.decision.approvals import LAST_RESORT, needed
from gate.core.decision.places import unknown_names
from gate.core.decision.quorum import missing
from gate.core.decision.values import Band, Required
from gate.core.policy.policy import Policy
from gate.flow.answers.place import AuthorityAnswer, AuthorityMapAnswer, CellAnswer, HoldersAnswer
from gate.flow.gate import Gate
from gate.flow.rulebooks import Rulebook

PLACES_MAX = 200
Act: TypeAlias = Literal["approve", "override", "reinstate"]


@dataclass(frozen=True, slots=True)
class AuthorityQuery:
    """The places that are asked for. None means any."""

    service: str | None = None
    environment: str | None = None


async def authority(gate: Gate, query: AuthorityQuery) -> AuthorityMapAnswer:
    """Return the map of the places that the catalogue names."""
    book = await gate.rulebooks.current()
    catalogue = book.catalogue
    environment = query.environment and catalogue.environment_named(query.environment)
    places = [
        (service.name, where)
        for service in sorted(catalogue.services.values(), key=lambda one: one.name)
        for where in catalogue.environments
        if service.deploys_to(where)
        and query.service in {None, service.name}
        and environment in {None, where}
    ]
    return AuthorityMapAnswer(
        policies=book.revisions.policies,
        unknown=unknown_names(catalogue, query.service, environment),
        places=tuple(_place(book, *place) for place in places[:PLACES_MAX]),
        more=len(places) > PLACES_MAX,
    )


def _place(book: Rulebook, service: str, environment: str) -> AuthorityAnswer:
    catalogue = book.catalogue
    policy = book.policy_at(service, environment).policy
    # Not `owners_of`, which names stand-ins for a service that nobody owns.
    owners = catalogue.services[service].owners
    cells = tuple(_cells(book, policy, service, environment))
    findings = [one for cell in cells for one in _findings(cell, catalogue)]
    if not owners:
        findings.insert(0, f"nobody owns {service}; {OWNERS_OF_LAST_RESORT} stand in for owners")
    return AuthorityAnswer(
        service=service,
        environment=environment,
        policy=policy.name if policy else None,
        owners=owners,
        cells=cells,
        findings=tuple(dict.fromkeys(findings)),
    )


def _cells(
    book: Rulebook, policy: Policy | None, service: str, environment: str
) -> Iterator[CellAnswer]:
    """Yield one cell for each kind of change that people approve, and for each other act in the
    place.
    """
    catalogue = book.catalogue
    owners = catalogue.owners_of(service) or ()

    def cell(act: Act, of: str, required: Iterable[Required]) -> CellAnswer:
        entries = tuple(required)
        lacking = missing(entries, _everybody(catalogue, entries))
        holders = (
            _holders(catalogue, entry, lacks) for entry, lacks in zip(entries, lacking, strict=True)
        )
        return CellAnswer(act, of, tuple(holders))

    for band in Band:
        entries = needed(policy, band, owners=owners, emergency=False) if policy else LAST_RESORT
        yield cell("approve", f"a change of {band.word} risk", entries)
    if policy is None or policy.emergency is None:
        yield cell("approve", "an emergency", LAST_RESORT)
    else:
        yield cell(
            "approve",
            "an emergency",
            needed(policy, Band.CRITICAL, owners=owners, emergency=True),
        )
    scope = freeze.scope_of(catalogue, service, environment)
    for window in book.calendar.freezes:
        if freeze.covers(window.reach, scope):
            by = dict.fromkeys((OWNERS_OF_LAST_RESORT, *window.override_by))
            yield cell("override", f"the window {window.id}", [Required(tuple(by), 1)])
    yield cell("override", "a stopped line", [Required((OWNERS_OF_LAST_RESORT,), 1)])
    for standard in policy.standard_changes if policy else ():
        yield cell(
            "reinstate",
            f"the standard change {standard.id}",
            [Required(standard.authorised_by, 1)],
        )


def _everybody(catalogue: Catalogue, required: Sequence[Required]) -> Mapping[str, tuple[str, ...]]:
    """Return all people whom the catalogue lists in these groups, each with their groups."""
    groups: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for group in dict.fromkeys(name for entry in required for name in entry.by):
        for person in catalogue.members(group):
            groups[person] += (group,)
    return groups


def _holders(catalogue: Catalogue, entry: Required, lacks: int) -> HoldersAnswer:
    listed = {person for group in entry.by for person in catalogue.members(group)}
    known = [catalogue.groups[group] for group in entry.by if group in catalogue.groups]
    return HoldersAnswer(
        count=entry.count,
        by=entry.by,
        people=tuple(sorted(map(catalogue.label_of, listed))),
        single_sign_on=any(group.sso for group in known),
        missing=lacks,
    )


def _findings(cell: CellAnswer, catalogue: Catalogue) -> Iterator[str]:
    """Yield what is wrong with a cell. People whom single sign-on adds to a group are not known
    here.
    """
    for entry in cell.entries:
        groups = " or ".join(entry.by)
        unknown = [group for group in entry.by if group not in catalogue.groups]
        if unknown:
            yield f"the catalogue has no group {unknown[0]}, which may {cell.act} {cell.of}"
        if entry.missing and not entry.single_sign_on:
            people = len(entry.people)
            yield (
                f"nobody may {cell.act} {cell.of}: {groups} has no people"
                if not people
                else f"{entry.count} of {groups} must {cell.act} {cell.of}, and too few people "
                f"are in it: {people}"
            )
