"""The whole interface as one app. Building it has no effects; `attach` makes it answer."""

from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.types import Lifespan

from gate.api import (
    changes,
    docs,
    evaluations,
    events,
    freezes,
    icalendar,
    incidents,
    ledger,
    log,
    operations,
    people,
    places,
    policies,
    reviews,
    tokens,
)
from gate.api.app import Api
from gate.api.permits import Parts
from gate.flow.gate import Gate
from gate.metrics import Metrics

_ROUTERS = (changes, reviews, evaluations, places, policies, freezes, icalendar, incidents, log, ledger, tokens, people, events, operations)


def build_api(*, metrics: Metrics | None = None, lifespan: Lifespan[Any] | None = None) -> Api:
    """The app without its gate: good for its document. `attach` makes it answer."""
    app = Api(metrics or Metrics(), lifespan)
    for module in _ROUTERS:
        app.router.routes.extend(module.router.routes)
    app.router.routes.extend(docs.routes(lambda: orjson.dumps(app.openapi())))
    return app


def attach(app: Starlette, gate: Gate) -> Parts:
    """Hand the app its gate. In the running event loop: what is remembered of tokens follows the store from now on."""
    parts = app.state.parts = Parts(gate)
    gate.store.on_change(parts.access.hear)
    gate.metrics.watch_waiters(lambda: gate.waiters.count)
    return parts
