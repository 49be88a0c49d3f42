"""Requests that a test lets fail, as a client sees them."""

from collections.abc import Iterator

import httpx2 as httpx
import pytest

from grantory.testing import GrantoryServer

CLIENTS = "/api/v2/oauth/clients"
TOKEN = "/oauth/token"
NEW = {"name": "app", "authorizedGrantType": "CODE"}


@pytest.fixture
def http(grantory_server: GrantoryServer) -> Iterator[httpx.Client]:
    """A client that calls as the first client."""
    headers = {"Authorization": f"Bearer {grantory_server.token()}"}
    with httpx.Client(base_url=grantory_server.url, headers=headers, timeout=30) as client:
        yield client


def ask_token(http: httpx.Client, server: GrantoryServer) -> httpx.Response:
    form = {"grant_type": "client_credentials"}
    return http.post(TOKEN, data=form, auth=(server.client.id, server.client.secret))


def names(server: GrantoryServer) -> list[str]:
    return [each["name"] for each in server.call("GET", CLIENTS)["entities"]]


def test_too_many_requests(grantory_server: GrantoryServer, http: httpx.Client) -> None:
    grantory_server.faults.limit(retry_after=7, path=f"{CLIENTS}*")
    refused = http.post(CLIENTS, json=NEW)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "7")
    assert refused.json()["code"] == "too.many.requests"
    assert refused.json()["contextId"] == refused.headers["inin-correlation-id"]
    assert names(grantory_server) == ["First client"]
    assert http.post(CLIENTS, json=NEW).status_code == 200  # on the same connection
    assert [(each.status, each.fault) for each in grantory_server.requests()] == [
        (429, "Refusal"),
        (200, ""),
    ]


def test_the_token_endpoint_fails_in_its_own_words(
    grantory_server: GrantoryServer, http: httpx.Client
) -> None:
    faults = grantory_server.faults
    faults.fail(503, path=TOKEN, retry_after=1, times=2)
    answers = [ask_token(http, grantory_server) for _ in range(3)]
    assert [each.status_code for each in answers] == [503, 503, 200]
    assert answers[0].json()["error"] == "temporarily_unavailable"
    faults.fail(502, method="get", code="odd", times=None)
    assert http.get(CLIENTS).json()["code"] == "odd"
    assert http.head(CLIENTS).status_code == 200
    assert http.get("/health/live").status_code == 502
    faults.clear()
    assert http.get(CLIENTS).status_code == 200


def test_a_slow_answer(grantory_server: GrantoryServer, http: httpx.Client) -> None:
    grantory_server.faults.delay(60, method="POST")
    with pytest.raises(httpx.ReadTimeout):
        http.post(CLIENTS, json=NEW, timeout=0.2)
    assert "app" in names(grantory_server)
    grantory_server.faults.delay(0.05)
    assert http.get(CLIENTS).elapsed.total_seconds() >= 0.05


def test_a_dropped_connection(grantory_server: GrantoryServer, http: httpx.Client) -> None:
    faults = grantory_server.faults
    faults.drop()
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        http.post(CLIENTS, json=NEW)
    assert "app" not in names(grantory_server)
    faults.drop("midway")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        http.post(CLIENTS, json=NEW)
    faults.drop("after")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        http.post(CLIENTS, json=NEW)
    assert names(grantory_server).count("app") == 2
    assert [each.status for each in grantory_server.requests()] == [0, 200, 0]


def test_an_expired_token(grantory_server: GrantoryServer, http: httpx.Client) -> None:
    grantory_server.faults.expire_token()
    assert ask_token(http, grantory_server).status_code == 200  # is asked without one
    refused = http.get(CLIENTS)
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    assert http.get(CLIENTS).status_code == 200


def test_what_a_real_expired_token_gets_is_the_same(
    grantory_server: GrantoryServer, http: httpx.Client
) -> None:
    grantory_server.faults.expire_token()
    made_up = http.get(CLIENTS)
    grantory_server.advance(86_401)
    real = http.get(CLIENTS)
    assert real.json() | {"contextId": ""} == made_up.json() | {"contextId": ""}
    for unlike in ("date", "inin-correlation-id"):
        del real.headers[unlike], made_up.headers[unlike]
    assert real.headers == made_up.headers


def test_a_page_is_shown_the_refusal_and_its_preflight_passes(
    grantory_server: GrantoryServer, http: httpx.Client
) -> None:
    grantory_server.faults.limit()
    asked = {"Origin": "http://page.example", "Access-Control-Request-Method": "GET"}
    assert http.options(CLIENTS, headers=asked).status_code == 204
    refused = http.get(CLIENTS, headers={"Origin": "http://page.example"})
    assert refused.status_code == 429
    assert refused.headers["access-control-allow-origin"] == "http://page.example"


def test_what_cannot_be_meant_is_refused(grantory_server: GrantoryServer) -> None:
    faults = grantory_server.faults
    with pytest.raises(ValueError, match="status"):
        faults.fail(200)
    with pytest.raises(ValueError, match="retry_after"):
        faults.limit(-1)
    with pytest.raises(ValueError, match="seconds"):
        faults.delay(-1)
    with pytest.raises(ValueError, match="when"):
        faults.drop("later")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="times"):
        faults.expire_token(times=0)
    with pytest.raises(ValueError, match="path"):
        faults.fail(path="oauth/token")
