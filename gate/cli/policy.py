"""`gate policy`: checks and tests policy files, without a server."""

import json
import os
import sys
from datetime import UTC, datetime
from difflib import unified_diff
from pathlib import Path

from gate.cli.outcome import FAILED
from gate.core.counting import counted
from gate.core.policy.schema import schema
from gate.core.rulebook.bundle import read_bundle
from gate.core.rulebook.cases import check_cases, judge, read_cases
from gate.errors import Invalid
from gate.flow.folder import read_folder


def check_folder(folder: Path) -> None:
    """Check the files of a folder. Raises `Invalid` with every fault."""
    bundle = read_bundle(read_folder(folder))
    for warning in bundle.warnings:
        print(
            f"warning: {warning.where}: {warning.detail};"
            " nobody waits for it while the gate only observes",
            file=sys.stderr,
        )
    names = (
        ", ".join(f"{policy.name} ({policy.mode})" for policy in bundle.policies.all)
        or "no policies: everything goes to people"
    )
    print(f"{folder}: {names}")
    print(
        f"{counted(len(bundle.catalogue.services), 'service')}, "
        f"{counted(len(bundle.catalogue.environments), 'environment')}, "
        f"revision {bundle.policies.revision}"
    )


def test_folder(folder: Path) -> None:
    """Run the cases of a folder, and exit with code 1 if one differs from what it expects."""
    bundle = read_bundle(read_folder(folder))
    cases = [
        case
        for name, text in read_folder(folder, tests=True).items()
        for case in read_cases(text, f"tests/{name}")
    ]
    if not cases:
        raise Invalid(
            f"{folder}/tests has no cases; write some, such as tests/production.test.yaml"
        )
    check_cases(cases, bundle.policies)
    verdicts = [judge(case, bundle.policies, at=datetime.now(UTC)) for case in cases]
    for verdict in verdicts:
        mark = "ok  " if verdict.ok else "FAIL"
        print(
            f"{mark} {verdict.case.policy}: {verdict.case.name}"
            + ("" if verdict.words == "as expected" else f" ({verdict.words})")
        )
    failed = sum(not verdict.ok for verdict in verdicts)
    print(f"{len(verdicts) - failed} passed, {failed} failed")
    if failed:
        sys.exit(FAILED)


def print_schema() -> None:
    """Print the JSON Schema of a policy file."""
    print(json.dumps(schema(), indent=2))


def print_difference(before: Path, after: Path) -> None:
    """Print how another folder differs, file by file.

    Raises `Invalid` for a folder whose policies the gate would refuse.
    """
    files = read_folder(before), read_folder(after)
    revisions = [read_bundle(one).policies.revision for one in files]
    then, now = files
    for name in sorted(then.keys() | now.keys()):
        lines = unified_diff(
            then.get(name, "").splitlines(),
            now.get(name, "").splitlines(),
            str(before / name) if name in then else os.devnull,
            str(after / name) if name in now else os.devnull,
            lineterm="",
        )
        for line in lines:
            print(line)
    if revisions[0] == revisions[1]:
        print(f"the policies are the same: revision {revisions[0]}")
    else:
        print(f"policies: revision {revisions[0]} becomes {revisions[1]}")
