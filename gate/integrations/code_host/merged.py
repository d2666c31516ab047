"""Whether a merge changes what was reviewed, and nothing else.

A merge commit did not exist when people reviewed, and anybody who may push can make one: by hand,
or in the pages of the host, which signs it like the merge of a reviewed branch. So only the content
shows whether the commit is the merge of what was reviewed.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

_WHERE = re.compile(r"^@@ [^@\n]* @@.*$", re.MULTILINE)
"""The position of a piece of a patch, which moves when others add lines above it."""


class Touched(NamedTuple):
    """One file, as a comparison shows it.

    `how` is the host's word for what happened to the file. `blob` is a hash of its content
    afterwards, and `patch` has the changed lines with those around them; both may be unknown.
    """

    path: str
    before: str | None
    how: str
    blob: str | None
    patch: str | None


def holds_no_more(merged: Sequence[Touched] | None, reviewed: Sequence[Touched] | None) -> bool:
    """Return whether a merge changes in its branch exactly what the reviewed commits change.

    `merged` is what it changes in its first parent, `reviewed` what the reviewed head changes since
    it left that branch. None is a list that was cut, and the answer is then no.
    """
    if merged is None or reviewed is None:
        return False
    by_path = [sorted(files, key=lambda one: one.path) for files in (merged, reviewed)]
    return len(merged) == len(reviewed) and all(map(_is_same, *by_path))


def _is_same(merged: Touched, seen: Touched) -> bool:
    """Return whether both end with the same content, or change the same lines of the file.

    The rest of the file may differ, because others may have changed it meanwhile.
    """
    if (merged.path, merged.before, merged.how) != (seen.path, seen.before, seen.how):
        return False
    if merged.blob is not None and merged.blob == seen.blob:
        return True
    return merged.patch is not None and _lines(merged.patch) == _lines(seen.patch)


def _lines(patch: str | None) -> str | None:
    return None if patch is None else _WHERE.sub("@@", patch)
