"""Where a client's answer stands in its address, as it asks (Multiple Response Types, 2.1)."""

import pytest

from tests.support.visitor import REDIRECT, App, Visitor, make_app, page_of, told
from tests.support.world import World

MARKS = {"query": "?", "fragment": "#"}


@pytest.mark.parametrize("mode", MARKS)
async def test_a_code_comes_where_it_is_asked_for(world: World, mode: str) -> None:
    app, visitor = await make_app(world), Visitor(world)
    login = await visitor.authorize(app, response_mode=mode)
    assert page_of(login).action == "login"
    answer = await visitor.submit(await visitor.log_in(login), decision="allow")
    address, mark, _ = answer.headers["location"].partition(MARKS[mode])
    assert (address, mark) == (REDIRECT, MARKS[mode])
    given = told(answer)
    assert {*given} == {"code", "state", "iss"}
    assert (await visitor.redeem(app, given["code"])).status_code == 200


async def test_a_query_that_is_registered_stays_before_the_fragment(world: World) -> None:
    address = f"{REDIRECT}?a=1"
    app, visitor = await make_app(world, registeredRedirectUri=[address]), Visitor(world)
    await visitor.arrive(app, redirect_uri=address)
    answer = await visitor.authorize(app, redirect_uri=address, response_mode="fragment")
    assert answer.headers["location"].startswith(f"{address}#code=")


async def errors_of(visitor: Visitor, app: App, mode: str | None) -> list[str]:
    """What leads the address after each refusal."""
    given = {"response_mode": mode}
    answers = [
        await visitor.authorize(app, prompt="none", **given),
        await visitor.authorize(app, scope="nonsense", **given),
        await visitor.authorize(app, org="x", **given),
        await visitor.authorize(app, response_type="none", **given),
        await visitor.authorize(app, response_type=None, **given),
    ]
    consent = await visitor.log_in(await visitor.authorize(app, **given))
    answers.append(await visitor.submit(consent, decision="deny"))
    assert all("error" in told(answer) for answer in answers)
    return [answer.headers["location"].removeprefix(REDIRECT)[:7] for answer in answers]


@pytest.mark.parametrize(("mode", "mark"), [*MARKS.items(), (None, "?"), ("", "?")])
async def test_a_refusal_comes_there_too(world: World, mode: str | None, mark: str) -> None:
    app = await make_app(world)
    assert set(await errors_of(Visitor(world), app, mode)) == {f"{mark}error="}


async def test_a_token_comes_in_the_fragment_alone(world: World) -> None:
    app, visitor = await make_app(world, "TOKEN"), Visitor(world)
    given = await visitor.arrive(app, response_type="token", response_mode="fragment")
    assert await visitor.use(given["access_token"]) == 200
    for mode in (None, "", "fragment"):
        answer = await visitor.authorize(app, response_type="token", response_mode=mode)
        assert answer.headers["location"].startswith(f"{REDIRECT}#access_token=")
    answer = await visitor.authorize(app, response_type="token", response_mode="query")
    assert answer.headers["location"].startswith(f"{REDIRECT}#error=invalid_request&")
    assert "fragment for a token" in told(answer)["error_description"]
