"""Where each fault is shown to be withstood. A number without a case fails here."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks.faults import POSTGRES

ROOT = Path(__file__).parents[2]
NUMBERS = range(1, 31)

SHOWN: Mapping[str, str] = {
    "F01": "tests/storage/database/test_crash.py benchmarks/faults.py",
    "F02": "tests/storage/database/test_crash.py tests/faults/test_load.py benchmarks/faults.py",
    "F03": "tests/storage/ledger/test_sealing.py benchmarks/faults.py",
    "F04": "tests/storage/ledger/test_sealing.py tests/flow/ledger/test_hammer.py "
    "benchmarks/faults.py",
    "F05": "tests/storage/database/test_engine.py",
    "F06": "tests/cli/test_serve.py tests/storage/database/test_crash.py",
    "F07": "tests/storage/database/test_faults.py",
    "F08": "tests/storage/database/test_faults.py tests/storage/database/test_engine.py",
    "F09": "tests/storage/database/test_faults.py",
    "F10": "tests/storage/database/test_faults.py",
    "F11": "tests/cli/test_operate.py tests/cli/ledger/test_exports.py "
    "tests/cli/ledger/test_keys.py tests/flow/ledger/test_publish.py",
    "F12": "tests/storage/database/test_faults.py benchmarks/faults.py",
    "F13": "tests/flow/ledger/test_publish.py tests/cli/ledger/test_keys.py",
    "F14": "tests/storage/database/test_faults.py tests/faults/test_load.py benchmarks/faults.py",
    "F15": "tests/storage/test_store.py",
    "F16": "tests/storage/database/test_faults.py benchmarks/faults.py",
    "F17": "tests/storage/ledger/test_sealing.py tests/flow/ledger/test_hammer.py",
    "F18": "tests/storage/test_store.py tests/storage/database/test_crash.py "
    "tests/faults/test_load.py",
    "F19": "tests/faults/test_load.py tests/api/test_replicas.py tests/storage/test_store.py",
    "F20": "tests/flow/notifications/test_notify.py",
    "F21": "tests/storage/messages/test_outbox.py tests/flow/notifications/test_notify.py "
    "benchmarks/faults.py",
    "F22": "tests/api/test_replicas.py tests/flow/test_clock.py benchmarks/faults.py",
    "F23": "tests/flow/changes/test_listen.py tests/integrations/http/test_rest.py "
    "tests/integrations/github/test_facts.py tests/integrations/gitlab/test_facts.py",
    "F24": "tests/client/test_check_down.py",
    "F25": "tests/api/http/test_waiting.py",
    "F26": "tests/storage/test_migrate.py tests/cli/test_operate.py tests/faults/test_load.py",
    "F27": "tests/api/http/test_protocol.py",
    "F28": "tests/storage/test_store.py tests/api/test_events.py",
    "F29": "tests/test_worker.py",
    "F30": "tests/flow/ledger/test_publish.py tests/cli/ledger/test_keys.py "
    "tests/ledger/test_verify.py",
}
"""Number to the files that show it. What `make faults` does for as long as one likes is in
`benchmarks/faults.py`, the rest runs in every test run."""

SCENARIOS = ("kills", "calls", "terminations", "lost-commits", "stopped", "clocks")


def test_every_fault_is_in_the_table() -> None:
    assert list(SHOWN) == [f"F{number:02}" for number in NUMBERS]


@pytest.mark.parametrize("number", SHOWN)
def test_the_files_of_a_fault_name_it(number: str) -> None:
    for name in SHOWN[number].split():
        text = (ROOT / name).read_text()

        assert re.search(rf"\b{number}\b|_{number.lower()}_", text), f"{name} has no case for it"


def test_every_scenario_of_make_faults_is_run_on_postgresql() -> None:
    assert tuple(POSTGRES) == SCENARIOS
