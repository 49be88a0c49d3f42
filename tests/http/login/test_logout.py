"""``/logout``: the session of a browser ends, with every token that it has led to."""

import asyncio

from grantory.app import build_upkeep
from tests.support.visitor import REDIRECT, Visitor, make_app, page_of, told
from tests.support.world import World


async def test_a_logout_ends_all_that_the_session_has_led_to(world: World) -> None:
    apps = [await make_app(world) for _ in range(2)]
    visitor = Visitor(world)
    tokens = [await visitor.tokens(app) for app in apps]
    answer = await visitor.http.get("/logout", params={"client_id": apps[0].client_id})
    assert answer.status_code == 200
    assert "You are signed out" in answer.text
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert "grantory-session" not in visitor.http.cookies
    for app, held in zip(apps, tokens, strict=True):
        assert await visitor.use(held["access_token"]) == 401
        assert (await visitor.refresh(app, held["refresh_token"])).status_code == 400
        assert page_of(await visitor.authorize(app)).action == "login"


async def test_other_browsers_stay_logged_in(world: World) -> None:
    app, here, there = await make_app(world), Visitor(world), Visitor(world)
    mine, theirs = await here.tokens(app), await there.tokens(app)
    await here.http.get("/logout")
    assert await here.use(mine["access_token"]) == 401
    assert await there.use(theirs["access_token"]) == 200
    assert (await there.refresh(app, theirs["refresh_token"])).status_code == 200
    assert "code" in told(await there.authorize(app))


async def test_the_browser_goes_back_to_a_registered_address(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    await visitor.arrive(app)
    query = {"client_id": app.client_id.upper(), "redirect_uri": REDIRECT}
    answer = await visitor.http.get("/logout", params=query)
    assert (answer.status_code, answer.headers["location"]) == (303, REDIRECT)
    assert page_of(await visitor.authorize(app)).action == "login"


async def test_without_a_session_it_is_the_same(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    for _ in range(2):
        assert (await visitor.http.get("/logout")).status_code == 200
        query = {"client_id": app.client_id, "redirect_uri": REDIRECT}
        assert (await visitor.http.get("/logout", params=query)).status_code == 303
    assert await world.rows("SELECT id FROM audit_events WHERE action = 'Logout'") == []


async def test_it_is_recorded(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world, "192.0.2.7")
    await visitor.arrive(app)
    answer = await visitor.http.get("/logout")
    [event] = await world.rows(
        "SELECT actor_kind, actor_id, entity_type, entity_id, address, correlation_id "
        "FROM audit_events WHERE action = 'Logout'"
    )
    [(user_id,)] = await world.rows("SELECT id FROM users")
    correlation = answer.headers["inin-correlation-id"]
    assert event == ("user", user_id, "User", user_id, "192.0.2.7", correlation)


async def test_who_logs_in_again_goes_on_with_what_they_had(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    tokens = await visitor.tokens(app)
    code = (await visitor.arrive(app))["code"]
    answer = await visitor.log_in(await visitor.authorize(app, prompt="login"))
    assert "code" in told(answer)
    # Neither the tokens nor a code that is under way are lost by it.
    assert await visitor.use(tokens["access_token"]) == 200
    assert (await visitor.refresh(app, tokens["refresh_token"])).status_code == 200
    assert (await visitor.redeem(app, code)).status_code == 200
    assert await world.rows("SELECT count(*) FROM login_sessions") == [(1,)]


async def test_a_form_that_is_sent_twice_at_once_logs_in_twice(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    tokens = await visitor.tokens(app)
    login = await visitor.authorize(app, prompt="login")
    before = visitor.http.cookies["grantory-session"]
    browsers = [Visitor(world) for _ in range(4)]
    for browser in browsers:
        browser.http.cookies = visitor.http.cookies
    answers = await asyncio.gather(
        *(
            browser.submit(login, email=visitor.email, password=visitor.password)
            for browser in browsers
        )
    )
    assert {answer.status_code for answer in answers} == {303}
    assert len({browser.http.cookies["grantory-session"] for browser in browsers} - {before}) == 4
    for browser in browsers:
        assert "code" in told(await browser.authorize(app))
    # One of them has taken over what was there before, and its logout ends that.
    assert await visitor.use(tokens["access_token"]) == 200
    for browser in browsers:
        await browser.http.get("/logout")
    assert await visitor.use(tokens["access_token"]) == 401


async def test_a_session_that_is_long_over_can_still_be_ended(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    tokens = await visitor.tokens(app)
    for _ in range(3):
        world.clock.step(86_400)
        answer = await visitor.refresh(app, tokens["refresh_token"])
        tokens = answer.json()
    await build_upkeep(world.node.store, world.clock).finish()
    await visitor.http.get("/logout")
    assert (await visitor.refresh(app, tokens["refresh_token"])).status_code == 400
