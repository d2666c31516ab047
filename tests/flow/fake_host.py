"""A code host that answers what a test tells it to."""

from collections.abc import Callable
from dataclasses import dataclass, field

from gate.core.change import Repository
from gate.core.messages.host import HostFacts, HostQuestion
from gate.core.messages.host_reports import RunSeen
from gate.errors import SourceUnavailable

Answer = Callable[[HostQuestion], HostFacts]


@dataclass(slots=True)
class FakeHost:
    """`answer` makes the answer, or raises; every ask is remembered.

    `runs` are those that it knows.
    """

    answer: Answer
    name: str = "github.com"
    asked: list[HostQuestion] = field(default_factory=list)
    runs: dict[str, RunSeen] = field(default_factory=dict)

    async def facts(self, question: HostQuestion) -> HostFacts:
        """As the test wants it."""
        self.asked.append(question)
        return self.answer(question)

    async def run(self, repository: Repository, run: str) -> RunSeen:
        """The run of that id."""
        _ = repository
        if run not in self.runs:
            raise SourceUnavailable("github.com answered 404")
        return self.runs[run]
