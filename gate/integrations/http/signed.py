"""Who sent a webhook: the signature over its very bytes, as GitHub and Jira give it."""

import hashlib
import hmac

from gate.errors import Unauthenticated

_ALGORITHM = "sha256="
"""The name before the signature. The older SHA-1 of GitHub is never accepted."""


def require_signature(secret: bytes, signature: str | None, body: bytes, setting: str) -> None:
    """Raise `Unauthenticated` for bytes that whoever has the secret did not sign.

    The message names the setting that has to hold the secret.
    """
    if not is_signed(secret, signature, body):
        raise Unauthenticated(
            f"The signature does not fit. The secret of the webhook must be that of {setting}."
        )


def is_signed(secret: bytes, signature: str | None, body: bytes) -> bool:
    """Return whether a header holds the HMAC of these bytes with SHA-256, as `sha256=` and hex
    digits.
    """
    wanted = _ALGORITHM + hmac.new(secret, body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted.encode(), (signature or "").encode())
