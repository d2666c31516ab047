"""Which tests are about a file: tests mirror gate/, folder by folder and name by name.

`gate/flow/changes/admit.py` has `tests/flow/changes/test_admit.py`, and `test_admit_*.py` beside it
if there is much to say. A file without tests of its name is tested through others: then those count
that import it, or else all of its room, which is the folder or the nearest one above it that has
tests.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"


def about(path: str) -> list[Path]:
    """Every file of tests about this file or folder, which is named from the root.

    Raises `LookupError` if it is not there.
    """
    subject = (ROOT / path).resolve()
    if not subject.exists() or ROOT not in subject.parents:
        raise LookupError(f"{path} is no file or folder of this repository")
    parts = subject.relative_to(ROOT).parts
    if parts[0] == "tests" and (subject.is_dir() or subject.name.startswith("test_")):
        return [subject]
    folder = TESTS.joinpath(*parts[1:] if parts[0] in {"gate", "tests"} else parts)
    if subject.is_dir():
        return [_nearest(folder)]
    named = [
        file
        for pattern in (f"test_{subject.stem}.py", f"test_{subject.stem}_*.py")
        for file in sorted(folder.parent.glob(pattern))
    ]
    return named or sorted(_importers(parts)) or [_nearest(folder.parent)]


def _nearest(folder: Path) -> Path:
    """The room, or the nearest folder above it that has tests."""
    return next(
        folder
        for folder in (folder, *folder.parents)
        if folder.is_dir() and any(folder.rglob("test_*.py"))
    )


def _importers(parts: tuple[str, ...]) -> Iterator[Path]:
    """Files of tests that import this module by its name."""
    *folders, file = parts
    package, name = ".".join(folders), Path(file).stem
    whole = re.compile(rf"^(?:from|import) {re.escape(package)}\.{name}\b", re.MULTILINE)
    among = re.compile(
        rf"^from {re.escape(package)} import (?:[^(\n]*|\([^)]*)\b{name}\b", re.MULTILINE
    )
    for test in TESTS.rglob("test_*.py"):
        text = test.read_text(encoding="utf-8")
        if whole.search(text) or among.search(text):
            yield test


def main() -> int:
    """Run the tests of the files and folders that the command line names."""
    try:
        found = list(
            dict.fromkeys(
                str(file.relative_to(ROOT)) for path in sys.argv[1:] for file in about(path)
            )
        )
    except LookupError as error:
        print(f"make tests-of: {error}", file=sys.stderr)  # noqa: T201 - this is what a command does
        return 2
    if not found:
        print(  # noqa: T201 - the same
            "make tests-of: name a file or a folder, like make tests-of gate/flow/changes/admit.py",
            file=sys.stderr,
        )
        return 2
    alone = (
        ["-n", "0"] if len(found) == 1 and found[0].endswith(".py") else []
    )  # workers take longer to start than one file
    print("pytest", *alone, *found, flush=True)  # noqa: T201 - the same
    return int(pytest.main([*alone, *found]))


if __name__ == "__main__":
    sys.exit(main())
