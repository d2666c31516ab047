"""What a code host tells is kept as JSON and read back the same."""

from datetime import UTC, datetime

import pytest

from gate.core.change import Result
from gate.core.messages.tidings import (
    KINDS,
    CommitsMoved,
    DeploymentTold,
    Pushed,
    RunEnded,
    RunHeld,
    Tiding,
    kind_of,
    read,
    write,
)

AT = datetime(2026, 1, 5, 10, 0, 0, 123, tzinfo=UTC)
TIDINGS: tuple[Tiding, ...] = (
    RunHeld("https://git.example", 1, "acme/checkout", "77", "production"),
    RunEnded("https://git.example", 1, "77", "a" * 40),
    CommitsMoved("https://git.example", 1, ("a" * 40, "b" * 40)),
    DeploymentTold(
        "https://git.example",
        1,
        "production",
        "a" * 40,
        Result.SUCCESSFUL,
        AT,
        "https://git.example/1",
    ),
    DeploymentTold("https://git.example", 1, "production", "a" * 40, None, AT),
    Pushed("https://git.example", 1, ("a" * 40, "b" * 40), "github:ada-gh"),
)


@pytest.mark.parametrize("tiding", TIDINGS)
def test_what_was_written_is_read_back(tiding: Tiding) -> None:
    assert read(kind_of(tiding), write(tiding)) == tiding


def test_every_kind_has_its_name() -> None:
    assert {kind_of(tiding) for tiding in TIDINGS} == set(KINDS)
