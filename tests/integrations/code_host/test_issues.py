"""What is written into an issue has no effect there, and one with a mark is found or nothing is
opened.
"""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gate.core.learning.issues import IssueDraft
from gate.errors import SourceUnavailable
from gate.integrations.code_host.issues import (
    CLOCKS_APART,
    LOOK_AGAIN_SECONDS,
    TITLE_LENGTH_MAX,
    create,
    find_marked,
    markdown_of,
    plain,
    title_of,
)
from gate.integrations.code_host.place import PAGES_MAX, PER_PAGE
from gate.integrations.gitlab.facts import GitLab
from gate.integrations.http.rest import Rest
from tests.integrations.fake_gitlab import PROJECT, TOKEN, FakeGitLab

AT = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
NEWEST_FIRST = {"scope": "all", "order_by": "created_at", "sort": "desc"}

EVIL = st.text(alphabet="`<>[]{}@#!~%&$^*|\\/:ab1_ \n\u202e", max_size=60)


def draft(text: str = "Round in one place only", asked_at: datetime = AT) -> IssueDraft:
    """One of an item."""
    page = "https://gate.example.com/improvements#imp_1"
    return IssueDraft(text, (text, "Where: checkout"), page, "gate" + "0" * 32, asked_at)


@given(EVIL)
@example("@all")
@example("acme/checkout#12")
@example("![x](javascript:alert(1))")
@example("<img src=x onerror=y>")
@example("https://evil.example/")
def test_a_title_formats_links_mentions_and_refers_to_nothing(text: str) -> None:
    title = title_of(draft(text))

    assert not set("`<>[]{}\n") & set(title)
    assert re.search(r"[@#!~%&$^*|\\]\w|://\w", title) is None
    assert title.isprintable()


@given(EVIL)
@example("```\n/close\n![x](https://evil.example/x.png)")
def test_no_text_of_a_person_leaves_its_block(text: str) -> None:
    body = markdown_of(draft(text))

    begins, ends = body.index("```text\n"), body.rindex("```")
    assert body.count("```") == 2
    assert body[begins:ends].splitlines()[1:] != []
    assert body[ends:] == "```\n"
    assert f"Mark: {draft().mark}\n```" in body


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Round in one place only", "Round in one place only"),
        ("Review for up_to 50% of releases: less", "Review for up_to 50% of releases: less"),
        ("Ask @team-payments", "Ask @ team-payments"),
        ("See #12", "See # 12"),
    ],
)
def test_a_plain_sentence_stays_as_it_is(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_a_long_title_is_cut() -> None:
    title = title_of(draft("x" * (TITLE_LENGTH_MAX + 1)))

    assert (len(title), title[-1]) == (TITLE_LENGTH_MAX, "…")


def project(known: FakeGitLab) -> GitLab:
    """The fake as the gate asks it."""
    return GitLab(Rest("https://gitlab.com", {}, known.open_client), TOKEN)


def opened(minutes: int, text: str = "") -> dict[str, object]:
    """An issue that was opened so many minutes after the draft was asked for."""
    at = (AT + timedelta(minutes=minutes)).isoformat()
    return {"iid": 1, "state": "opened", "created_at": at, "description": text}


@pytest.mark.anyio
async def test_no_issue_is_opened_where_the_mark_may_stand_on_a_page_that_is_not_read() -> None:
    known = FakeGitLab(issues=[opened(1) for _ in range(PAGES_MAX * PER_PAGE)])
    here = project(known).at(PROJECT)
    assert await find_marked(here, draft(), "description", **NEWEST_FIRST) is None

    known.issues.append(opened(1))
    with pytest.raises(SourceUnavailable, match="is not known"):
        await find_marked(here, draft(), "description", **NEWEST_FIRST)


@pytest.mark.anyio
async def test_issues_of_before_the_draft_are_not_read() -> None:
    before = opened(-61, draft().mark)
    known = FakeGitLab(issues=[opened(1), before, *[opened(-62) for _ in range(PER_PAGE)]])

    found = await find_marked(project(known).at(PROJECT), draft(), "description", **NEWEST_FIRST)

    assert found == before, "the mark counts, whenever it was written"
    known.issues[1] = opened(-61)
    assert (
        await find_marked(project(known).at(PROJECT), draft(), "description", **NEWEST_FIRST)
        is None
    )
    assert timedelta(minutes=60) == CLOCKS_APART
    assert len(known.requests) == 2


@pytest.mark.anyio
async def test_after_a_lost_answer_there_is_time_until_the_issue_is_listed() -> None:
    known = FakeGitLab(troubles=[502])

    with pytest.raises(SourceUnavailable) as lost:
        await create(project(known).at(PROJECT), draft(), "description")

    assert lost.value.retry_after_seconds == LOOK_AGAIN_SECONDS
