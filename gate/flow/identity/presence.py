"""Is the person here?

What only a person may decide, no program decides that holds a token of theirs.
"""

from gate.errors import NotAllowed
from gate.flow.caller import ByToken, Caller, Person
from gate.flow.gate import Gate

_NOT_BY_PROGRAM = (
    "a personal token does not {doing}: whoever holds it may be a program; sign in and do it on "
    "the page, or let the operator set GATE_TOKEN_APPROVALS=on"
)


def require_presence(gate: Gate, by: Caller, doing: str) -> Person:
    """The person who does it.

    By a session or a button in the chat, and by a personal token where the operator allows that.

    Raises `NotAllowed` for everybody else; a machine never approves.
    """
    if not isinstance(by, Person):
        raise NotAllowed(f"a token of a role does not {doing}; a person does it, signed in")
    if not is_present(gate, by):
        raise NotAllowed(_NOT_BY_PROGRAM.format(doing=doing))
    return by


def is_present(gate: Gate, by: Person) -> bool:
    """Whether this person may decide by the proof that they have given."""
    return gate.token_approvals or not isinstance(by.proof, ByToken)
