"""Whether a secret may be sent to an address."""

from __future__ import annotations

import urllib.parse

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def is_private(url: str) -> bool:
    """Return whether what is sent there is encrypted, or does not leave this machine."""
    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return (parts.scheme == "https" and bool(host)) or (
        parts.scheme == "http" and host in _THIS_MACHINE
    )
