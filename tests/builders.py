"""Values that are valid as they are, each with one thing different; shared by the tests of every
part.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from gate.core.change import Artifact, Change, Run
from gate.core.facts import Value
from gate.flow.caller import BySession, Person, Proof, Role

Wire: TypeAlias = dict[str, Any]
"""An answer as its caller reads it: a JSON object."""

ISSUER = "https://token.actions.githubusercontent.com"
SIGNED_IN = BySession("of-test")
SMALL: Mapping[str, Value] = {
    "diff.files": ("src/cart.py",),
    "diff.files_changed": 1,
    "diff.lines_added": 5,
    "diff.lines_deleted": 2,
}
"""Facts of a change that nobody has to look at."""


def commit_of(letter: str) -> str:
    """A whole commit hash; the same for the same letter."""
    return letter * 40


def image_of(letter: str) -> Artifact:
    """An artifact; the same for the same letter."""
    return Artifact("image", f"sha256:{letter * 64}")


def person_id(key: str) -> str:
    """What the catalogue of a test calls the person whom its file calls so.

    No key, as no id is one.
    """
    return f"per_{key}"


def key_of(person: str) -> str:
    """The way back."""
    return person.removeprefix(person_id(""))


def make_person(
    key: str, *groups: str, proof: Proof = SIGNED_IN, role: Role | None = None
) -> Person:
    """Somebody who is signed in, in these groups."""
    return Person(person_id(key), frozenset(groups), proof, role)


def make_change(letter: str = "a", **different: Any) -> Change:
    """A small change of `checkout` to production by run `letter`, written by somebody whom the
    catalogue lacks.
    """
    fields: dict[str, Any] = {
        "service": "checkout",
        "environment": "production",
        "commit": commit_of(letter),
        "artifacts": (image_of(letter),),
        "run": Run(letter, 1, "deploy"),
        "requested_by": "zoe@example.com",
        "authors": ("zoe@example.com",),
        "title": "Round half to even",
        "claims": SMALL,
    }
    return Change(**fields | different)
