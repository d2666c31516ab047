"""Reads names in the catalogue and the calendar: which are allowed, and which are known."""

import re
from collections.abc import Collection

from gate.core.yaml.fields import Faults, Fields, did_you_mean
from gate.core.yaml.reader import Scalar, clip

NAME_LENGTH_MAX = 100
ALLOWED = (
    f"letters, digits and . _ / -, beginning with a letter or digit, at most {NAME_LENGTH_MAX}"
)

_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_./-]{{0,{NAME_LENGTH_MAX - 1}}}")


def read_name(key: Scalar, faults: Faults, what: str) -> str:
    """Return the name that a key defines. It must be usable in a condition without quotes."""
    if not _NAME.fullmatch(key.text):
        faults.add(
            key.place, f"found {clip(key.text)} as the name of {what}, allowed are {ALLOWED}"
        )
    return key.text


def read_listed(
    fields: Fields, key: str, known: Collection[str] | None, what: str
) -> tuple[str, ...]:
    """Return the names under a key, each of which must be known; none if the key is absent.

    `known` is None if the catalogue could not be read. Then every name is accepted.
    """
    names = fields.texts(key, ())
    for name, node in zip(names, fields.items(key) or () if names else (), strict=False):
        if name and known is not None and name not in known:
            meant = did_you_mean(name, known)
            fields.faults.add(
                node.place, f"{key}: found {clip(name)}, which is no {what} of the catalogue{meant}"
            )
    return tuple(filter(None, names))
