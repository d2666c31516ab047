"""Services from Backstage's `catalog-info.yaml`: components, their owners, and what they need.

Placeholders such as `$text` are not followed.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gate.cli.init.files import Service
from gate.core.yaml import reader as strict_yaml
from gate.errors import Invalid

DOCUMENTS_MAX = 200
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


def services_of(path: Path) -> tuple[tuple[Service, ...], int]:
    """Return the components, and how many other entities were skipped. Raises `Invalid`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} cannot be read: {error}") from None
    found = [one for one in _documents(text, path.name) if one.get("kind") == "Component"]
    named = {name: one for one in found if (name := _name(_part(one, "metadata").get("name")))}
    if not named:
        raise Invalid(f"{path} names no Component with a name; allowed is a catalog-info.yaml")
    services = tuple(
        Service(name, _owner(_part(one, "spec")), _needs(_part(one, "spec"), {*named} - {name}))
        for name, one in named.items()
    )
    return services, len(_split(text)) - len(services)


def _split(text: str) -> list[str]:
    parts = re.split(r"^---[ \t]*(?:#.*)?$", text, flags=re.MULTILINE)
    found = [part for part in parts if part.strip()]
    if len(found) > DOCUMENTS_MAX:
        raise Invalid(f"found {len(found)} documents, allowed are {DOCUMENTS_MAX}")
    return found


def _documents(text: str, name: str) -> Iterator[dict[str, Any]]:
    for part in _split(text):
        document = strict_yaml.plain(strict_yaml.read(part, name))
        if isinstance(document, dict):
            yield document


def _part(document: dict[str, Any], name: str) -> dict[str, Any]:
    part = document.get(name)
    return part if isinstance(part, dict) else {}


def _name(text: object) -> str:
    """Return a name in lower case, because Backstage compares names without case, or an
    empty text.
    """
    if isinstance(text, str) and _NAME.fullmatch(text):
        return text.lower()
    return ""


def _reference(text: object) -> str:
    """Return `name` of `[kind:][namespace/]name`."""
    return _name(str(text).rpartition(":")[2].rpartition("/")[2])


def _owner(spec: dict[str, Any]) -> tuple[str, ...]:
    owner = _reference(spec.get("owner", ""))
    if owner and owner != "owners":
        return (owner,)
    return ("release-managers",)


def _needs(spec: dict[str, Any], known: set[str]) -> tuple[str, ...]:
    listed = spec.get("dependsOn")
    wanted = [_reference(one) for one in listed] if isinstance(listed, list) else []
    return tuple(dict.fromkeys(one for one in wanted if one in known))
