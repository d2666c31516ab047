"""Links of a service to what people need when it breaks: runbook, support note, known issues."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias

from gate.core.yaml.fields import Fields
from gate.core.yaml.reader import clip

SERVICE_LINK_LENGTH_MAX = 500
LINK_BODY = (
    r"(?:https://[^\s/?#@\\]+|http://(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?)"
    r"(?:[/?#][^\s\\]*)?"
)
"""An address that a page may link to, without a user name in it."""

_LINK = re.compile(LINK_BODY)


class LinkName(StrEnum):
    """The links that a service may have. A policy may require each, by the fact that says whether
    it is there.
    """

    RUNBOOK = "runbook"
    SUPPORT_NOTE = "support_note"
    KNOWN_ISSUES = "known_issues"

    @property
    def fact(self) -> str:
        """The fact that says whether the service has the link."""
        return f"service.has_{self.value}"


Links: TypeAlias = Mapping[LinkName, str]


def read_links(service: Fields) -> Links:
    """Return the links of a service, in the order of `LinkName`.

    An address of another kind is a fault, because whoever follows it trusts the gate.
    """
    listed = service.fields("links", required=False)
    if listed is None:
        return {}
    found = {}
    for name in LinkName:
        if not listed.has(name):
            continue
        address = listed.text(name, length_max=SERVICE_LINK_LENGTH_MAX)
        if address and not _LINK.fullmatch(address):
            listed.faults.add(
                listed.place_of(name),
                f"{name}: found {clip(address)}, allowed is an https:// address without a user "
                "name (http:// for this machine only)",
            )
        found[name] = address
    listed.done()
    return found
