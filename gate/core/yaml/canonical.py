"""Reads the canonical form of YAML documents back into the nodes that the strict reader gave.

`reader.plain` wrote decimals as text, because RFC 8785 has no exact form of them, and numbers that
are keys too, because JSON keys are text. Here a key under `number_keys` is a number again.
"""

import json
from typing import Any

from gate.core.yaml.reader import Mapping, Node, Place, Scalar, Sequence, refuse
from gate.core.yaml.scalars import BadNumber, resolve
from gate.errors import Invalid


def read_canonical(
    content: bytes, name: str, *, number_keys: frozenset[str] = frozenset()
) -> tuple[Node, ...]:
    """Return the documents of a canonical list. Raises `Invalid` and nothing else."""
    place = Place(name, 1, 1, 0, 0, "")
    try:
        documents = json.loads(content, parse_float=_no_float)
    except (ValueError, RecursionError) as error:
        raise refuse(place, f"found no JSON ({error})") from None
    if not isinstance(documents, list):
        raise refuse(place, "found no list of documents")
    reader = _Nodes(place, number_keys)
    try:
        return tuple(reader.node(document) for document in documents)
    except BadNumber as error:
        raise refuse(place, f"found a key that is no number: {error}") from None
    except RecursionError:
        raise refuse(place, "found documents that are nested too deep") from None


class _Nodes:
    """Makes nodes, all with the same place, because the canonical form has no lines."""

    def __init__(self, place: Place, number_keys: frozenset[str]) -> None:
        self._place = place
        self._number_keys = number_keys

    def node(self, value: Any, *, number_keys: bool = False) -> Node:
        """Return the node of a value, with all nodes inside it."""
        if isinstance(value, dict):
            return Mapping(
                self._place,
                tuple(
                    (
                        self._key(key, number_keys=number_keys),
                        self.node(inner, number_keys=key in self._number_keys),
                    )
                    for key, inner in _in_order(value, number_keys=number_keys)
                ),
            )
        if isinstance(value, list):
            return Sequence(self._place, tuple(map(self.node, value)))
        if isinstance(value, str):
            return Scalar(self._place, value, value, quoted=True)
        return Scalar(self._place, value, json.dumps(value), quoted=False)

    def _key(self, key: str, *, number_keys: bool) -> Scalar:
        if number_keys:
            return Scalar(self._place, _number(key), key, quoted=False)
        return Scalar(self._place, key, key, quoted=True)


def _in_order(value: dict[str, Any], *, number_keys: bool) -> list[tuple[str, Any]]:
    """Return the entries, numeric keys in the order of numbers, as a file must have them."""
    pairs = list(value.items())
    return sorted(pairs, key=lambda pair: _number(pair[0])) if number_keys else pairs


def _number(text: str) -> Any:
    number = resolve(text)
    if isinstance(number, str | bool) or number is None:
        raise BadNumber("allowed are numbers")
    return number


def _no_float(text: str) -> Any:
    raise Invalid(f"found the number {text[:32]}, the canonical form writes decimals as text")
