"""What a code host says of a change: facts that it verifies, who wrote it, who reviewed it, and
where the caller says otherwise.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

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
"""What a host compares the commit with its base for."""

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
"""Every fact for which a code host is asked; where one is silent, no claim takes its place."""

_TOLERANT = frozenset({"diff", "author"})
_TOLERATED = 10
# a tenth.
_SHARE = 10


@dataclass(frozen=True, slots=True)
class Hand:
    """Somebody who wrote, committed or pushed a part of the change, under every name that the host
    has for them.

    `confirmed`: the host knows whose account it is; an address in a commit is anybody's to write.
    `doubtful`: it says that the host itself did it, and no signature of the host's proves that.
    """

    identities: tuple[str, ...]
    confirmed: bool = False
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class HostQuestion:
    """What a code host is asked about.

    `base` is the commit that runs here by the gate's own records, None if nothing does. Then the
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
    """What the last review of a person says."""

    APPROVES = "approves"
    REQUESTS_CHANGES = "requests_changes"


@dataclass(frozen=True, slots=True)
class Review:
    """The last word of one reviewer.

    `of_commit`: it was said of the very commit that is deployed, or of the one that the host merged
    into it. `may_write`: whether the host lets the reviewer write to the repository; None where
    nobody asked, or it did not say.
    """

    by: str
    verdict: Verdict
    of_commit: bool
    may_write: bool | None = None


@dataclass(frozen=True, slots=True)
class Reviews:
    """Of the pull requests that brought the commit, or would; `pull_request` is the newest of
    them.
    """

    reviews: tuple[Review, ...] = ()
    pull_request: int | None = None


@dataclass(frozen=True, slots=True)
class HostFacts:
    """One answer.

    What it is silent about, of what it was asked for, is unknown; `trouble` says why.
    """

    # What the commit was compared with, where that is known for sure.
    base: str | None = None
    values: Mapping[str, Value] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()
    hands: tuple[Hand, ...] = ()
    # Nobody is missing.
    all_hands: bool = False
    # None is unknown.
    reviews: Reviews | None = None
    # What was compared, and what pull requests brought before that.
    commits: tuple[str, ...] = ()
    # Of these, what stands in the pull requests that are reviewed.
    pulled: tuple[str, ...] = ()
    # Whoever brought them there; to merge another's work is not to write it.
    pushers: tuple[str, ...] = ()
    # Whoever brought a pulled commit there before anybody else.
    first_pushers: tuple[str, ...] = ()
    trouble: tuple[str, ...] = ()


def silence(because: str) -> HostFacts:
    """No answer at all."""
    return HostFacts(silent=ASKED, trouble=(because,))


def confirmed(heard: HostFacts, identities: Identities) -> bool:
    """Whether the host says for sure who wrote the change: nobody is missing, and everybody is an
    account or in the catalogue.
    """
    return heard.all_hands and all(
        not hand.doubtful and (hand.confirmed or _is_known(hand, identities))
        for hand in heard.hands
    )


def _is_known(hand: Hand, identities: Identities) -> bool:
    """Somebody of the catalogue, or a machine, which approves nothing anyway."""
    return any(
        identities.person(one) is not None or is_bot(normalised(one)) for one in hand.identities
    )


def review_facts(
    heard: HostFacts, identities: Identities, owners: Collection[str]
) -> dict[str, Value]:
    """Of reviews by people who had no hand in the change; a person with two accounts is one, and a
    machine is nobody.

    An approval counts from whoever may write to the repository, or whom the catalogue knows. As
    long as somebody who wrote may be missing, nobody knows whose review is another's; and as long
    as one approval is in doubt, nobody knows how many there are.

    Whoever pushed a reviewed commit first had a hand in it, whatever name its author has: that is
    anybody's to write. Whoever pushed it later has merged it.
    """
    if heard.reviews is None or not heard.all_hands:
        return {}
    hands = (*named(heard.hands), *heard.first_pushers)
    wrote = {who for one in hands for who in _whoever(one, identities)}
    verdicts: dict[str, set[Verdict]] = {}
    for review in heard.reviews.reviews:
        who = _whoever(review.by, identities)
        if is_bot(normalised(review.by)) or not wrote.isdisjoint(who):
            continue
        counts = review.verdict is Verdict.REQUESTS_CHANGES or _counts(review, identities)
        if counts is None:
            return {}
        if not counts:
            continue
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
    """Whether an approval counts; None where nobody can say."""
    if not review.of_commit:
        return False
    return True if identities.people(review.by) else review.may_write


def contradictions(
    claims: Mapping[str, Value], verified: Mapping[str, Value], *, same_base: bool
) -> tuple[Contradiction, ...]:
    """Where the caller says otherwise.

    What was measured from another base says something else, and contradicts nothing.
    """
    return tuple(
        Contradiction(name, claims[name], value)
        for name, value in sorted(verified.items())
        if name in claims
        and (same_base or name not in FROM_BASE)
        and differs(name, claims[name], value)
    )


def differs(name: str, claimed: Value, verified: Value) -> bool:
    """Numbers of `diff` and `author` by more than a tenth and more than 10, lists as sets,
    everything else at all.
    """
    if isinstance(claimed, tuple) and isinstance(verified, tuple):
        return set(claimed) != set(verified)
    said, seen = _tolerant(name, claimed), _tolerant(name, verified)
    if said is None or seen is None:
        return claimed != verified
    apart = abs(said - seen)
    unit = DECIMAL_UNIT if FACTS[name].type is FactType.DECIMAL else 1
    return apart > _TOLERATED * unit and apart * _SHARE > seen


def named(hands: Iterable[Hand]) -> tuple[str, ...]:
    """Every identity of everybody, once."""
    return tuple(dict.fromkeys(one for hand in hands for one in hand.identities))


def _whoever(identity: str, identities: Identities) -> frozenset[str]:
    """The people whose identity it is; a stranger is a person of its own."""
    return identities.people(identity) or frozenset({normalised(identity)})


def _tolerant(name: str, value: Value) -> int | None:
    """A number of a group whose numbers two may count a little differently."""
    if isinstance(value, bool | str | tuple) or name.partition(".")[0] not in _TOLERANT:
        return None
    return value
