"""What one would build instead of the gate: FastAPI, a policy in Rego, a session of an ORM.

It is as good as the documentation of its parts teaches. The policy is compiled once for each thread
of the framework, the history of a place is read by its index, and an answer waits for the commit of
its decision, which is as durable as the gate's. The policy is the one by which the gate decides in
the same run.

What it lacks is in its favour: it knows no permissions, no idempotency keys and no ledger, believes
whatever a pipeline says of itself, and takes what is unknown for what is fine.
"""

import threading
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from regopy import Interpreter
from sqlalchemy import BigInteger, Index, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from benchmarks.decisions.contenders import Base, Body, sessions_of

POLICY = Path(__file__).parents[1] / "policies" / "bench.rego"
ENGINE = f"Rego by rego-cpp {version('regopy')}"
DECISION = "change/decision"

SERVICE_TIER = 2
"""The tier of every service of the benchmark."""

DAY_US = 86_400_000_000
RECENT_CHANGES = 100
NO_FAILURE_DAYS = 3650
"""The gate says this, too, where nothing failed."""


class _Decision(Base):
    """One decision, with what was asked and what was answered."""

    __tablename__ = "decisions"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger)  # microseconds since 1970
    service: Mapped[str]
    environment: Mapped[str]
    commit: Mapped[str]
    run: Mapped[str]
    outcome: Mapped[str]
    score: Mapped[int]
    failed: Mapped[bool] = mapped_column(default=False)
    body: Mapped[str]
    answer: Mapped[str]

    __table_args__ = (
        Index("ix_place", "service", "environment", "at", "failed"),
        Index("ix_failed", "service", "environment", "at", sqlite_where=text("failed")),
    )


class Decided(BaseModel):
    """What the policy says of a change."""

    outcome: str
    score: int
    band: str
    points: dict[str, int]
    unmet: list[str]


class Answer(Decided):
    """The same with the number of the row."""

    id: int


class Engine:
    """The policy in Rego, compiled once for each thread: an interpreter serves one at a time."""

    def __init__(self, policy: str) -> None:
        self._policy = policy
        self._own = threading.local()

    def decide(self, facts: Mapping[str, Any]) -> Decided:
        """Apply the policy to these facts."""
        if not hasattr(self._own, "interpreter"):
            self._own.interpreter = Interpreter()
            self._own.interpreter.add_module(POLICY.name, self._policy)
            self._own.compiled = self._own.interpreter.build(None, [DECISION])
        self._own.interpreter.set_input(facts)
        output = self._own.interpreter.query_bundle_entrypoint(self._own.compiled, DECISION)
        if not output.results or not output.results[0].expressions:
            raise RuntimeError(f"the policy does not say {DECISION}: {output}")
        return Decided.model_validate(output.results[0].expressions[0])


def rival_router(path: Path) -> APIRouter:
    """Look up the history, ask the policy, write one row, and answer once it is durable."""
    router = APIRouter()
    # Otherwise the row would be read again for its number.
    session = sessions_of(path, expire_on_commit=False)
    engine = Engine(POLICY.read_text())

    @router.post("/rival")
    def decide(body: Body, session: Annotated[Session, Depends(session)]) -> Answer:
        at = time.time_ns() // 1000
        decided = engine.decide(facts_of(body, _history(session, body, at)))
        row = _Decision(
            at=at,
            service=body.service,
            environment=body.environment,
            commit=body.commit,
            run=body.run.id,
            outcome=decided.outcome,
            score=decided.score,
            body=body.model_dump_json(),
            answer=decided.model_dump_json(),
        )
        session.add(row)
        session.commit()
        return Answer(id=row.id, **decided.model_dump())

    return router


def facts_of(body: Body, history: Mapping[str, Any]) -> dict[str, Any]:
    """What the policy is asked about: what the pipeline says, the catalogue and the history."""
    return {
        **body.facts.model_dump(),
        "labels": body.labels,
        "service": {"tier": SERVICE_TIER},
        "history": history,
    }


def _history(session: Session, body: Body, at: int) -> dict[str, Any]:
    row = _Decision
    here = (row.service == body.service, row.environment == body.environment)
    recent = session.scalars(
        select(row.failed).where(*here).order_by(row.at.desc()).limit(RECENT_CHANGES)
    ).all()
    last_day = select(func.count()).where(*here, row.at > at - DAY_US)
    last_failure = session.scalar(select(func.max(row.at)).where(*here, row.failed))
    days = NO_FAILURE_DAYS if last_failure is None else (at - last_failure) // DAY_US
    return {
        "first_deployment": not recent,
        "recent_failure_rate": sum(recent) / max(1, len(recent)),
        "changes_last_24h": session.scalar(last_day),
        "days_since_failure": days,
    }
