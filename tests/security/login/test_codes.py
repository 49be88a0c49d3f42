"""Attack cases 10, 11 and 22 to 27: authorization codes in the wrong hands, or used wrongly."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx2 as httpx
import pytest

from tests.security.answers import log_of, oauth_refused
from tests.security.login.visits import (
    are_ended,
    events,
    is_refused,
    nothing_failed,
    tokens_of,
)
from tests.support.soak import ON_BOTH
from tests.support.visitor import (
    CHALLENGE,
    PKCE,
    REDIRECT,
    VERIFIER,
    App,
    Visitor,
    make_app,
    told,
)
from tests.support.world import World

AT_ONCE = 50
OTHER_REDIRECT = "https://app.example.com/other"


async def code_of(visitor: Visitor, app: App, **more: str | None) -> str:
    return (await visitor.arrive(app, **more))["code"]


async def test_case_10_a_code_without_a_challenge_needs_the_secret(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    code = await code_of(visitor, app)
    for more in ({"code_verifier": None}, {"code_verifier": ""}):
        answer = await visitor.redeem_public(app, code, **more)
        oauth_refused(answer, 401, "invalid_client")
    answer = await visitor.redeem(app._replace(secret=""), code)
    oauth_refused(answer, 401, "invalid_client")
    answer = await visitor.redeem_public(app, code, client_id=None)
    oauth_refused(answer, 401, "invalid_client")
    # Who has shown nothing at all has used nothing up.
    assert (await visitor.redeem(app, code)).status_code == 200
    # A verifier that nobody asked for stands in for nothing.
    is_refused(await visitor.redeem_public(app, await code_of(visitor, app)))


async def test_case_11_the_verifier_must_be_the_right_one(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    wrong = [
        None,
        "",
        VERIFIER[:-1],
        VERIFIER + "4",
        VERIFIER.upper(),
        VERIFIER[:42],
        "x" * 43,
        "x" * 128,
        "x" * 129,
        "x" * 10_000,
        CHALLENGE,
        f" {VERIFIER}",
        f"{VERIFIER}\n",
        "\u00e9" * 43,
    ]
    for verifier in wrong:
        for redeem in (visitor.redeem, visitor.redeem_public):
            code = await code_of(visitor, app, **PKCE)
            is_refused(await redeem(app, code, code_verifier=verifier))
            # One guess, no more: the code is spent.
            is_refused(await redeem(app, code, code_verifier=VERIFIER))
    await nothing_failed(world)


async def test_case_11_a_verifier_without_a_challenge(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    code = await code_of(visitor, app)
    # Somebody took the challenge out of the request; the client tells by its own verifier.
    is_refused(await visitor.redeem(app, code, code_verifier=VERIFIER))
    is_refused(await visitor.redeem(app, code))


async def test_case_22_a_second_use_ends_what_the_first_has_begun(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    other = tokens_of(await visitor.redeem(app, await code_of(visitor, app)))
    code = await code_of(visitor, app)
    first = tokens_of(await visitor.redeem(app, code))
    second = tokens_of(await visitor.refresh(app, first.refresh))
    assert await visitor.use(first.access) == await visitor.use(second.access) == 200
    is_refused(await visitor.redeem(app, code))
    assert await visitor.use(first.access) == 401
    await are_ended(visitor, app, second)
    [event] = await events(world, "Revoke")
    assert event[:5] == (
        "TokenFamily",
        "an authorization code was used twice",
        "client",
        app.client_id,
        app.client_id,
    )
    assert "gac_" not in await log_of(world)
    # What another code has begun goes on, and so does the session.
    assert await visitor.use(other.access) == 200
    tokens_of(await visitor.refresh(app, other.refresh))
    assert "code" in told(await visitor.authorize(app))
    # A third use finds nothing more to end.
    is_refused(await visitor.redeem(app, code))
    assert len(await events(world, "Revoke")) == 1


@pytest.mark.parametrize("hours", [0.02, 1, 23.9])
async def test_case_22_a_late_second_use_counts_too(world: World, hours: float) -> None:
    app, visitor = await make_app(world), Visitor(world)
    code = await code_of(visitor, app)
    first = tokens_of(await visitor.redeem(app, code))
    world.clock.advance(hours * 3600)
    is_refused(await visitor.redeem(app, code))
    await are_ended(visitor, app, first)


async def test_case_22_whoever_uses_it_again_the_first_user_is_told(world: World) -> None:
    app, other, visitor = await make_app(world), await make_app(world), Visitor(world)
    ways: list[Callable[[str], Awaitable[httpx.Response]]] = [
        lambda code: visitor.redeem(other, code),
        lambda code: visitor.redeem(app, code, redirect_uri=OTHER_REDIRECT),
        lambda code: visitor.redeem(app, code, code_verifier="x" * 43),
        lambda code: visitor.redeem_public(app, code),
        lambda code: visitor.redeem_public(other, code),
        lambda code: visitor.redeem_public(app, code, code_verifier=None),
    ]
    for again in ways:
        code = await code_of(visitor, app)
        first = tokens_of(await visitor.redeem(app, code))
        is_refused(await again(code))
        await are_ended(visitor, app, first)


@ON_BOTH
async def test_case_23_of_fifty_at_once_one_gets_tokens(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    code = await code_of(visitor, app)
    answers = await asyncio.gather(*(visitor.redeem(app, code) for _ in range(AT_ONCE)))
    good = [answer for answer in answers if answer.status_code == 200]
    assert len(good) == 1
    for answer in answers:
        if answer is not good[0]:
            is_refused(answer)
    # It was used again, so even the one that won has nothing in the end.
    await are_ended(visitor, app, tokens_of(good[0]))
    assert await world.rows("SELECT count(*) FROM token_families") == [(1,)]
    assert len(await events(world, "Revoke")) == 1
    await nothing_failed(world)


@ON_BOTH
async def test_case_23_the_same_with_verifiers_and_secrets_mixed(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    code = await code_of(visitor, app, **PKCE)
    calls = [
        *(visitor.redeem_public(app, code) for _ in range(AT_ONCE // 2)),
        *(visitor.redeem(app, code, code_verifier=VERIFIER) for _ in range(AT_ONCE // 2)),
    ]
    answers = await asyncio.gather(*calls)
    [good] = [answer for answer in answers if answer.status_code == 200]
    assert await visitor.use(good.json()["access_token"]) == 401
    assert {answer.status_code for answer in answers} == {200, 400}


async def test_case_24_the_code_of_another_client(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    other = await make_app(world)
    elsewhere = world.member(await world.found("Elsewhere"))
    body = {"name": "a", "authorizedGrantType": "CODE", "registeredRedirectUri": [REDIRECT]}
    created = await elsewhere.post("/api/v2/oauth/clients", body)
    foreign = App(created["id"], created["secret"])
    for thief in (other, foreign):
        code = await code_of(visitor, app)
        is_refused(await visitor.redeem(thief, code))
        # It was in wrong hands: it is of no use to the right ones any more, either.
        is_refused(await visitor.redeem(app, code))
        code = await code_of(visitor, app, **PKCE)
        is_refused(await visitor.redeem_public(thief, code))
        is_refused(await visitor.redeem_public(app, code))
    # The thief's id beside the owner's secret, and the other way round.
    code = await code_of(visitor, app)
    answer = await visitor.redeem(app, code, client_id=other.client_id)
    oauth_refused(answer, 400, "invalid_request")
    answer = await visitor.redeem(App(other.client_id, app.secret), code)
    oauth_refused(answer, 401, "invalid_client")
    assert (await visitor.redeem(app, code)).status_code == 200


async def test_case_25_another_redirect_uri_or_none(world: World) -> None:
    app = await make_app(world, registeredRedirectUri=[REDIRECT, OTHER_REDIRECT])
    visitor = Visitor(world)
    for uri in (OTHER_REDIRECT, f"{REDIRECT}/", REDIRECT.upper(), f"{REDIRECT}?x=1", "", None):
        code = await code_of(visitor, app)
        is_refused(await visitor.redeem(app, code, redirect_uri=uri))
        is_refused(await visitor.redeem(app, code))
    alone = await make_app(world)
    code = await code_of(visitor, alone, redirect_uri=None)
    assert (await visitor.redeem(alone, code, redirect_uri=None)).status_code == 200
    code = await code_of(visitor, alone, redirect_uri=None)
    is_refused(await visitor.redeem(alone, code, redirect_uri=OTHER_REDIRECT))


async def test_case_26_a_code_is_good_for_a_minute(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    code = await code_of(visitor, app)
    world.clock.advance(59.999)
    tokens_of(await visitor.redeem(app, code))
    code = await code_of(visitor, app)
    world.clock.advance(60)
    is_refused(await visitor.redeem(app, code))
    # Nor does it come back when the time of day does.
    world.clock.step(-60)
    is_refused(await visitor.redeem(app, code))


async def test_case_27_each_credential_is_good_for_one_thing(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    code = await code_of(visitor, app)
    tokens = tokens_of(await visitor.redeem(app, code))
    fresh = await code_of(visitor, app)
    session = visitor.http.cookies["grantory-session"]
    form = visitor.http.cookies["grantory-form"]
    [(family,)] = await world.rows("SELECT id FROM token_families")
    others = [tokens.access, tokens.refresh, session, form, app.secret, app.client_id, str(family)]
    for other in others:
        is_refused(await visitor.redeem(app, other))
        for kind in ("gac_", "gls_", "grt_", "gat_", ""):
            is_refused(await visitor.redeem(app, kind + other[4:]))
    for other in (code, fresh, session, form, app.secret, tokens.access, str(family)):
        is_refused(await visitor.refresh(app, other))
        for kind in ("grt_", "gac_", ""):
            is_refused(await visitor.refresh(app, kind + other[4:]))
    for other in (code, fresh, session, form, app.secret, tokens.refresh, str(family)):
        assert await visitor.use(other) == 401
        assert await visitor.use("gat_" + other[4:]) == 401
    for other in (fresh, tokens.access, tokens.refresh, "gls_" + fresh[4:], form):
        stranger = Visitor(world)
        stranger.http.headers["cookie"] = f"grantory-session={other}"
        assert "password" in (await stranger.authorize(app)).text
    # None of that has used anything up.
    tokens_of(await visitor.redeem(app, fresh))
    assert await visitor.use(tokens.access) == 200
    await nothing_failed(world)


async def test_case_27_odd_texts_are_no_codes(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    code = await code_of(visitor, app)
    odd = [code[:-1], code + "A", code.swapcase(), f" {code}", f"{code}\n", code[4:], "gac_"]
    odd += ["gac_" + "A" * 43, "gac_" + "\u00e9" * 43, "x" * 100_000, "' OR 1=1 --", "urn:x"]
    for position in range(4, len(code), 6):
        other = "A" if code[position] != "A" else "B"
        odd.append(code[:position] + other + code[position + 1 :])
    for text in odd:
        is_refused(await visitor.redeem(app, text))
    oauth_refused(await visitor.redeem(app, ""), 400, "invalid_request")
    form = {"grant_type": "authorization_code", "redirect_uri": REDIRECT}
    secret = (app.client_id, app.secret)
    answer = await world.http.post("/oauth/token", data=form, auth=secret)
    oauth_refused(answer, 400, "invalid_request")
    tokens_of(await visitor.redeem(app, code))
    await nothing_failed(world)
