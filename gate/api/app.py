"""FastAPI as it is used here: one layer around the routes, and the document as it is served."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Lifespan

from gate import __version__
from gate.api.http.edge import Edge
from gate.api.http.route import SECURITY, GateRoute
from gate.api.http.turns import Turns
from gate.api.problems import ProblemAnswer
from gate.metrics import Metrics

TITLE = "Change-enablement gate"
DESCRIPTION = """
May this change go to this environment now?
A pipeline asks before it deploys and reports how it went.

Errors are problem documents (RFC 9457).
A change that is denied is a normal answer, not an error.
""".strip()


class Api(FastAPI):
    """FastAPI with one layer around the routes in place of its five, and with the document as it is
    served.
    """

    def __init__(self, metrics: Metrics, lifespan: Lifespan[Any] | None) -> None:
        self._metrics = metrics
        super().__init__(
            title=TITLE,
            description=DESCRIPTION,
            version=__version__,
            openapi_url=None,
            redirect_slashes=False,
            lifespan=lifespan,
            # With telemetry on, every request would look up its providers.
            telemetry={"tracing": False, "metrics": False, "logs": False},
        )

    def build_middleware_stack(self) -> ASGIApp:
        """Return the routes with only the edge around them.

        The edge catches and answers every error, so none is answered or logged twice.
        """
        app: ASGIApp = Edge(Turns(self.router), self._metrics)
        for cls, args, kwargs in reversed(self.user_middleware):
            app = cls(app, *args, **kwargs)
        return app

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, which is made once."""
        if self.openapi_schema is None:
            document = get_openapi(
                title=self.title,
                version=self.version,
                description=self.description,
                routes=[_documented(route) for route in self.routes],
            )
            components = document.setdefault("components", {})
            _close_answers(components["schemas"])
            components["schemas"]["Problem"] = ProblemAnswer.model_json_schema(
                ref_template="#/components/schemas/{model}"
            )
            components["schemas"].update(components["schemas"]["Problem"].pop("$defs", {}))
            components["securitySchemes"] = {SECURITY: {"type": "http", "scheme": "bearer"}}
            self.openapi_schema = document
        return self.openapi_schema


def _documented(route: BaseRoute) -> BaseRoute:
    return route.as_documented() if isinstance(route, GateRoute) else route


def _close_answers(schemas: dict[str, Any]) -> None:
    """Say that an answer has all of its fields, always, and no others.

    Answers are plain dataclasses, of which pydantic does not say so; requests say it themselves.
    """
    for schema in schemas.values():
        if "properties" in schema and "additionalProperties" not in schema:
            schema["additionalProperties"] = False
            schema["required"] = list(schema["properties"])
