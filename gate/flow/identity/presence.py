"""Whether a person acts, and not a program with a personal token.

What only a person may decide must not be decided by a program that holds the person's token.
"""

from gate.errors import NotAllowed
from gate.flow.caller import ByToken, Caller, Person
from gate.flow.gate import Gate

_NOT_BY_PROGRAM = (
    "a personal token does not {doing}: whoever holds it may be a program; sign in and do it on "
    "the page, or let the operator set GATE_TOKEN_APPROVALS=on"
)


def require_presence(gate: Gate, by: Caller, doing: str) -> Person:
    """Return the person who acts, by a session or a button in the chat.

    A personal token is enough only if the operator allows that. Raises `NotAllowed` for every other
    caller; a machine never approves.
    """
    if not isinstance(by, Person):
        raise NotAllowed(f"a token of a role does not {doing}; a person does it, signed in")
    if not is_present(gate, by):
        raise NotAllowed(_NOT_BY_PROGRAM.format(doing=doing))
    return by


def is_present(gate: Gate, by: Person) -> bool:
    """Return whether the person's proof is enough to decide."""
    return gate.token_approvals or not isinstance(by.proof, ByToken)
