"""Reads the documents as a program can: fenced blocks with their marks, links, headings, hosts.

A block of language `sh` is run, in order, in a git repository of its own beside a running demo.
Words after the language change that: `check` (only looked at: its commands and flags must exist),
`drill=STEP` (run by tests/deploy/test_restore_drill.py, which starts and stops the gate between them),
`exit=5` or `exit=any` (of the last command), `in=source` (in the root of this repository).
The only block of language `python` is run by tests/test_run_task.py.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LANGUAGES = frozenset({"sh", "text", "yaml", "json", "http", "ini", "python"})
MARKS = frozenset({"check", "drill", "exit", "in", "override", "policy"})

_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```\s*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (?P<words>.+)$", re.MULTILINE)
_HOST = re.compile(r"https?://(?P<host>[A-Za-z0-9.-]+)")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    path: str
    line: int
    language: str
    marks: dict[str, str]
    text: str

    @property
    def runs(self) -> bool:
        """Whether it is a script that the test of all documents runs."""
        return self.language == "sh" and not {"check", "drill"} & set(self.marks)

    @property
    def commands(self) -> list[str]:
        """The logical lines of a script: comments left out, continued lines joined."""
        joined = self.text.replace("\\\n", " ")
        return [
            line.strip()
            for line in joined.splitlines()
            if line.strip() and not line.lstrip().startswith("#")
        ]


@dataclass(frozen=True, slots=True)
class Document:
    """One Markdown file, by its path from the root."""

    path: str
    text: str

    @property
    def blocks(self) -> list[Block]:
        """Every fenced block, in order."""
        found = []
        for fence in _FENCE.finditer(self.text):
            language, *marks = fence["info"].split() or [""]
            pairs = (mark.partition("=") for mark in marks)
            line = self.text.count("\n", 0, fence.start()) + 1
            found.append(
                Block(
                    self.path,
                    line,
                    language,
                    {name: value for name, _, value in pairs},
                    fence["text"],
                )
            )
        return found

    @property
    def prose(self) -> str:
        """Everything outside the blocks."""
        return _FENCE.sub("", self.text)

    @property
    def anchors(self) -> set[str]:
        """What a link may point at in this document."""
        return {_anchor(heading["words"]) for heading in _HEADING.finditer(self.prose)}

    @property
    def links(self) -> list[str]:
        """Targets of links in the prose."""
        return [link["target"] for link in _LINK.finditer(self.prose)]

    @property
    def hosts(self) -> set[str]:
        """Every host that an address names, in blocks too."""
        return {found["host"] for found in _HOST.finditer(self.text)}


def documents() -> list[Document]:
    """README, changelog and everything below docs/."""
    return [
        Document(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted(_paths())
    ]


def broken_links(document: Document, all_of_them: dict[str, Document]) -> Iterator[str]:
    """Links to files that are not there, and to headings that are not in them."""
    for link in document.links:
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (
            (ROOT / document.path).parent.joinpath(name).resolve() if name else ROOT / document.path
        )
        if not target.exists():
            yield f"{document.path}: {link} is not there"
        elif anchor and anchor not in all_of_them[target.relative_to(ROOT).as_posix()].anchors:
            yield f"{document.path}: {link} has no such heading"


def _anchor(heading: str) -> str:
    """As code hosts make it: lower case, words joined by hyphens, punctuation dropped."""
    plain = _LINK.sub(lambda link: link[0].partition("]")[0].lstrip("["), heading)
    return re.sub(r"[^\w\- ]", "", plain.lower()).strip().replace(" ", "-")


def _paths() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
