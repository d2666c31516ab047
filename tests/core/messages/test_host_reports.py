"""What a code host tells is kept as JSON and read back the same."""

from datetime import UTC, datetime

import pytest

from gate.core.change import Result
from gate.core.messages.host_reports import (
    KINDS,
    CommitsMoved,
    DeploymentStatus,
    HostReport,
    IssueMoved,
    Pushed,
    RunEnded,
    RunHeld,
    kind_of,
    read,
    write,
)

AT = datetime(2026, 1, 5, 10, 0, 0, 123, tzinfo=UTC)
REPORTS: tuple[HostReport, ...] = (
    RunHeld("https://git.example", 1, "acme/checkout", "77", "production"),
    RunEnded("https://git.example", 1, "77", 1, "a" * 40),
    CommitsMoved("https://git.example", 1, ("a" * 40, "b" * 40)),
    DeploymentStatus(
        "https://git.example",
        1,
        "production",
        "a" * 40,
        Result.SUCCESSFUL,
        AT,
        "https://git.example/1",
    ),
    DeploymentStatus("https://git.example", 1, "production", "a" * 40, None, AT),
    Pushed("https://git.example", 1, ("a" * 40, "b" * 40), "github:ada-gh"),
    IssueMoved("https://git.example", 1, "12"),
)


@pytest.mark.parametrize("report", REPORTS)
def test_what_was_written_is_read_back(report: HostReport) -> None:
    assert read(kind_of(report), write(report)) == report


def test_every_kind_has_its_name() -> None:
    assert {kind_of(report) for report in REPORTS} == set(KINDS)
