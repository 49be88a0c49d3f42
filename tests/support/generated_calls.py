"""Calls that schemathesis makes up from ``/openapi.json``, sent to a server in this process."""

import asyncio
import json
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from copy import deepcopy
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlencode

import httpx2 as httpx
import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from grantory.domain.scopes import SCOPES
from grantory.errors import StorageUnavailable
from grantory.http.login.flow import AUTHORIZE
from grantory.http.login.logout import LOGOUT
from tests.support.about_tokens import INTROSPECT, REVOKE
from tests.support.jwts import jwt_client
from tests.support.people import GOOD_PASSWORD, USERS
from tests.support.saml import signer
from tests.support.subjects import make_division, make_user
from tests.support.user_tokens import user_token
from tests.support.world import ADDRESS, Member, World, new_world

T = TypeVar("T")
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
TOKEN: Final = "/oauth/token"
ABOUT_TOKENS: Final = (INTROSPECT, REVOKE)
VISITED: Final = (AUTHORIZE, LOGOUT)
"""Where people go with their browsers."""
CALLBACK: Final = "https://app.example.com/callback"
OWN: Final = f"{USERS}/me"
"""What only a user can ask."""
MOST_ITEMS: Final = 3
MOST_CHARACTERS: Final = 20
MOST_QUESTIONS: Final = 20
_MODELS: Final = "#/components/schemas/"
_SMALL: Final = "Small"
_USED_UP: Final = {
    "deleteOauthClient": "clientId",
    "deleteAuthorizationRole": "roleId",
    "deleteAuthorizationDivision": "divisionId",
    "deleteUser": "userId",
    "postAuthorizationDivisionRestore": "divisionId",
    "deleteIdentityprovider": "providerId",
    "deleteOauthAuthorization": "clientId",
}
"""What an operation that succeeds leaves nothing of for the next call."""
_NAMED: Final = {
    "roleId": "roleId",
    "roleIds": "roleId",
    "divisionId": "divisionId",
    "divisionIds": "divisionId",
    "subjectIds": "subjectId",
    "certificates": "certificate",
}
"""The fields of a body that hold ids, or what luck does not find, by what fits there."""


def within_reason(document: dict[str, Any]) -> dict[str, Any]:
    """The document with short texts and lists in what is sent: long ones take long to make up.

    What is answered is described as it was.
    """
    models = document["components"]["schemas"]
    shortened = {name + _SMALL: _shortened(model) for name, model in models.items()}
    paths = deepcopy(document["paths"])
    for methods in paths.values():
        for operation in methods.values():
            operation["parameters"] = _shortened(operation.get("parameters", []))
            if "requestBody" in operation:
                operation["requestBody"] = _shortened(operation["requestBody"])
    components = {**document["components"], "schemas": {**models, **shortened}}
    return {**document, "paths": paths, "components": components}


def _shortened(node: Any) -> Any:
    if isinstance(node, list):
        return [_shortened(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {key: _shortened(each) for key, each in node.items()}
    if str(node.get("$ref", "")).startswith(_MODELS):
        made["$ref"] = node["$ref"] + _SMALL
    if node.get("type") == "array":
        made["maxItems"] = min(node.get("maxItems", MOST_ITEMS), MOST_ITEMS)
    if node.get("type") == "string" and "enum" not in node:
        made["maxLength"] = min(node.get("maxLength", MOST_CHARACTERS), MOST_CHARACTERS)
    return made


class Lots:
    """Tells of one id after another whether it is to exist; of those beyond the eighth it is.

    Args:
        bits: from ``LOTS``.
    """

    def __init__(self, bits: int) -> None:
        self._bits = bits

    def next(self) -> bool:
        """Whether the next one is to exist."""
        self._bits, made_up = divmod(self._bits, 2)
        return not made_up


class Caller:
    """An administrator in a world of its own, who calls one operation again and again.

    What only a user can ask, a user without rights asks.

    Args:
        world: the server.
        operation_id: of the operation.
    """

    def __init__(self, world: World, operation_id: str) -> None:
        self.seen: Counter[tuple[int, str]] = Counter()
        """How often each status came, with the error's code."""
        self._world = world
        self._id = operation_id
        self._ids: dict[str, str] = {}
        self._application: dict[str, str] = {}
        """What a query says of a client that people come from."""
        self._machine: Member | None = None
        self._certificate = signer().certificate
        self._token = ""
        self._user_id = ""
        self._password = GOOD_PASSWORD

    async def settle_in(self, path: str) -> None:
        """Makes what the ids in calls are to name."""
        for name in ("roleId", "divisionId", "clientId", "userId", "providerId"):
            await self._make(name)
        if path in ABOUT_TOKENS and self._machine is not None:
            await self._machine.log_in()
        users = path.startswith("/api/v2/users/")
        self._ids["subjectId"] = self._ids["userId" if users else "clientId"]
        if path in VISITED:
            self._application = await self._make_application()
        self._ids["organizationId"] = self._world.founding.organization.id
        if "jwks" in path:
            await jwt_client(self._world)
        self._ids["scopeId"] = next(iter(SCOPES))
        self._ids["certificate"] = self._certificate
        if path.startswith(OWN):
            body = {"name": "Ann", "email": "me@example.com", "password": self._password}
            self._user_id = (await self._world.admin.post(USERS, body))["id"]
        await self._log_in()

    async def _log_in(self) -> None:
        if self._user_id:
            self._token = await user_token(self._world, user_id=self._user_id)
        else:
            self._token = await self._world.admin.log_in()

    async def _make_application(self) -> dict[str, str]:
        body = {"name": "App", "authorizedGrantType": "CODE", "registeredRedirectUri": [CALLBACK]}
        made = await self._world.admin.post("/api/v2/oauth/clients", body)
        return {"client_id": made["id"], "redirect_uri": CALLBACK}

    async def _make(self, name: str) -> None:
        admin = self._world.admin
        if name == "roleId":
            self._ids[name] = await admin.make_role("routing:queue:view")
        elif name == "divisionId":
            self._ids[name] = await make_division(self._world)
            if self._id == "postAuthorizationDivisionRestore":
                await admin.call("DELETE", f"/api/v2/authorization/divisions/{self._ids[name]}")
        elif name == "clientId":
            self._machine = await admin.make_client(self._ids["roleId"])
            self._ids[name] = self._machine.client_id
            await admin.put(f"/api/v2/oauth/authorizations/{self._machine.client_id}", {})
        elif name == "providerId":
            body = {"name": f"IdP {self._world.count()}", "certificate": self._certificate}
            issuer = {"issuerURI": f"https://idp{self._world.count()}.example.com"}
            made = await admin.post("/api/v2/identityproviders", {**body, **issuer})
            self._ids[name] = made["id"]
        else:
            self._ids[name] = await make_user(self._world)

    def furnish(self, case: Case[Any], real: Lots) -> None:
        """Puts ids that exist in the place of made up ones, wherever ``real`` says so."""
        path = {
            name: self._ids[name] if real.next() else value
            for name, value in case.path_parameters.items()
        }
        if path != case.path_parameters:
            case.path_parameters = path
        if self._application and real.next():
            case.query = {**case.query, **self._application}
        if case.path in ABOUT_TOKENS and isinstance(case.body, dict):
            case.body = {"token": case.body.get("token", "")}
            if self._machine is not None and real.next():
                case.body = {"token": self._machine.token}
        elif case.path != TOKEN:
            case.body = self._furnished(case.body, "roleId", real)
            sent = _members(case.body)
            if "oldPassword" in sent and real.next():
                sent["oldPassword"] = self._password
        elif isinstance(case.body, dict) and real.next():
            case.body = {name: case.body[name] for name in case.body if "client" not in name}
            if real.next():  # one of several, and the only one that a client has alone
                case.body = {"grant_type": "client_credentials"}

    def _change(self) -> dict[str, Any]:
        """One of a list of changes, which luck would not find."""
        number = self._world.count()
        name = f"Made {number}"
        client = {"name": name, "authorizedGrantType": "SAML2-BEARER"}
        possible: list[dict[str, Any]] = [
            {"operation": "postAuthorizationDivisions", "key": name, "body": {"name": name}},
            {"operation": "postOauthClients", "body": client},
            {
                "operation": "putAuthorizationRole",
                "id": self._ids["roleId"],
                "body": {"name": name},
            },
        ]
        return possible[number % len(possible)]

    def _furnished(self, value: Any, name: str, real: Lots) -> Any:
        if isinstance(value, dict):
            if "operation" in value and real.next():
                return self._change()
            if "issuerURI" in value and real.next():  # luck does not find what goes together
                return {"name": "An IdP", "issuerURI": "urn:idp", "certificate": self._certificate}
            return {
                key: self._furnished(each, _NAMED.get(key, ""), real) for key, each in value.items()
            }
        if isinstance(value, list):
            return [self._furnished(each, name, real) for each in value]
        return self._ids[name] if isinstance(value, str) and name and real.next() else value

    async def call(self, case: Case[Any], query: str, real: Lots) -> list[httpx.Response]:
        """Sends a case; once more with a new token, or later, where that is what is refused.

        Args:
            case: what schemathesis made up.
            query: more of a query, already encoded.
            real: whether the next id, or secret, is one that exists.
        """
        await self._later(1)
        self.furnish(case, real)
        method, url, headers, content = _wire(case, query)
        if case.path == TOKEN or case.path in ABOUT_TOKENS:
            return [await self._ask_token(url, headers, content, real)]
        answers = []
        for _ in range(2):
            headers["authorization"] = f"Bearer {self._token}"
            answer = await self._world.http.request(method, url, headers=headers, content=content)
            answers.append(answer)
            self._count(answer)
            if answer.status_code == 429:
                await self._later(int(answer.headers["retry-after"]))
            elif answer.status_code == 401:
                await self._log_in()
            else:
                break
        if answers[-1].is_success and self._id in _USED_UP:
            await self._make(_USED_UP[self._id])
        if answers[-1].is_success and "oldPassword" in _members(case.body):
            self._password = _members(case.body)["newPassword"]
        return answers

    async def _later(self, seconds: int) -> None:
        self._world.clock.advance(seconds)
        # A question that was under way meanwhile tells too little to be believed from here on,
        # and on a busy machine the next one may take too long.
        for _ in range(MOST_QUESTIONS):
            try:
                return await self._world.node.store.feed.hear_all()
            except StorageUnavailable:
                continue
        raise AssertionError("the database does not answer")

    async def _ask_token(
        self, url: str, headers: dict[str, str], content: bytes, real: Lots
    ) -> httpx.Response:
        machine = self._machine
        assert machine is not None
        auth = (machine.client_id, machine.secret if real.next() else "wrong")
        options: dict[str, Any] = {"auth": auth} if real.next() else {}
        answer = await self._world.http.post(url, headers=headers, content=content, **options)
        self._count(answer)
        return answer

    def _count(self, answer: httpx.Response) -> None:
        kind = answer.headers.get("content-type", "")
        body = answer.json() if answer.is_error and kind == "application/json" else {}
        self.seen[answer.status_code, body.get("code", body.get("error", ""))] += 1


def _members(body: Any) -> dict[str, Any]:
    return body if isinstance(body, dict) else {}


def _wire(case: Case[Any], query: str) -> tuple[str, str, dict[str, str], bytes]:
    """What schemathesis would send, for another client to send it."""
    made = case.as_transport_kwargs(base_url=ADDRESS)
    params = made.get("params") or {}
    encoded = params if isinstance(params, str) else urlencode(params, True, errors="replace")
    whole = "&".join(filter(None, (encoded, query)))
    content = made.get("data") or b""
    if "json" in made:
        content = json.dumps(made["json"]).encode()
    elif not isinstance(content, bytes):
        content = urlencode(content, True, errors="replace").encode()
    headers = {name.lower(): str(value) for name, value in made["headers"].items()}
    headers.pop("authorization", None)  # the caller has one that is worth more
    return made["method"], made["url"] + ("?" + whole if whole else ""), headers, content


def check(case: Case[Any], answer: httpx.Response) -> None:
    """Asserts that an answer is as ``/openapi.json`` describes it."""
    case.validate_response(answer, checks=CHECKS)


def cases(operation: APIOperation[Any, Any, Any, Any]) -> st.SearchStrategy[Case[Any]]:
    """Calls of an operation: three of four fit its description, the fourth does not."""
    fitting = operation.as_strategy(GenerationMode.POSITIVE)
    unfit = operation.as_strategy(GenerationMode.NEGATIVE)
    return st.integers(0, 3).flatmap(lambda lot: unfit if lot == 0 else fitting)


QUERIES: Final = st.text(max_size=8).map(lambda text: text and urlencode({text: text}))
"""A parameter that no operation knows of, or none."""
LOTS: Final = st.integers(0, 255)
"""Which ids of a call are made up: one bit for each, in turn."""


class Beside:
    """An event loop on a thread of its own, which goes on while a call is made up.

    A server that stood still meanwhile would find that it has not asked its database for too long.
    """

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.run(self._loop.shutdown_asyncgens())
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What a coroutine gives in the end."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


@contextmanager
def calling(
    folder: Path, path: str, operation_id: str, database: str
) -> Iterator[tuple[Beside, Caller]]:
    """A caller of an operation, and what runs its coroutines."""
    on_postgres = database == "postgresql"
    with Beside() as runner:
        stack = AsyncExitStack()
        try:
            world = runner.run(
                stack.enter_async_context(new_world(folder, on_postgres=on_postgres))
            )
            caller = Caller(world, operation_id)
            runner.run(caller.settle_in(path))
            yield runner, caller
        finally:
            runner.run(stack.aclose())


def load(document: dict[str, Any]) -> schemathesis.BaseSchema:
    """What schemathesis makes of a document."""
    return schemathesis.openapi.from_dict(within_reason(document))
