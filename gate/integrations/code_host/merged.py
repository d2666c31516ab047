"""Does a merge change what was reviewed, and nothing else?

What is deployed after a merge is a commit that did not exist when people reviewed, and anybody who
may push can make one: by hand, or in the pages of the host, which signs that just as it signs the
merge of a reviewed branch. So nothing but the content tells one from the other.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

_WHERE = re.compile(r"^@@ [^@\n]* @@.*$", re.MULTILINE)
"""Where a piece of a patch stands. It stands lower after others have added lines above it."""


class Touched(NamedTuple):
    """One file, as a comparison shows it.

    `how` is the host's word for what happened to it, `blob` what it holds afterwards and `patch`
    the lines that change with those around them; each None where the host does not tell.
    """

    path: str
    before: str | None
    how: str
    blob: str | None
    patch: str | None


def holds_no_more(merged: Sequence[Touched] | None, reviewed: Sequence[Touched] | None) -> bool:
    """Whether what a merge changes in its branch is what the reviewed commits change.

    `merged` is what it changes in its first parent, `reviewed` what the reviewed head changes
    since it left that parent. None is a list that was cut: then nobody knows.
    """
    if merged is None or reviewed is None:
        return False
    by_path = [sorted(files, key=lambda one: one.path) for files in (merged, reviewed)]
    return len(merged) == len(reviewed) and all(map(_is_same, *by_path))


def _is_same(merged: Touched, seen: Touched) -> bool:
    """Whether both have one content, or change a file alike that others have changed elsewhere."""
    if (merged.path, merged.before, merged.how) != (seen.path, seen.before, seen.how):
        return False
    if merged.blob is not None and merged.blob == seen.blob:
        return True
    return merged.patch is not None and _lines(merged.patch) == _lines(seen.patch)


def _lines(patch: str | None) -> str | None:
    return None if patch is None else _WHERE.sub("@@", patch)
