"""The ASGI application: from a request to an answer, a log line, and never a 500 by accident.

An operation is found by one walk through a tree; its declaration says which permission and
body it needs, and both are checked here, in one place, for every operation.
"""

import re
import time
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from grantory.domain.audit import Origin
from grantory.domain.client import Reference, SubjectKind
from grantory.domain.token import AccessToken
from grantory.errors import ApiError, GrantoryError
from grantory.http.cors import API_ROOT, VARY, Cors, options_response
from grantory.http.early_answers import OAUTH_ROOT, WELL_KNOWN, is_oauth
from grantory.http.errors import api_error, api_error_on_oauth, unauthenticated
from grantory.http.exchange import Exchange
from grantory.http.json_body import MAX_BODY, read_body
from grantory.http.login.logout import LOGOUT
from grantory.http.operation import Call, Operation
from grantory.http.paging import refuse_repeated
from grantory.http.permits import Permits
from grantory.http.request import BodyTooLarge, ClientGone, Network, Receive, Request, Scope, Send
from grantory.http.request_limits import RequestCounter, Standing
from grantory.http.response import BrokenOff, Headers, Response
from grantory.http.routing import Match, Router
from grantory.ports.hot_reads import HotReads
from grantory.ports.request_line import RequestLine
from grantory.ports.runtime import Random
from grantory.protocol.access_tokens import AccessTokens, TokenRefused
from grantory.registry.actor import Actor

_SURPLUS_IDS: Final = 256
_UUID_BYTES: Final = 16
_UUID: Final = re.compile("(.{8})(.{4}).(.{3}).(.{3})(.{12})")

Plain = Callable[[Request], Awaitable[Response]]


class HttpSettings(msgspec.Struct, frozen=True):
    """What the deployment says about addresses.

    The prefixes are those that the SDKs' gateway setting puts before API and login paths.
    """

    api_prefix: str = ""
    login_prefix: str = ""
    trusted_proxies: tuple[Network, ...] = ()


class Application:
    """Answers requests.

    Args:
        operations: the management API, by declaration.
        plain: what needs no bearer token, by method and path.
        tokens: verifies bearer tokens.
        reads: rights of subjects.
        requests: counts who asks how much.
        cors: says to whom answers may be shown.
        random: for correlation ids.
        settings: addresses.
        record: takes a line about each answered request, and the grant type of one for a token.
        failed: takes an error that nobody expected.
    """

    def __init__(
        self,
        *,
        operations: tuple[Operation, ...],
        plain: tuple[tuple[str, str, Plain], ...],
        tokens: AccessTokens,
        reads: HotReads,
        requests: RequestCounter,
        cors: Cors,
        random: Random,
        settings: HttpSettings,
        record: Callable[[RequestLine, str], None],
        failed: Callable[[BaseException, str], None],
    ) -> None:
        routes: list[tuple[str, str, Operation | Plain]] = [
            *((operation.method, operation.path, operation) for operation in operations),
            *plain,
        ]
        self._router: Router[Operation | Plain] = Router(routes)
        self._templates = {id(target): path for _, path, target in routes}
        self.routes = tuple((method, path) for method, path, _ in routes)
        """Every method and template that there is."""
        self._tokens = tokens
        self._reads = reads
        self._permits = Permits(reads, tokens)
        self._requests = requests
        self._cors = cors
        self._random = random
        self._settings = settings
        self._has_prefixes = bool(settings.api_prefix or settings.login_prefix)
        self._record = record
        self._failed = failed
        self._ids: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request (ASGI 3)."""
        if scope["type"] != "http":
            raise GrantoryError(f"unexpected ASGI scope {scope['type']}")
        await self._serve(scope, receive, send)

    def take(self, exchange: Exchange) -> Awaitable[None]:
        """Answers one request of our own server, which takes a whole answer at once."""
        return self._serve(exchange.scope, exchange.receive, exchange.send, exchange)

    async def _serve(
        self, scope: Scope, receive: Receive, send: Send, exchange: Exchange | None = None
    ) -> None:
        started = time.perf_counter()
        correlation_id = self._correlation_id()
        whole_body = None if exchange is None else exchange.whole_body
        proxies = self._settings.trusted_proxies
        request = Request(scope, receive, correlation_id, proxies, whole_body)
        path = self._inner_path(request.path) if self._has_prefixes else request.path
        try:
            response = await self._answer(request, path)
        except ClientGone:
            return
        try:
            for_page = self._cors.lines_for_no_page(request, path)
            if for_page is None:
                for_page = b""
                response.headers += await self._cors_headers(request, response, path)
            response.lines += for_page + correlation_line(correlation_id)
            if exchange is None or not response.answers(exchange):
                await response.send(send, head=request.method == "HEAD")
        except BaseException as error:
            response.error_code = "broken.off"
            response.detail = str(error) if isinstance(error, BrokenOff) else ""
            raise
        finally:
            if not response.is_whole:
                await response.close()
            line = RequestLine(
                method=request.method,
                route=request.route,
                status=response.status,
                ms=int((time.perf_counter() - started) * 1e6 + 0.5) / 1000,
                error=response.error_code,
                detail=response.detail,
                client=response.client_id,
                organization=response.organization_id,
                address=request.address,
                correlation_id=correlation_id,
            )
            self._record(line, request.grant_type)

    async def _answer(self, request: Request, path: str) -> Response:
        actor: Actor | None = None
        standing: Standing | None = None
        try:
            _check_headers(request)
            match = self._router.find(path)
            if match is None:
                raise _nothing_here()
            if request.method == "OPTIONS" and self._cors.covers(path):
                request.route = self._templates[id(next(iter(match.methods.values())))]
                return options_response(_methods(match))
            target = match.methods.get(request.method) or _other_target(match, request.method)
            request.route = self._templates[id(target)]
            if not isinstance(target, Operation):
                return await target(request)
            generation = self._reads.generation
            token, actor = await self._authenticate(request, target)
            standing = self._requests.count(token.client_id, token.organization_id)
            if standing.exceeded:
                raise standing.refusal()
            await self._permits.require(target, token)
            if request.scope["query_string"] or "%" in path:
                _check_address(request, target, match.parameters)
            body = None
            if target.body is not None:
                body = await self._read(target, target.body, request)
                if self._has_waited(request, generation):  # what was revoked meanwhile counts
                    token, actor = await self._authenticate(request, target)
                    await self._permits.require(target, token)
            call = Call(request, actor, token, match.parameters, body, self._permits)
            response = await target.handler(call)
        except ApiError as error:
            response = self._refused(error, request)
        except ClientGone:
            raise
        except Exception as error:
            self._failed(error, request.correlation_id)
            response = self._refused(_unexpected(error), request)
        if actor is not None:
            response.client_id = actor.origin.client_id or ""
            response.organization_id = actor.organization_id
        if standing is not None:
            response.lines = standing.lines()
        return response

    def _has_waited(self, request: Request, generation: int) -> bool:
        """Tells whether anything may have changed since, for the body or for the caller's rows."""
        reads = self._reads
        return request.waited or reads.generation != generation or not reads.is_fresh()

    def _refused(self, error: ApiError, request: Request) -> Response:
        if is_oauth(request.path, self._settings.login_prefix):
            return api_error_on_oauth(error)
        return api_error(error, request.correlation_id)

    async def _cors_headers(self, request: Request, response: Response, path: str) -> Headers:
        if not self._cors.covers(path):
            return ()
        try:
            return await self._cors.headers(request, response, path)
        except Exception as error:  # what was done is told all the same
            self._failed(error, request.correlation_id)
            return (VARY,)

    def _inner_path(self, path: str) -> str:
        api, login = self._settings.api_prefix, self._settings.login_prefix
        if api and path.startswith(api + API_ROOT):
            return path[len(api) :]
        if login and path.startswith(login):
            inner = path[len(login) :]
            if inner.startswith((OAUTH_ROOT, WELL_KNOWN)) or inner == LOGOUT:
                return inner
        return path

    async def _authenticate(
        self, request: Request, operation: Operation
    ) -> tuple[AccessToken, Actor]:
        header = request.header(b"authorization")
        if header is None:
            raise unauthenticated(presented=False)
        scheme, _, presented = header.partition(" ")
        presented = presented.strip()
        if scheme.lower() != "bearer" or not presented:
            raise unauthenticated(presented=False)
        if not self._reads.is_fresh():
            await self._reads.refresh()
        try:
            token = await self._tokens.verify(presented)
        except TokenRefused as error:
            raise unauthenticated(presented=True, detail=str(error)) from None
        kind = SubjectKind.CLIENT if token.user_id is None else SubjectKind.USER
        origin = Origin(
            actor=Reference(kind, token.subject_id),
            client_id=token.client_id,
            correlation_id=request.correlation_id,
            address=request.address,
        )
        return token, Actor(
            organization_id=token.organization_id,
            origin=origin,
            permissions=operation.permissions,
        )

    async def _read(
        self, operation: Operation, schema: type[msgspec.Struct], request: Request
    ) -> msgspec.Struct:
        if request.media_type != "application/json" or request.header(b"content-encoding") not in (
            None,
            "identity",
        ):
            raise ApiError(
                415, "unsupported.media.type", "The body must be plain application/json."
            )
        try:
            content = request.body_at_hand(MAX_BODY)
            if content is None:
                content = await request.body(MAX_BODY)
            return read_body(schema, content, operation.further)
        except BodyTooLarge:
            raise ApiError(
                413, "request.entity.too.large", f"The body is larger than {MAX_BODY} bytes."
            ) from None

    def _correlation_id(self) -> str:
        if not self._ids:
            digits = self._random.token_bytes(_UUID_BYTES * _SURPLUS_IDS).hex()
            self._ids = _UUID.sub(r"\1-\2-4\3-a\4-\5 ", digits).split()
        return self._ids.pop()


def correlation_line(correlation_id: str) -> bytes:
    """Writes the header with the id of a request, whose letters some SDKs compare one by one."""
    return b"ININ-Correlation-Id: %b\r\n" % correlation_id.encode()


def _other_target(match: Match[Operation | Plain], method: str) -> Operation | Plain:
    """Finds what answers a method that is not declared."""
    target = match.methods.get("GET") if method == "HEAD" else None
    if target is None:
        allowed = _methods(match)
        raise ApiError(
            405,
            "method.not.allowed",
            f"This address takes {allowed} only.",
            headers=(("allow", allowed),),
        )
    return target


def _methods(match: Match[Operation | Plain]) -> str:
    heads = {"HEAD"} if "GET" in match.methods else set()
    return ", ".join(sorted(heads.union(match.methods)))


def _nothing_here() -> ApiError:
    return ApiError(404, "not.found", "There is nothing at this address.")


def _check_address(request: Request, operation: Operation, parameters: dict[str, str]) -> None:
    if operation.query:
        refuse_repeated(request.query(), operation.query)
    if any("\x00" in value for value in parameters.values()):
        # No id holds a NUL, and PostgreSQL cannot even look for one.
        raise _nothing_here()


def _check_headers(request: Request) -> None:
    headers, scope = request.headers, request.scope
    if b"host" not in headers and scope["http_version"] == "1.1":
        raise ApiError(400, "bad.request", "HTTP/1.1 asks for a Host header.")
    if len(headers) < len(scope["headers"]) and request.repeats_a_header:
        raise ApiError(400, "bad.request", "A header was sent more than once.")


def _unexpected(error: Exception) -> ApiError:
    return ApiError(
        500,
        "internal.server.error",
        "The server failed in a way that nobody foresaw; the log has the details.",
        detail=type(error).__name__,
    )
