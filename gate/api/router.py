"""The whole interface as one app. Building it has no effects; `attach` makes it answer."""

from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.types import Lifespan

from gate.api import (
    backtests,
    changes,
    code_hosts,
    delivery,
    evaluations,
    events,
    freezes,
    hooks,
    incidents,
    ledger,
    log,
    observations,
    operations,
    outbox,
    people,
    places,
    policies,
    reviews,
    sightings,
    slack,
    tokens,
)
from gate.api.app import Api
from gate.api.audit import authority, controls, evidence, reports
from gate.api.formats import badge, icalendar, sync_windows
from gate.api.http import docs
from gate.api.http.permits import Attached
from gate.api.learning import improvements, measures, scorecard, triage, weekly
from gate.flow.connections import NO_HOOKS, Hooks
from gate.flow.gate import Gate
from gate.metrics import Metrics, Watched

_ROUTERS = (
    changes,
    evidence,
    reviews,
    evaluations,
    badge,
    sync_windows,
    places,
    policies,
    backtests,
    freezes,
    icalendar,
    incidents,
    sightings,
    delivery,
    observations,
    measures,
    scorecard,
    improvements,
    weekly,
    triage,
    hooks,
    code_hosts,
    log,
    reports,
    controls,
    authority,
    ledger,
    tokens,
    people,
    outbox,
    slack,
    events,
    operations,
)


def build_api(*, metrics: Metrics | None = None, lifespan: Lifespan[Any] | None = None) -> Api:
    """Return the app without its gate, which is enough for its document. It can answer only after
    `attach`.
    """
    app = Api(metrics or Metrics(), lifespan)
    for module in _ROUTERS:
        app.router.routes.extend(module.router.routes)
    app.router.routes.extend(docs.routes(lambda: orjson.dumps(app.openapi())))
    return app


def attach(app: Starlette, gate: Gate, hooks: Hooks = NO_HOOKS) -> Attached:
    """Give the app its gate and the hooks of other systems.

    It must be called in the running event loop, because what is remembered of tokens follows the
    store from now on.
    """
    attached = app.state.attached = Attached(gate, hooks)
    gate.store.on_change(attached.access.hear)
    gate.metrics.watch(
        Watched(lambda: gate.waiters.count, gate.store.waited_seconds, gate.store.hears_others)
    )
    return attached
