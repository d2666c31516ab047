"""The answer of a code host while its parts come in."""

from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field

from gate.core.facts import Value
from gate.core.messages.host import FROM_BASE, Hand, HostFacts, Reviews
from gate.errors import SourceUnavailable


@dataclass(slots=True)
class Answer:
    """Filled part by part; a part that fails is silent."""

    base: str | None = None
    values: dict[str, Value] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    hands: list[Hand] = field(default_factory=list)
    commits: set[str] = field(default_factory=set)
    pulled: set[str] = field(default_factory=set)
    all_hands: bool = False
    reviews: Reviews | None = None
    trouble: list[str] = field(default_factory=list)

    async def part(self, names: frozenset[str], filling: Awaitable[None]) -> None:
        """Fill one part, of which these facts are expected."""
        try:
            await filling
        except SourceUnavailable as error:
            self.silent |= names
            self.trouble.append(error.detail)

    def brings(self, commits: Iterable[str]) -> None:
        """These commits are a part of the change."""
        self.commits.update(commits)

    def pulls(self, commits: Iterable[str]) -> None:
        """These stand in a pull request of it.

        They are a part of the change even where they were squashed: the squash is a commit of its
        own, and whoever pushed the others would be forgotten.
        """
        self.pulled.update(commits)

    def measured(
        self,
        values: Mapping[str, Value],
        fixes_defect: bool | None,  # noqa: FBT001 - a fact's value
        *,
        whole: bool,
    ) -> None:
        """What was compared with the base.

        Whether it repairs something is the client's to say where some commits do and some do not.
        """
        self.values.update(values)
        if fixes_defect is not None:
            self.values["change.fixes_defect"] = fixes_defect
        self.silent |= (
            FROM_BASE - self.values.keys() - ({"change.fixes_defect"} if whole else set())
        )

    def done(self) -> HostFacts:
        """The whole answer."""
        return HostFacts(
            base=self.base,
            values=self.values,
            silent=frozenset(self.silent - self.values.keys()),
            hands=tuple(dict.fromkeys(self.hands)),
            all_hands=self.all_hands,
            commits=tuple(sorted(self.commits | self.pulled)),
            pulled=tuple(sorted(self.pulled)),
            reviews=self.reviews,
            trouble=tuple(sorted(self.trouble)),
        )
