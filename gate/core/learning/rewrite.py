"""Writes other points into the text of a policy and changes nothing else, so that a reviewer sees
only the points.
"""

from collections.abc import Iterator, Sequence

from gate.core.learning.slots import Points
from gate.core.policy.file import NUMBER_KEYS
from gate.core.yaml.reader import Mapping, Node, Place, Scalar, read
from gate.core.yaml.reader import Sequence as Listed
from gate.errors import Invalid


def rewritten(text: str, name: str, before: Sequence[Points], after: Sequence[Points]) -> str:
    """Return the text with the points of `after`; `before` are the points that it has.

    Raises `Invalid` if a number is not where it is expected, so that nothing else is overwritten.
    """
    edits: list[tuple[Place, int]] = []
    for node, old, new in zip(
        _rules(read(text, name, number_keys=NUMBER_KEYS)), before, after, strict=True
    ):
        for scalar, given, wanted in zip(_numbers(node), old.given, new.given, strict=True):
            if scalar.value != given or scalar.place.raw != scalar.text:
                raise Invalid(f"{scalar.place}: found {scalar.text}, expected the points {given}")
            if wanted != given:
                edits.append((scalar.place, wanted))
    source = edits[0][0].text if edits else text
    for place, wanted in sorted(edits, key=lambda edit: -edit[0].start):
        source = f"{source[: place.start]}{wanted}{source[place.end :]}"
    return source


def _rules(root: Node) -> tuple[Node, ...]:
    rules = root.get("rules") if isinstance(root, Mapping) else None
    return rules.items if isinstance(rules, Listed) else ()


def _numbers(rule: Node) -> Iterator[Scalar]:
    """Yield the points of one rule: those of its steps, or the one of its condition."""
    if not isinstance(rule, Mapping):
        return
    steps = rule.get("steps")
    nodes = (
        [value for _, value in steps.entries]
        if isinstance(steps, Mapping)
        else [rule.get("points")]
    )
    for node in nodes:
        if isinstance(node, Scalar):
            yield node
