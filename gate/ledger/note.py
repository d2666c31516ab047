"""Keys of C2SP signed notes (Ed25519): what they are called, how they are written, what they sign.

Implements the key part of c2sp.org/signed-note v1.0.0. The promise: two different keys never share
both name and key id by accident, and a text that is read as a key is exactly that key.
"""

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

KEY_NAME_LENGTH_MAX = 200
KEY_TEXT_LENGTH_MAX = 4_000
KEY_ID_BYTES = 4
ED25519_KEY_BYTES = 32

_ED25519 = b"\x01"
_PRIVATE_PREFIX = "PRIVATE+KEY+"
_PEM_PREFIX = "-----BEGIN"
_VERIFIER_FORM = "<name>+<8 hex digits>+<base64>"
_PRIVATE_FORM = f"{_PRIVATE_PREFIX}{_VERIFIER_FORM}"


class KeyTextError(ValueError):
    """A text that should be a key is none.

    The message never repeats the text: it may be a private key.
    """


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name, as `<name>+<8 hex key id>+<base64>`."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.public) != ED25519_KEY_BYTES:
            raise KeyTextError(
                f"an Ed25519 key has {ED25519_KEY_BYTES} bytes, found {len(self.public)}"
            )

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Return the key of a verifier key string. White space around it is ignored."""
        name, key_id, encoded = _parts(text.strip(), _VERIFIER_FORM)
        key = cls(name, _ed25519_bytes(encoded))
        if key_id != key.key_id.hex():
            raise KeyTextError(
                f"the key id of {name} is {key.key_id.hex()}, found {key_id}: name or key was "
                "changed"
            )
        return key

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256 over name, LF, algorithm byte and key."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[
            :KEY_ID_BYTES
        ]

    @property
    def hint(self) -> str:
        """`<name>+<key id>`: says which key to try, proves nothing."""
        return f"{self.name}+{self.key_id.hex()}"

    def __str__(self) -> str:
        """Return the verifier key string, as `/v1/ledger/key` answers it."""
        return f"{self.hint}+{base64.b64encode(_ED25519 + self.public).decode()}"

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Return whether `signature` is this key's signature of exactly these bytes."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """A private key with its name.

    It has no readable form but `private_text`, so that no log prints it.
    """

    __slots__ = ("_private", "verifier")

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.verifier = VerifierKey(name, private.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, name: str) -> "SigningKey":
        """Return a new key from the system's randomness."""
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def parse(cls, text: str, *, name: str) -> "SigningKey":
        """Return the key of a key file: a signed-note private key, which has its own name, or a
        PEM, which gets `name`.
        """
        text = text.strip()
        if text.startswith(_PEM_PREFIX):
            return cls(name, _pem_key(text))
        if not text.startswith(_PRIVATE_PREFIX):
            raise KeyTextError(f"no private key: allowed is {_PRIVATE_FORM} or a PEM")
        own_name, key_id, encoded = _parts(text.removeprefix(_PRIVATE_PREFIX), _PRIVATE_FORM)
        key = cls(own_name, Ed25519PrivateKey.from_private_bytes(_ed25519_bytes(encoded)))
        if key_id != key.key_id.hex():
            raise KeyTextError(
                f"the key id of {own_name} is {key.key_id.hex()}, found {key_id}: name or "
                "key was changed"
            )
        return key

    def named(self, name: str) -> "SigningKey":
        """Return a key with this secret under another name, which is another key to whoever
        verifies.
        """
        return SigningKey(name, self._private)

    @property
    def name(self) -> str:
        """The key's name; a log's origin."""
        return self.verifier.name

    @property
    def key_id(self) -> bytes:
        """See `VerifierKey.key_id`."""
        return self.verifier.key_id

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the Ed25519 signature. The same message always has the same
        signature.
        """
        return self._private.sign(message)

    def private_text(self) -> str:
        """Return the content of the key file: one line, which is secret."""
        encoded = base64.b64encode(_ED25519 + self._private.private_bytes_raw()).decode()
        return f"{_PRIVATE_PREFIX}{self.verifier.hint}+{encoded}\n"

    def __repr__(self) -> str:
        """Return the key's name without the secret."""
        return f"SigningKey({self.verifier.hint})"


def check_name(name: str) -> None:
    """Raise `KeyTextError` for a name that is empty or too long, or has white space or a plus sign.

    These separate the name from what follows.
    """
    if not name or len(name) > KEY_NAME_LENGTH_MAX:
        raise KeyTextError(
            f"a key name has 1 to {KEY_NAME_LENGTH_MAX} characters, found {len(name)}"
        )
    if "+" in name or not name.isprintable() or any(character.isspace() for character in name):
        raise KeyTextError(
            f"key name {name!r} has a space, a plus sign or a character that cannot be "
            "printed; none is allowed"
        )


def _parts(text: str, form: str) -> tuple[str, str, bytes]:
    # Base64 may contain plus signs and a name contains none, so the first two separate the parts.
    parts = text.split("+", 2) if len(text) <= KEY_TEXT_LENGTH_MAX else []
    if len(parts) != 3:  # noqa: PLR2004 - name, key id, key
        raise KeyTextError(f"no key: allowed is {form}")
    try:
        decoded = base64.b64decode(parts[2], validate=True)
    except ValueError:
        # The cause would show the key.
        raise KeyTextError(f"no key: its last part is not base64; allowed is {form}") from None
    return parts[0], parts[1], decoded


def _ed25519_bytes(decoded: bytes) -> bytes:
    if decoded[:1] != _ED25519 or len(decoded) != 1 + ED25519_KEY_BYTES:
        raise KeyTextError("the key is not Ed25519: allowed is one byte 01 and 32 bytes")
    return decoded[1:]


def _pem_key(text: str) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError):
        raise KeyTextError(
            "the PEM is no private key, or it has a password; allowed is an unencrypted Ed25519 key"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyTextError("the PEM is not an Ed25519 key; allowed is an unencrypted Ed25519 key")
    return key
