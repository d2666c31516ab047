"""What has to be closed after a test (the run's folder, databases of both kinds), and what may be
skipped where.
"""

import asyncio
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import postgres, scratch

_ROOT = Path(__file__).parents[1]
_RUN_DIRECTORY = "TEST_RUN_DIRECTORY"
_OWNER = "owner"
DATABASES = ("sqlite", "postgres")
DATABASE_FIXTURES = ("database_url", "empty_database_url", "shop_url")
"""Those that give a database of each kind in turn."""
SHOP_TEMPLATE = "gate_shop_template"
GC_ALLOCATIONS = 10_000
"""How many more objects there are before the garbage collector looks at the youngest; a gate in
service waits for more of them (`gate/cli/serve.py`)."""


# no test is about how long it takes: a busy machine is no fault of the code
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)  # before pytest chooses where tmp_path is
def pytest_configure(config: pytest.Config) -> None:
    """The process that starts the run makes a folder that all its workers share."""
    if not _is_worker(config):
        _keep_compiled_files()
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(scratch.root()))
        os.environ[_RUN_DIRECTORY] = tempfile.mkdtemp(prefix="gate-run-", dir=scratch.root())
        (Path(os.environ[_RUN_DIRECTORY]) / _OWNER).write_text(str(os.getpid()))
        if postgres.is_installed():
            postgres.sweep()


def _keep_compiled_files() -> None:
    """Have Python write its compiled files, even where the environment says that it should not.

    A run starts the gate more than a hundred times, and each start would compile all of it again.
    """
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Workers are gone by now: stop what they shared."""
    if not _is_worker(config):
        directory = Path(os.environ.pop(_RUN_DIRECTORY))
        postgres.stop(directory)
        shutil.rmtree(directory, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector away from what is imported and collected, now and later.

    All of it stays: 800,000 objects. To look through them took a fifth of collecting, and half a
    second again and again while tests ran.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(GC_ALLOCATIONS)
        gc.enable()


@pytest.hookimpl(tryfirst=True)  # before they are chosen by `-m`
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs more than a folder, by the fixtures that are asked for: `make test-quick`
    leaves it out. What is slow comes first, so that no worker waits for another at the end.
    """
    for item in items:
        asked = set(getattr(item, "fixturenames", ()))
        given = item.callspec.params if hasattr(item, "callspec") else {}
        if "postgres_cluster" in asked or "postgres" in {
            given.get(name) for name in DATABASE_FIXTURES
        }:
            item.add_marker(pytest.mark.postgres)
        if "browser" in asked:
            item.add_marker(pytest.mark.browser)
        if "served_site" in asked:
            item.add_marker(pytest.mark.server)
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.hookimpl(tryfirst=True)  # before the fixtures of a module
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that starts a server has to say so, or `make test-quick` would no longer be quick."""
    live = sys.modules.get("tests.live")
    if live is not None:
        vars(live)["unmarked"] = None if item.get_closest_marker("server") else item.nodeid


@pytest.hookimpl(tryfirst=True)  # before the summary is printed
def pytest_sessionfinish(session: pytest.Session) -> None:
    """On the build server a skipped test is a failed run: a test that nobody runs proves
    nothing.
    """
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if not postgres.required() or _is_worker(session.config) or terminal is None:
        return
    for report in terminal.stats.get("skipped", ()):
        if not _is_allowed(str(report.longrepr)):
            terminal.write_line(
                f"skipped, but CI=true requires it: {report.nodeid}: {report.longrepr}", red=True
            )
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _is_allowed(reason: str) -> bool:
    """Some tests read shared data beside the repository; elsewhere it is not there, and nobody can
    run them.
    """
    return "shared data" in reason and not (_ROOT.parent / "shared").exists()


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The service runs on asyncio alone."""
    return "asyncio"


@pytest.fixture(scope="session")
def run_directory() -> Path:
    """One folder for the whole run, whichever worker asks."""
    return Path(os.environ[_RUN_DIRECTORY])


@pytest.fixture(scope="session")
def shared_by_tests() -> Iterator[None]:
    """What follows from code and text alone is made once for all tests of a worker."""
    from tests.made_once import made_once  # noqa: PLC0415 - only tests that ask for a database pay for the import

    with made_once():
        yield


@pytest.fixture(scope="session")
def postgres_cluster(run_directory: Path, shared_by_tests: None) -> Iterator[postgres.Cluster]:  # noqa: ARG001 - asked for its effect
    """The run's PostgreSQL, with the migrated template."""
    if not postgres.is_installed():
        postgres.skip_or_fail()
    cluster = postgres.running(
        run_directory, _migrate, owner=int((run_directory / _OWNER).read_text())
    )
    yield cluster
    cluster.hang_up()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, shared_by_tests: None) -> Path:  # noqa: ARG001 - asked for its effect
    """A SQLite file that was migrated once; tests take copies."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    _fill(path, _migrate)
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    """A migrated SQLite database of one's own."""
    path = tmp_path / "gate.sqlite"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_cluster: postgres.Cluster) -> Iterator[str]:
    """A migrated PostgreSQL database of one's own."""
    with postgres.database(postgres_cluster) as url:
        yield url


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database of one's own; the test runs once on each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=DATABASES)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of one's own that no migration has touched, once on each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite'}"
        return
    with postgres.database(
        request.getfixturevalue("postgres_cluster"), template="template1"
    ) as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_shop_template(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """A SQLite file in which the usual policies were put in force once; tests take copies."""
    path = tmp_path_factory.mktemp("sqlite-shop") / "template.sqlite"
    shutil.copy(sqlite_template, path)
    _fill(path, _put_in_force)
    return path


@pytest.fixture
def sqlite_shop_url(tmp_path: Path, sqlite_shop_template: Path) -> str:
    """A SQLite database of one's own for `open_usual_shop`."""
    path = tmp_path / "shop.sqlite"
    shutil.copy(sqlite_shop_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_shop_url(run_directory: Path, postgres_cluster: postgres.Cluster) -> Iterator[str]:
    """A PostgreSQL database of one's own for `open_usual_shop`."""
    template = postgres.filled(run_directory, postgres_cluster, SHOP_TEMPLATE, _put_in_force)
    with postgres.database(postgres_cluster, template=template) as url:
        yield url


@pytest.fixture(params=DATABASES)
def shop_url(request: pytest.FixtureRequest) -> str:
    """A database of one's own for `open_usual_shop`; the test runs once on each kind."""
    url: str = request.getfixturevalue(f"{request.param}_shop_url")
    return url


@pytest.fixture
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Passwords are hashed in a way that protects nothing: a real hash takes a fifth of a
    second.
    """
    from tests.flow import doors  # noqa: PLC0415 - only tests that ask for it pay for the import

    with doors.quick_hashes(monkeypatch):
        yield


def _fill(path: Path, fill: Callable[[str], None]) -> None:
    fill(f"sqlite:///{path}")
    assert not path.with_name(f"{path.name}-wal").exists(), (
        "a connection was left open: a copy of the file would be incomplete"
    )


def _put_in_force(url: str) -> None:
    from tests.flow.shop import put_in_force  # noqa: PLC0415 - only tests that ask for a shop pay for the import

    asyncio.run(put_in_force(url))


def _migrate(url: str) -> None:
    from gate.storage.migrate import upgrade  # noqa: PLC0415 - only tests that ask for a database pay for the import

    upgrade(url)
