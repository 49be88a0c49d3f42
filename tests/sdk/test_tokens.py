"""How the SDK comes to a token, renews it, and what it does when that fails."""

import asyncio
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl

import httpx2 as httpx
import pytest

from grantory_sdk import (
    AccessToken,
    AsyncGrantory,
    ConfigurationError,
    ConnectionFailed,
    Grantory,
    RefreshToken,
    SamlBearer,
    TokenRefused,
    Unauthorized,
    UnreadableAnswer,
)
from grantory_sdk.token_sources import Auth, ClientCredentials
from tests.support.scripted import TOKEN_PATH, URL, Hand, Scripted, Step, answer, refused, token

GOOD = answer(200, {"id": "1"})
BAD_TOKEN = refused(401, "bad.credentials")
CREDENTIALS = ClientCredentials("the-id", "the-secret")


def client(server: Scripted, hand: Hand, auth: Auth = CREDENTIALS, **options: Any) -> Grantory:
    return Grantory(URL, auth=auth, transport=server.transport, runtime=hand.blocking, **options)


def form_of(request: httpx.Request) -> dict[str, str]:
    return dict(parse_qsl(request.content.decode(), keep_blank_values=True))


def oauth_refusal(code: str, status: int = 400) -> httpx.Response:
    return answer(status, {"error": code, "error_description": "No.", "description": "No."})


def test_a_token_is_asked_for_once_and_used_for_every_call() -> None:
    server = Scripted(GOOD)
    with client(server, Hand()) as grantory:
        for _ in range(3):
            grantory.oauth_clients.get("1")
    assert server.bearers == ["token-1"] * 3
    [request] = server.token_requests
    assert request.headers["authorization"] == httpx.BasicAuth("the-id", "the-secret")._auth_header
    assert form_of(request) == {"grant_type": "client_credentials"}


@pytest.mark.parametrize(("lifetime", "ahead"), [(3600, 60), (300, 30), (86_400, 60), (10, 1)])
def test_a_token_is_renewed_before_it_expires(lifetime: int, ahead: int) -> None:
    server = Scripted(GOOD, tokens=[token("one", lifetime), token("two", lifetime)])
    hand = Hand()
    with client(server, hand) as grantory:
        grantory.oauth_clients.get("1")
        hand.now += lifetime - ahead - 0.5
        grantory.oauth_clients.get("1")
        hand.now += 1
        grantory.oauth_clients.get("1")
    assert server.bearers == ["one", "one", "two"]


def test_a_token_without_an_end_is_kept_until_it_is_refused() -> None:
    endless = answer(200, {"access_token": "one", "token_type": "bearer"})
    server = Scripted(GOOD, BAD_TOKEN, GOOD, tokens=[endless, token("two")])
    hand = Hand()
    with client(server, hand) as grantory:
        grantory.oauth_clients.get("1")
        hand.now += 1e9
        grantory.oauth_clients.get("1")
    assert server.bearers == ["one", "one", "two"]


def test_a_token_that_is_refused_is_renewed_and_the_call_repeated() -> None:
    server = Scripted(BAD_TOKEN, GOOD, tokens=[token("one"), token("two")])
    with client(server, Hand()) as grantory:
        grantory.oauth_clients.create(name="one", authorized_grant_type="CODE")
    assert server.bearers == ["one", "two"]
    assert server.requests[0].content == server.requests[1].content


def test_a_call_that_is_refused_again_and_again_ends() -> None:
    server = Scripted(BAD_TOKEN)
    with client(server, Hand()) as grantory, pytest.raises(Unauthorized):
        grantory.oauth_clients.get("1")
    assert len(server.requests) == 2
    assert len(server.token_requests) == 2


async def test_a_hundred_calls_that_are_refused_for_ever_end_after_one_renewal() -> None:
    count, everybody = 100, asyncio.Event()
    server = Scripted(BAD_TOKEN, tokens=[token("one"), token("two")])

    async def refuse(request: httpx.Request) -> httpx.Response:
        given = server(request)
        if len(server.requests) == count:
            everybody.set()
        if request.url.path != TOKEN_PATH:
            await everybody.wait()
        return given

    transport, runtime = httpx.MockTransport(refuse), Hand().awaited
    async with AsyncGrantory(
        URL, auth=CREDENTIALS, transport=transport, runtime=runtime
    ) as grantory:
        calls = (grantory.oauth_clients.get("1") for _ in range(count))
        ends = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(end, Unauthorized) for end in ends)
    assert len(server.requests) == 2 * count
    assert len(server.token_requests) == 2


def test_a_question_about_a_token_is_asked_again_with_a_new_one_once() -> None:
    not_good = oauth_refusal("invalid_token", 401)
    told = answer(200, {"active": True})
    for steps, good in (([not_good, told], True), ([not_good], False)):
        server = Scripted(*steps, tokens=[token("one"), token("two")])
        with client(server, Hand()) as grantory:
            if good:
                assert grantory.tokens.introspect("t").active
            else:
                with pytest.raises(TokenRefused):
                    grantory.tokens.introspect("t")
        assert server.bearers == ["one", "two"]


def test_a_token_that_was_given_cannot_be_renewed() -> None:
    server = Scripted(BAD_TOKEN)
    auth = AccessToken("given")
    with client(server, Hand(), auth) as grantory, pytest.raises(Unauthorized) as caught:
        grantory.oauth_clients.get("1")
    assert caught.value.code == "bad.credentials"
    assert server.bearers == ["given"]
    assert not server.token_requests


def test_wrong_credentials_are_told_as_the_token_endpoint_tells_them() -> None:
    server = Scripted(GOOD, tokens=[oauth_refusal("invalid_client", 401)])
    with client(server, Hand()) as grantory, pytest.raises(TokenRefused) as caught:
        grantory.oauth_clients.get("1")
    assert (caught.value.status, caught.value.code) == (401, "invalid_client")
    assert not server.requests
    assert len(server.token_requests) == 1


@pytest.mark.parametrize("text", ["", "a b", "a\nb", "ä"])
def test_a_token_that_cannot_be_sent_is_none(text: str) -> None:
    server = Scripted(GOOD, tokens=[token(text)])
    with client(server, Hand()) as grantory, pytest.raises(UnreadableAnswer):
        grantory.oauth_clients.get("1")
    assert not server.requests


class Gate:
    """A token endpoint that answers when it is let."""

    def __init__(self, *steps: Step) -> None:
        self.server = Scripted(GOOD, tokens=steps)
        self.open = asyncio.Event()
        self.asked = asyncio.Event()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == TOKEN_PATH:
            self.asked.set()
            await self.open.wait()
        return self.server(request)

    def client(self, hand: Hand, auth: Auth = CREDENTIALS) -> AsyncGrantory:
        transport = httpx.MockTransport(self)
        return AsyncGrantory(URL, auth=auth, transport=transport, runtime=hand.awaited)


async def test_a_hundred_calls_at_once_make_one_renewal() -> None:
    gate = Gate(token("one"), token("two"))
    async with gate.client(Hand()) as grantory:
        calls = [asyncio.ensure_future(grantory.oauth_clients.get("1")) for _ in range(100)]
        await gate.asked.wait()
        gate.open.set()
        await asyncio.gather(*calls)
    assert len(gate.server.token_requests) == 1
    assert gate.server.bearers == ["one"] * 100


async def test_a_hundred_calls_that_are_refused_at_once_make_one_renewal() -> None:
    refusals, everybody = 100, asyncio.Event()

    class Server(Gate):
        async def __call__(self, request: httpx.Request) -> httpx.Response:
            if request.headers["authorization"] == "Bearer one":
                self.server(request)
                if len(self.server.requests) == refusals:
                    everybody.set()
                await everybody.wait()
                return httpx.Response(401)
            return await super().__call__(request)

    gate = Server(token("one"), token("two"))
    gate.open.set()
    async with gate.client(Hand()) as grantory:
        await asyncio.gather(*(grantory.oauth_clients.get("1") for _ in range(refusals)))
    assert len(gate.server.token_requests) == 2
    assert sorted(gate.server.bearers) == ["one"] * refusals + ["two"] * refusals


async def test_those_who_wait_for_a_renewal_that_fails_share_its_failure() -> None:
    gate = Gate(oauth_refusal("invalid_client", 401))
    async with gate.client(Hand()) as grantory:
        calls = [asyncio.ensure_future(grantory.oauth_clients.get("1")) for _ in range(100)]
        await gate.asked.wait()
        gate.open.set()
        ends = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(end, TokenRefused) for end in ends)
        assert len(gate.server.token_requests) == 1
        with pytest.raises(TokenRefused):  # who comes later asks again
            await grantory.oauth_clients.get("1")
    assert len(gate.server.token_requests) == 2


async def test_nobody_waits_for_a_renewal_while_the_old_token_is_good() -> None:
    gate, hand = Gate(token("one", 600), token("two", 600)), Hand()
    gate.open.set()
    async with gate.client(hand) as grantory:
        await grantory.oauth_clients.get("1")
        hand.now += 550
        gate.open.clear()
        gate.asked.clear()
        first = asyncio.ensure_future(grantory.oauth_clients.get("1"))
        await gate.asked.wait()
        await grantory.oauth_clients.get("1")
        assert gate.server.bearers == ["one", "one"]
        gate.open.set()
        await first
    assert gate.server.bearers == ["one", "one", "two"]


async def test_a_cancelled_call_leaves_the_renewal_to_the_next() -> None:
    gate = Gate(token("one"))
    async with gate.client(Hand()) as grantory:
        first = asyncio.ensure_future(grantory.oauth_clients.get("1"))
        second = asyncio.ensure_future(grantory.oauth_clients.get("1"))
        await gate.asked.wait()
        first.cancel()
        gate.open.set()
        await second
        assert first.cancelled()
    assert gate.server.bearers == ["one"]


async def test_a_refresh_token_that_was_sent_is_not_lost_with_a_cancelled_call() -> None:
    gate, hand = Gate(token("one", refresh_token="r2"), token("two")), Hand()
    kept: list[str] = []
    auth = RefreshToken("id", "s", "r1", on_renewed=kept.append)
    async with gate.client(hand, auth) as grantory:
        first = asyncio.ensure_future(grantory.oauth_clients.get("1"))
        second = asyncio.ensure_future(grantory.oauth_clients.get("1"))
        await gate.asked.wait()
        first.cancel()
        await asyncio.sleep(0)
        gate.open.set()
        await second
        with pytest.raises(asyncio.CancelledError):
            await first
    assert kept == ["r2"]
    assert len(gate.server.token_requests) == 1
    assert gate.server.bearers == ["one"]


def test_a_refresh_token_that_was_sent_is_not_lost_with_ctrl_c() -> None:
    server = Scripted(GOOD, tokens=[token("one", refresh_token="r2")])
    main, kept = threading.get_ident(), list[tuple[str, int]]()

    def answer_after_ctrl_c(request: httpx.Request) -> httpx.Response:
        if request.url.path == TOKEN_PATH:
            signal.pthread_kill(main, signal.SIGINT)
        return server(request)

    auth = RefreshToken(
        "id", "s", "r1", on_renewed=lambda text: kept.append((text, threading.get_ident()))
    )
    transport = httpx.MockTransport(answer_after_ctrl_c)
    with Grantory(URL, auth=auth, transport=transport, runtime=Hand().blocking) as grantory:
        with pytest.raises(KeyboardInterrupt):
            grantory.oauth_clients.get("1")
        assert kept == [("r2", main)]
        grantory.oauth_clients.get("1")
    assert len(server.token_requests) == 1
    assert server.bearers == ["one"]


def test_an_early_renewal_that_fails_is_no_failure_yet() -> None:
    lost = httpx.ConnectError("refused")
    server, hand = Scripted(GOOD, tokens=[token("one", 600), lost]), Hand()
    with client(server, hand) as grantory:
        grantory.oauth_clients.get("1")
        hand.now += 550
        for _ in range(3):
            grantory.oauth_clients.get("1")
        assert len(server.token_requests) == 2  # and not with every call
        hand.now += 6
        grantory.oauth_clients.get("1")
        assert len(server.token_requests) == 3
        hand.now += 100
        with pytest.raises(ConnectionFailed):
            grantory.oauth_clients.get("1")
    assert server.bearers == ["one"] * 5


def test_threads_share_one_renewal() -> None:
    count = 20
    together = threading.Barrier(count)
    server = Scripted(GOOD, tokens=[token("one"), token("two")])
    with client(server, Hand()) as grantory, ThreadPoolExecutor(count) as threads:

        def call(_number: int) -> None:
            together.wait(30)
            grantory.oauth_clients.get("1")

        list(threads.map(call, range(count)))
    assert len(server.token_requests) == 1
    assert server.bearers == ["one"] * count


def test_a_refresh_token_is_replaced_by_each_answer() -> None:
    kept: list[str] = []
    server = Scripted(
        GOOD,
        tokens=[token("one", 100, refresh_token="r2"), token("two", 100, refresh_token="r3")],
    )
    hand = Hand()
    with client(server, hand, RefreshToken("id", "s", "r1", on_renewed=kept.append)) as grantory:
        grantory.oauth_clients.get("1")
        hand.now += 100
        grantory.oauth_clients.get("1")
    assert [form_of(request)["refresh_token"] for request in server.token_requests] == ["r1", "r2"]
    assert kept == ["r2", "r3"]


def test_a_client_without_a_secret_names_itself_in_the_form() -> None:
    server = Scripted(GOOD)
    with client(server, Hand(), RefreshToken("id", None, "r1")) as grantory:
        grantory.oauth_clients.get("1")
    [request] = server.token_requests
    assert "authorization" not in request.headers
    assert form_of(request)["client_id"] == "id"


@pytest.mark.parametrize("made", ["assertion", lambda: "assertion"])
def test_an_assertion_is_sent_with_the_organization(made: str | Callable[[], str]) -> None:
    server = Scripted(GOOD)
    auth = SamlBearer("id", "s", organization="Example", assertion=made)
    with client(server, Hand(), auth) as grantory:
        grantory.oauth_clients.get("1")
    assert form_of(server.token_requests[0]) == {
        "grant_type": "urn:ietf:params:oauth:grant-type:saml2-bearer",
        "orgName": "Example",
        "assertion": "assertion",
    }


def test_what_is_missing_is_told_at_once() -> None:
    for wrong in (
        lambda: ClientCredentials("", "s"),
        lambda: ClientCredentials("id", ""),
        lambda: RefreshToken("id", None, ""),
        lambda: AccessToken(""),
        lambda: AccessToken("a-token\n"),
        lambda: AccessToken("\N{LATIN SMALL LETTER A WITH DIAERESIS}"),
    ):
        with pytest.raises(ConfigurationError):
            wrong()
