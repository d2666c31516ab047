"""What the gate is measured against: an echo that decides nothing, and an insert as one would first
write it. The rival, which does decide, is in `rival.py`.
"""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from sqlalchemy import create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

THREADS = 40
"""In so many threads the framework runs plain functions."""


class Run(BaseModel):
    """The pipeline run that asks."""

    id: str
    attempt: int
    step: str
    url: str


class Artifact(BaseModel):
    """What is deployed."""

    name: str
    digest: str


class Facts(BaseModel):
    """The groups of facts that the benchmark's request carries."""

    diff: dict[str, int | bool | list[str]]
    author: dict[str, int | bool]
    change: dict[str, int | bool]
    checks: dict[str, int | list[str]]
    reviews: dict[str, int | bool]


class Body(BaseModel):
    """A request for a change, typed as plainly as FastAPI's documentation would."""

    service: str
    environment: str
    commit: str
    base: str
    ref: str
    title: str
    requested_by: str
    authors: list[str]
    artifacts: list[Artifact]
    run: Run
    facts: Facts
    labels: dict[str, str]


def echo_router() -> APIRouter:
    """Parse, validate, answer the same: what the framework costs."""
    router = APIRouter()

    @router.post("/echo")
    async def echo(body: Body) -> Body:
        return body

    return router


class Base(DeclarativeBase):
    """The tables of the contenders. Each database has those that its contender writes to."""


class _Row(Base):
    """One request as it came."""

    __tablename__ = "requests"

    id: Mapped[int] = mapped_column(primary_key=True)
    service: Mapped[str] = mapped_column(index=True)
    environment: Mapped[str]
    commit: Mapped[str]
    body: Mapped[str]


class Inserted(BaseModel):
    """The number of the row."""

    id: int


def insert_router(path: Path) -> APIRouter:
    """A session for each request, one durable INSERT, a plain function in the thread pool."""
    router = APIRouter()
    session = sessions_of(path)

    @router.post("/insert")
    def insert(body: Body, session: Annotated[Session, Depends(session)]) -> Inserted:
        row = _Row(
            service=body.service,
            environment=body.environment,
            commit=body.commit,
            body=body.model_dump_json(),
        )
        session.add(row)
        session.commit()
        return Inserted(id=row.id)

    return router


def sessions_of(path: Path, *, expire_on_commit: bool = True) -> Callable[[], Iterator[Session]]:
    """Return the dependency that opens a session on this SQLite file for a request.

    The pool has a connection for each thread of the framework, and every commit waits for the disk
    as the gate's do.
    """
    engine = create_engine(f"sqlite:///{path}", pool_size=THREADS, connect_args={"timeout": 60})
    event.listen(engine, "connect", _as_durable_as_the_gate)
    Base.metadata.create_all(engine)
    made = sessionmaker(engine, expire_on_commit=expire_on_commit)

    def session() -> Iterator[Session]:
        with made() as opened:
            yield opened

    return session


def _as_durable_as_the_gate(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
