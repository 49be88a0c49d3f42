"""Attack cases 54 and 59: grants that a client, or a deployment, is not to have."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.security.answers import oauth_refused
from tests.security.login.visits import nothing_failed, sent_back, tokens_of
from tests.support.soak import databases
from tests.support.visitor import REDIRECT, VERIFIER, App, Visitor, make_app, told
from tests.support.world import World, new_world

SAML = "urn:ietf:params:oauth:grant-type:saml2-bearer"
GRANTS = {
    "CODE": {"authorization_code", "refresh_token"},
    "TOKEN": set(),
    "PASSWORD": {"password"},
    "CLIENT-CREDENTIALS": {"client_credentials"},
    "SAML2-BEARER": {SAML},
}
"""What each kind of client may ask the token endpoint for."""


@pytest.fixture(params=databases())
async def open_world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    on_postgres = request.param == "postgresql"
    async with new_world(tmp_path / "open", on_postgres=on_postgres, grants_password=True) as made:
        yield made


@pytest.fixture(params=databases())
async def closed_world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    on_postgres = request.param == "postgresql"
    async with new_world(
        tmp_path / "closed", on_postgres=on_postgres, grants_implicit=False
    ) as made:
        yield made


async def app_of(world: World, grant: str) -> App:
    if grant != "CLIENT-CREDENTIALS":
        return await make_app(world, grant)
    machine = await world.admin.make_client(await world.admin.make_role("routing:queue:view"))
    return App(machine.client_id, machine.secret)


@pytest.mark.parametrize("grant", GRANTS)
async def test_case_54_each_client_has_its_one_way_to_tokens(open_world: World, grant: str) -> None:
    world = open_world
    app, visitor = await app_of(world, grant), Visitor(world)
    rightful = await make_app(world)
    code = (await visitor.arrive(rightful))["code"]
    tokens = tokens_of(await visitor.redeem(rightful, code))
    forms = {
        "client_credentials": {},
        "authorization_code": {"code": code, "redirect_uri": REDIRECT},
        "refresh_token": {"refresh_token": tokens.refresh},
        "password": {"username": visitor.email, "password": visitor.password},
        SAML: {"orgName": world.founding.organization.name, "assertion": "PHg+PC94Pg=="},
    }
    for name, form in forms.items():
        answer = await world.http.post(
            "/oauth/token",
            data={"grant_type": name, **form},
            auth=(app.client_id, app.secret),
        )
        if name not in GRANTS[grant]:
            oauth_refused(answer, 400, "unauthorized_client")
        elif answer.status_code != 200:
            oauth_refused(answer, 400, "invalid_grant")
    for kind, entitled in (("code", "CODE"), ("token", "TOKEN")):
        answer = await visitor.authorize(app, response_type=kind)
        if grant == entitled:
            assert answer.status_code == 200
        elif grant in ("PASSWORD", "CLIENT-CREDENTIALS"):
            assert answer.status_code == 400  # no address that it could be told at
        else:
            sent_back(answer, "unauthorized_client")
    await nothing_failed(world)


@pytest.mark.parametrize("grant", ["TOKEN", "PASSWORD", "SAML2-BEARER", "CLIENT-CREDENTIALS"])
async def test_case_54_naming_itself_is_no_way_for_another_client(world: World, grant: str) -> None:
    app, visitor = await app_of(world, grant), Visitor(world)
    code = (await visitor.arrive(await make_app(world)))["code"]
    # It is as unknown as nobody: that it must have a secret is not told.
    oauth_refused(await visitor.redeem_public(app, code), 401, "invalid_client")
    for name in ("refresh_token", "password", "client_credentials", SAML):
        form = {"grant_type": name, "client_id": app.client_id, "code_verifier": VERIFIER}
        form |= {"refresh_token": "x", "username": "x", "password": "x"}
        oauth_refused(await world.http.post("/oauth/token", data=form), 401, "invalid_client")


@pytest.mark.parametrize(
    "client_id", ["\x00", "a\x00b", "\u00e9", "x" * 65, "%00", "' OR 1=1", " "]
)
async def test_case_54_odd_names_of_clients_without_a_secret(world: World, client_id: str) -> None:
    form = {"grant_type": "authorization_code", "code": "x", "redirect_uri": REDIRECT}
    for secret in ("", "x", "gcs_" + "A" * 57, world.admin.secret):
        answer = await world.http.post("/oauth/token", data=form, auth=(client_id, secret))
        oauth_refused(answer, 401, "invalid_client")
    answer = await world.http.post("/oauth/token", data={**form, "client_id": client_id})
    assert answer.status_code in (400, 401)
    await nothing_failed(world)


async def test_case_59_the_password_grant_is_off_unless_it_is_turned_on(world: World) -> None:
    app, visitor = await make_app(world, "PASSWORD"), Visitor(world)
    for password in (visitor.password, "wrong"):
        form = {"grant_type": "password", "username": visitor.email, "password": password}
        answer = await world.http.post("/oauth/token", data=form, auth=(app.client_id, app.secret))
        body = oauth_refused(answer, 400, "unauthorized_client")
        assert "turned off" in body["description"]


async def test_case_59_the_password_grant_gives_no_refresh_token(open_world: World) -> None:
    world = open_world
    app, visitor = await make_app(world, "PASSWORD", scope=["users"]), Visitor(world)
    form = {"grant_type": "password", "username": visitor.email, "password": visitor.password}

    async def ask(**more: str) -> int:
        answer = await world.http.post(
            "/oauth/token", data={**form, **more}, auth=(app.client_id, app.secret)
        )
        if answer.status_code == 200:
            assert {*answer.json()} == {"access_token", "token_type", "expires_in"}
        return answer.status_code

    assert await ask() == 200
    assert await ask(scope="users") == 200
    assert await ask(scope="oauth") == 400
    assert await ask(password="wrong") == 400
    assert await ask(username="nobody@example.com") == 400


async def test_case_59_implicit_is_for_clients_that_are_registered_for_it(world: World) -> None:
    code, token, visitor = await make_app(world), await make_app(world, "TOKEN"), Visitor(world)
    sent_back(await visitor.authorize(code, response_type="token"), "unauthorized_client")
    sent_back(await visitor.authorize(token), "unauthorized_client")
    assert "access_token" in await visitor.arrive(token, response_type="token")
    for kind in ("token code", "code token", "id_token token", "TOKEN"):
        values = sent_back(
            await visitor.authorize(token, response_type=kind), "unsupported_response_type"
        )
        assert "access_token" not in values


async def test_case_59_implicit_can_be_refused_altogether(closed_world: World) -> None:
    world = closed_world
    app, visitor = await make_app(world, "TOKEN"), Visitor(world)
    for prompt in (None, "none", "login"):
        answer = await visitor.authorize(app, response_type="token", prompt=prompt)
        sent_back(answer, "unauthorized_client")
    # Codes go on.
    assert "code" in told(
        await visitor.submit(
            await visitor.log_in(await visitor.authorize(await make_app(world))), decision="allow"
        )
    )
