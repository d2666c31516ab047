"""Issues in words and pages: what is written into one, and how one with a mark is found again."""

import re
from datetime import timedelta
from typing import Any

from gate.core.learning.issues import Issue, IssueDraft, IssueState
from gate.errors import SourceUnavailable, Undeliverable
from gate.integrations.code_host.place import PAGES_MAX, PER_PAGE, HostPlace
from gate.integrations.http import shapes
from gate.integrations.http.rest import Refused

TITLE_LENGTH_MAX = 200
CLOCKS_APART = timedelta(hours=1)
"""So far may the clock of a tracker be from the gate's."""

LOOK_AGAIN_SECONDS = 60
"""When an answer is lost the issue may be there, but a list shows it only after a while."""

NEVER = frozenset({400, 410, 422})
"""The statuses of requests that are refused each time: issues are switched off, or a field is
wrong."""

_HARMLESS = str.maketrans({"`": "'", "<": "(", ">": ")", "[": "(", "]": ")", "{": "(", "}": ")"})
_REFERENCE = re.compile(r"[@#!~%&$^*|\\]+(?=\w)|://")


def plain(text: str) -> str:
    """Return a text as one line in which nothing formats, links, mentions or refers.

    No tracker shows all of a title as plain text, and none of them reads backslashes there. So
    brackets and quotes become others, and a blank takes the effect of a sign before a word.
    """
    line = _one_line(text).translate(_HARMLESS)
    return _REFERENCE.sub(lambda found: f"{found.group()} ", line).strip()


def title_of(draft: IssueDraft) -> str:
    """Return the title, cut to what every tracker accepts."""
    title = plain(draft.title)
    if len(title) <= TITLE_LENGTH_MAX:
        return title
    return f"{title[: TITLE_LENGTH_MAX - 1]}…"


def markdown_of(draft: IssueDraft) -> str:
    """Return the text of an issue as Markdown.

    Texts of people are in a fenced block, in which no image, link, mention, command or HTML has an
    effect.
    """
    lines = "\n".join((*map(fenced, draft.lines), f"Mark: {draft.mark}"))
    return f"An improvement of the change gate: {draft.page}\n\n```text\n{lines}\n```\n"


def fenced(text: str) -> str:
    """Return the text as one line that cannot end the fenced block."""
    return _one_line(text).replace("`", "'")


async def find_marked(here: HostPlace, draft: IssueDraft, key: str, **params: str) -> Any | None:
    """Return the issue that has the mark in its text under this key, or None.

    Issues are listed newest first, so those before the draft was asked for are not read.

    Raises `SourceUnavailable` if there are more pages than are read, because then it may be there.
    """
    since, read = draft.asked_at - CLOCKS_APART, 0
    async for page in here.pages("/issues", **params):
        if read == PAGES_MAX:
            raise SourceUnavailable(
                f"more than {PAGES_MAX * PER_PAGE} issues were opened since it was asked for, so "
                "whether one of them is this one is not known"
            )
        for one in page:
            if draft.mark in (shapes.maybe_text(one, key) or ""):
                return one
            if shapes.instant(one, "created_at") < since:
                return None
        read += 1
    return None


async def create(here: HostPlace, draft: IssueDraft, key: str) -> Any:
    """Open an issue with its text under this key, and return it as the code host describes it.

    Raises `Undeliverable` where that is refused each time.
    """
    said = {"title": title_of(draft), key: markdown_of(draft)}
    try:
        return (await here.post("/issues", said, frozenset({201}))).body
    except Refused as refused:
        if refused.status in NEVER:
            raise Undeliverable(refused.detail) from None
        raise
    except SourceUnavailable as lost:
        raise later(lost) from None


def read_issue(body: Any, number_key: str, pages: str) -> Issue:
    """Return an issue. Its address is made here, because a page links to it.

    `pages` is the address under which the issues of the place are.
    """
    number = shapes.number(body, number_key)
    closed = shapes.text(body, "state") == IssueState.CLOSED
    state = IssueState.CLOSED if closed else IssueState.OPEN
    return Issue(str(number), f"{pages}/{number}", state)


def later(lost: SourceUnavailable) -> SourceUnavailable:
    """Return the error with a pause that is long enough for the issue to be listed."""
    seconds = max(lost.retry_after_seconds, LOOK_AGAIN_SECONDS)
    return SourceUnavailable(lost.detail, retry_after_seconds=seconds)


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
