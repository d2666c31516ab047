"""Files in the checkout. The author of the change may have put links there, so none is followed."""

from __future__ import annotations

import os
from pathlib import Path

OWNER_ONLY = 0o600
USUAL = 0o666
"""The usual mode of a file, which the umask of the process narrows."""


class Linked(OSError):
    """A path of the checkout goes through a link."""


def read_text(folder: str, name: str, bytes_max: int) -> str:
    """Return the whole text of a file. Raises OSError, `Linked` and UnicodeDecodeError.

    Below `folder` no link is followed, because one could lead to a secret of the job, which would
    then be sent as text. A file elsewhere was chosen by whoever named it.
    """
    asked = Path(os.path.abspath(os.path.join(folder, name)))  # noqa: PTH100, PTH118 - as written, no link followed
    base = Path(os.path.abspath(folder))  # noqa: PTH100 - the same
    if asked.is_relative_to(base) and asked.resolve() != base.resolve() / asked.relative_to(base):
        raise Linked(f"{name} is a link, or below one; give the file itself")
    with asked.open("rb") as file:
        content = file.read(bytes_max + 1)
    if len(content) > bytes_max:
        raise OSError(f"{name} is larger than {bytes_max} bytes")
    return content.decode()


def write(path: Path, content: str, mode: int = USUAL) -> None:
    """Write a file beside the place first, and then move it there.

    So there is no moment with half a file or with open permissions, and no link is followed.
    """
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    beside.replace(path)
