"""People who have logged in, and all that can be done to end what came of that."""

import itertools
from collections.abc import Iterable
from typing import Any, NamedTuple

from tests.exactness.changes import Change, Making
from tests.exactness.subjects import CLIENTS, ROLES, TOKEN, role_document
from tests.support.people import GOOD_PASSWORD, USERS
from tests.support.person import Person
from tests.support.processes import (
    Line,
    Question,
    Site,
    api_question,
    form_question,
    revocation_question,
)
from tests.support.visitor import PKCE, REDIRECT, VERIFIER

SUBJECTS = "/api/v2/authorization/subjects"
AUTHORIZATIONS = "/api/v2/oauth/authorizations"
NEW_PASSWORD = "loud harbor eight kites"
_numbers = itertools.count(1)


class Login(NamedTuple):
    """Somebody with a role that lets them see clients, an application, and what it was given."""

    user_id: str
    role_id: str
    client_id: str
    secret: str
    cookie: str
    """The browser's."""
    code: str
    """Was redeemed."""
    spent: str
    """The refresh token that came of it, before the last but one."""
    refresh: str
    token: str

    def __repr__(self) -> str:
        return f"user {self.user_id}"

    @property
    def has_token(self) -> Question:
        """Is the token good? Decided from memory alone."""
        return api_question(self.token, "HEAD", TOKEN)

    @property
    def has_right(self) -> Question:
        """May the person do what the role lets them do?"""
        return api_question(self.token, "GET", f"{CLIENTS}?pageSize=1")

    @property
    def redeeming(self) -> Question:
        """Redeems the code."""
        return redeeming(self.client_id, self.secret, self.code)

    def refreshing(self, token: str) -> Question:
        """Asks for new tokens."""
        form = {"grant_type": "refresh_token", "refresh_token": token}
        return form_question("/oauth/token", self.client_id, self.secret, form)


def redeeming(client_id: str, secret: str, code: str) -> Question:
    """Redeems a code that was asked for with PKCE."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
    }
    return form_question("/oauth/token", client_id, secret, form)


def app_document(**fields: str) -> dict[str, Any]:
    """A client that acts for people."""
    return {
        "name": "app",
        "authorizedGrantType": "CODE",
        "registeredRedirectUri": [REDIRECT],
        "state": "active",
        **fields,
    }


def log_in(site: Site, line: Line, applications: int = 1) -> list[Login]:
    """A new person, who logs in once, and lets new applications act for them."""
    number = next(_numbers)
    email = f"ann{number}@example.com"
    role = site.manage(line, "POST", ROLES, role_document(f"person's {number}", "view"))
    person = {"name": f"Ann {number}", "email": email, "password": GOOD_PASSWORD}
    user_id = site.manage(line, "POST", USERS, person)["id"]
    site.manage(line, "POST", f"{SUBJECTS}/{user_id}/divisions/*/roles/{role['id']}")
    with Person(site.nodes[0], email, GOOD_PASSWORD) as browser:
        return [_tokens(site, line, browser, user_id, str(role["id"])) for _ in range(applications)]


def _tokens(site: Site, line: Line, browser: Person, user_id: str, role_id: str) -> Login:
    """What a new application is given; it has refreshed its tokens twice."""
    app = site.manage(line, "POST", CLIENTS, app_document())
    code = browser.authorize(app["id"], REDIRECT, **PKCE)["code"]
    given = _given(line, redeeming(app["id"], app["secret"], code))
    spent = given["refresh_token"]
    login = Login(user_id, role_id, app["id"], app["secret"], browser.cookie, code, spent, "", "")
    for _ in range(2):  # the one before the good one may still be used
        given = _given(line, login.refreshing(given["refresh_token"]))
    return login._replace(refresh=given["refresh_token"], token=given["access_token"])


def _given(line: Line, question: Question) -> dict[str, str]:
    reply = line.ask(question)
    assert reply.status == 200, reply.body
    return dict(reply.json())


def _token(login: Login) -> list[Question]:
    return [login.has_token]


def _right(login: Login) -> list[Question]:
    return [login.has_right]


def _refresh(login: Login) -> list[Question]:
    return [login.refreshing(login.refresh)]


def _of_admin(site: Site, method: str, path: str, document: Any = None) -> Question:
    return api_question(site.admin_token, method, path, document)


def _of_client(site: Site, login: Login, method: str, path: str = "") -> Question:
    return _of_admin(site, method, f"{CLIENTS}/{login.client_id}{path}")


def _change_client(site: Site, login: Login, **fields: str) -> Question:
    return _of_admin(site, "PUT", f"{CLIENTS}/{login.client_id}", app_document(**fields))


def _of_user(
    site: Site, login: Login, method: str, path: str = "", document: Any = None
) -> Question:
    return _of_admin(site, method, f"{USERS}/{login.user_id}{path}", document)


def _change_own_password(_site: Site, login: Login) -> Question:
    passwords = {"oldPassword": GOOD_PASSWORD, "newPassword": NEW_PASSWORD}
    return api_question(login.token, "POST", f"{USERS}/me/password", passwords)


def _log_out(_site: Site, login: Login) -> Question:
    return Question("GET", "/logout", (("Cookie", login.cookie),))


def _narrow_role(site: Site, login: Login) -> Question:
    document = role_document(f"narrow {login.role_id}", "add")
    return _of_admin(site, "PUT", f"{ROLES}/{login.role_id}", document)


def _take_role(site: Site, login: Login) -> Question:
    path = f"{SUBJECTS}/{login.user_id}/divisions/*/roles/{login.role_id}"
    return _of_admin(site, "DELETE", path)


REUSED = frozenset({400})
OF_THE_APPLICATION: dict[str, Change[Login]] = {
    "token ends itself": Change(lambda _, s: api_question(s.token, "DELETE", TOKEN), _token),
    "token revoked as RFC 7009 says": Change(
        lambda _, s: revocation_question(s.client_id, s.secret, s.token), _token
    ),
    "refresh token revoked as RFC 7009 says": Change(
        lambda _, s: revocation_question(s.client_id, s.secret, s.refresh), _token, _refresh
    ),
    "old refresh token used again": Change(
        lambda _, s: s.refreshing(s.spent), _token, _refresh, REUSED
    ),
    "code used again": Change(lambda _, s: s.redeeming, _token, _refresh, REUSED),
    "authorization taken back": Change(
        lambda site, s: _of_admin(site, "DELETE", f"{AUTHORIZATIONS}/{s.client_id}"),
        *(_token, _refresh),
    ),
    "application disabled": Change(
        lambda site, s: _change_client(site, s, state="disabled"), _token, _refresh
    ),
    "application of another grant type": Change(
        lambda site, s: _change_client(site, s, authorizedGrantType="TOKEN"), _token, _refresh
    ),
    "application deleted": Change(lambda site, s: _of_client(site, s, "DELETE"), _token, _refresh),
    "tokens of the application ended": Change(
        lambda site, s: _of_client(site, s, "DELETE", "/tokens"), _token, _refresh
    ),
}
OF_THE_PERSON: dict[str, Change[Login]] = {
    "logout": Change(_log_out, _token, _refresh),
    "tokens of the user ended": Change(
        lambda site, s: _of_admin(site, "DELETE", f"/api/v2/tokens/{s.user_id}"), _token, _refresh
    ),
    "user inactive": Change(
        lambda site, s: _of_user(site, s, "PATCH", document={"state": "inactive"}),
        *(_token, _refresh),
    ),
    "user deleted": Change(lambda site, s: _of_user(site, s, "DELETE"), _token, _refresh),
    "password set": Change(
        lambda site, s: _of_user(site, s, "POST", "/password", {"newPassword": NEW_PASSWORD}),
        *(_token, _refresh),
    ),
    "own password changed": Change(_change_own_password, _token, _refresh),
    "role of the user narrowed": Change(_narrow_role, _right),
    "role taken from the user": Change(_take_role, _right),
}


IN_FAULTS = ("logout", "user inactive", "role taken from the user")
"""What is done to persons in every fault; digests of passwords take most of the time."""


class Endings(NamedTuple):
    """All that can be done to end what came of logins, each to be done to another."""

    makings: list[Making[Login]]
    spared: Login
    """Nothing ends it."""


def make_endings(site: Site, line: Line, to_persons: Iterable[str] = OF_THE_PERSON) -> Endings:
    """New logins, with what is to end them; for each ending of a person, somebody else's."""
    *shared, spared = log_in(site, line, len(OF_THE_APPLICATION) + 1)
    one_of_many = zip(OF_THE_APPLICATION.items(), shared, strict=True)
    makings = [Making(name, change, login) for (name, change), login in one_of_many]
    for name in to_persons:
        [login] = log_in(site, line)
        makings.append(Making(name, OF_THE_PERSON[name], login))
    return Endings(makings, spared)
