"""The admission statement: what it says, how it is signed, and how a deploy step checks it without
asking anybody.

A DSSE v1.0.2 envelope around an in-toto statement v1. The promise to the deploy step: a statement
that `verify_admission` returns was signed by this key for exactly this deployment: service,
environment, commit, run and all artifacts. It is in force at the given time, and a gate that only
observed has not signed it unless that is allowed.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gate.core.canonical import canonical
from gate.core.change import Artifact, Run
from gate.ledger.dsse import (
    Envelope,
    StatementError,
    pre_authentication,
    read_envelope,
    read_object,
)
from gate.ledger.note import SigningKey, VerifierKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:gate:admission:v1"
ADMISSION_VALID_SECONDS = 15 * 60
LEEWAY_SECONDS = 60
"""The time by which the clock of a deploy step may be off."""


@dataclass(frozen=True, slots=True)
class AdmissionStatement:
    """The content of an admission.

    Instants are whole seconds in UTC, and `approvers` are opaque ids of people.
    """

    change: str
    service: str
    environment: str
    # Its name, or the service's where no repository was named.
    repository: str
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
    # The gate only observed, so it would have admitted this whatever it found.
    observed: bool = False


@dataclass(frozen=True, slots=True)
class Deployment:
    """The deployment that is about to begin, as the deploy step knows it without the gate."""

    service: str
    environment: str
    commit: str
    run_id: str
    artifacts: tuple[Artifact, ...] = ()


def statement_payload(statement: AdmissionStatement) -> bytes:
    """Return the bytes that are signed: canonical JSON, so that equal statements have
    equal bytes.
    """
    subjects = [{"name": statement.repository, "digest": {"gitCommit": statement.commit}}]
    subjects += [
        {"name": artifact.name, "digest": _digest_set(artifact.digest)}
        for artifact in statement.artifacts
    ]
    predicate = {
        "change": statement.change,
        "service": statement.service,
        "environment": statement.environment,
        "repository_id": statement.repository_id,
        "run": {
            "id": statement.run.id,
            "attempt": statement.run.attempt,
            "step": statement.run.step,
        },
        "policy_revision": statement.policy_revision,
        "subject_digest": statement.subject_digest,
        "admitted_at": _instant(statement.admitted_at),
        "expires_at": _instant(statement.expires_at),
        "type": statement.type,
        "approvers": list(statement.approvers),
        "observed": statement.observed,
    }
    return canonical(
        {
            "_type": STATEMENT_TYPE,
            "subject": subjects,
            "predicateType": PREDICATE_TYPE,
            "predicate": predicate,
        }
    )


@dataclass(frozen=True)
class Signature:
    """One signature over the envelope's payload."""

    keyid: str
    sig: str


@dataclass(frozen=True)
class SignedEnvelope:
    """A signed in-toto statement (DSSE): the permission to deploy exactly this, for 15 minutes."""

    payload: str
    payloadType: str  # noqa: N815 - the name that DSSE gives it
    signatures: tuple[Signature, ...]


def sign_envelope(key: SigningKey, statement: AdmissionStatement) -> SignedEnvelope:
    """Return the statement in its envelope. Equal keys and statements always give equal
    envelopes.
    """
    payload = statement_payload(statement)
    signature = key.sign(pre_authentication(PAYLOAD_TYPE, payload))
    signed = Signature(key.verifier.hint, base64.b64encode(signature).decode())
    return SignedEnvelope(base64.b64encode(payload).decode(), PAYLOAD_TYPE, (signed,))


def verify_admission(
    envelope: bytes,
    key: VerifierKey,
    deployment: Deployment,
    *,
    at: datetime,
    allow_observed: bool = False,
) -> AdmissionStatement:
    """Return the statement if it admits exactly this deployment now.

    Raises `StatementError`, which names the first difference. The artifacts must be the same on
    both sides: one that was not admitted must not be deployed, and one that was admitted but is not
    named could be replaced unnoticed. `run.attempt` and `run.step` are not compared, because
    another job of the same run may deploy.
    """
    statement = _signed_statement(read_envelope(envelope), key)
    _same("service", statement.service, deployment.service)
    _same("environment", statement.environment, deployment.environment)
    _same("commit", statement.commit, deployment.commit)
    _same("run", statement.run.id, deployment.run_id)
    _same_artifacts(statement.artifacts, deployment.artifacts)
    if statement.observed and not allow_observed:
        place = f"{statement.service} in {statement.environment}"
        raise StatementError(
            f"the gate only observes {place} and would have refused nothing; "
            "--allow-observed takes it"
        )
    _in_force(statement, at)
    return statement


def _signed_statement(envelope: Envelope, key: VerifierKey) -> AdmissionStatement:
    if envelope.payload_type != PAYLOAD_TYPE:
        raise StatementError(
            f"the payload type is {envelope.payload_type!r}, allowed is {PAYLOAD_TYPE}"
        )
    signed = pre_authentication(envelope.payload_type, envelope.payload)
    # `keyid` is a hint that is not signed, so it decides nothing: the key must have made one of the
    # signatures.
    if not any(key.verifies(signed, signature) for signature in envelope.signatures):
        raise StatementError(
            f"none of the {len(envelope.signatures)} signatures was made by {key.hint}"
        )
    document = read_object(envelope.payload, "the payload")
    if document.get("_type") != STATEMENT_TYPE:
        raise StatementError(f"_type is {document.get('_type')!r}, allowed is {STATEMENT_TYPE}")
    if document.get("predicateType") != PREDICATE_TYPE:
        raise StatementError(
            f"predicateType is {document.get('predicateType')!r}, allowed is {PREDICATE_TYPE}"
        )
    return _read(document)


def _same(what: str, signed: str, asked: str) -> None:
    # Exactly: no prefix, no case folding.
    if signed != asked:
        raise StatementError(f"{what} differs: admitted was {signed!r}, asked is {asked!r}")


def _same_artifacts(signed: tuple[Artifact, ...], asked: tuple[Artifact, ...]) -> None:
    for artifact in asked:
        if artifact not in signed:
            admitted = ", ".join(map(_named, signed)) or "none"
            raise StatementError(
                f"artifact {_named(artifact)} was not admitted; admitted were: {admitted}"
            )
    for artifact in signed:
        if artifact not in asked:
            raise StatementError(
                f"artifact {_named(artifact)} was admitted, but is not named here; name "
                "with --artifact each one that is deployed"
            )


def _named(artifact: Artifact) -> str:
    return f"{artifact.name}={artifact.digest}"


def _in_force(statement: AdmissionStatement, at: datetime) -> None:
    leeway = timedelta(seconds=LEEWAY_SECONDS)
    if at < statement.admitted_at - leeway:
        raise StatementError(
            f"admitted at {_instant(statement.admitted_at)}, it is only {_instant(at)}"
        )
    if at > statement.expires_at + leeway:
        raise StatementError(
            f"expired at {_instant(statement.expires_at)}, it is {_instant(at)}; ask for "
            "admission again"
        )


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
    observed = predicate.get("observed")
    if not isinstance(observed, bool):
        raise StatementError("observed is missing, or neither true nor false")
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
        observed=observed,
    )


def _read_subjects(raw: object) -> tuple[str, str, tuple[Artifact, ...]]:
    """Return the name of the repository, the commit and the artifacts.

    Exactly one subject may be a commit, because two would leave open which of them was admitted.
    """
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
        raise StatementError(
            f"{name} is {text!r}, allowed is a time such as 2026-01-31T12:00:00Z"
        ) from None


def _instant(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("a time without a zone is no instant")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
