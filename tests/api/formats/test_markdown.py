"""A digest as Markdown: what others wrote stays text, and every line leads to what it is about."""

import html
import re

import pytest

from gate.api.formats.markdown import escaped, markdown
from gate.core.messages.digest import Digest, Line, Section

PAGE = "https://gate.example.com/weekly?week=2026-W48"


def test_lists_have_their_lines_with_links_and_say_what_is_left_out() -> None:
    failed = Section("What failed: 3", (Line("web to live: it broke", PAGE),), "Nothing.", 2, PAGE)
    waited = Section("What waited", (), "No change waited.", 0, PAGE)

    assert markdown(Digest("Week 2026-W48", "From then on.", PAGE, (failed, waited))) == (
        f"# [Week 2026-W48]({PAGE})\n\n"
        "From then on.\n\n"
        "## What failed: 3\n\n"
        f"- web to live: it broke ([open]({PAGE}))\n"
        f"- [and 2 more]({PAGE})\n\n"
        "## What waited\n\nNo change waited.\n"
    )


@pytest.mark.parametrize(
    "nasty",
    [
        "[click](https://evil.example)",
        "![x](https://evil.example/pixel)",
        "<img src=x onerror=alert(1)>",
        "line\n# heading\n- item",
        "@everyone **bold** _it_ `code` ~~no~~ | cell |",
        "&lt;script&gt; &#64;everyone",
        "\\[click](https://evil.example)",
        "see WWW.evil.example, ada@evil.example, acme/web#1 and !2",
    ],
)
def test_nothing_that_others_wrote_links_mentions_or_formats(nasty: str) -> None:
    shown = escaped(nasty)

    assert "\n" not in shown
    # A sign that means something stands behind an odd number of backslashes.
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]<>|~]", shown)
    assert not re.search(r"&(?!amp;|#8288;)", shown)
    # Hosts look for these in the finished text, where no backslash and no entity is left.
    finished = html.unescape(re.sub(r"\\(.)", r"\1", shown))
    assert not re.search(r"[@#!]\w|://|www\.", finished, re.IGNORECASE)
    assert finished.replace("\u2060", "") == " ".join(nasty.split())
