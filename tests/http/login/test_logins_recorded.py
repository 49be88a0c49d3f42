"""Who logs in, and who tries to, can be found out later."""

import asyncio
import json

from tests.support.scrape import Scrape
from tests.support.visitor import Visitor, make_app
from tests.support.world import World


async def test_a_login_is_in_the_audit(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world, "192.0.2.7")
    await visitor.log_in(await visitor.authorize(app))
    [event] = await world.rows(
        "SELECT entity_type, actor_kind, address, changes FROM audit_events WHERE action = 'Login'"
    )
    assert event == ("User", "user", "192.0.2.7", "[]")


async def test_a_refused_login_is_logged_counted_and_gathered(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    page = await visitor.authorize(app)
    for _ in range(11):
        page = await visitor.log_in(page, "not the password")
    assert page.status_code == 429
    seen = Scrape((await world.http.get("/metrics")).text)
    name = "grantory_token_refusals_total"
    assert seen.value(name, reason="wrong_password") == 10
    assert seen.value(name, reason="throttled") == 1
    await asyncio.sleep(0)  # lines are written when a turn ends
    lines = [json.loads(line) for line in world.log.getvalue().splitlines()]
    refused = [line for line in lines if line.get("error", "").startswith("login.")]
    assert [line["error"] for line in refused] == ["login.refused"] * 10 + ["login.throttled"]
    assert {line["client"] for line in refused} == {app.client_id}


async def test_a_form_that_is_opened_by_its_address_leads_back(world: World) -> None:
    for path in ("/oauth/login", "/oauth/consent"):
        page = await world.http.get(path)
        assert page.status_code == 404
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "start again" in page.text
