"""The grant PASSWORD, where the settings allow it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2 as httpx
import msgspec
import pytest

from grantory.domain.organization import UserState
from grantory.ports.storage import Transaction
from tests.support.soak import databases
from tests.support.visitor import App, make_app
from tests.support.world import World, new_world


@pytest.fixture(params=databases())
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    on_postgres = request.param == "postgresql"
    async with new_world(tmp_path / "data", on_postgres=on_postgres, grants_password=True) as made:
        yield made


async def ask(world: World, app: App, **form: str) -> httpx.Response:
    values = {
        "grant_type": "password",
        "username": world.founding.email,
        "password": world.founding.password.reveal(),
        **form,
    }
    return await world.http.post("/oauth/token", data=values, auth=(app.client_id, app.secret))


async def test_it_gives_a_token_of_the_user(world: World) -> None:
    app = await make_app(world, "PASSWORD", scope=["oauth"])
    for username in (world.founding.email, world.founding.email.upper()):
        answer = await ask(world, app, username=username)
        assert answer.status_code == 200, answer.text
        assert {*answer.json()} == {"access_token", "token_type", "expires_in"}
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        info = (await world.http.get("/api/v2/tokens/me", headers=headers)).json()
        assert info["authorizedScope"] == ["oauth"]
        subject = await world.http.get("/api/v2/authorization/subjects/me", headers=headers)
        assert subject.json()["name"] == "Administrator"


async def test_whatever_is_wrong_it_says_the_same(world: World) -> None:
    app = await make_app(world, "PASSWORD")
    wrong = [
        {"password": "wrong"},
        {"username": "nobody@example.com"},
        {"username": "x" * 10_000},
        {"password": "x" * 10_000},
        {"username": " "},
        {"password": world.founding.password.reveal() + " "},
    ]
    answers = [await ask(world, app, **form) for form in wrong]
    assert {answer.status_code for answer in answers} == {400}
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].json()["error"] == "invalid_grant"


@pytest.mark.parametrize("name", ["username", "password"])
async def test_what_is_missing_is_named(world: World, name: str) -> None:
    answer = await ask(world, await make_app(world, "PASSWORD"), **{name: ""})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert name in answer.json()["description"]


async def test_people_of_another_organisation_are_unknown(world: World) -> None:
    other = await world.found("Elsewhere")
    app = await make_app(world, "PASSWORD")
    answer = await ask(world, app, username=other.email, password=other.password.reveal())
    assert answer.json()["error"] == "invalid_grant"


async def test_who_may_log_in_no_more_gets_none(world: World) -> None:
    app = await make_app(world, "PASSWORD")
    token = (await ask(world, app)).json()["access_token"]

    def disable(transaction: Transaction) -> None:
        user = transaction.users.find_by_email(world.founding.organization.id, world.founding.email)
        assert user is not None
        transaction.users.replace(msgspec.structs.replace(user, state=UserState.INACTIVE))

    await world.node.store.write(disable)
    assert (await ask(world, app)).json()["error"] == "invalid_grant"
    headers = {"Authorization": f"Bearer {token}"}
    assert (await world.http.get("/api/v2/tokens/me", headers=headers)).status_code == 401


async def test_guessing_is_slowed_down_with_the_login_pages_count(world: World) -> None:
    app = await make_app(world, "PASSWORD")
    for _ in range(world.settings.throttle_logins_per_user_and_address):
        assert (await ask(world, app, password="wrong")).json()["error"] == "invalid_grant"
    answer = await ask(world, app)
    body = answer.json()
    assert (answer.status_code, body["error"]) == (400, "invalid_request")
    assert body["description"].startswith("rate limit exceeded;")
    assert int(answer.headers["retry-after"]) == 60
    world.clock.advance(60)
    assert (await ask(world, app)).status_code == 200
