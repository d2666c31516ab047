"""A code host that answers what a test tells it to."""

from collections.abc import Callable
from dataclasses import dataclass, field

from gate.core.host import HostAsk, HostFacts

Answer = Callable[[HostAsk], HostFacts]


@dataclass(slots=True)
class FakeHost:
    """`answer` makes the answer, or raises; every ask is remembered."""

    answer: Answer
    name: str = "github.com"
    asked: list[HostAsk] = field(default_factory=list)

    async def facts(self, ask: HostAsk) -> HostFacts:
        """As the test wants it."""
        self.asked.append(ask)
        return self.answer(ask)
