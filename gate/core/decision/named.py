"""Separation of duties: whom does a change name, and who of them may not decide on it?

Names come from many places and at any time: from the request and every later request of its run,
from the identity tokens at submit and admission, from the code host and its webhooks. They are kept
as they were written, because the catalogue may learn only later whose names they are.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gate.core.catalogue.identity import Identities
from gate.core.decision.decide import People


@dataclass(frozen=True, slots=True)
class Named:
    """All names that were ever given for a change.

    `people` are the ids of people who were found to be excluded before.
    """

    # Requesters, and whoever started a run or its admission.
    asked: tuple[str, ...] = ()
    # Authors, co-authors, committers and pushers.
    wrote: tuple[str, ...] = ()
    people: frozenset[str] = frozenset()

    def also(self, other: "Named") -> "Named":
        """Return the names of both, each once."""
        return Named(
            tuple(dict.fromkeys((*self.asked, *other.asked))),
            tuple(dict.fromkeys((*self.wrote, *other.wrote))),
            self.people | other.people,
        )

    def beyond(self, known: "Named") -> "Named":
        """Return the names that are not among the known ones."""
        asked, wrote = set(known.asked), set(known.wrote)
        return Named(
            tuple(one for one in self.asked if one not in asked),
            tuple(one for one in self.wrote if one not in wrote),
            self.people - known.people,
        )

    def __len__(self) -> int:
        """Return how many names and people there are; none makes the value false."""
        return len(self.asked) + len(self.wrote) + len(self.people)


NO_NAMES = Named()


def named_by(actor: Iterable[str], requested_by: str | None, authors: Iterable[str]) -> Named:
    """Return whom one request names.

    A requester who is the actor's login without its host is left out, because at another host that
    login may be somebody else's.
    """
    asked = tuple(actor)
    logins = [one.partition("#")[0] for one in asked]
    if requested_by is not None and not any(one.endswith(f":{requested_by}") for one in logins):
        asked = (*asked, requested_by)
    return Named(asked=asked, wrote=tuple(authors))


def people_of(named: Named, before: People, identities: Identities, *, rollback: bool) -> People:
    """Return who may not decide, by the catalogue behind `identities`.

    Nobody who was excluded before is let in again, even if the catalogue has forgotten a name, or
    the person left it and came back under another id. For a rollback those who ask for it are
    excluded, not those who wrote what ran here long ago. Bots are not people, so a list of bots
    names nobody.
    """
    texts = named.asked if rollback and named.asked else (*named.asked, *named.wrote)
    found = identities.excluded(texts)
    return People(
        excluded=tuple(sorted(identities.same({*found.people, *named.people, *before.excluded}))),
        named=bool(found.people or found.strangers) or before.named,
        verified=before.verified,
        shared=found.shared or before.shared,
    )
