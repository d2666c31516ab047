"""Tables of changes as files. They are read line by line, plain or compressed by their name, and a
failed write leaves no file.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from gate.core.learning.map import ColumnMap, read_map
from gate.core.policy.file import read_policy
from gate.core.policy.policy import Policy
from gate.core.yaml.reader import FILE_BYTES_MAX
from gate.errors import Invalid
from gate.flow.folder import SHIPPED_POLICIES

LINE_CHARACTERS_MAX = 1_000_000
"""A file without a line break would otherwise fill the memory, above all a compressed one."""

PRODUCTION = "production.yaml"
GZIPPED = ".gz"
GZIP_LEVEL = 6


def lines_of(path: Path) -> Iterator[str]:
    """Yield every line of a table. Raises `Invalid` for a file that cannot be read as text."""
    try:
        with _opened(path) as file:
            number = 0
            while line := file.readline(LINE_CHARACTERS_MAX):
                number += 1
                if len(line) == LINE_CHARACTERS_MAX:
                    raise Invalid(
                        f"{path}:{number}: found a line of {LINE_CHARACTERS_MAX} characters or "
                        "more, allowed are fewer"
                    )
                yield line
    except UnicodeDecodeError:
        raise Invalid(f"{path} is not UTF-8; save it as UTF-8") from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise Invalid(f"{path} is no whole gzip file, as its name says; pack it again") from None
    except OSError as error:
        raise Invalid(f"{path} cannot be read ({error.strerror})") from None


def _opened(path: Path) -> IO[str]:
    if path.suffix == GZIPPED:
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


@contextmanager
def writing(path: Path) -> Iterator[IO[str]]:
    """Open a file for writing. It gets its name when all is written, and after an error there is
    none.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as raw:
            if path.suffix == GZIPPED:
                # Without time and name inside, the same table gives the same bytes.
                packed = gzip.GzipFile("", "wb", GZIP_LEVEL, raw, mtime=0)
                with packed, io.TextIOWrapper(packed, "utf-8", newline="") as file:
                    yield file
            else:
                with io.TextIOWrapper(raw, "utf-8", newline="") as file:
                    yield file
        part.replace(path)
    except OSError as error:
        raise Invalid(f"{path} cannot be written ({error.strerror})") from None
    finally:
        part.unlink(missing_ok=True)


def shipped_policy() -> Path:
    """Return the path of the policy for production that comes with the gate."""
    files = [folder / PRODUCTION for folder in SHIPPED_POLICIES]
    return next((one for one in files if one.is_file()), files[-1])


def map_in(path: Path) -> ColumnMap:
    """Return the map of columns in a file. Raises `Invalid` with every fault."""
    return read_map(text_of(path), str(path))


def policy_in(path: Path) -> tuple[Policy, str]:
    """Return the policy of a file, and its text. Raises `Invalid` with every fault."""
    text = text_of(path)
    return read_policy(text, str(path)), text


def text_of(path: Path) -> str:
    """Return the text of a small file. Raises `Invalid` for one that cannot be read as UTF-8."""
    try:
        with path.open("rb") as file:
            # One byte more than is allowed, so that the reader of the text sees that it is too
            # long and says so.
            return file.read(FILE_BYTES_MAX + 1).decode()
    except UnicodeDecodeError:
        raise Invalid(f"{path} is not UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise Invalid(f"{path} cannot be read ({error.strerror})") from None
