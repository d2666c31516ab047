"""The parts joined: what a start makes, what it never makes, and that it stops in order."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from gate.app import create_app
from gate.config import Settings
from gate.errors import GateError, NotFound
from gate.flow.gate import Gate
from gate.flow.key_place import key_place
from gate.flow.signing import make_key, read_key
from gate.ledger.note import VerifierKey
from gate.storage.database.engine import open_engine
from gate.storage.migrate import SchemaOlder, head, upgrade
from gate.storage.store import Store
from tests import postgres

POLICIES = Path(__file__).parents[1] / "policies"


def settings(url: str, **given: object) -> Settings:
    """Of a server on this database."""
    return Settings.read(
        {}, database_url=url, policies=POLICIES, base_url="https://gate.example.com", **given
    )


async def key_of(gate: Gate) -> VerifierKey | None:
    """By which its admissions are verified."""
    key = await gate.signing.find()
    return None if key is None else key.verifier


async def started(given: Settings, *, upgrade: bool = False) -> Gate:
    """The gate of an app that was started, and stopped again."""
    app = create_app(given, upgrade=upgrade)
    async with app.router.lifespan_context(app):
        gate: Gate = app.state.attached.gate
        assert await gate.store.unready() is None
        return gate


@pytest.fixture
def empty_postgres(postgres_cluster: postgres.Cluster) -> Iterator[str]:
    """A database that no migration has touched."""
    with postgres.database(postgres_cluster, template="template1") as url:
        yield url


@pytest.mark.anyio
async def test_a_server_that_was_not_upgraded_is_refused_and_left_as_it_is(
    empty_postgres: str,
) -> None:
    with pytest.raises(SchemaOlder, match="run gate db upgrade"):
        await started(settings(empty_postgres))

    engine = create_engine(empty_postgres)
    with engine.connect() as conn:
        assert (
            conn.execute(
                text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
            ).scalar_one()
            == 0
        )
    engine.dispose()


@pytest.mark.anyio
async def test_a_server_is_upgraded_where_that_is_said(empty_postgres: str) -> None:
    gate = await started(settings(empty_postgres), upgrade=True)

    assert (revision_of(empty_postgres), await key_of(gate)) == (head(), None)


def revision_of(url: str) -> str:
    """The revision that a database has."""
    with open_engine(url, read_only=True).connect() as conn:
        found: str = conn.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        return found


@pytest.mark.anyio
async def test_an_embedded_database_is_made_with_its_key(tmp_path: Path) -> None:
    gate = await started(settings(f"sqlite:///{tmp_path}/new/gate.db"))

    key = read_key(tmp_path / "new" / "gate.key", "https://gate.example.com")
    assert key is not None
    assert (await key_of(gate), key.name) == (key.verifier, "gate.example.com/decisions")
    assert (tmp_path / "new" / "gate.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.anyio
async def test_a_start_after_another_finds_everything_as_it_was(tmp_path: Path) -> None:
    given = settings(f"sqlite:///{tmp_path}/gate.db")
    first, second = await started(given), await started(given)

    assert first.secrets == second.secrets
    assert await key_of(first) == await key_of(second) is not None


@pytest.mark.anyio
async def test_a_key_that_is_missing_is_not_made_again_and_decisions_go_on(tmp_path: Path) -> None:
    given = settings(f"sqlite:///{tmp_path}/gate.db")
    await started(given)
    (tmp_path / "gate.key").unlink()

    gate = await started(given)

    assert await key_of(gate) is None
    assert not (tmp_path / "gate.key").exists()


@pytest.mark.anyio
async def test_a_key_that_is_none_is_an_error_of_the_start(tmp_path: Path) -> None:
    (tmp_path / "gate.key").write_text("nonsense")

    with pytest.raises(GateError, match=r"gate\.key") as refused:
        await started(settings(f"sqlite:///{tmp_path}/gate.db"))

    assert "nonsense" not in str(refused.value)


@pytest.mark.anyio
async def test_the_key_of_a_server_is_where_it_is_said_to_be(
    postgres_url: str, tmp_path: Path
) -> None:
    key = make_key(tmp_path / "signing.key", "https://gate.example.com")

    gate = await started(settings(postgres_url, signing_key_file=tmp_path / "signing.key"))

    assert await key_of(gate) == key.verifier


@pytest.mark.parametrize(
    ("url", "file", "path", "may_make"),
    [
        ("sqlite:////srv/gate.db", None, "/srv/gate.key", True),
        ("sqlite:////srv/gate.db", "/keys/one", "/keys/one", True),
        ("postgresql+psycopg://gate@db/gate", "/keys/one", "/keys/one", False),
        ("postgresql+psycopg://gate@db/gate", None, None, False),
    ],
)
def test_where_the_key_is_and_who_may_make_it(
    url: str,
    file: str | None,
    path: str | None,
    may_make: bool,  # noqa: FBT001 - a column of the table
) -> None:
    place = key_place(settings(url, signing_key_file=file))

    assert (place and (str(place.path), place.may_make)) == (path and (path, may_make))


@pytest.mark.anyio
async def test_the_shipped_policies_are_in_force_after_the_first_start(sqlite_url: str) -> None:
    app = create_app(settings(sqlite_url))
    async with app.router.lifespan_context(app):
        gate: Gate = app.state.attached.gate

        assert {policy.name for policy in (await gate.rulebooks.current()).policies.all} == {
            "default",
            "production",
        }


def test_building_an_app_has_no_effect(tmp_path: Path) -> None:
    create_app(settings(f"sqlite:///{tmp_path}/gate.db"))

    assert list(tmp_path.iterdir()) == []


def test_a_store_is_never_made_by_opening_it(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="gate serve or gate db upgrade makes one"):
        Store.open(f"sqlite:///{tmp_path}/gate.db")


def test_upgrading_again_changes_nothing(sqlite_url: str) -> None:
    assert upgrade(sqlite_url) == upgrade(sqlite_url) == head()
