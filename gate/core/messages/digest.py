"""A digest: what happened in a time, as headed lists of lines, each line with a page about it.

Some of its texts come from callers, so whoever shows it must show them as plain text.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `page` is the address where a reader finds what it is about."""

    text: str
    page: str


@dataclass(frozen=True, slots=True)
class Section:
    """One list under its heading. `more` is how many lines it would have besides, and `page` where
    they are. A list without lines has one sentence, which says that there is nothing.
    """

    heading: str
    lines: tuple[Line, ...]
    nothing: str
    more: int
    page: str


@dataclass(frozen=True, slots=True)
class Digest:
    """The whole, with the address where it is found as a page."""

    title: str
    lead: str
    page: str
    sections: tuple[Section, ...]
