"""Attack case 30: what one process has ended, or seen used, the next one knows, too."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from urllib.parse import urlencode

import httpx2 as httpx
import pytest

from grantory.node import open_or_create_node
from tests.security.login.visits import Tokens, are_ended, events, is_refused, tokens_of
from tests.support.databases import fresh_postgres
from tests.support.processes import Line, Question, wait_until
from tests.support.server import Reply, RunningServer, basic
from tests.support.visitor import REDIRECT, App, Visitor, make_app, page_of, told
from tests.support.world import CLIENTS, World

LEASE_SECONDS = 1


@asynccontextmanager
async def another_process(world: World) -> AsyncIterator[World]:
    """The same store, as another process or a later one opens it."""
    node = await open_or_create_node(world.settings, clock=world.clock)
    try:
        other = World(node, world.settings, world.clock, world.founding)
        async with other.http:
            yield other
    finally:
        await node.close()


def moved(visitor: Visitor, world: World) -> Visitor:
    """The same browser before another process."""
    other = Visitor(world)
    other.http.cookies = visitor.http.cookies
    return other


async def test_case_30_code_session_and_refresh_token_outlive_the_process(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    tokens = tokens_of(await visitor.redeem(app, (await visitor.arrive(app))["code"]))
    code = (await visitor.arrive(app))["code"]
    async with another_process(world) as other:
        again = moved(visitor, other)
        assert "code" in told(await again.authorize(app, prompt="none"))
        tokens_of(await again.redeem(app, code))
        second = tokens_of(await again.refresh(app, tokens.refresh))
        assert await again.use(tokens.access) == await again.use(second.access) == 200


async def test_case_30_forms_outlive_the_process(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    login = await visitor.authorize(app)
    async with another_process(world) as other:
        there = moved(visitor, other)
        consent = await there.log_in(login)
        answer = await moved(there, world).submit(consent, decision="allow")
        assert "code" in told(answer)


async def test_case_30_reuse_is_seen_by_every_process(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    code = (await visitor.arrive(app))["code"]
    first = tokens_of(await visitor.redeem(app, code))
    assert await visitor.use(first.access) == 200
    async with another_process(world) as other:
        there = moved(visitor, other)
        second = tokens_of(await there.refresh(app, first.refresh))
        # The grace is the same wherever the answer is asked for again.
        assert tokens_of(await visitor.refresh(app, first.refresh)).refresh == second.refresh
        world.clock.advance(11)
        is_refused(await there.refresh(app, first.refresh))
        world.clock.advance(LEASE_SECONDS)
        await are_ended(visitor, app, second)
        await are_ended(there, app, first)
        assert len(await events(world, "Revoke")) == 1
        # A code, likewise.
        code = (await visitor.arrive(app))["code"]
        third = tokens_of(await visitor.redeem(app, code))
        is_refused(await there.redeem(app, code))
        world.clock.advance(LEASE_SECONDS)
        await are_ended(visitor, app, third)


async def test_case_30_a_logout_is_one_for_every_process(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    tokens = tokens_of(await visitor.redeem(app, (await visitor.arrive(app))["code"]))
    code = (await visitor.arrive(app))["code"]
    cookies = {**visitor.http.cookies}
    async with another_process(world) as other:
        there = moved(visitor, other)
        assert await there.use(tokens.access) == 200
        await visitor.http.get("/logout")
        is_refused(await there.refresh(app, tokens.refresh))
        is_refused(await there.redeem(app, code))
        world.clock.advance(LEASE_SECONDS)
        assert await there.use(tokens.access) == 401
        stranger = Visitor(other)
        stranger.http.cookies.update(cookies)
        assert page_of(await stranger.authorize(app)).action == "login"


class RemoteVisitor(Visitor):
    """The same person before a real server."""

    def __init__(self, server: RunningServer) -> None:
        self.http = httpx.AsyncClient(base_url=server.url, timeout=30)
        self._api = self.http
        self.email = server.first_start["admin"]["email"]
        self.password = server.first_start["admin"]["password"]


@pytest.fixture(params=["sqlite", "postgresql"])
def two_workers(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    """A server of two processes."""
    with ExitStack() as stack:
        environment = {}
        if request.param == "postgresql":
            environment["GRANTORY_DATABASE_URL"] = stack.enter_context(fresh_postgres())
        yield stack.enter_context(RunningServer("--workers", "2", environment=environment))


def a_line_each(server: RunningServer, stack: ExitStack) -> list[Line]:
    """A connection to each worker."""
    wanted = set(server.workers())
    assert len(wanted) == 2
    found: dict[int, Line] = {}

    def look() -> bool:
        line = stack.enter_context(Line(server.port))
        line.ask(Question("GET", "/health/live"))
        for worker in wanted:
            if line.is_held_by(worker):
                found.setdefault(worker, line)
        return set(found) == wanted

    wait_until(look, "a connection to each worker")
    return [found[worker] for worker in sorted(found)]


def asked(line: Line, app: App, **form: str) -> Reply:
    headers = (
        ("Authorization", basic(app.client_id, app.secret)),
        ("Content-Type", "application/x-www-form-urlencoded"),
    )
    return line.ask(Question("POST", "/oauth/token", headers, urlencode(form).encode()))


def status_with(line: Line, access: str) -> int:
    headers = (("Authorization", f"Bearer {access}"),)
    return line.ask(Question("GET", "/api/v2/tokens/me", headers)).status


def is_refused_by(line: Line, access: str) -> bool:
    return status_with(line, access) == 401


def registered(server: RunningServer) -> App:
    body = {"name": "app", "authorizedGrantType": "CODE", "registeredRedirectUri": [REDIRECT]}
    created = server.call("POST", CLIENTS, body).json()
    return App(created["id"], created["secret"])


@pytest.mark.slow
async def test_case_30_reuse_on_the_other_worker_and_after_a_restart(
    two_workers: RunningServer,
) -> None:
    server = two_workers
    app, visitor = registered(server), RemoteVisitor(server)
    first = tokens_of(await visitor.redeem(app, (await visitor.arrive(app))["code"]))
    kept = tokens_of(await visitor.redeem(app, (await visitor.arrive(app))["code"]))
    code = (await visitor.arrive(app))["code"]
    refresh = {"grant_type": "refresh_token"}
    with ExitStack() as stack:
        one, other = a_line_each(server, stack)
        second = _tokens(asked(one, app, **refresh, refresh_token=first.refresh))
        third = _tokens(asked(other, app, **refresh, refresh_token=second.refresh))
        for line in (one, other):
            assert status_with(line, third.access) == 200
        assert asked(one, app, **refresh, refresh_token=first.refresh).status == 400
        for line in (one, other):
            assert asked(line, app, **refresh, refresh_token=third.refresh).status == 400
            wait_until(partial(is_refused_by, line, third.access), "its end")
    server.restart()
    await visitor.http.aclose()
    again = RemoteVisitor(server)
    again.http.cookies = visitor.http.cookies
    await are_ended(again, app, third)
    assert "code" in told(await again.authorize(app, prompt="none"))
    newest = tokens_of(await again.refresh(app, kept.refresh))
    newest = tokens_of(await again.refresh(app, newest.refresh))
    tokens_of(await again.redeem(app, code))
    server.restart()
    is_refused(await again.refresh(app, kept.refresh))
    await are_ended(again, app, newest)
    is_refused(await again.redeem(app, code))
    log = server.log_text()
    for mark in ("gac_", "gat_", "gcs_", "gls_", "grt_", again.password):
        assert mark not in log
    await again.http.aclose()


def _tokens(reply: Reply) -> Tokens:
    assert reply.status == 200, reply.body
    return Tokens(reply.json()["access_token"], reply.json()["refresh_token"])
