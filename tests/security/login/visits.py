"""What the tests of the login side look at again and again."""

from typing import Any, NamedTuple

import httpx2 as httpx

from tests.security.answers import log_of, oauth_refused
from tests.support.visitor import App, Visitor, told
from tests.support.world import World

PAGE_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
EVERYTHING = ("gac_", "gat_", "gcs_", "gls_", "grt_")


def page(answer: httpx.Response, status: int = 200) -> str:
    """Asserts that this is a page, as every page must be; gives its text."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    assert "location" not in answer.headers
    for name, value in PAGE_HEADERS.items():
        assert answer.headers[name] == value, name
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    for directive in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert directive in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "<script" not in answer.text.lower()
    assert not any(mark in answer.text for mark in EVERYTHING)
    return answer.text


def stays_here(answer: httpx.Response) -> str:
    """Asserts that a request ends on an error page; gives its text."""
    text = page(answer, 400)
    assert "This request cannot go on" in text
    assert "<form" not in text
    return text


def sent_back(answer: httpx.Response, error: str) -> dict[str, str]:
    """Asserts that the client is told of an error; gives all that it is told."""
    values = told(answer)
    assert values["error"] == error, values
    assert values["error_description"]
    assert not {"code", "access_token"} & {*values}
    return values


def is_refused(answer: httpx.Response) -> None:
    """Asserts that a code or refresh token is not good, without a word on why."""
    body = oauth_refused(answer, 400, "invalid_grant")
    assert "was used already" in body["error_description"]


class Tokens(NamedTuple):
    """What a client holds."""

    access: str
    refresh: str


def tokens_of(answer: httpx.Response) -> Tokens:
    """The tokens of an answer that must hold two."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return Tokens(body["access_token"], body["refresh_token"])


async def are_ended(visitor: Visitor, app: App, tokens: Tokens) -> None:
    """Asserts that neither token is good any more."""
    assert await visitor.use(tokens.access) == 401
    is_refused(await visitor.refresh(app, tokens.refresh))


async def events(world: World, action: str) -> list[tuple[Any, ...]]:
    """What was recorded of an action: entity type, name, actor's kind and id, client, address."""
    return await world.rows(
        "SELECT entity_type, entity_name, actor_kind, actor_id, client_id, address, entity_id "
        f"FROM audit_events WHERE action = '{action}' ORDER BY id"
    )


async def nothing_failed(world: World) -> None:
    """Asserts that nothing unforeseen is in the log."""
    log = await log_of(world)
    assert "unexpected failure" not in log
    assert '"status":500' not in log
