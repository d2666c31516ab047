"""Of which kinds are the files of a change? Source, tests, documents and so on, by their paths.

Changes of one service that touch the same kinds of files are similar: how often that was done here,
and how it ended, says whether it can be repeated. There are few kinds, because a person must be
able to name those of a change at a glance, and a finer key would find nothing to compare with.

No pattern is matched, only parts of the path are looked up, so that no path takes long.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple


class FileKind(StrEnum):
    """One kind of files. A path that is of several is of the first."""

    MIGRATIONS = "migrations"
    PIPELINE = "pipeline"
    INFRASTRUCTURE = "infrastructure"
    DEPENDENCIES = "dependencies"
    TESTS = "tests"
    DOCUMENTS = "documents"
    CONFIGURATION = "configuration"
    ASSETS = "assets"
    SOURCE = "source"


class ChangedFiles(NamedTuple):
    """The changed files of the decision in force, as they are counted.

    `paths` is empty if they are unknown. `kinds` is the key by which similar changes are counted,
    empty where the policy does not count the list of files.
    """

    paths: tuple[str, ...] = ()
    kinds: str = ""


_ORDER: Mapping[FileKind, int] = MappingProxyType({kind: n for n, kind in enumerate(FileKind)})


def _lookup(words: Mapping[FileKind, str]) -> Mapping[str, FileKind]:
    return MappingProxyType({word: kind for kind, some in words.items() for word in some.split()})


_BY_FOLDER = _lookup(
    {
        FileKind.MIGRATIONS: "migration migrations migrate",
        FileKind.PIPELINE: ".github .gitlab .circleci .buildkite",
        FileKind.INFRASTRUCTURE: "terraform helm charts k8s kubernetes ansible",
        FileKind.TESTS: "test tests spec specs __tests__ testdata",
    }
)
_BY_NAME = _lookup(
    {
        FileKind.DEPENDENCIES: "package.json package-lock.json pnpm-lock.yaml go.mod go.sum "
        "pom.xml cargo.toml gemfile pipfile",
        FileKind.DOCUMENTS: "license licence notice authors codeowners",
    }
)
# Documents are not known by their folder: a program in docs/ is a program.
_BY_ENDING = _lookup(
    {
        FileKind.MIGRATIONS: "sql",
        FileKind.INFRASTRUCTURE: "tf tfvars",
        FileKind.DEPENDENCIES: "lock",
        FileKind.DOCUMENTS: "md rst adoc txt",
        FileKind.CONFIGURATION: "yaml yml json toml ini cfg conf properties env xml",
        FileKind.ASSETS: "png jpg jpeg gif webp svg ico css scss less woff woff2 ttf otf eot",
    }
)
_BY_BEGINNING: tuple[tuple[str, str, FileKind], ...] = (
    (".gitlab-ci", "", FileKind.PIPELINE),
    ("jenkinsfile", "", FileKind.PIPELINE),
    ("azure-pipelines", "", FileKind.PIPELINE),
    ("dockerfile", "", FileKind.INFRASTRUCTURE),
    ("docker-compose", "", FileKind.INFRASTRUCTURE),
    ("build.gradle", "", FileKind.DEPENDENCIES),
    ("requirements", ".txt", FileKind.DEPENDENCIES),
    ("test_", "", FileKind.TESTS),
)
_TEST_STEMS = ("_test", "_spec", ".test", ".spec")


def kind_of(path: str) -> FileKind:
    """Return the kind of one file."""
    return min(_found(path.lower()), key=_ORDER.__getitem__, default=FileKind.SOURCE)


def kinds_of(paths: Iterable[str]) -> str:
    """Return the kinds of these files as one key, `source,tests`, or an empty one for no file.

    A path that is empty or ends with a slash names no file.
    """
    files = (path for path in paths if path and not path.endswith("/"))
    return ",".join(sorted({kind_of(path) for path in files}))


def _found(path: str) -> Iterator[FileKind]:
    *folders, name = path.split("/")
    stem, _, ending = name.rpartition(".")
    for word, table in (*((one, _BY_FOLDER) for one in folders), (name, _BY_NAME)):
        if word in table:
            yield table[word]
    if stem and ending in _BY_ENDING:
        yield _BY_ENDING[ending]
    for beginning, end, kind in _BY_BEGINNING:
        if name.startswith(beginning) and name.endswith(end):
            yield kind
    if stem.endswith(_TEST_STEMS):
        yield FileKind.TESTS
