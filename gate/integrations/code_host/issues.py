"""The issues of a code host: in which repository they are, what is written into one, and how one
with a mark is found again.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx

from gate.core.change import Repository
from gate.core.learning.issues import Issue, IssueDraft, IssueState
from gate.errors import SourceUnavailable, Undeliverable
from gate.integrations.code_host.place import PAGES_MAX, PER_PAGE, HostPlace
from gate.integrations.code_host.texts import fenced, one_line
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


class HostIssues:
    """The issues of one code host, in the repositories that the catalogue lists.

    `issuer` is what the catalogue calls the host, and `web` the address of its pages. `link`
    matches the address of an issue, in the groups `repository` and `number`.
    """

    def __init__(self, issuer: str, web: str, link: re.Pattern[str]) -> None:
        self._issuer = issuer
        self._web = web
        self._link = link

    @property
    def host(self) -> str:
        """The host of the pages."""
        return httpx.URL(self._web).host

    def place(self, repositories: Sequence[Repository]) -> Repository | None:
        """Return the first of these repositories that is here."""
        return next((one for one in repositories if self._has(one)), None)

    def find(self, link: str, repositories: Sequence[Repository]) -> tuple[Repository, str] | None:
        """Return the place and number of the issue at this address, or None."""
        found = self._link.fullmatch(link)
        if found is None:
            return None
        for one in filter(self._has, repositories):
            if found["repository"].casefold() == f"{self._web}/{one.name}".casefold():
                return one, found["number"]
        return None

    def _has(self, repository: Repository) -> bool:
        return repository.issuer == self._issuer and bool(repository.name)


def plain(text: str) -> str:
    """Return a text as one line in which nothing formats, links, mentions or refers.

    No tracker shows all of a title as plain text, and none of them reads backslashes there. So
    brackets and quotes become others, and a blank takes the effect of a sign before a word.
    """
    line = one_line(text).translate(_HARMLESS)
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


async def find_or_create(here: HostPlace, draft: IssueDraft, key: str, **newest_first: str) -> Any:
    """Return the issue that has the mark in its text under this key, or else open it.

    `newest_first` has the list of issues begin with the newest. Raises `Undeliverable` where
    opening is refused each time.
    """
    found = await find_marked(here, draft, key, **newest_first)
    return found if found is not None else await create(here, draft, key)


async def find_marked(
    here: HostPlace, draft: IssueDraft, key: str, **newest_first: str
) -> Any | None:
    """Return the issue that has the mark, or None. Those before the draft was asked for are not
    read.

    Raises `SourceUnavailable` if there are more pages than are read, because then it may be there.
    """
    since, read = draft.asked_at - CLOCKS_APART, 0
    async for page in here.pages("/issues", **newest_first):
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
    """Open an issue, and return it as the code host describes it."""
    said = {"title": title_of(draft), key: markdown_of(draft)}
    with opening():
        return (await here.post("/issues", said, frozenset({201}))).body


@contextmanager
def opening() -> Iterator[None]:
    """Translate what may go wrong while an issue is opened.

    A refusal that would come each time becomes `Undeliverable`. When no answer came, the pause
    until the next attempt is long enough for the issue to be listed, because it may have been
    opened.
    """
    try:
        yield
    except Refused as refused:
        if refused.status in NEVER:
            raise Undeliverable(refused.detail) from None
        raise
    except SourceUnavailable as lost:
        seconds = max(lost.retry_after_seconds, LOOK_AGAIN_SECONDS)
        raise SourceUnavailable(lost.detail, retry_after_seconds=seconds) from None


def read_issue(body: Any, number_key: str, pages: str) -> Issue:
    """Return an issue. Its address is made here, because a page links to it.

    `pages` is the address under which the issues of the place are.
    """
    number = shapes.number(body, number_key)
    closed = shapes.text(body, "state") == IssueState.CLOSED
    state = IssueState.CLOSED if closed else IssueState.OPEN
    return Issue(str(number), f"{pages}/{number}", state)
