"""The admission statement: whatever differs is named and refused; what agrees passes, offline."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import assume, given
from hypothesis import strategies as st

from gate.core.change import Artifact, Run
from gate.ledger.dsse import StatementError, pre_authentication
from gate.ledger.note import SigningKey
from gate.ledger.statement import (
    PAYLOAD_TYPE,
    AdmissionStatement,
    Deployment,
    sign_envelope,
    statement_payload,
    verify_admission,
)

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
KEY = SigningKey("gate.example.com", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
IMAGE = Artifact("registry.example.com/checkout", "sha256:" + "ab" * 32)
CHART = Artifact("chart", "sha512:" + "cd" * 64)
STATEMENT = AdmissionStatement(
    change="chg_01",
    service="checkout",
    environment="production",
    repository="acme/checkout",
    repository_id=1001,
    commit="c" * 40,
    artifacts=(IMAGE, CHART),
    run=Run(id="42", attempt=2, step="deploy"),
    policy_revision="e" * 64,
    subject_digest="d" * 64,
    admitted_at=NOW,
    expires_at=NOW + timedelta(minutes=15),
    type="standard",
    approvers=("per_1", "per_2"),
)
DEPLOYMENT = Deployment("checkout", "production", "c" * 40, "42", (IMAGE, CHART))


def signed(**changed: Any) -> bytes:
    return orjson.dumps(sign_envelope(KEY, replace(STATEMENT, **changed)))


def signed_document(
    change: Callable[[dict[str, Any]], object], payload_type: str = PAYLOAD_TYPE
) -> bytes:
    """A statement that was changed before it was signed."""
    document = json.loads(statement_payload(STATEMENT))
    change(document)
    return signed_payload(json.dumps(document).encode(), payload_type)


def signed_payload(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    signature = KEY.sign(pre_authentication(payload_type, payload))
    envelope = {
        "payload": base64.urlsafe_b64encode(payload).decode(),
        "payloadType": payload_type,
        "signatures": [{"sig": base64.urlsafe_b64encode(signature).decode()}],
    }
    return json.dumps(envelope).encode()


def verified(
    envelope: bytes, *, key: SigningKey = KEY, at: datetime = NOW, **different: Any
) -> AdmissionStatement:
    """The statement for this deployment with something different. Raises `StatementError`."""
    return verify_admission(envelope, key.verifier, replace(DEPLOYMENT, **different), at=at)


@pytest.mark.parametrize(
    ("different", "says"),
    [
        pytest.param({"service": "checkout-eu"}, "service differs", id="a longer service"),
        pytest.param({"service": "Checkout"}, "service differs", id="the service in another case"),
        pytest.param({"service": ""}, "service differs", id="no service"),
        pytest.param({"commit": "c" * 39}, "commit differs", id="a prefix of the commit"),
        pytest.param({"commit": "C" * 40}, "commit differs", id="the commit in upper case"),
        pytest.param(
            {"environment": "prod"}, "environment differs", id="a prefix of the environment"
        ),
        pytest.param({"environment": "Production"}, "environment differs", id="another case"),
        pytest.param({"run_id": "421"}, "run differs", id="another run"),
        pytest.param(
            {"artifacts": (replace(IMAGE, name="other"), CHART)},
            "artifact other=",
            id="another artifact name",
        ),
        pytest.param(
            {"artifacts": (IMAGE, replace(CHART, digest="sha512:00"))},
            "was not admitted",
            id="the second digest differs",
        ),
        pytest.param(
            {"artifacts": (IMAGE, CHART, replace(IMAGE, digest="sha256:00"))},
            "was not admitted",
            id="one artifact more",
        ),
        pytest.param(
            {"artifacts": (IMAGE,)},
            "artifact chart=.* was admitted, but is not named",
            id="one artifact less",
        ),
        pytest.param({"artifacts": ()}, "was admitted, but is not named", id="no artifact"),
        pytest.param(
            {"at": NOW - timedelta(seconds=61)}, "it is only", id="before admission and leeway"
        ),
        pytest.param(
            {"at": NOW + timedelta(minutes=15, seconds=61)},
            "expired at",
            id="after expiry and leeway",
        ),
    ],
)
def test_b8_whatever_differs_is_named_and_refused(different: dict[str, Any], says: str) -> None:
    with pytest.raises(StatementError, match=says):
        verified(signed(), **different)


SIGNED_DIFFERENTLY: dict[str, st.SearchStrategy[Any]] = {
    "service": st.text(max_size=20),
    "environment": st.text(max_size=20),
    "commit": st.text("0123456789abcdefABCDEF", max_size=64),
    "run": st.builds(Run, id=st.text(max_size=20), attempt=st.just(2), step=st.just("deploy")),
    "artifacts": st.lists(
        st.sampled_from(
            [IMAGE, CHART, replace(IMAGE, name="other"), replace(CHART, digest="sha512:00")]
        )
    ).map(tuple),
    "observed": st.sampled_from([True]),
    "expires_at": st.integers(min_value=61, max_value=10**8).map(
        lambda seconds: NOW - timedelta(seconds=seconds)
    ),
    "admitted_at": st.integers(min_value=61, max_value=10**8).map(
        lambda seconds: NOW + timedelta(seconds=seconds)
    ),
}
"""What a deploy step compares, and statements that this very key has signed for something else."""


@given(st.sampled_from(sorted(SIGNED_DIFFERENTLY)), st.data())
def test_b8_a_statement_signed_for_anything_else_is_refused(
    field: str, data: st.DataObject
) -> None:
    other = replace(STATEMENT, **{field: data.draw(SIGNED_DIFFERENTLY[field])})
    assume(other != STATEMENT)
    assume(field != "run" or other.run.id != STATEMENT.run.id)
    assume(field != "artifacts" or set(other.artifacts) != set(STATEMENT.artifacts))

    with pytest.raises(StatementError):
        verified(orjson.dumps(sign_envelope(KEY, other)))


def places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every value in a document."""
    if path:
        yield path
    inside = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for name, one in inside:
        yield from places(one, (*path, name))


def holder(document: Any, path: tuple[str | int, ...]) -> Any:
    for name in path[:-1]:
        document = document[name]
    return document


PLACES = sorted(places(json.loads(statement_payload(STATEMENT))), key=str)


@given(
    st.sampled_from(
        [path for path in PLACES if path[-1] != "repository_id" and path[-2:-1] != ("approvers",)]
    )
)
def test_b8_a_signed_statement_that_lacks_anything_is_refused(path: tuple[str | int, ...]) -> None:
    with pytest.raises(StatementError):
        verified(signed_document(lambda doc: holder(doc, path).__delitem__(path[-1])))


@given(
    st.sampled_from(PLACES),
    st.one_of(st.floats(allow_nan=False), st.just({}), st.binary(max_size=3).map(list)),
)
def test_b8_a_signed_statement_with_a_value_of_another_type_is_refused(
    path: tuple[str | int, ...], value: object
) -> None:
    assume(not (path[-1] == "approvers" and value == []))

    with pytest.raises(StatementError):
        verified(signed_document(lambda doc: holder(doc, path).__setitem__(path[-1], value)))


@given(st.integers(min_value=0), st.integers(0, 7))
def test_b8_an_envelope_with_a_changed_bit_admits_nothing_else(place: int, bit: int) -> None:
    """A changed bit of what nobody signs (the hint of a key, an unused bit of base64) leaves the
    same statement.
    """
    envelope = bytearray(signed())
    envelope[place % len(envelope)] ^= 1 << bit

    with suppress(StatementError):
        assert verified(bytes(envelope)) == STATEMENT


def test_b8_a_statement_of_a_gate_that_only_observes_must_be_allowed() -> None:
    with pytest.raises(StatementError, match="only observes checkout in production"):
        verified(signed(observed=True))

    assert (
        verify_admission(
            signed(observed=True), KEY.verifier, DEPLOYMENT, at=NOW, allow_observed=True
        ).observed
        is True
    )


def test_b8_allowing_observed_statements_allows_nothing_else() -> None:
    differences: tuple[dict[str, Any], ...] = (
        {"service": "web"},
        {"environment": "staging"},
        {"commit": "d" * 40},
        {"run_id": "1"},
        {"artifacts": ()},
    )
    for different in differences:
        with pytest.raises(StatementError):
            verify_admission(
                signed(observed=True),
                KEY.verifier,
                replace(DEPLOYMENT, **different),
                at=NOW,
                allow_observed=True,
            )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(
            lambda doc: doc.update(_type="https://in-toto.io/Statement/v0.1"),
            "_type",
            id="another statement type",
        ),
        pytest.param(
            lambda doc: doc.update(predicateType="urn:gate:denial:v1"),
            "predicateType",
            id="another predicate",
        ),
        pytest.param(lambda doc: doc["subject"].pop(0), "names 0 commits", id="no commit"),
        pytest.param(
            lambda doc: doc["subject"].append(doc["subject"][0]),
            "names 2 commits",
            id="two commits",
        ),
        pytest.param(
            lambda doc: doc.update(subject="x"), "names 0 commits", id="subjects that are no list"
        ),
        pytest.param(
            lambda doc: doc["subject"].append("x"), "no object", id="a subject that is no object"
        ),
        pytest.param(
            lambda doc: doc["subject"][0].pop("digest"),
            "digest is missing",
            id="a subject without digest",
        ),
        pytest.param(lambda doc: doc.pop("predicate"), "predicate is missing", id="no predicate"),
        pytest.param(
            lambda doc: doc["predicate"].update(run={"id": 42}),
            "attempt",
            id="a run without attempt",
        ),
        pytest.param(
            lambda doc: doc["predicate"]["run"].update(id=42),
            "id is missing or no text",
            id="a run id that is a number",
        ),
        pytest.param(
            lambda doc: doc["predicate"].update(expires_at="2999"),
            "expires_at",
            id="a time of another form",
        ),
        pytest.param(
            lambda doc: doc["predicate"].pop("admitted_at"),
            "admitted_at",
            id="no time of admission",
        ),
        pytest.param(
            lambda doc: doc["predicate"].update(repository_id="1001"),
            "repository_id",
            id="an id that is text",
        ),
        pytest.param(
            lambda doc: doc["predicate"].update(approvers=[1]),
            "approvers",
            id="approvers that are numbers",
        ),
        pytest.param(
            lambda doc: doc["predicate"].pop("observed"),
            "observed",
            id="not said whether it was observed",
        ),
        pytest.param(
            lambda doc: doc["predicate"].update(observed=0), "observed", id="observed as a number"
        ),
    ],
)
def test_a_signed_statement_of_another_shape_is_refused(
    change: Callable[[dict[str, Any]], object], says: str
) -> None:
    with pytest.raises(StatementError, match=says):
        verified(signed_document(change))


def test_another_payload_type_is_refused_although_it_is_signed() -> None:
    with pytest.raises(StatementError, match="payload type"):
        verified(signed_document(lambda _: None, "application/json"))


def test_a_payload_with_a_key_twice_is_refused_although_it_is_signed() -> None:
    payload = statement_payload(STATEMENT).replace(
        b'"environment":', b'"environment":"staging","environment":'
    )

    with pytest.raises(StatementError, match="names a key twice"):
        verified(signed_payload(payload))


def test_another_key_of_the_same_name_is_refused() -> None:
    other = SigningKey.generate("gate.example.com")

    with pytest.raises(StatementError, match="none of the 1 signatures"):
        verified(signed(), key=other)


def test_keyid_decides_nothing_and_one_good_signature_of_several_is_enough() -> None:
    envelope = json.loads(signed())
    good = envelope["signatures"][0]["sig"]
    foreign = {"keyid": KEY.verifier.hint, "sig": base64.b64encode(bytes(64)).decode()}
    envelope["signatures"] = [foreign, {"keyid": "other", "sig": good}, {"sig": "AAAA"}]

    assert verified(json.dumps(envelope).encode()) == STATEMENT


@given(st.integers(min_value=0), st.integers(0, 7))
def test_no_changed_bit_of_the_payload_is_accepted(place: int, bit: int) -> None:
    envelope = json.loads(signed())
    payload = bytearray(statement_payload(STATEMENT))
    payload[place % len(payload)] ^= 1 << bit
    envelope["payload"] = base64.b64encode(payload).decode()

    with pytest.raises(StatementError, match="signatures"):
        verified(json.dumps(envelope).encode())


def test_the_statement_passes_with_leeway_and_in_another_attempt() -> None:
    for at in (NOW - timedelta(seconds=60), NOW + timedelta(minutes=15, seconds=60)):
        assert verified(signed(), at=at) == STATEMENT
    assert verified(signed(run=replace(STATEMENT.run, attempt=9))).run.attempt == 9


def test_a_statement_without_artifacts_passes_where_none_is_deployed() -> None:
    assert verified(signed(artifacts=()), artifacts=()).artifacts == ()


def test_the_order_of_artifacts_says_nothing() -> None:
    assert verified(signed(), artifacts=(CHART, IMAGE, CHART)) == STATEMENT


def test_unknown_fields_of_a_signed_statement_are_ignored() -> None:
    content = signed_document(lambda doc: doc["predicate"].update(outcome="denied"))

    assert verified(content) == STATEMENT


def test_the_same_statement_and_key_give_the_same_bytes() -> None:
    assert signed() == signed()
    assert json.loads(statement_payload(STATEMENT)) == {
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "urn:gate:admission:v1",
        "subject": [
            {"name": "acme/checkout", "digest": {"gitCommit": "c" * 40}},
            {"name": "registry.example.com/checkout", "digest": {"sha256": "ab" * 32}},
            {"name": "chart", "digest": {"sha512": "cd" * 64}},
        ],
        "predicate": {
            "change": "chg_01",
            "service": "checkout",
            "environment": "production",
            "repository_id": 1001,
            "run": {"id": "42", "attempt": 2, "step": "deploy"},
            "policy_revision": "e" * 64,
            "subject_digest": "d" * 64,
            "admitted_at": "2026-01-31T12:00:00Z",
            "expires_at": "2026-01-31T12:15:00Z",
            "type": "standard",
            "approvers": ["per_1", "per_2"],
            "observed": False,
        },
    }


@pytest.mark.parametrize("digest", ["", "sha256", "sha256:", ":ab", "gitCommit:ab"])
def test_an_artifact_digest_without_algorithm_is_not_signed(digest: str) -> None:
    with pytest.raises(ValueError, match="digest"):
        statement_payload(replace(STATEMENT, artifacts=(Artifact("a", digest),)))


def test_a_time_without_a_zone_is_not_signed() -> None:
    with pytest.raises(ValueError, match="zone"):
        statement_payload(replace(STATEMENT, admitted_at=datetime(2026, 1, 31)))  # noqa: DTZ001 - the naive time is the case
