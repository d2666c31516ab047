"""Collects the answer of a code host while its parts come in."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gate.core.facts import Value
from gate.core.messages.host import (
    FROM_BASE,
    OF_CHECKS,
    OF_REF,
    OF_REVIEWS,
    Hand,
    HostFacts,
    Reviews,
)
from gate.errors import SourceUnavailable
from gate.integrations.code_host.measure import File, Message, counts, diff_facts, fixes_defect


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

    async def filled(
        self,
        *,
        compare: Awaitable[None],
        review: Awaitable[None],
        check: Awaitable[None],
        protect: Awaitable[None],
    ) -> HostFacts:
        """Fill all parts at the same time, and return the whole answer."""
        await asyncio.gather(
            self._part(FROM_BASE, compare),
            self._part(OF_REVIEWS, review),
            self._part(OF_CHECKS, check),
            self._part(OF_REF, protect),
        )
        return self._whole()

    async def _part(self, names: frozenset[str], filling: Awaitable[None]) -> None:
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
        messages: Sequence[Message] | None,
        files: Sequence[File] | None,
        *,
        untold: str,
    ) -> None:
        """Add what a comparison with the base measured.

        `messages` and `files` are None where the host may not have listed all of them. `untold` are
        the files whose lines the host does not count.

        If only some commits are fixes, the host cannot say whether the change is one, and the claim
        of the client counts.
        """
        self.values.update(values)
        if files is None:
            self.trouble.append("the list of changed files is not whole")
        else:
            self.values.update(diff_facts(files))
            if counts(files) is None:
                self.trouble.append(
                    f"the lines of some changed files are not told: they are {untold}"
                )
        may_be_claimed: set[str] = set()
        if messages is not None:
            self.values["diff.reverts"] = any(one.reverts for one in messages)
            fixes = fixes_defect(messages, files)
            if fixes is not None:
                self.values["change.fixes_defect"] = fixes
            elif files is not None:
                may_be_claimed = {"change.fixes_defect"}
        self.silent |= FROM_BASE - self.values.keys() - may_be_claimed

    def _whole(self) -> HostFacts:
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
