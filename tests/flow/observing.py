"""Policies and a catalogue by which the gate only observes a place."""

from tests.flow.shop import CATALOGUE, make_files

NEVER = "[{id: never, title: Never, require: [artifact.signed], otherwise: reject}]"
EARNED = (
    "[{id: earned, title: Earned, owner: platform, authorised_by: [release-managers],"
    " when: [diff.lines_added < 100], up_to: low, earn: {successes: 5, settle: 24h}}]"
)


def watching(word: str = "observe", **parts: str) -> dict[str, str]:
    """The files in which the gate only observes checkout in production; `word` is the one line of the switch."""
    catalogue = CATALOGUE.replace("checkout: {", f"checkout: {{gate: {{production: {word}}}, ")
    return make_files(**parts) | {"catalog.yaml": catalogue}
