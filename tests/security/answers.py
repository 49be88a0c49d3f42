"""What a refusal must look like, wherever it comes from."""

import asyncio
from typing import Any

import httpx2 as httpx

from tests.support.world import World

CREDENTIAL_MARKS = ("gcs_", "gat_", "gac_", "gls_", "grt_")


def error_of(answer: httpx.Response) -> dict[str, Any]:
    """The platform's error body, checked for its form and for what it must not hold."""
    assert answer.status_code >= 400, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    assert body["status"] == answer.status_code
    assert body["contextId"] == answer.headers["ININ-Correlation-Id"]
    assert isinstance(body["message"], str)
    assert isinstance(body["messageParams"], dict)
    assert all(isinstance(detail, dict) for detail in body["details"])
    assert isinstance(body["errors"], list)
    shows_nothing(answer)
    return body


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Asserts one refusal of the management API."""
    body = error_of(answer)
    assert (body["status"], body["code"]) == (status, code), answer.text
    return body


def oauth_refused(answer: httpx.Response, status: int, error: str) -> dict[str, Any]:
    """Asserts one refusal of the token endpoint (RFC 6749 section 5.2)."""
    assert answer.headers["content-type"] == "application/json", answer.text
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["error"]) == (status, error), answer.text
    assert body["description"] == body["error_description"]
    assert ("www-authenticate" in answer.headers) == (status == 401)
    shows_nothing(answer)
    return body


def shows_nothing(answer: httpx.Response) -> None:
    """Asserts that an answer holds neither a secret nor a token."""
    text = answer.text + str(answer.headers)
    assert not any(mark in text for mark in CREDENTIAL_MARKS), text


async def log_of(world: World) -> str:
    """The server's log, with the lines that wait for the end of this turn of the event loop."""
    await asyncio.sleep(0)
    return world.log.getvalue()
