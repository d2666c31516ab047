"""Collects the answer of a code host while its parts come in."""

from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field

from gate.core.facts import Value
from gate.core.messages.host import FROM_BASE, Hand, HostFacts, Reviews
from gate.errors import SourceUnavailable


@dataclass(slots=True)
class Answer:
    """An answer that is filled part by part. The facts of a part that fails are silent."""

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
        """Fill one part. If that fails, these facts are silent."""
        try:
            await filling
        except SourceUnavailable as error:
            self.silent |= names
            self.trouble.append(error.detail)

    def brings(self, commits: Iterable[str]) -> None:
        """Add commits that are a part of the change."""
        self.commits.update(commits)

    def pulls(self, commits: Iterable[str]) -> None:
        """Add commits of a pull request that brought the change.

        They are a part of the change even if they were squashed. The squash is a commit of its own,
        and without this nobody would know who pushed the original commits.
        """
        self.pulled.update(commits)

    def measured(
        self,
        values: Mapping[str, Value],
        fixes_defect: bool | None,  # noqa: FBT001 - a fact's value
        *,
        whole: bool,
    ) -> None:
        """Add what a comparison with the base measured.

        If only some commits are fixes, the host cannot say whether the change is one, and the claim
        of the client counts.
        """
        self.values.update(values)
        if fixes_defect is not None:
            self.values["change.fixes_defect"] = fixes_defect
        self.silent |= (
            FROM_BASE - self.values.keys() - ({"change.fixes_defect"} if whole else set())
        )

    def done(self) -> HostFacts:
        """Return the whole answer."""
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
