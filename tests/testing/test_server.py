"""The server that a test holds in its hand: what it makes, moves, ends and forgets."""

import threading
from datetime import timedelta

import httpx2 as httpx
import pytest

from grantory.errors import GrantoryError
from grantory.testing import CallRefused, Client, GrantoryServer, ServerFailed

ME = "/api/v2/tokens/me"
CLIENTS = "/api/v2/oauth/clients"
PASSWORD = "quiet harbor seven kites"


def get(server: GrantoryServer, path: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(server.url + path, headers=headers).status_code


def test_what_a_client_may_is_what_its_role_says(grantory_server: GrantoryServer) -> None:
    role = grantory_server.make_role("oauth:client:view")
    able, unable = grantory_server.make_client(role), grantory_server.make_client()
    assert get(grantory_server, CLIENTS, grantory_server.token(able)) == 200
    assert get(grantory_server, CLIENTS, grantory_server.token(unable)) == 403
    with pytest.raises(CallRefused, match=r"missing\.any\.permissions") as refused:
        grantory_server.call("GET", CLIENTS, token=grantory_server.token(unable))
    assert refused.value.status == 403


def test_users_log_in(grantory_server: GrantoryServer) -> None:
    role = grantory_server.make_role("directory:user:view")
    app = grantory_server.make_client(grant_type="PASSWORD")
    for user in (grantory_server.admin, grantory_server.make_user(role, password=PASSWORD)):
        form = {"grant_type": "password", "username": user.email, "password": user.password}
        address = f"{grantory_server.url}/oauth/token"
        token = httpx.post(address, data=form, auth=(app.id, app.secret)).json()["access_token"]
        assert grantory_server.call("GET", "/api/v2/users/me", token=token)["id"] == user.id
        assert get(grantory_server, f"/api/v2/users/{grantory_server.admin.id}", token) == 200


def test_time_moves_on(grantory_server: GrantoryServer) -> None:
    client = grantory_server.make_client(accessTokenValiditySeconds=300)
    token, before = grantory_server.token(client), grantory_server.now()
    grantory_server.advance(290)
    assert get(grantory_server, ME, token) == 200
    grantory_server.advance(10)
    assert get(grantory_server, ME, token) == 401
    assert grantory_server.now() - before >= timedelta(seconds=300)
    with pytest.raises(ValueError, match="seconds"):
        grantory_server.advance(-1)


def test_a_token_ends_early(grantory_server: GrantoryServer) -> None:
    ended, other = grantory_server.token(), grantory_server.token()
    grantory_server.end_token(ended)
    assert get(grantory_server, ME, ended) == 401
    assert get(grantory_server, ME, other) == 200
    with pytest.raises(CallRefused, match=r"bad\.credentials"):
        grantory_server.end_token(ended)


def test_a_reset_leaves_nothing_of_a_test(grantory_server: GrantoryServer) -> None:
    made, before = grantory_server.make_client(), grantory_server.now()
    token = grantory_server.token()
    grantory_server.end_token(token)
    grantory_server.advance(86_400 * 365)
    grantory_server.faults.fail(times=None)
    assert get(grantory_server, ME, token) == 503
    grantory_server.reset()
    assert grantory_server.requests() == []
    listed = grantory_server.call("GET", CLIENTS)["entities"]
    assert [each["id"] for each in listed] == [grantory_server.client.id]
    assert timedelta(0) <= grantory_server.now() - before < timedelta(hours=1)
    assert get(grantory_server, CLIENTS, grantory_server.token()) == 200
    with pytest.raises(CallRefused, match="invalid_client"):
        grantory_server.token(made)


def test_a_reset_cuts_off_what_is_being_answered(grantory_server: GrantoryServer) -> None:
    grantory_server.faults.delay(500)
    ends: list[Exception] = []

    def wait() -> None:
        try:
            httpx.get(f"{grantory_server.url}/health/live", timeout=60)
        except httpx.RemoteProtocolError as error:
            ends.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    while not grantory_server.requests():
        pass
    grantory_server.reset()
    waiting.join(30)
    assert len(ends) == 1


def test_no_secret_shows(grantory_server: GrantoryServer) -> None:
    user = grantory_server.make_user(password=PASSWORD)
    client: Client = grantory_server.make_client()
    shown = f"{grantory_server!r} {client!r} {user!r} {grantory_server.admin!r} {client.hidden}"
    for secret in (PASSWORD, client.secret, grantory_server.admin.password):
        assert secret
        assert secret not in shown + grantory_server.log()
    assert grantory_server.client.id in grantory_server.log()


def test_what_was_chosen_is_refused_by_name() -> None:
    for name, value in {"port": 1, "no.such": 1, "limits.requests_per_client": "many"}.items():
        with pytest.raises(GrantoryError, match=name.replace("limits.", "").replace("_", ".")):
            GrantoryServer({name: value})


def test_a_server_that_is_gone_is_told() -> None:
    with GrantoryServer() as server:
        server.close()
        with pytest.raises(ServerFailed):
            server.now()
