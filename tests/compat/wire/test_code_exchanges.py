"""The logins of people from Go, Java, .NET and ``gc``, byte by byte: code, verifier, refresh.

Go and ``gc`` sort their forms, .NET writes a blank as ``%20``, Java escapes a tilde. Go takes
nothing but 200 for a success, and no answer to a code with a secret, or to a refresh token,
without a ``refresh_token``. .NET reads ``expires_in`` as a number. With a verifier all but ``gc``
send no ``Authorization`` header.
"""

from uuid import uuid4

import pytest

from tests.compat.arrange import UNKNOWN_ID
from tests.compat.wire.people import (
    PKCE,
    REDIRECT,
    TOKENS_ME,
    VERIFIER,
    App,
    Session,
    make_app,
    new_code,
)
from tests.compat.wire.raw_http import (
    Connection,
    RawReply,
    assert_login_error,
    assert_platform_error,
    assert_token,
    exchange,
)
from tests.compat.wire.writers import WRITERS, DotNet
from tests.support.person import Person
from tests.support.server import RunningServer

PASSWORD = "a heron on one leg"
SDKS = ["go", "java", "dotnet"]


@pytest.fixture(scope="module")
def app(server: RunningServer) -> App:
    return make_app(server)


@pytest.fixture(params=SDKS)
def session(request: pytest.FixtureRequest, server: RunningServer, app: App) -> Session:
    """Each SDK in turn, with no token yet."""
    return Session(WRITERS[request.param], server, app)


def assert_refreshable(reply: RawReply) -> None:
    """What Go and .NET read of an answer that they will refresh."""
    document = reply.json()
    assert set(document) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert isinstance(document["refresh_token"], str)
    assert document["refresh_token"]
    # Go sleeps for that long but for a minute, and then asks again.
    assert document["expires_in"] >= 300
    assert_token(reply)


# ---------------------------------------------------------------------------------- codes


def test_a_code_with_the_secret(server: RunningServer, app: App, session: Session) -> None:
    reply = session.redeem(new_code(server, app))
    assert_refreshable(reply)
    session.keep(reply)
    info = session.call(f"GET {TOKENS_ME}").json()
    assert info["OAuthClient"]["id"] == app.id
    assert info["OAuthClient"]["organization"]["id"] == server.organization_id


def test_a_code_with_a_verifier_and_no_secret(
    server: RunningServer, app: App, session: Session
) -> None:
    reply = session.redeem_publicly(new_code(server, app, **PKCE), VERIFIER)
    assert "refresh_token" not in reply.json()  # which these SDKs do not look for here
    session.keep(reply)
    assert session.call(f"GET {TOKENS_ME}").json()["OAuthClient"]["id"] == app.id


def test_dot_net_asks_before_it_sends_a_code(server: RunningServer, app: App) -> None:
    client = DotNet()
    fields = {"grant_type": "authorization_code", "redirect_uri": REDIRECT}
    form = client.form(**fields, code=new_code(server, app))
    request = client.login(server.port, app.id, app.secret, "Expect: 100-continue", form=form)
    with Connection(server.port) as connection:
        asked, reply = connection.send_expecting(request)
    assert asked
    assert_refreshable(reply)


@pytest.mark.parametrize(
    ("redirect_uri", "verifier", "error"),
    [
        ("https://app.example.com/back", None, "invalid_grant"),
        (REDIRECT, "v" * 43, "invalid_grant"),
        (REDIRECT, "short", "invalid_grant"),
    ],
    ids=["another address", "another verifier", "a short verifier"],
)
def test_refused_codes_are_json(
    server: RunningServer,
    app: App,
    session: Session,
    redirect_uri: str,
    verifier: str | None,
    error: str,
) -> None:
    if verifier is None:
        reply = session.redeem(new_code(server, app), redirect_uri=redirect_uri)
    else:
        reply = session.redeem_publicly(new_code(server, app, **PKCE), verifier)
    assert_login_error(reply, 400, error)


def test_a_code_counts_once(server: RunningServer, app: App, session: Session) -> None:
    code = new_code(server, app)
    session.keep(session.redeem(code))
    assert_login_error(session.redeem(code), 400, "invalid_grant")
    # Somebody else has had it: so what it has led to is over, and no refresh brings it back.
    assert_login_error(session.call(f"GET {TOKENS_ME}"), 400, "invalid_grant")
    assert session.refreshes == 1


@pytest.mark.parametrize("name", SDKS)
def test_a_code_with_a_wrong_secret(server: RunningServer, app: App, name: str) -> None:
    code = new_code(server, app)
    wrong = Session(WRITERS[name], server, App(app.id, "wrong"))
    assert_login_error(wrong.redeem(code), 401, "invalid_client")
    # Nobody has used it up who could not show who they are.
    assert_token(Session(WRITERS[name], server, app).redeem(code))


def test_a_code_without_a_challenge_needs_the_secret(
    server: RunningServer, app: App, session: Session
) -> None:
    reply = session.redeem_publicly(new_code(server, app), VERIFIER)
    assert_login_error(reply, 400, "invalid_grant")


# ------------------------------------------------------------------------- refresh tokens


def test_a_refresh_token_is_replaced(server: RunningServer, app: App, session: Session) -> None:
    session.keep(session.redeem(new_code(server, app)))
    seen = {session.refresh_token}
    for _ in range(3):
        reply = session.refresh()
        assert_refreshable(reply)
        session.keep(reply)
        seen.add(session.refresh_token)
        assert session.call(f"GET {TOKENS_ME}").status == 200
    assert len(seen) == 4
    assert session.refreshes == 0


def test_a_token_that_ended_is_replaced_and_the_call_repeated(
    server: RunningServer, app: App, session: Session
) -> None:
    session.keep(session.redeem(new_code(server, app)))
    ended = session.token
    assert session.call(f"DELETE {TOKENS_ME}").status == 200
    assert session.call(f"GET {TOKENS_ME}").status == 200
    assert session.refreshes == 1
    assert session.token != ended


def test_a_lack_of_rights_refreshes_nothing(
    server: RunningServer, app: App, session: Session
) -> None:
    # A 401 to a token that is good would make these SDKs refresh for ever.
    email = f"{uuid4()}@example.com"
    body = {"name": "Grace", "email": email, "password": PASSWORD}
    assert server.call("POST", "/api/v2/users", body).status == 200
    with Person(server, email, PASSWORD) as person:
        session.keep(session.redeem(person.authorize(app.id, REDIRECT)["code"]))
    lacking = session.call(f"DELETE /api/v2/users/{UNKNOWN_ID}")
    assert_platform_error(lacking, 403, "missing.any.permissions")
    assert_platform_error(session.call("GET /api/v2/none"), 404, "not.found")
    assert session.refreshes == 0


@pytest.mark.parametrize("name", SDKS)
def test_refused_refreshes_are_json(server: RunningServer, app: App, name: str) -> None:
    # Go refreshes on a 401 from here, too, and then waits ten seconds for itself.
    session = Session(WRITERS[name], server, app)
    session.keep(session.redeem(new_code(server, app)))
    stolen = Session(WRITERS[name], server, make_app(server))
    stolen.refresh_token = session.refresh_token
    assert_login_error(stolen.refresh(), 400, "invalid_grant")
    for text in ("none", f"{session.refresh_token}x", session.token):
        stolen.refresh_token = text
        assert_login_error(stolen.refresh(), 400, "invalid_grant")
    assert_refreshable(session.refresh())


def test_a_refresh_without_the_secret(server: RunningServer, app: App) -> None:
    for client in WRITERS.values():
        session = Session(client, server, app)
        session.keep(session.redeem(new_code(server, app)))
        form = client.form(
            grant_type="refresh_token", refresh_token=session.refresh_token, client_id=app.id
        )
        reply = exchange(server.port, client.public_login(server.port, form))
        assert_login_error(reply, 401, "invalid_client")
