"""Signed-note keys: the published vector, what is no key, and that no message shows a private
one.
"""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from gate.ledger.note import KeyTextError, SigningKey, VerifierKey, check_name

VECTOR_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
VECTOR_TEXT = b"This is an example message.\n"
VECTOR_SIGNATURE = (
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
)


def pem_of(key: Ed25519PrivateKey | object) -> str:
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[union-attr]  # any private key
    return pem.decode()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="empty"),
        pytest.param("a b", id="a space"),
        pytest.param("a+b", id="a plus sign"),
        pytest.param("a\nb", id="a line feed"),
        pytest.param("a\u2003b", id="an em space"),
        pytest.param("a\u202eb", id="a bidi control"),
        pytest.param("a" * 201, id="too long"),
    ],
)
def test_a_name_that_would_break_the_format_is_refused(name: str) -> None:
    with pytest.raises(KeyTextError, match="key name"):
        check_name(name)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "no key", id="empty"),
        pytest.param("gate.example.com", "no key", id="a name alone"),
        pytest.param(
            VECTOR_KEY.replace("example.com/foo", "example.com/bar"), "key id", id="another name"
        ),
        pytest.param(VECTOR_KEY.replace("530d903a", "530d903b"), "key id", id="another key id"),
        pytest.param(VECTOR_KEY[:-1], "base64", id="cut"),
        pytest.param(
            "example.com/foo+530d903a+" + base64.b64encode(b"\x02" + bytes(32)).decode(),
            "not Ed25519",
            id="another algorithm",
        ),
        pytest.param(
            "example.com/foo+530d903a+" + base64.b64encode(b"\x01" + bytes(31)).decode(),
            "not Ed25519",
            id="31 bytes",
        ),
        pytest.param("x" * 5_000, "no key", id="too long"),
    ],
)
def test_a_text_that_is_no_verifier_key_is_refused(text: str, says: str) -> None:
    with pytest.raises(KeyTextError, match=says):
        VerifierKey.parse(text)


def test_the_published_vector_verifies_and_one_changed_bit_does_not() -> None:
    key = VerifierKey.parse(VECTOR_KEY + "\n")
    blob = base64.b64decode(VECTOR_SIGNATURE)

    assert blob[:4] == key.key_id == bytes.fromhex("530d903a")
    assert key.verifies(VECTOR_TEXT, blob[4:])
    assert not key.verifies(VECTOR_TEXT + b" ", blob[4:])
    assert not key.verifies(VECTOR_TEXT, blob[4:-1] + bytes([blob[-1] ^ 1]))
    assert not key.verifies(VECTOR_TEXT, b"short")
    assert str(key) == VECTOR_KEY


def test_the_key_id_covers_name_algorithm_and_key() -> None:
    key = SigningKey.generate("gate.example.com/decisions").verifier

    expected = hashlib.sha256(b"gate.example.com/decisions\n\x01" + key.public).digest()[:4]
    assert key.key_id == expected


def test_a_private_key_text_reads_back_as_the_same_key() -> None:
    key = SigningKey.generate("gate.example.com")
    again = SigningKey.parse(key.private_text(), name="ignored, the text has its own")

    assert (again.name, again.key_id, again.sign(b"x")) == (key.name, key.key_id, key.sign(b"x"))
    assert key.private_text().startswith(f"PRIVATE+KEY+gate.example.com+{key.key_id.hex()}+")


def test_a_pem_takes_the_given_name() -> None:
    private = Ed25519PrivateKey.generate()
    key = SigningKey.parse(pem_of(private), name="gate.example.com")

    assert key.name == "gate.example.com"
    assert key.verifier.public == private.public_key().public_bytes_raw()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(VECTOR_KEY, "no private key", id="a verifier key"),
        pytest.param("PRIVATE+KEY+gate.example.com", "no key", id="cut"),
        pytest.param(
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "PEM", id="a broken PEM"
        ),
        pytest.param(
            pem_of(generate_private_key(SECP256R1())), "not an Ed25519 key", id="another algorithm"
        ),
    ],
)
def test_a_text_that_is_no_private_key_is_refused(text: str, says: str) -> None:
    with pytest.raises(KeyTextError, match=says):
        SigningKey.parse(text, name="gate.example.com")


def test_neither_errors_nor_repr_show_the_private_key() -> None:
    key = SigningKey.generate("gate.example.com")
    secret = key.private_text().strip().split("+", 4)[4]  # which may have plus signs of its own
    with pytest.raises(KeyTextError) as caught:
        SigningKey.parse(
            key.private_text().replace("gate.example.com", "other.example.com"), name="gate"
        )

    assert secret not in f"{caught.value!r} {key!r}"
    assert caught.value.__cause__ is None


@given(st.binary(max_size=100))
def test_a_signature_verifies_its_own_message_alone(message: bytes) -> None:
    key = SigningKey.generate("gate")
    signature = key.sign(message)

    assert key.verifier.verifies(message, signature)
    assert not key.verifier.verifies(message + b"\0", signature)
