"""DSSE: the published vector, and envelopes that are refused before anything is verified."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from gate.ledger.dsse import ENVELOPE_BYTES_MAX, StatementError, pre_authentication, read_envelope
from tests.shared_data import shared

X = 46950820868899156662930047687818585632848591499744589407958293238635476079160
Y = 5640078356564379163099075877009565129882514886557779369047442380624545832820


def envelope_bytes(**changed: object) -> bytes:
    whole = {
        "payload": "aGVsbG8=",
        "payloadType": "text/plain",
        "signatures": [{"keyid": "k", "sig": "AAAA"}],
    } | changed
    return json.dumps({name: value for name, value in whole.items() if value is not None}).encode()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"", "cannot be read", id="empty"),
        pytest.param(b"<html>", "cannot be read", id="HTML"),
        pytest.param(b"\xff\xfe", "cannot be read", id="no UTF-8"),
        pytest.param(b"[" * 100_000, "cannot be read", id="too deep"),
        pytest.param(b"[]", "no JSON object", id="a list"),
        pytest.param(b'{"payload": "", "payload": ""}', "names a key twice", id="a duplicate key"),
        pytest.param(b'{"payload": NaN}', "NaN is no JSON", id="NaN"),
        pytest.param(b" " * (ENVELOPE_BYTES_MAX + 1), "at most", id="too large"),
        pytest.param(envelope_bytes(payload=None), "payload is missing", id="no payload"),
        pytest.param(envelope_bytes(payload="%%%%"), "payload is not base64", id="no base64"),
        pytest.param(envelope_bytes(payload="ä"), "payload is not base64", id="no ASCII"),
        pytest.param(
            envelope_bytes(payloadType=1), "payloadType is missing", id="a type that is no text"
        ),
        pytest.param(envelope_bytes(signatures=[]), "1 to 16", id="no signature"),
        pytest.param(
            envelope_bytes(signatures={"sig": "AAAA"}), "1 to 16", id="signatures that are no list"
        ),
        pytest.param(
            envelope_bytes(signatures=[{"sig": "AAAA"}] * 17), "1 to 16", id="17 signatures"
        ),
        pytest.param(
            envelope_bytes(signatures=["AAAA"]),
            r"signatures\.sig is missing",
            id="a signature that is no object",
        ),
    ],
)
def test_what_is_no_envelope_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(StatementError, match=says):
        read_envelope(content)


def test_unknown_fields_are_ignored_and_both_alphabets_are_read() -> None:
    raw = bytes([0xFB, 0xEF, 0xFF])
    envelope = read_envelope(
        envelope_bytes(payload="--__", signatures=[{"sig": "++//", "cert": "x"}], more=1)
    )

    assert envelope.payload == envelope.signatures[0] == raw


def test_the_published_vector_verifies() -> None:
    content = shared("payloads/dsse/protocol-test-vector-ecdsa-p256.json").read_bytes()
    envelope = read_envelope(content)
    signed = pre_authentication(envelope.payload_type, envelope.payload)

    assert signed == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    key = EllipticCurvePublicNumbers(X, Y, SECP256R1()).public_key()
    raw = envelope.signatures[0]
    key.verify(
        encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:])),
        signed,
        ECDSA(SHA256()),
    )
    assert raw == base64.b64decode(json.loads(content)["signatures"][0]["sig"])
