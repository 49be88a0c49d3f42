"""The logins of people from the command line ``gc``, byte by byte.

Its page carries a code, or a token of the implicit grant, on to the command in a path, between
slashes. It redeems a code with a verifier, its client id in the form, and Basic with the id and
whatever secret the profile has: mostly none. It keeps no refresh token: on a 401 it opens the
browser again, once.
"""

import re
from urllib.parse import unquote

import pytest

from tests.compat.wire.people import PKCE, VERIFIER, App, make_app, new_code
from tests.compat.wire.raw_http import (
    RawReply,
    assert_login_error,
    assert_platform_error,
    assert_token,
    exchange,
)
from tests.compat.wire.writers import Gc
from tests.support.person import Person
from tests.support.server import RunningServer

GC = Gc()
PAGE = "http://localhost:8080/"
TOKENS_ME = "/api/v2/tokens/me"
IN_A_PATH = re.compile(r"[A-Za-z0-9._~-]+")
"""What needs no escape there, and holds no slash."""
SECRETS = ("none", "right")


@pytest.fixture(scope="module")
def app(server: RunningServer) -> App:
    return make_app(server, registeredRedirectUri=[PAGE])


def redeem(server: RunningServer, app: App, secret: str, code: str, **other: str) -> RawReply:
    """Redeem a code as a PKCE profile does."""
    fields = {
        "grant_type": "authorization_code",
        "client_id": app.id,
        "code": code,
        "redirect_uri": PAGE,
        "code_verifier": VERIFIER,
        **other,
    }
    request = GC.login(server.port, app.id, secret, form=GC.form(**fields))
    return exchange(server.port, request)


@pytest.mark.parametrize("secret", SECRETS)
def test_a_code_with_a_verifier(server: RunningServer, app: App, secret: str) -> None:
    code = new_code(server, app, PAGE, **PKCE)
    assert IN_A_PATH.fullmatch(code)
    reply = redeem(server, app, app.secret if secret == "right" else "", code)
    token = assert_token(reply)
    assert ("refresh_token" in reply.json()) is (secret == "right")
    info = GC.ask(server, f"GET {TOKENS_ME}", token=token)
    assert info.json()["OAuthClient"]["id"] == app.id


def test_a_profile_with_a_wrong_secret(server: RunningServer, app: App) -> None:
    code = new_code(server, app, PAGE, **PKCE)
    assert_login_error(redeem(server, app, "wrong", code), 401, "invalid_client")
    assert_token(redeem(server, app, "", code))


def test_refused_codes_are_json(server: RunningServer, app: App) -> None:
    for other in (
        {"code_verifier": "v" * 128},
        {"redirect_uri": "http://localhost:8081/"},
        {"code": "none"},
    ):
        code = new_code(server, app, PAGE, **PKCE)
        reply = redeem(server, app, "", **{"code": code, **other})
        assert_login_error(reply, 400, "invalid_grant")


def test_a_code_without_a_challenge_is_not_redeemed_without_a_secret(
    server: RunningServer, app: App
) -> None:
    assert_login_error(redeem(server, app, "", new_code(server, app, PAGE)), 400, "invalid_grant")


def test_an_ended_token_opens_the_browser_again(server: RunningServer, app: App) -> None:
    with Person(server) as person:
        code = person.authorize(app.id, PAGE, **PKCE)["code"]
        old = assert_token(redeem(server, app, "", code))
        assert GC.ask(server, f"DELETE {TOKENS_ME}", token=old).status == 200
        ended = GC.ask(server, f"GET {TOKENS_ME}", token=old)
        assert_platform_error(ended, 401, "bad.credentials")
        # The person is still logged in, and has consented: the browser goes there and back.
        code = person.authorize(app.id, PAGE, **PKCE)["code"]
        new = assert_token(redeem(server, app, "", code))
        assert GC.ask(server, f"GET {TOKENS_ME}", token=new).status == 200


def test_a_token_in_the_fragment(server: RunningServer) -> None:
    app = make_app(server, "TOKEN", registeredRedirectUri=[PAGE])
    with Person(server) as person:
        given = person.authorize(app.id, PAGE, response_type="token")
    assert set(given) == {"access_token", "expires_in", "token_type", "iss"}
    assert given["token_type"] == "bearer"
    assert int(given["expires_in"]) == 86_400
    # The page decodes it, writes it into a path, and the command takes what is between slashes.
    token = given["access_token"]
    assert unquote(token.replace("+", " ")) == token
    assert IN_A_PATH.fullmatch(token)
    assert GC.ask(server, f"GET {TOKENS_ME}", token=token).status == 200


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"response_type": "token"}, "unauthorized_client"),
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"scope": "none"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_refusals_are_those_that_its_page_knows(
    server: RunningServer, app: App, parameters: dict[str, str], error: str
) -> None:
    with Person(server) as person:
        given = person.authorize(app.id, PAGE, **{**PKCE, **parameters})
    assert given["error"] == error
    assert given["error_description"]
