"""Measures that other systems send. They are shown on the scorecard, and no decision reads them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gate.core.decision.places import unknown_names
from gate.core.facts import DECIMAL_UNIT
from gate.errors import Conflict, Invalid, NotAllowed
from gate.flow.answers.delivery import MeasureAnswer
from gate.flow.caller import Caller, Machine
from gate.flow.gate import Gate
from gate.storage.database.tx import Tx
from gate.storage.figures import measures
from gate.storage.figures.measures import EVERYWHERE, NAMES_MAX, Measure

AHEAD_MAX = timedelta(days=1)
"""How far ahead the clock of a source may be."""


@dataclass(frozen=True, slots=True)
class MeasureCommand:
    """One value that another system knows of a service, in one environment or in all."""

    service: str
    environment: str | None
    name: str
    unit: str
    value: int
    at: datetime


async def keep(gate: Gate, command: MeasureCommand, by: Caller) -> MeasureAnswer:
    """Keep a measure, and return it. The same name and time again corrects the value.

    Raises `NotAllowed` for a service that the caller's token is not for, `Invalid` for one that the
    catalogue lacks or a time that has not come, and `Conflict` where the service has too many
    measures.
    """
    catalogue = (await gate.rulebooks.current()).catalogue
    service = catalogue.service_named(command.service)
    environment = EVERYWHERE
    if command.environment is not None:
        environment = catalogue.environment_named(command.environment)
    if isinstance(by, Machine) and by.services is not None and service not in by.services:
        raise NotAllowed(
            f"this token is for {', '.join(sorted(by.services))[:100]}, not for {service[:100]}; "
            "use one that was made for it"
        )
    unknown = unknown_names(catalogue, service, environment or None)
    if unknown:
        raise Invalid(unknown[0])
    if command.at > gate.clock() + AHEAD_MAX:
        raise Invalid("`at` is in the future; send a measure when it was taken")
    measure = Measure(service, environment, command.name, command.unit, command.value, command.at)
    await gate.store.write(_keep, measure, by.caller)
    return measure_answer(measure)


def _keep(tx: Tx, measure: Measure, caller: str) -> None:
    if not measures.keep(tx, measure, caller):
        raise Conflict(
            f"{measure.service} has {NAMES_MAX} measures already, allowed are {NAMES_MAX}; send it "
            "under one of their names"
        )


def measure_answer(measure: Measure) -> MeasureAnswer:
    """Return the measure as it is shown."""
    return MeasureAnswer(
        service=measure.service,
        environment=measure.environment or None,
        name=measure.name,
        unit=measure.unit,
        value=measure.value / DECIMAL_UNIT,
        at=measure.at,
    )
