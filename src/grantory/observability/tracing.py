"""Traces by OpenTelemetry, where the extra ``grantory[otel]`` is installed and configured.

It is configured by OpenTelemetry's own variables, above all ``OTEL_EXPORTER_OTLP_ENDPOINT``. A
span says what was done and how it ended, and names nobody: no id, address or credential. What a
caller sends of its own trace is believed as far as ``traceparent`` (W3C) goes; ``tracestate``
and ``baggage``, in which anything could stand, are not read.

A tracer has a thread, so it is made in the process that serves, after it was forked.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from grantory.observability.events import log
from grantory.ports.request_line import RequestLine

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
    from opentelemetry.trace import Span

Scope = MutableMapping[str, Any]
Asgi = Callable[[Scope, Any, Any], Awaitable[None]]
END_SECONDS: Final = 3.0
"""So long the last spans may take to be sent when the server ends."""
TELL_EVERY: Final = 60.0
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PACKAGES: Final = (
    "opentelemetry.sdk.trace.export",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
)


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Tells whether OpenTelemetry's variables ask for traces over OTLP."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporters = environment.get("OTEL_TRACES_EXPORTER", "").strip() or "otlp"
    if "otlp" not in (name.strip() for name in exporters.split(",")):
        return False
    return any(environment.get(name, "").strip() for name in _ENDPOINTS)


def is_installed() -> bool:
    """Tells whether the extra's packages are there, and loads them: once, for all workers."""
    try:
        for name in _PACKAGES:
            import_module(name)
    except ImportError:
        return False
    return True


class _ToldExporter:
    """Sends spans by another exporter, and tells of those that were lost: once a minute at most."""

    def __init__(self, exporter: "SpanExporter") -> None:
        self._exporter = exporter
        self._lost = 0
        self._tell_again = float("-inf")

    def export(self, spans: "Sequence[ReadableSpan]") -> "SpanExportResult":
        result = self._exporter.export(spans)
        if result.name != "SUCCESS":
            self._lost += len(spans)
            if time.monotonic() >= self._tell_again:
                log().warning("spans could not be sent to the collector", lost=self._lost)
                self._lost, self._tell_again = 0, time.monotonic() + TELL_EVERY
        return result

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self) -> None:
        self._exporter.shutdown()


class Tracing:
    """Makes spans.

    Args:
        provider: of OpenTelemetry.
    """

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._trace = trace
        self._provider = provider
        self._tracer = provider.get_tracer("grantory")
        self._propagator = TraceContextTextMapPropagator()

    @classmethod
    def begin(cls, version: str, processor: "SpanProcessor | None" = None) -> "Tracing":
        """Starts to send spans.

        Args:
            version: of this program.
            processor: takes the spans; by default the batches that OTLP sends over HTTP.
        """
        from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        if processor is None:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            # Its loggers tell addresses, in which a credential may stand.
            for name in ("opentelemetry", "urllib3"):
                logging.getLogger(name).setLevel(logging.CRITICAL)
            processor = BatchSpanProcessor(cast(Any, _ToldExporter(OTLPSpanExporter())))
        resource = Resource.create({SERVICE_VERSION: version})
        if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
            resource = resource.merge(Resource({SERVICE_NAME: "grantory"}))
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(processor)
        return cls(provider)

    def around(self, application: Asgi) -> Asgi:
        """Gives each request that an ASGI application answers a span of its own."""
        trace = self._trace

        async def traced(scope: Scope, receive: Any, send: Any) -> None:
            parents = [value for name, value in scope["headers"] if name == b"traceparent"]
            carrier = {"traceparent": parents[0].decode("latin-1")} if len(parents) == 1 else {}
            with self._tracer.start_as_current_span(
                "HTTP",
                context=self._propagator.extract(carrier),
                kind=trace.SpanKind.SERVER,
                record_exception=False,
                set_status_on_exception=False,
            ):
                await application(scope, receive, send)

        return traced

    def describe(self, entry: RequestLine) -> None:
        """Writes what is known of a request that was answered into its span; names nobody."""
        span = self._trace.get_current_span()
        if not span.is_recording():
            return
        span.update_name(f"{entry.method} {entry.route}".strip())
        span.set_attribute("http.request.method", entry.method)
        span.set_attribute("http.response.status_code", entry.status)
        span.set_attribute("grantory.correlation_id", entry.correlation_id)
        if entry.route:
            span.set_attribute("http.route", entry.route)
        if entry.error:
            span.set_attribute("error.type", entry.error)
        if entry.status >= 500:
            span.set_status(self._trace.StatusCode.ERROR)

    @contextmanager
    def span(self, name: str) -> Iterator["Span"]:
        """Makes a span for a part of a request; of a failure it tells the kind alone."""
        with self._tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(self._trace.StatusCode.ERROR)
                raise

    async def close(self) -> None:
        """Sends what is left, for a few seconds at most."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def end() -> None:
            self._provider.shutdown()
            with contextlib.suppress(RuntimeError):  # nobody waits any more
                loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=end, name="grantory-traces", daemon=True).start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await ended.wait()
