"""Logins of people with the official SDKs: code, code with PKCE, refresh; and a strict client."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from requests_oauthlib import OAuth2Session

from tests.compat.arrange import unique
from tests.compat.sdk import RefusedError, Sdk, model
from tests.support.person import Person
from tests.support.server import RunningServer
from tests.support.visitor import PKCE, VERIFIER

pytestmark = pytest.mark.compat
REDIRECT = "http://127.0.0.1:4711/back"
CODE = {"python": "get_code_authorization_token", "javascript": "loginCodeAuthorizationGrant"}
PKCE_LOGIN = {"python": "get_pkce_token", "javascript": "authorizePKCEGrant"}
REFRESH = {
    "python": "refresh_code_authorization_token",
    "javascript": "refreshCodeAuthorizationGrant",
}


class App(NamedTuple):
    """A client that acts for people."""

    id: str
    secret: str


@pytest.fixture
def app(server: RunningServer) -> App:
    body = {
        "name": unique("app"),
        "authorizedGrantType": "CODE",
        "registeredRedirectUri": [REDIRECT],
        "scope": ["users", "oauth", "authorization"],
    }
    reply = server.call("POST", "/api/v2/oauth/clients", body)
    assert reply.status == 200, reply.body
    made: dict[str, Any] = reply.json()
    return App(made["id"], made["secret"])


@pytest.fixture
def person(server: RunningServer) -> Iterator[Person]:
    with Person(server) as somebody:
        yield somebody


def test_a_code_gives_a_token_that_works(sdk: Sdk, app: App, person: Person) -> None:
    code = person.authorize(app.id, REDIRECT)["code"]
    kept = sdk.login_by(CODE[sdk.name], app.id, app.secret, code, REDIRECT)
    assert kept["refresh_token"]
    info = sdk.call("TokensApi", "get_tokens_me").value
    assert info["OAuthClient"]["id"] == app.id
    assert info["authorizedScope"] == ["users", "oauth", "authorization"]


def test_who_has_logged_in_is_told_who_they_are(sdk: Sdk, app: App, person: Person) -> None:
    code = person.authorize(app.id, REDIRECT)["code"]
    sdk.login_by(CODE[sdk.name], app.id, app.secret, code, REDIRECT)
    expand = ["authorization", "organization", "lastTokenIssued", "token"]
    me = sdk.call("UsersApi", "get_users_me", expand=expand).value
    assert me["email"] == me["username"] == person.email
    assert me["authorization"]["permissions"] == ["*:*:*"]
    assert me["organization"]["id"]
    assert me["lastTokenIssued"]["dateIssued"]
    assert me["token"]["OAuthClient"]["id"] == app.id


def test_a_new_password_ends_what_the_old_one_led_to(
    sdk: Sdk, server: RunningServer, app: App
) -> None:
    old, new = "violet rivers in august", "seven slow lanterns"
    body = {
        "name": "Ada",
        "email": f"{unique('ada').replace(' ', '.')}@example.com",
        "password": old,
    }
    made = server.call("POST", "/api/v2/users", body)
    assert made.status == 200, made.body
    with Person(server, body["email"], old) as ada:
        code = ada.authorize(app.id, REDIRECT)["code"]
        kept = sdk.login_by(CODE[sdk.name], app.id, app.secret, code, REDIRECT)
        change = model("ChangeMyPasswordRequest", oldPassword=old, newPassword=new)
        assert sdk.call("UsersApi", "post_users_me_password", change).status == 204
        assert server.call("GET", "/api/v2/tokens/me", token=kept["token"]).status == 401
        assert ada.is_asked_for_a_password(app.id, REDIRECT)
    with pytest.raises(RefusedError) as refused:
        sdk.login_by(REFRESH[sdk.name], app.id, app.secret, kept["refresh_token"])
    assert refused.value.document["error"] == "invalid_grant"
    with Person(server, body["email"], new) as ada:
        assert "code" in ada.authorize(app.id, REDIRECT)


def test_a_refresh_token_gives_new_tokens(sdk: Sdk, app: App, person: Person) -> None:
    code = person.authorize(app.id, REDIRECT)["code"]
    first = sdk.login_by(CODE[sdk.name], app.id, app.secret, code, REDIRECT)
    second = sdk.login_by(REFRESH[sdk.name], app.id, app.secret, first["refresh_token"])
    assert second["token"] != first["token"]
    assert second["refresh_token"] != first["refresh_token"]
    assert sdk.call("TokensApi", "get_tokens_me").status == 200


def test_a_verifier_gives_a_token_without_a_secret(sdk: Sdk, app: App, person: Person) -> None:
    code = person.authorize(app.id, REDIRECT, **PKCE)["code"]
    assert sdk.login_by(PKCE_LOGIN[sdk.name], app.id, VERIFIER, code, REDIRECT)["token"]
    assert sdk.call("TokensApi", "get_tokens_me").value["OAuthClient"]["id"] == app.id


def test_a_code_is_good_once(sdk: Sdk, app: App, person: Person) -> None:
    code = person.authorize(app.id, REDIRECT)["code"]
    sdk.login_by(CODE[sdk.name], app.id, app.secret, code, REDIRECT)
    with pytest.raises(RefusedError) as refused:
        sdk.login_by(CODE[sdk.name], app.id, app.secret, code, REDIRECT)
    assert refused.value.status == 400
    assert refused.value.document["error"] == "invalid_grant"


def test_a_python_program_goes_on_when_its_token_was_ended(
    python: Sdk, app: App, person: Person
) -> None:
    """The SDK refreshes by itself on 401, and repeats the call."""
    code = person.authorize(app.id, REDIRECT)["code"]
    python.login_by(CODE["python"], app.id, app.secret, code, REDIRECT)
    python.call("TokensApi", "delete_tokens_me")
    assert python.call("TokensApi", "get_tokens_me").status == 200


def test_a_strict_client_does_code_with_pkce_and_refresh(
    server: RunningServer, app: App, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # it insists on TLS
    base = f"http://127.0.0.1:{server.port}"
    with OAuth2Session(app.id, redirect_uri=REDIRECT, pkce="S256") as session:
        session.trust_env = False
        address, state = session.authorization_url(f"{base}/oauth/authorize")
        given = person.visit(address)
        assert given["state"] == state
        back = f"{REDIRECT}?code={given['code']}&state={state}"
        token = session.fetch_token(
            f"{base}/oauth/token", authorization_response=back, client_secret=app.secret
        )
        assert token["token_type"].lower() == "bearer"
        assert session.get(f"{base}/api/v2/tokens/me", timeout=30).status_code == 200
        renewed = session.refresh_token(
            f"{base}/oauth/token", auth=(app.id, app.secret), timeout=30
        )
        assert renewed["refresh_token"] != token["refresh_token"]
        assert session.get(f"{base}/api/v2/tokens/me", timeout=30).status_code == 200
