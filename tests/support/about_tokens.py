"""Asking what a token is for, and ending it, as RFC 7662 and RFC 7009 say."""

from typing import Any, Protocol

import httpx2 as httpx

from tests.support.world import World

INTROSPECT = "/oauth/introspect"
REVOKE = "/oauth/revoke"
INACTIVE = b'{"active":false}'
PERMISSION = "oauth:token:introspect"


class Holder(Protocol):
    """A client with its secret."""

    @property
    def client_id(self) -> str: ...

    @property
    def secret(self) -> str: ...


async def introspect(world: World, caller: Holder, token: str, **form: str) -> httpx.Response:
    """The answer to a client that asks of a token, with Basic."""
    auth = (caller.client_id, caller.secret)
    return await world.http.post(INTROSPECT, data={"token": token, **form}, auth=auth)


async def told(world: World, caller: Holder, token: str, **form: str) -> dict[str, Any]:
    """What a client is told of a token that must be active."""
    answer = await introspect(world, caller, token, **form)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    assert body["active"] is True
    return body


async def is_inactive(world: World, caller: Holder, token: str, **form: str) -> bool:
    """Whether just that is said, and nothing else."""
    answer = await introspect(world, caller, token, **form)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content == INACTIVE or answer.json()["active"] is True
    return answer.content == INACTIVE


async def revoke(world: World, caller: Holder, token: str, **form: str) -> httpx.Response:
    """The answer to a client that ends a token; one without a secret names itself alone."""
    data = {"token": token, **form}
    if not caller.secret:
        return await world.http.post(REVOKE, data={"client_id": caller.client_id, **data})
    return await world.http.post(REVOKE, data=data, auth=(caller.client_id, caller.secret))


async def is_done(answer: httpx.Response) -> None:
    """Asserts that nothing is wrong with a revocation, whether it ended anything or not."""
    assert (answer.status_code, answer.content) == (200, b""), answer.text
    assert answer.headers["cache-control"] == "no-store"
