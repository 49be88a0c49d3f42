"""Spans of requests: what they say, whom they name (nobody), and that they reach a collector."""

import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx2 as httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from grantory.app import build_watched
from grantory.errors import StorageUnavailable
from grantory.http.request_limits import SharedCounts
from grantory.observability.shared_numbers import SharedNumbers
from grantory.observability.tracing import Tracing, is_installed, is_wanted
from grantory.watching import Watch
from tests.support.collector import Collector, attributes
from tests.support.processes import wait_until
from tests.support.server import RunningServer
from tests.support.world import ADDRESS, CLIENTS, Member, World

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


class Traced:
    """A server in this process whose spans are kept."""

    def __init__(self, world: World) -> None:
        self.kept = InMemorySpanExporter()
        self.tracing = Tracing.begin("1.2.3", SimpleSpanProcessor(self.kept))
        watch = Watch(numbers=SharedNumbers(1), tracing=self.tracing)
        application = build_watched(
            world.node, world.settings, world.log, watch, SharedCounts()
        ).application
        transport = httpx.ASGITransport(app=self.tracing.around(application))
        world.http = self.http = httpx.AsyncClient(transport=transport, base_url=ADDRESS)
        self.admin = Member(world, world.admin.client_id, world.admin.secret)

    def spans(self) -> dict[str, ReadableSpan]:
        """The spans that ended since the last time, by name."""
        found = {span.name: span for span in self.kept.get_finished_spans()}
        self.kept.clear()
        return found


@pytest.fixture
async def traced(world: World) -> AsyncIterator[Traced]:
    made = Traced(world)
    async with made.http:
        yield made
    await made.tracing.close()


def said(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def identity(span: ReadableSpan) -> int:
    context = span.get_span_context()
    assert context is not None
    return context.span_id


async def test_a_token_request_and_its_parts_are_one_trace(traced: Traced, world: World) -> None:
    answer = await world.ask_token(world.admin.client_id, world.admin.secret)
    found = traced.spans()
    request = found["POST /oauth/token"]
    assert request.kind is SpanKind.SERVER
    assert request.parent is None
    assert said(request) == {
        "http.request.method": "POST",
        "http.route": "/oauth/token",
        "http.response.status_code": 200,
        "grantory.correlation_id": answer.headers["ININ-Correlation-Id"],
    }
    for name in ("token issue", "store read"):
        assert found[name].parent is not None
        assert not said(found[name])
    issue = found["token issue"]
    assert issue.parent is not None
    assert issue.parent.span_id == identity(request)
    resource = request.resource.attributes
    assert (resource["service.name"], resource["service.version"]) == ("grantory", "1.2.3")
    await world.ask_token(world.admin.client_id, world.admin.secret)
    assert set(traced.spans()) == {"POST /oauth/token", "token issue"}, "all was in memory"


async def test_a_change_has_a_span_of_its_writing(traced: Traced) -> None:
    await traced.admin.post(CLIENTS, {"name": "web", "authorizedGrantType": "CODE"})
    found = traced.spans()
    writing = found["store write"]
    assert writing.parent is not None
    assert writing.parent.span_id == identity(found[f"POST {CLIENTS}"])


async def test_what_was_refused_says_why_and_what_failed_is_an_error(traced: Traced) -> None:
    missing = f"{CLIENTS}/{{clientId}}"
    await traced.admin.call("GET", f"{CLIENTS}/nobody-at-all")
    span = traced.spans()[f"GET {missing}"]
    assert said(span)["error.type"] == "not.found"
    assert said(span)["http.response.status_code"] == 404
    assert span.status.status_code is StatusCode.UNSET
    await traced.http.get("/nothing/secret-in-the-path?secret=in-the-query")
    (span,) = traced.spans().values()
    assert span.name == "GET"
    assert "http.route" not in said(span)
    assert not span.events


async def test_a_failing_store_is_told_without_its_words(traced: Traced) -> None:
    with pytest.raises(StorageUnavailable), traced.tracing.span("store read"):
        raise StorageUnavailable("a password, perhaps")
    (span,) = traced.spans().values()
    assert said(span) == {"error.type": "StorageUnavailable"}
    assert span.status.status_code is StatusCode.ERROR
    assert not span.events
    assert "password" not in span.to_json()


async def test_a_callers_trace_goes_on(traced: Traced) -> None:
    await traced.http.get("/health/live", headers={"traceparent": PARENT})
    span = traced.spans()["GET /health/live"]
    assert span.parent is not None
    assert f"{span.parent.trace_id:032x}" == TRACE
    unsampled = PARENT[:-1] + "0"
    await traced.http.get("/health/live", headers={"traceparent": unsampled})
    assert not traced.spans()


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "x",
        PARENT[:-1],
        PARENT.replace("00-", "ff-", 1),
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        PARENT * 1000,
        "\xff" * 55,
    ],
)
async def test_a_malformed_parent_is_none(traced: Traced, sent: str) -> None:
    headers = [(b"traceparent", sent.encode("latin-1"))]
    assert (await traced.http.get("/health/live", headers=headers)).status_code == 200
    assert traced.spans()["GET /health/live"].parent is None


async def test_two_parents_are_none_and_nothing_else_of_a_caller_is_kept(traced: Traced) -> None:
    two = [("traceparent", PARENT), ("traceparent", PARENT)]
    await traced.http.get("/health/live", headers=two)
    assert traced.spans()["GET /health/live"].parent is None
    more = {"traceparent": PARENT, "tracestate": "a=the-secret", "baggage": "b=the-secret"}
    await traced.http.get("/health/live", headers={**more, "user-agent": "the-secret"})
    span = traced.spans()["GET /health/live"]
    assert span.parent is not None
    assert "the-secret" not in span.to_json()


ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
HERE = "http://127.0.0.1:4318"


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({ENDPOINT: " "}, False),
        ({ENDPOINT: HERE}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": HERE}, True),
        ({ENDPOINT: HERE, "OTEL_SDK_DISABLED": "true"}, False),
        ({ENDPOINT: HERE, "OTEL_SDK_DISABLED": "false"}, True),
        ({ENDPOINT: HERE, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({ENDPOINT: HERE, "OTEL_TRACES_EXPORTER": "console, otlp"}, True),
        ({ENDPOINT: HERE, "OTEL_TRACES_EXPORTER": ""}, True),
    ],
)
def test_opentelemetrys_variables_turn_it_on(environment: Mapping[str, str], wanted: bool) -> None:
    assert is_wanted(environment) is wanted


def test_without_the_extra_nothing_of_it_is_loaded() -> None:
    assert is_installed()
    code = (
        "import sys, grantory.cli.serve, grantory.app as app\n"
        "assert not any(name.startswith('opentelemetry') for name in sys.modules)\n"
        "sys.modules['opentelemetry'] = None\n"
        "from grantory.observability.tracing import is_installed\n"
        "assert not is_installed()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_spans_of_every_process_reach_a_collector(workers: int) -> None:
    with Collector() as collector:
        environment = {**collector.environment, "OTEL_SERVICE_NAME": "tokens of the house"}
        with RunningServer("--workers", str(workers), environment=environment) as server:
            if workers > 1:
                wait_until(lambda: len(server.workers()) == workers, "every worker")
            token = server.token()
            server.call("POST", CLIENTS, {"name": "a", "authorizedGrantType": "CODE"}, token=token)
            server.call("GET", f"{CLIENTS}/{token}", token=token)
        # It has ended, and the last spans were sent before.
        assert collector.paths == {"/v1/traces"}
        names = {span.name for span in collector.spans()}
        assert {"POST /oauth/token", "token issue", "store write", f"POST {CLIENTS}"} <= names
        routes = {attributes(span).get("http.route") for span in collector.spans()}
        assert f"{CLIENTS}/{{clientId}}" in routes
        services = {
            pair.value.string_value
            for request in collector.requests()
            for spans in request.resource_spans
            for pair in spans.resource.attributes
            if pair.key == "service.name"
        }
        assert services == {"tokens of the house"}
        for body in collector.bodies:
            for secret in (token, server.client_secret, server.client_id):
                assert secret.encode() not in body


def test_a_collector_that_is_away_holds_nothing_up() -> None:
    with Collector() as collector:
        address = collector.environment["OTEL_EXPORTER_OTLP_ENDPOINT"]
    environment = {
        **collector.environment,
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{address}/v1/traces?key=the-key",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=the-key",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
    }
    with RunningServer(environment=environment) as server:
        assert server.token()
        server.wait_for_log("spans could not be sent to the collector")
        server.stop()
        lines = server.log_text().splitlines()
        assert len([line for line in lines if "collector" in line]) == 1
        assert all(line.startswith(("{", "Grantory ")) for line in lines)
        assert "the-key" not in server.log_text()


def test_a_bad_variable_does_not_stop_the_server() -> None:
    with Collector() as collector:
        bad = {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "100", "OTEL_BSP_MAX_QUEUE_SIZE": "10"}
        with RunningServer(environment={**collector.environment, **bad}) as server:
            assert server.token()
            server.wait_for_log("no traces: a variable of OpenTelemetry is bad")
            assert "Traceback" not in server.log_text()
    assert not collector.bodies
