"""The details of a request beside its subject, as the record of a decision keeps them."""

from typing import NamedTuple

from gate.core.change import (
    ANY_TIME,
    NOT_ASSESSED,
    Artifact,
    Assessment,
    Planned,
    Repository,
    Run,
)


class RequestDetails(NamedTuple):
    """The details of a request beside its subject.

    Texts, names and addresses are ids of texts, and empty if none was given. The texts themselves
    can be erased, the record cannot.
    """

    base: str | None = None
    ref: str | None = None
    repository: Repository | None = None
    artifacts: tuple[Artifact, ...] = ()
    run: Run | None = None
    requested_by: str = ""
    authors: tuple[str, ...] = ()
    # Identities of whoever started the run, as its token proves.
    actor: tuple[str, ...] = ()
    title: str = ""
    description: str = ""
    impact: str = ""
    rollback_plan: str = ""
    test_plan: str = ""
    assessment: Assessment = NOT_ASSESSED
    emergency_reason: str = ""
    emergency_incident: str = ""
    planned: Planned = ANY_TIME
    remediates: str | None = None


def text_ids(asked: RequestDetails) -> tuple[str, ...]:
    """Return the ids of everything that people wrote about the change, and of whom it names."""
    plans = (
        asked.description,
        asked.impact,
        asked.rollback_plan,
        asked.test_plan,
        asked.emergency_reason,
        *asked.assessment,
    )
    return tuple(
        one
        for one in (asked.title, asked.requested_by, *asked.authors, *asked.actor, *plans)
        if one
    )
