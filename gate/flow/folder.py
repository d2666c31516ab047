"""The folder of policy files, as `gate serve` and `gate policy` read it."""

from pathlib import Path

from gate.core.rulebook.bundle import FILES_MAX
from gate.core.yaml.reader import FILE_BYTES_MAX
from gate.errors import Invalid

TESTS = "tests"
SHIPPED_POLICIES = (
    Path(__file__).parents[1] / "shipped_policies",
    Path(__file__).parents[2] / "policies",
)
"""The folders of the shipped policies, in an installed package and in the repository."""


def read_folder(folder: Path, *, tests: bool = False) -> dict[str, str]:
    """Return every `*.yaml` in the folder by name, or with `tests` every one in its folder `tests`.

    Raises `Invalid` for a folder that does not exist or has no policies, and for a file that cannot
    be read.
    """
    place = folder / TESTS if tests else folder
    if not place.is_dir():
        raise Invalid(
            f"{place} is no folder; name the folder of your policies with --policies or "
            "GATE_POLICIES"
        )
    paths = sorted(place.glob("*.yaml"))
    if not paths and not tests:
        # Perhaps somebody is exchanging the files; nobody means to have no policy at all.
        raise Invalid(
            f"{place} has no policy files (*.yaml); put some there, or name another folder"
        )
    if len(paths) > FILES_MAX:
        raise Invalid(f"{place} has {len(paths)} files, at most {FILES_MAX} are allowed")
    return {path.name: _read(path) for path in paths}


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            # One more, so that the reader sees that it is too long.
            content = file.read(FILE_BYTES_MAX + 1)
        return content.decode()
    except OSError as error:
        raise Invalid(f"{path} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise Invalid(f"{path} is not UTF-8; save it as UTF-8") from None
