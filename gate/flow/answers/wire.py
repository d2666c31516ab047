"""How an instant looks on the wire, for answers that are still made as JSON objects."""

from datetime import datetime

from gate.core.instants import rfc3339


def instant(at: datetime | None) -> str | None:
    """RFC 3339 in UTC with a Z."""
    return None if at is None else rfc3339(at)
