"""Says when the catalogue lacks the service or the environment of a change, or does not join the
two.

Their facts are unknown then, so rules count the worst case and perhaps no policy is known to apply.
A name that somebody misspelt looks just the same, so the reviewer and the pipeline are told which
name is unknown, and which one may be meant.
"""

from collections.abc import Collection

from gate.core.catalogue.catalogue import Catalogue
from gate.core.decision.values import Finding, FindingKind
from gate.core.yaml.fields import did_you_mean
from gate.core.yaml.reader import clip

UNKNOWN_SERVICE = "unknown-service"
UNKNOWN_ENVIRONMENT = "unknown-environment"
NOT_DEPLOYED_THERE = "not-deployed-there"


def notes_of_place(catalogue: Catalogue, service: str, environment: str) -> tuple[Finding, ...]:
    """One note for each thing that is not known.

    A catalogue that lists none of a kind has nothing to say about it.
    """
    notes = []
    if lacks(catalogue.services, service):
        notes.append(
            _note(
                UNKNOWN_SERVICE, "Unknown service", unknown("service", service, catalogue.services)
            )
        )
    if lacks(catalogue.environments, environment):
        because = unknown("environment", environment, catalogue.environments)
        notes.append(_note(UNKNOWN_ENVIRONMENT, "Unknown environment", because))
    listed = catalogue.services.get(service)
    if (
        listed is not None
        and environment in catalogue.environments
        and not listed.deploys_to(environment)
    ):
        places = ", ".join(listed.environments or ())
        because = (
            f"the catalogue has {clip(service)} in {places}, not in {clip(environment)}, so its "
            "tier there is unknown"
        )
        notes.append(_note(NOT_DEPLOYED_THERE, "Not deployed there", because))
    return tuple(notes)


def unknown_names(catalogue: Catalogue, service: str | None, environment: str | None) -> list[str]:
    """A sentence for each of the two that the catalogue lacks.

    What is not named is not unknown.
    """
    found = []
    if service is not None and lacks(catalogue.services, service):
        found.append(unknown("service", service, catalogue.services))
    if environment is not None and lacks(catalogue.environments, environment):
        found.append(unknown("environment", environment, catalogue.environments))
    return found


def lacks(known: Collection[str], name: str) -> bool:
    """Whether the catalogue lists things of this kind, and this is none of them."""
    return bool(known) and name not in known


def unknown(kind: str, name: str, known: Collection[str]) -> str:
    """The sentence for a name that the catalogue lacks: what is meant, or what to do."""
    meant = did_you_mean(name, known) or f"; add it in catalog.yaml, or name another {kind}"
    return f"the catalogue has no {kind} {clip(name)}{meant}"


def _note(rule: str, title: str, because: str) -> Finding:
    return Finding(FindingKind.GATE, rule, title, holds=False, seen=(("because", because),))
