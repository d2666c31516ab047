"""Whom a change names, and who of them may not decide on it: separation of duties, without a
database.

Names come from everywhere and at any time: from the request and from every later one of its run,
from the identity tokens that ask and admit, from the code host, from its webhooks. They are kept as
they were written, because the catalogue may learn only later whose they are.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gate.core.catalogue.identity import Identities
from gate.core.decision.decide import People


@dataclass(frozen=True, slots=True)
class Named:
    """Everybody who was ever named for a change.

    `people` are ids of those who were found to be excluded before.
    """

    # Requesters, and whoever started a run or had it admitted.
    asked: tuple[str, ...] = ()
    # Authors, co-authors, committers and pushers.
    wrote: tuple[str, ...] = ()
    people: frozenset[str] = frozenset()

    def also(self, other: "Named") -> "Named":
        """Both, each name once."""
        return Named(
            tuple(dict.fromkeys((*self.asked, *other.asked))),
            tuple(dict.fromkeys((*self.wrote, *other.wrote))),
            self.people | other.people,
        )

    def beyond(self, known: "Named") -> "Named":
        """What is not among the known."""
        asked, wrote = set(known.asked), set(known.wrote)
        return Named(
            tuple(one for one in self.asked if one not in asked),
            tuple(one for one in self.wrote if one not in wrote),
            self.people - known.people,
        )

    def __len__(self) -> int:
        """How many names, and people."""
        return len(self.asked) + len(self.wrote) + len(self.people)


NOBODY_NAMED = Named()


def named_by(actor: Iterable[str], requested_by: str | None, authors: Iterable[str]) -> Named:
    """Whom one request names.

    A requester who is the actor's bare login is left out, because it would be anybody's at any
    host.
    """
    asked = tuple(actor)
    if requested_by is not None and not any(one.endswith(f":{requested_by}") for one in asked):
        asked = (*asked, requested_by)
    return Named(asked=asked, wrote=tuple(authors))


def people_of(named: Named, before: People, identities: Identities, *, rollback: bool) -> People:
    """Who may not decide, by the catalogue behind `identities`; they only grow, whatever it
    forgets.

    Of a rollback whoever asks for it is excluded, not whoever wrote what ran here long ago. Bots
    are nobody, so a list of bots alone names nobody.
    """
    texts = named.asked if rollback and named.asked else (*named.asked, *named.wrote)
    found = identities.excluded(texts)
    return People(
        excluded=tuple(sorted(found.people | named.people | set(before.excluded))),
        named=bool(found.people or found.strangers) or before.named,
        verified=before.verified,
        shared=found.shared or before.shared,
    )
