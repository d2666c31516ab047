"""Translates the claims of an identity token of GitHub or GitLab into a `Workload`.

`sub` is never read, because its form can be configured.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gate.core.change import Repository, Run
from gate.core.facts import INTEGER_MAX, TEXT_LENGTH_MAX
from gate.core.workload import Provider, Workload
from gate.errors import NotAllowed

CLAIM_LENGTH_MAX = 2_000

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NUMBER = re.compile(r"[0-9]{1,16}")
MERGE_REQUEST = frozenset({"merge_request_event", "external_pull_request_event"})
"""The sources of a GitLab pipeline that works on what nobody has merged yet."""


class Unreadable(Exception):
    """A claim is missing, or has another type than it should."""


def workload_of(provider: Provider, claims: Mapping[str, Any], expires_at: datetime) -> Workload:
    """Return the job of a verified token.

    Raises `Unreadable`, and `NotAllowed` for a job that runs elsewhere than its project.
    """
    return _READERS[provider](claims, expires_at)


def _of_github(claims: Mapping[str, Any], expires_at: datetime) -> Workload:
    issuer = _text(claims, "iss")
    return Workload(
        issuer=issuer,
        provider=Provider.GITHUB,
        repository=Repository(
            issuer, _number(claims, "repository_id"), _optional(claims, "repository") or ""
        ),
        commit=_text(claims, "sha"),
        run=Run(
            _text(claims, "run_id"),
            _number(claims, "run_attempt"),
            check=_optional(claims, "check_run_id") or "",
        ),
        jti=_text(claims, "jti"),
        expires_at=expires_at,
        login=_optional(claims, "actor") or "",
        account=_account(claims, "actor_id"),
        ref=_optional(claims, "ref"),
        ref_protected=_is_protected(claims),
        event=_text(claims, "event_name"),
        workflow=_optional(claims, "job_workflow_ref"),
        environment=_optional(claims, "environment"),
    )


def _of_gitlab(claims: Mapping[str, Any], expires_at: datetime) -> Workload:
    issuer = _text(claims, "iss")
    project = _number(claims, "project_id")
    if claims.get("job_project_id") is not None and _number(claims, "job_project_id") != project:
        raise NotAllowed(
            "this job runs in one project for a merge request of another, a fork; only a "
            "project's own pipelines may ask",
            problem="identity_mismatch",
        )
    source = _text(claims, "pipeline_source")
    return Workload(
        issuer=issuer,
        provider=Provider.GITLAB,
        repository=Repository(issuer, project, _optional(claims, "project_path") or ""),
        commit=_text(claims, "sha"),
        run=Run(
            _text(claims, "pipeline_id"), _number(claims, "job_id"), check=_text(claims, "job_id")
        ),
        jti=_text(claims, "jti"),
        expires_at=expires_at,
        login=_optional(claims, "user_login") or "",
        account=_account(claims, "user_id"),
        email=_optional(claims, "user_email") or "",
        ref=_gitlab_ref(claims),
        ref_protected=_is_protected(claims),
        event="pull_request" if source in MERGE_REQUEST else source,
        workflow=_optional(claims, "ci_config_ref_uri"),
        environment=_optional(claims, "environment"),
    )


_READERS = {Provider.GITHUB: _of_github, Provider.GITLAB: _of_gitlab}


def _gitlab_ref(claims: Mapping[str, Any]) -> str:
    """Return the whole ref. `ref` is the short name, and on older servers only `ref_type` says what
    it is.

    A ref that is whole already stays as it is: a merge request does not become a branch because its
    pipeline says that it is of one.
    """
    whole, short = _optional(claims, "ref_path"), _optional(claims, "ref")
    if whole is not None:
        return whole
    if short is None:
        raise Unreadable("ref")
    folder = {"branch": "heads", "tag": "tags"}.get(_optional(claims, "ref_type") or "")
    if folder is None or short.startswith("refs/"):
        return short
    return f"refs/{folder}/{short}"


def _text(claims: Mapping[str, Any], name: str) -> str:
    """Return a text that must be there, short enough for a key of the database."""
    found = _optional(claims, name)
    if found is None or len(found) > TEXT_LENGTH_MAX:
        raise Unreadable(name)
    return found


def _optional(claims: Mapping[str, Any], name: str) -> str | None:
    """Return a text, or None if it is absent, null or empty. An id may be a number."""
    found = claims.get(name)
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    if found is None or found == "":
        return None
    if not isinstance(found, str) or len(found) > CLAIM_LENGTH_MAX or _CONTROL.search(found):
        raise Unreadable(name)
    return found


def _number(claims: Mapping[str, Any], name: str) -> int:
    found = _text(claims, name)
    number = int(found) if _NUMBER.fullmatch(found) else 0
    if not 0 < number <= INTEGER_MAX:
        raise Unreadable(name)
    return number


def _account(claims: Mapping[str, Any], name: str) -> str:
    """Return the number of an account as text, or an empty text where the token has none."""
    found = _optional(claims, name) or ""
    return found if _NUMBER.fullmatch(found) else ""


def _is_protected(claims: Mapping[str, Any]) -> bool | None:
    """Return true or false, which both hosts write as text; anything else is unknown."""
    found = claims.get("ref_protected")
    if isinstance(found, bool):
        return found
    return {"true": True, "false": False}.get(str(found))
