"""The facts of a code host about a change: verified facts, its authors and reviewers, and
contradictions to the caller's claims.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gate.core.catalogue.catalogue import ERASED
from gate.core.catalogue.identity import Identities, is_bot, normalised
from gate.core.change import Repository, Run
from gate.core.decision.values import Contradiction
from gate.core.facts import DECIMAL_UNIT, FACTS, FactType, Value

FROM_BASE = frozenset(
    {
        "diff.files",
        "diff.files_changed",
        "diff.lines_added",
        "diff.lines_deleted",
        "diff.commits",
        "diff.directories",
        "diff.subsystems",
        "diff.entropy",
        "diff.reverts",
        "author.count",
        "change.fixes_defect",
    }
)
"""The facts for which a host compares the commit with its base."""

OF_CHECKS = frozenset(
    {
        "checks.total",
        "checks.passed",
        "checks.failed",
        "checks.pending",
        "checks.skipped",
        "checks.failed_names",
    }
)
OF_REVIEWS = frozenset(
    {
        "reviews.approvals",
        "reviews.changes_requested",
        "reviews.by_owner",
        "reviews.approved_head",
        "reviews.pull_request",
    }
)
OF_REF = frozenset({"change.ref", "change.ref_protected"})
ASKED = FROM_BASE | OF_CHECKS | OF_REVIEWS | OF_REF
"""Every fact for which a code host is asked. If the host does not give one, no claim takes its
place."""

_TOLERANT = frozenset({"diff", "author"})
_TOLERATED = 10
# A difference is tolerated up to one part in ten of the verified number.
_TOLERATED_PART = 10


@dataclass(frozen=True, slots=True)
class Hand:
    """Somebody who wrote, committed or pushed a part of the change, with all names at the host.

    `confirmed` says that the host knows the account, because anybody can write any address into a
    commit. `doubtful` says that the commit names the host itself as its author, but no signature of
    the host proves that.
    """

    identities: tuple[str, ...]
    confirmed: bool = False
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class HostQuestion:
    """The question to a code host about one change.

    `base` is the commit that runs here by the gate's own records, or None if nothing does. Then the
    host's last successful deployment to one of `environments` is the base. If there is none either,
    the commits since `claimed_base` show who wrote the change, but verify nothing. `ref` is claimed
    unless the token `proves_ref`.
    """

    repository: Repository
    commit: str
    base: str | None
    claimed_base: str | None
    environments: tuple[str, ...]
    ref: str | None
    proves_ref: bool
    run: Run | None


class Verdict(StrEnum):
    """The result of a person's last review."""

    APPROVES = "approves"
    REQUESTS_CHANGES = "requests_changes"


@dataclass(frozen=True, slots=True)
class Review:
    """The last review of one person.

    `of_commit` says that it is about the very commit that is deployed, or the one that the host
    merged into it. `may_write` says whether the host lets the person write to the repository, and
    is None if that is unknown.
    """

    by: str
    verdict: Verdict
    of_commit: bool
    may_write: bool | None = None


@dataclass(frozen=True, slots=True)
class Reviews:
    """The reviews of the pull requests that brought the commit or would bring it.

    `pull_request` is the number of the newest of them.
    """

    reviews: tuple[Review, ...] = ()
    pull_request: int | None = None


@dataclass(frozen=True, slots=True)
class HostFacts:
    """The answer of a code host.

    Facts in `silent` were asked for but not answered, so they are unknown; `trouble` says why.
    """

    # The commit that the deployed one was compared with, if that is certain.
    base: str | None = None
    values: Mapping[str, Value] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()
    hands: tuple[Hand, ...] = ()
    # `hands` is complete.
    all_hands: bool = False
    # None if unknown.
    reviews: Reviews | None = None
    # The commits that were compared, and earlier ones that pull requests brought.
    commits: tuple[str, ...] = ()
    # Those of `commits` that are in the reviewed pull requests.
    pulled: tuple[str, ...] = ()
    # Everybody who pushed one of `commits`.
    pushers: tuple[str, ...] = ()
    # Who pushed each of `pulled` first. Whoever pushed it later merged another's work, which is not
    # writing it.
    first_pushers: tuple[str, ...] = ()
    trouble: tuple[str, ...] = ()
    # When the host said this, if that was for an earlier decision and it was not asked again.
    kept_since: datetime | None = None


def silence(because: str) -> HostFacts:
    """Return the facts of a host that did not answer at all."""
    return HostFacts(silent=ASKED, trouble=(because,))


def confirmed(heard: HostFacts, identities: Identities) -> bool:
    """Return whether it is certain who wrote the change.

    It is certain if nobody is missing, and everybody has an account at the host or is in the
    catalogue.
    """
    return heard.all_hands and all(
        not hand.doubtful and (hand.confirmed or _is_known(hand, identities))
        for hand in heard.hands
    )


def _is_known(hand: Hand, identities: Identities) -> bool:
    """Return whether the catalogue knows the person; a bot counts as known, because it
    approves nothing.
    """
    return any(
        identities.person(one) is not None or is_bot(normalised(one)) for one in hand.identities
    )


def review_facts(
    heard: HostFacts, identities: Identities, owners: Collection[str]
) -> dict[str, Value]:
    """Return the facts about reviews, or none if they are unknown.

    Only reviews by people who had no hand in the change count. A person with two accounts is one
    person, and a bot is none. An approval counts if the reviewer may write to the repository or is
    in the catalogue.

    The facts are unknown while an author may be missing, because a review might be the author's
    own, and while one approval is in doubt, because then their number is.

    Whoever pushed a reviewed commit first had a hand in it, whatever author it names, because
    anybody can write any name. Whoever pushed it later has merged it. After the name of such a
    pusher was erased, a review may be their own.
    """
    hands = (*named(heard.hands), *heard.first_pushers)
    if heard.reviews is None or not heard.all_hands or ERASED in hands:
        return {}
    wrote = {who for one in hands for who in _whoever(one, identities)}
    verdicts: dict[str, set[Verdict]] = {}
    for review in heard.reviews.reviews:
        if is_bot(normalised(review.by)) or not wrote.isdisjoint(_whoever(review.by, identities)):
            continue
        counts = review.verdict is Verdict.REQUESTS_CHANGES or _counts(review, identities)
        if counts is None:
            return {}
        if not counts:
            continue
        who = identities.reviewing(review.by) or frozenset({normalised(review.by)})
        verdicts.setdefault(min(who), set()).add(review.verdict)
    approving = {who for who, said in verdicts.items() if said == {Verdict.APPROVES}}
    facts: dict[str, Value] = {
        "reviews.approvals": len(approving),
        "reviews.changes_requested": sum(
            Verdict.REQUESTS_CHANGES in said for said in verdicts.values()
        ),
        "reviews.by_owner": not approving.isdisjoint(owners),
        "reviews.approved_head": bool(approving),
    }
    if heard.reviews.pull_request is not None:
        facts["reviews.pull_request"] = heard.reviews.pull_request
    return facts


def _counts(review: Review, identities: Identities) -> bool | None:
    """Return whether an approval counts, or None if that is unknown."""
    if not review.of_commit:
        return False
    return True if identities.reviewing(review.by) else review.may_write


def contradictions(
    claims: Mapping[str, Value], verified: Mapping[str, Value], *, same_base: bool
) -> tuple[Contradiction, ...]:
    """Return the claims that the verified facts contradict.

    Facts that were measured from another base describe something else, so they contradict nothing.
    """
    return tuple(
        Contradiction(name, claims[name], value)
        for name, value in sorted(verified.items())
        if name in claims
        and (same_base or name not in FROM_BASE)
        and differs(name, claims[name], value)
    )


def differs(name: str, claimed: Value, verified: Value) -> bool:
    """Return whether a claim differs from the verified value.

    Numbers of `diff` and `author` differ if they are more than a tenth and more than 10 apart,
    because two tools count them a little differently. Lists are compared as sets.
    """
    if isinstance(claimed, tuple) and isinstance(verified, tuple):
        return set(claimed) != set(verified)
    said, seen = _tolerant(name, claimed), _tolerant(name, verified)
    if said is None or seen is None:
        return claimed != verified
    apart = abs(said - seen)
    unit = DECIMAL_UNIT if FACTS[name].type is FactType.DECIMAL else 1
    return apart > _TOLERATED * unit and apart * _TOLERATED_PART > seen


def named(hands: Iterable[Hand]) -> tuple[str, ...]:
    """Return every identity of these people, each once."""
    return tuple(dict.fromkeys(one for hand in hands for one in hand.identities))


def _whoever(identity: str, identities: Identities) -> frozenset[str]:
    """Return the people who may be behind this identity: those with the login, and those with the
    number of its account. An unknown login counts as a person of its own.
    """
    by_login = identities.people(identity) or frozenset({normalised(identity)})
    return by_login | identities.holders(identity)


def _tolerant(name: str, value: Value) -> int | None:
    """Return the value if it is a number of a tolerant group, else None."""
    if isinstance(value, bool | str | tuple) or name.partition(".")[0] not in _TOLERANT:
        return None
    return value
