"""Traces of OpenTelemetry, if the operator asks for them by its standard variables.

A span is opened wherever something is worth timing; while traces are off that is one comparison.
Like the log this is one for the whole process, because the current span of OpenTelemetry is, too.

No span has an address, a header, a body or the words of an error in it: those may hold secrets, and
names of people.
"""

import importlib.util
from asyncio import Future
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from gate import __version__

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.trace import Tracer

NAME = "change-gate"
OTLP, CONSOLE, NONE = "otlp", "console", "none"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROPAGATED = frozenset({b"traceparent", b"tracestate"})

T = TypeVar("T")


class Span(Protocol):
    """A span of a trace, which lasts from entering to leaving it."""

    def set_attribute(self, key: str, value: str | int) -> None:
        """Add what is known of the step that the span times."""


class _NoSpan:
    """Stands for every span while traces are off."""

    def __enter__(self) -> Span:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing, because no span was begun."""

    def set_attribute(self, key: str, value: str | int) -> None:
        """Do nothing, because the span does not exist."""


_NO_SPAN = _NoSpan()


class _State:
    tracer: "Tracer | None" = None
    provider: "TracerProvider | None" = None


def exporter_of(environment: Mapping[str, str]) -> str:
    """Return the exporter that the standard variables ask for: `otlp`, `console` or `none`.

    Naming an endpoint is enough. The name of an exporter that the gate does not have counts as not
    given.
    """
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return NONE
    named = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if named in {CONSOLE, NONE, OTLP}:
        return named
    return OTLP if any(environment.get(name) for name in _ENDPOINTS) else NONE


def is_installed() -> bool:
    """Return whether the extra `otel` is installed."""
    return all(
        importlib.util.find_spec(f"opentelemetry.{part}") is not None
        for part in ("sdk", "exporter")
    )


def start(exporter: str, environment: Mapping[str, str]) -> None:
    """Begin to trace, and send the spans to where the standard variables say."""
    from opentelemetry.sdk.trace import export  # noqa: PLC0415 - the extra may be missing

    if exporter == CONSOLE:
        trace_to(export.SimpleSpanProcessor(export.ConsoleSpanExporter()), environment)
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - the same
        OTLPSpanExporter,
    )

    trace_to(export.BatchSpanProcessor(OTLPSpanExporter()), environment)


def trace_to(processor: "SpanProcessor", environment: Mapping[str, str]) -> None:
    """Begin to trace, and hand every span that ends to this processor."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - the extra may be missing
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - the same

    about = {"service.version": __version__}
    if "OTEL_SERVICE_NAME" not in environment:
        about["service.name"] = NAME
    provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
    provider.add_span_processor(processor)
    _State.provider, _State.tracer = provider, provider.get_tracer(NAME, __version__)


def stop() -> None:
    """Send what is left, and trace no more. It may take some seconds."""
    provider, _State.provider, _State.tracer = _State.provider, None, None
    if provider is not None:
        provider.shutdown()


def span(name: str, **attributes: str | int) -> AbstractContextManager[Span]:
    """Return a span below the current one; it is current while inside.

    An underscore of an attribute's name stands for a dot: `http_route` is `http.route`.
    """
    if _State.tracer is None:
        return _NO_SPAN
    return _opened(_State.tracer, name, attributes=_dotted(attributes))


def request_span(headers: Iterable[tuple[bytes, bytes]]) -> AbstractContextManager[Span]:
    """Return the span of a request, below the one that its caller names in `traceparent`."""
    if _State.tracer is None:
        return _NO_SPAN
    from opentelemetry.trace import SpanKind  # noqa: PLC0415 - only while traces are on
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - the same
        TraceContextTextMapPropagator,
    )

    carried = {k.decode(): v.decode("latin-1") for k, v in headers if k in _PROPAGATED}
    context = TraceContextTextMapPropagator().extract(carried)
    return _opened(_State.tracer, "request", context=context, kind=SpanKind.SERVER)


def commit_traced(future: "Future[T]") -> "Future[T]":
    """Have a span last until this commit is done, if there is a current one to put it below.

    What the loops of the server write has none, and would fill the traces with nothing of interest.
    """
    if _State.tracer is None:
        return future
    from opentelemetry.trace import get_current_span  # noqa: PLC0415 - only while traces are on

    if get_current_span().is_recording():
        begun = _State.tracer.start_span("commit")
        future.add_done_callback(lambda _: begun.end())
    return future


def named(given: Span, name: str) -> None:
    """Give a span of `request_span` another name, once it is known."""
    rename: Any = getattr(given, "update_name", None)
    if rename is not None:
        rename(name)


def trace_id() -> str | None:
    """Return the id of the current trace as it is written, or None if there is none."""
    if _State.tracer is None:
        return None
    from opentelemetry.trace import format_trace_id, get_current_span  # noqa: PLC0415 - only while traces are on

    context = get_current_span().get_span_context()
    return format_trace_id(context.trace_id) if context.is_valid else None


@contextmanager
def _opened(tracer: "Tracer", name: str, **options: Any) -> Iterator[Span]:
    """Open a span. An error is named by its class, and its words are left out."""
    from opentelemetry.trace import StatusCode  # noqa: PLC0415 - only while traces are on

    options = {**options, "record_exception": False, "set_status_on_exception": False}
    with tracer.start_as_current_span(name, **options) as opened:
        try:
            yield opened
        except Exception as error:
            opened.set_status(StatusCode.ERROR)
            opened.set_attribute("error.type", type(error).__name__)
            raise


def _dotted(attributes: Mapping[str, str | int]) -> dict[str, str | int]:
    return {name.replace("_", "."): value for name, value in attributes.items()}
