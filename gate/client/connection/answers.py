"""Checks an answer of the gate before it is used.

An answer of another server, from a cache, or cut off counts as no answer. A check returns what is
wrong, or None.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from gate.client.connection.http import Body
from gate.client.git.run import FULL_HASH

PENDING, APPROVED, DEPLOYING = "pending", "approved", "deploying"
STATES = frozenset({PENDING, APPROVED, DEPLOYING, "closed", "rejected", "expired", "canceled"})
OUTCOMES = frozenset({APPROVED, PENDING, "rejected"})
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:gate:admission:v1"

Check = Callable[[Body], "str | None"]


def anything(body: Body) -> str | None:  # noqa: ARG001 - the shape of a check
    """Accept any JSON object."""
    return None


def place_answer(body: Body) -> str | None:
    """Accept the answer about a place: `running` is null, or names a full commit hash."""
    running = body.get("running", "")
    if running is None:
        return None
    commit = running.get("commit") if isinstance(running, dict) else None
    if not isinstance(commit, str) or not FULL_HASH.fullmatch(commit):
        return "it does not say what runs there"
    return None


def change_of(commit: str, service: str, change: str | None = None) -> Check:
    """Return a check that accepts a change of this commit and service, and of this id if that is
    known.

    The environment is not compared, because the gate answers with its own name for it.
    """

    def check(body: Body) -> str | None:
        if not isinstance(body.get("id"), str) or body.get("state") not in STATES:
            return "it is no change"
        if (body.get("commit"), body.get("service")) != (commit, service) or (
            change is not None and body["id"] != change
        ):
            return "it is about another change"
        return None

    return check


def evaluation_of(commit: str) -> Check:
    """Return a check that accepts an evaluation of this commit."""

    def check(body: Body) -> str | None:
        if body.get("outcome") not in OUTCOMES or "id" in body:
            return "it is no evaluation"
        if body.get("commit") == commit:
            return None
        return "it is about another commit"

    return check


def any_change(body: Body) -> str | None:
    """Accept any change."""
    if isinstance(body.get("id"), str) and body.get("state") in STATES:
        return None
    return "it is no change"


def envelope_of(change: str, commit: str) -> Check:
    """Return a check that accepts an admission of this change and commit.

    The signature is not verified here, because that needs more than the standard library; `gate
    verify-admission` does it before the deployment.
    """

    def check(body: Body) -> str | None:
        statement = _statement(body)
        predicate = statement.get("predicate")
        if (
            statement.get("_type") != STATEMENT_TYPE
            or statement.get("predicateType") != PREDICATE_TYPE
        ):
            return "it is no admission statement"
        if (
            not isinstance(predicate, dict)
            or predicate.get("change") != change
            or commit not in _commits(statement)
        ):
            return "it admits something else"
        return None

    return check


def _statement(envelope: Body) -> dict[str, Any]:
    try:
        statement = json.loads(base64.b64decode(envelope["payload"], validate=True))
        return statement if isinstance(statement, dict) and envelope["signatures"] else {}
    except (KeyError, TypeError, ValueError):
        return {}


def _commits(statement: dict[str, Any]) -> list[object]:
    subjects = statement.get("subject")
    digests = (
        [subject.get("digest") for subject in subjects if isinstance(subject, dict)]
        if isinstance(subjects, list)
        else []
    )
    return [digest.get("gitCommit") for digest in digests if isinstance(digest, dict)]
