"""A digest as Markdown (CommonMark), to be pasted wherever a team writes.

Texts of callers come out as plain text: nothing in them links, mentions, formats or begins a list.
"""

import re

from gate.core.messages.digest import Digest, Line, Section

_JOINED = "&#8288;"
"""A word joiner. Nobody sees it, and no name or address goes on behind it."""

_BEGINS = re.compile(r"([@#!]|:(?=//)|www(?=\.))", re.IGNORECASE)
"""What begins a mention, a reference or an address."""

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~])")


def markdown(digest: Digest) -> str:
    """Return the whole document."""
    parts = [f"# [{escaped(digest.title)}]({digest.page})", escaped(digest.lead)]
    parts += [_section(one) for one in digest.sections]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Return a text of one line as Markdown that shows it as it is.

    Many hosts look for mentions, references and addresses in the text that they have made of the
    Markdown, where no backslash and no entity is left. So something stands in the middle of them.
    """
    shown = _SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("&", "&amp;")
    return _BEGINS.sub(rf"\1{_JOINED}", shown)


def _section(section: Section) -> str:
    lines = [_line(one) for one in section.lines] or [section.nothing]
    if section.more:
        lines.append(f"- [and {section.more} more]({section.page})")
    return "\n".join([f"## {escaped(section.heading)}", "", *lines])


def _line(line: Line) -> str:
    return f"- {escaped(line.text)} ([open]({line.page}))"
