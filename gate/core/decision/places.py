"""Notes that the catalogue does not know the service or the environment of a change.

The facts of an unknown name are unknown, so rules count the worst case, and perhaps no policy is
known to apply. A misspelt name has the same effect, so a note shows the reviewer and the pipeline
which name is unknown and which one may be meant.
"""

from collections.abc import Collection

from gate.core.catalogue.catalogue import Catalogue
from gate.core.decision.values import Finding, gate_finding
from gate.core.yaml.fields import did_you_mean
from gate.core.yaml.reader import clip

UNKNOWN_SERVICE = "unknown-service"
UNKNOWN_ENVIRONMENT = "unknown-environment"
NOT_DEPLOYED_THERE = "not-deployed-there"


def notes_of_place(catalogue: Catalogue, service: str, environment: str) -> tuple[Finding, ...]:
    """Return a note for each name that is unknown, and one if the service is not deployed there.

    A catalogue that lists no services, or no environments, is taken to say nothing about them.
    """
    notes = []
    if lacks(catalogue.services, service):
        notes.append(
            gate_finding(
                UNKNOWN_SERVICE, "Unknown service", unknown("service", service, catalogue.services)
            )
        )
    if lacks(catalogue.environments, environment):
        because = unknown("environment", environment, catalogue.environments)
        notes.append(gate_finding(UNKNOWN_ENVIRONMENT, "Unknown environment", because))
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
        notes.append(gate_finding(NOT_DEPLOYED_THERE, "Not deployed there", because))
    return tuple(notes)


def unknown_names(catalogue: Catalogue, service: str | None, environment: str | None) -> list[str]:
    """Return a sentence for each of these names that the catalogue lacks; None is no name."""
    found = []
    if service is not None and lacks(catalogue.services, service):
        found.append(unknown("service", service, catalogue.services))
    if environment is not None and lacks(catalogue.environments, environment):
        found.append(unknown("environment", environment, catalogue.environments))
    return found


def lacks(known: Collection[str], name: str) -> bool:
    """Return whether the catalogue lists things of this kind, but not this one."""
    return bool(known) and name not in known


def unknown(kind: str, name: str, known: Collection[str]) -> str:
    """Return the sentence about a name that the catalogue lacks: what may be meant, what to do."""
    meant = did_you_mean(name, known) or f"; add it in catalog.yaml, or name another {kind}"
    return f"the catalogue has no {kind} {clip(name)}{meant}"
