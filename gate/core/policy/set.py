"""The policies that are in force together, their revision, and the choice of the one that decides.

Whether a policy applies may be unknown, because facts may be. Then no policy decides and people do.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from gate.core.canonical import canonical, digest
from gate.core.decision.values import Finding, FindingKind, gate_finding
from gate.core.facts import Values
from gate.core.policy.file import NUMBER_KEYS, policy_of
from gate.core.policy.policy import Mode, Policy
from gate.core.yaml import reader as strict_yaml
from gate.core.yaml.canonical import read_canonical
from gate.core.yaml.fields import Faults, did_you_mean
from gate.core.yaml.reader import Node, Place, place_of
from gate.errors import Invalid

POLICIES_MAX = 50
TESTS_SUFFIX = ".test.yaml"
OTHER_FILES = ("catalog.yaml", "calendar.yaml")


@dataclass(frozen=True, slots=True)
class Choice:
    """The policy that decides, or the finding why none does."""

    policy: Policy | None
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class GroupsNeeded:
    """A policy needs `count` people among all members of `groups`.

    `key` is the key in the file, `place` where it stands, and `places` where each group stands.
    """

    policy: str
    groups: tuple[str, ...]
    count: int
    key: str
    place: Place
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Policies:
    """Every policy by name, and the revision of them all."""

    all: tuple[Policy, ...]
    revision: str
    # The groups that the policies name, to be checked against a catalogue.
    needs: tuple[GroupsNeeded, ...] = field(default=(), repr=False)
    # Their canonical form; `revision` is its SHA-256.
    content: bytes = field(default=b"", compare=False, repr=False)
    # The names of the facts that decide which policy applies.
    looked_at: tuple[str, ...] = field(init=False, repr=False)
    _enforced: tuple[Policy, ...] = field(init=False, repr=False)
    _shadows: tuple[Policy, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        enforced = [policy for policy in self.all if policy.mode is Mode.ENFORCE]
        enforced.sort(key=lambda policy: -policy.specificity)
        facts = (
            name for policy in self.all if policy.applies_to for name in policy.applies_to.facts
        )
        object.__setattr__(self, "looked_at", tuple(dict.fromkeys(facts)))
        object.__setattr__(self, "_enforced", tuple(enforced))
        object.__setattr__(
            self, "_shadows", tuple(policy for policy in self.all if policy.mode is Mode.EVALUATE)
        )

    def named(self, name: str | None) -> Policy | None:
        """Return the policy of this name, or None."""
        return next((policy for policy in self.all if policy.name == name), None)

    def policy_for(self, values: Values) -> Choice:
        """Return the enforced policy that applies, of several the one with most conditions.

        If it is unknown whether an enforced policy applies that could be the one, none decides.
        """
        chosen: Policy | None = None
        for policy in self._enforced:
            holds = _applies(policy, values)
            if holds is None:
                return Choice(None, _undecided(policy, values))
            if holds and chosen is None:
                chosen = policy
        return Choice(chosen) if chosen else Choice(None, _none_applies())

    def possible(self, values: Values) -> tuple[Policy, ...]:
        """Return the enforced policies that apply or may apply."""
        return tuple(policy for policy in self._enforced if _applies(policy, values) is not False)

    def shadows(self, values: Values) -> tuple[Policy, ...]:
        """Return the policies in mode `evaluate` that apply; they are recorded and
        decide nothing.
        """
        return tuple(policy for policy in self._shadows if _applies(policy, values))


def read_policies(files: Mapping[str, str]) -> Policies:
    """Return the policies among the files of a folder, which are given by name.

    Raises `Invalid` with the faults of all files. The catalogue, the calendar and tests are
    skipped. Any other file without `policy:` is refused, so that a misspelt key does not silently
    switch a policy off.
    """
    faults = Faults()
    read: list[tuple[Policy, Node]] = []
    for name, text in sorted(files.items()):
        if name.endswith(TESTS_SUFFIX) or PurePosixPath(name).name in OTHER_FILES:
            continue
        try:
            node = _document(text, name)
            read.append((policy_of(node), node))
        except Invalid as error:
            faults.take(error)
    return _together(read, faults)


def policies_of(content: bytes) -> Policies:
    """Return the policies of their canonical form, whose SHA-256 is their revision.

    An export has this form, so that its digest can be checked without a YAML reader. Raises
    `Invalid` for anything that is not the canonical form of policies.
    """
    faults = Faults()
    read: list[tuple[Policy, Node]] = []
    for node in read_canonical(content, "policies", number_keys=NUMBER_KEYS):
        try:
            read.append((policy_of(node), node))
        except Invalid as error:
            faults.take(error)
    found = _together(read, faults)
    if found.content != content:
        raise Invalid("found policies that are not in canonical form (RFC 8785)")
    return found


def _together(read: list[tuple[Policy, Node]], faults: Faults) -> Policies:
    read.sort(key=lambda pair: pair[0].name)
    _check_together(read, faults)
    faults.stop()
    content = canonical([strict_yaml.plain(node) for _, node in read])
    policies = tuple(policy for policy, _ in read)
    needs = tuple(needed for policy, node in read for needed in groups_needed(policy, node))
    return Policies(policies, digest(content), needs, content)


def groups_needed(policy: Policy, node: Node) -> Iterator[GroupsNeeded]:
    """Yield every group that the policy names, with its place in the file."""
    for number, entry in enumerate(policy.review):
        yield _needed(policy, node, entry.by, entry.approvals, "review", number, "by")
    if policy.emergency:
        yield _needed(
            policy, node, policy.emergency.by, policy.emergency.approvals, "emergency", "by"
        )
    if policy.remind and policy.remind.escalate_to:
        yield _needed(policy, node, policy.remind.escalate_to, 1, "remind", "escalate_to")
    for number, standard in enumerate(policy.standard_changes):
        yield _needed(policy, node, (standard.owner,), 1, "standard_changes", number, "owner")
        yield _needed(
            policy, node, standard.authorised_by, 1, "standard_changes", number, "authorised_by"
        )


def _needed(
    policy: Policy, node: Node, groups: tuple[str, ...], count: int, *path: str | int
) -> GroupsNeeded:
    """Return what a policy needs of the groups at this path of its document.

    A policy that leaves them out needs the groups of the default; the place is then its own.
    """
    places = tuple(place_of(node, *path, number) for number in range(len(groups)))
    return GroupsNeeded(policy.name, groups, count, str(path[-1]), place_of(node, *path), places)


def _document(text: str, name: str) -> Node:
    node = strict_yaml.read(text, name, number_keys=NUMBER_KEYS)
    if isinstance(node, strict_yaml.Mapping) and node.get("policy") is None:
        meant = did_you_mean("policy", [key.text for key, _ in node.entries])
        raise strict_yaml.refuse(
            node.place,
            f"found no policy:, allowed are policies, {' and '.join(OTHER_FILES)}{meant}",
        )
    return node


def _check_together(read: list[tuple[Policy, Node]], faults: Faults) -> None:
    """Refuse a name that occurs twice, and two policies of which it may be unclear
    which decides.
    """
    if len(read) > POLICIES_MAX:
        faults.add(read[-1][1].place, f"found {len(read)} policies, allowed are {POLICIES_MAX}")
        return
    for number, (policy, node) in enumerate(read):
        for other, earlier in read[:number]:
            if policy.name == other.name:
                faults.add(
                    _name_place(node),
                    f"policy: found {policy.name} twice, first in {_name_place(earlier)}; "
                    "rename one of them",
                )
            elif (
                Mode.ENFORCE is policy.mode is other.mode
                and policy.specificity == other.specificity
                and not _disjoint(policy, other)
            ):
                faults.add(_name_place(node), _unclear(policy, other))


def _name_place(node: Node) -> Place:
    found = node.get("policy") if isinstance(node, strict_yaml.Mapping) else None
    return (found or node).place


def _disjoint(one: Policy, other: Policy) -> bool:
    """Return whether both compare one fact by `==` with different constants.

    Such policies never apply together.
    """
    theirs = other.applies_to_equal
    return any(
        fact in theirs and theirs[fact] != constant
        for fact, constant in one.applies_to_equal.items()
    )


def _unclear(policy: Policy, other: Policy) -> str:
    return (
        f"policy: {policy.name} and {other.name} are both enforced with "
        f"{policy.specificity} conditions in applies_to, so that both could "
        "decide one change; let both compare one fact by == with different values, or give "
        "one of them more conditions"
    )


def _applies(policy: Policy, values: Values) -> bool | None:
    if policy.applies_to is None:
        return True
    return policy.applies_to.check(values)


def _undecided(policy: Policy, values: Values) -> Finding:
    facts = policy.applies_to.facts if policy.applies_to else ()
    unknown = tuple(name for name in facts if values.get(name) is None)
    words = f"{' and '.join(unknown)} {'is' if len(unknown) == 1 else 'are'} unknown"
    because = (
        f"{words}, so it is open whether the policy {policy.name} applies; list service and "
        "environment in the catalogue"
    )
    return Finding(
        FindingKind.GATE,
        "policy-undecided",
        "Which policy applies",
        None,
        0,
        unknown,
        seen=(("because", because),),
    )


def _none_applies() -> Finding:
    because = "no enforced policy applies; write one whose applies_to holds here, or none at all"
    return gate_finding("no-policy", "Which policy applies", because)


NO_POLICIES = read_policies({})
"""The set before anything was activated, under which nothing is approved by itself."""


def rule_titles(policies: Policies) -> dict[str, str]:
    """Return the title of each rule in force, by its policy and its id as the figures name it."""
    return {
        f"{policy.name}/{rule.id}": rule.title or rule.id
        for policy in policies.all
        for rule in policy.rules
    }
