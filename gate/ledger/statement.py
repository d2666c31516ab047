"""The admission statement: what it says, how it is signed, and how a deploy step checks it without asking anybody.

A DSSE v1.0.2 envelope around an in-toto statement v1. The promise to the deploy step: a statement that
`verify_admission` returns was signed by this key for this commit, these artifacts, this environment and this run,
and is in force at the given time.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gate.core.canonical import canonical
from gate.core.change import Artifact, Run
from gate.ledger.dsse import Envelope, StatementError, pre_authentication, read_envelope, read_object
from gate.ledger.note import SigningKey, VerifierKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:gate:admission:v1"
ADMISSION_VALID_SECONDS = 15 * 60
LEEWAY_SECONDS = 60
"""How far the clock of a deploy step may be off."""


@dataclass(frozen=True, slots=True)
class AdmissionStatement:
    """What the gate admitted. Instants are whole seconds, UTC; `approvers` are opaque ids of people."""

    change: str
    service: str
    environment: str
    repository: str  # its name, or the service's where no repository was named
    repository_id: int | None
    commit: str
    artifacts: tuple[Artifact, ...]
    run: Run
    policy_revision: str
    subject_digest: str
    admitted_at: datetime
    expires_at: datetime
    type: str
    approvers: tuple[str, ...] = ()


def statement_payload(statement: AdmissionStatement) -> bytes:
    """The bytes that are signed: canonical JSON, so the same statement always has the same bytes."""
    subjects = [{"name": statement.repository, "digest": {"gitCommit": statement.commit}}]
    subjects += [{"name": artifact.name, "digest": _digest_set(artifact.digest)} for artifact in statement.artifacts]
    predicate = {
        "change": statement.change,
        "service": statement.service,
        "environment": statement.environment,
        "repository_id": statement.repository_id,
        "run": {"id": statement.run.id, "attempt": statement.run.attempt, "step": statement.run.step},
        "policy_revision": statement.policy_revision,
        "subject_digest": statement.subject_digest,
        "admitted_at": _instant(statement.admitted_at),
        "expires_at": _instant(statement.expires_at),
        "type": statement.type,
        "approvers": list(statement.approvers),
    }
    return canonical({"_type": STATEMENT_TYPE, "subject": subjects, "predicateType": PREDICATE_TYPE, "predicate": predicate})


def sign_envelope(key: SigningKey, statement: AdmissionStatement) -> dict[str, object]:
    """The envelope as JSON; the same key and statement always give the same one."""
    payload = statement_payload(statement)
    signature = key.sign(pre_authentication(PAYLOAD_TYPE, payload))
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": key.verifier.hint, "sig": base64.b64encode(signature).decode()}],
    }


def verify_admission(  # noqa: PLR0913 - each argument is one thing that must agree
    envelope: bytes,
    key: VerifierKey,
    *,
    commit: str,
    environment: str,
    run_id: str,
    artifacts: Iterable[Artifact] = (),
    at: datetime,
    leeway_seconds: int = LEEWAY_SECONDS,
) -> AdmissionStatement:
    """The statement, if it admits exactly this now; `StatementError` names the first thing that differs.

    Every one of `artifacts` must be in the statement by name and digest; `run.attempt` is not compared.
    """
    statement = _signed_statement(read_envelope(envelope), key)
    _same("commit", statement.commit, commit)
    _same("environment", statement.environment, environment)
    _same("run", statement.run.id, run_id)
    _each_admitted(statement.artifacts, artifacts)
    _in_force(statement, at, timedelta(seconds=leeway_seconds))
    return statement


def _signed_statement(envelope: Envelope, key: VerifierKey) -> AdmissionStatement:
    if envelope.payload_type != PAYLOAD_TYPE:
        raise StatementError(f"the payload type is {envelope.payload_type!r}, allowed is {PAYLOAD_TYPE}")
    signed = pre_authentication(envelope.payload_type, envelope.payload)
    # keyid is a hint that nobody signed, so it decides nothing: the key must have made one of the signatures
    if not any(key.verifies(signed, signature) for signature in envelope.signatures):
        raise StatementError(f"none of the {len(envelope.signatures)} signatures was made by {key.hint}")
    document = read_object(envelope.payload, "the payload")
    if document.get("_type") != STATEMENT_TYPE:
        raise StatementError(f"_type is {document.get('_type')!r}, allowed is {STATEMENT_TYPE}")
    if document.get("predicateType") != PREDICATE_TYPE:
        raise StatementError(f"predicateType is {document.get('predicateType')!r}, allowed is {PREDICATE_TYPE}")
    return _read(document)


def _same(what: str, signed: str, asked: str) -> None:
    if signed != asked:  # exactly: no prefix, no case folding
        raise StatementError(f"{what} differs: admitted was {signed!r}, asked is {asked!r}")


def _each_admitted(signed: tuple[Artifact, ...], asked: Iterable[Artifact]) -> None:
    for artifact in asked:
        if artifact in signed:
            continue
        known = ", ".join(f"{other.name}={other.digest}" for other in signed) or "none"
        raise StatementError(f"artifact {artifact.name}={artifact.digest} was not admitted; admitted were: {known}")


def _in_force(statement: AdmissionStatement, at: datetime, leeway: timedelta) -> None:
    if at < statement.admitted_at - leeway:
        raise StatementError(f"admitted at {_instant(statement.admitted_at)}, it is only {_instant(at)}")
    if at > statement.expires_at + leeway:
        raise StatementError(f"expired at {_instant(statement.expires_at)}, it is {_instant(at)}; ask for admission again")


def _read(document: Mapping[str, object]) -> AdmissionStatement:
    predicate = _object(document, "predicate")
    run = _object(predicate, "run")
    repository, commit, artifacts = _read_subjects(document.get("subject"))
    repository_id = predicate.get("repository_id")
    if repository_id is not None and type(repository_id) is not int:
        raise StatementError("repository_id is no whole number")
    attempt = run.get("attempt")
    if type(attempt) is not int:
        raise StatementError("run.attempt is no whole number")
    approvers = predicate.get("approvers")
    if not isinstance(approvers, list) or not all(isinstance(person, str) for person in approvers):
        raise StatementError("approvers is no list of texts")
    return AdmissionStatement(
        change=_text(predicate, "change"),
        service=_text(predicate, "service"),
        environment=_text(predicate, "environment"),
        repository=repository,
        repository_id=repository_id,
        commit=commit,
        artifacts=artifacts,
        run=Run(id=_text(run, "id"), attempt=attempt, step=_text(run, "step")),
        policy_revision=_text(predicate, "policy_revision"),
        subject_digest=_text(predicate, "subject_digest"),
        admitted_at=_time(predicate, "admitted_at"),
        expires_at=_time(predicate, "expires_at"),
        type=_text(predicate, "type"),
        approvers=tuple(approvers),
    )


def _read_subjects(raw: object) -> tuple[str, str, tuple[Artifact, ...]]:
    """Repository name, commit and artifacts. Exactly one subject is a commit: two would leave open which was admitted."""
    commits: list[tuple[str, str]] = []
    artifacts: list[Artifact] = []
    for subject in raw if isinstance(raw, list) else ():
        if not isinstance(subject, dict):
            raise StatementError("a subject is no object")
        name, digests = _text(subject, "name"), _object(subject, "digest")
        for algorithm in digests:
            found = _text(digests, algorithm)
            if algorithm == "gitCommit":
                commits.append((name, found))
            else:
                artifacts.append(Artifact(name, f"{algorithm}:{found}"))
    if len(commits) != 1:
        raise StatementError(f"the statement names {len(commits)} commits, allowed is one")
    return *commits[0], tuple(artifacts)


def _digest_set(digest: str) -> dict[str, str]:
    algorithm, separator, value = digest.partition(":")
    if not (algorithm and separator and value) or algorithm == "gitCommit":
        raise ValueError(f"artifact digest {digest!r} is not of the form <algorithm>:<value>")
    return {algorithm: value}


def _object(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = document.get(name)
    if not isinstance(value, dict):
        raise StatementError(f"{name} is missing or no object")
    return value


def _text(document: Mapping[str, object], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise StatementError(f"{name} is missing or no text")
    return value


def _time(document: Mapping[str, object], name: str) -> datetime:
    text = _text(document, name)
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise StatementError(f"{name} is {text!r}, allowed is a time such as 2026-01-31T12:00:00Z") from None


def _instant(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("a time without a zone is no instant")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
