"""Where a token cannot be made, nothing is used up for it: 503 says so, and is asked again."""

from collections.abc import Callable
from typing import TypeVar

import httpx2 as httpx
import msgspec
import pytest

from grantory.domain.token import SealedKey
from grantory.ports.storage import Transaction
from tests.http.test_outcome_unknown import assert_unknown
from tests.security.answers import oauth_refused
from tests.support.saml import EMAIL, ISSUER, encoded, signed_assertion, signer
from tests.support.visitor import REDIRECT, App, Visitor, make_app
from tests.support.world import World

T = TypeVar("T")
FORM = {"accessTokenFormat": "JWT_ES256"}


def spoil(transaction: Transaction) -> list[SealedKey]:
    """Make private keys unreadable, as where the master key is another; returns them as before."""
    kept = transaction.keys.private()
    for key in kept:
        spoilt = msgspec.structs.replace(key, sealed=bytes(len(key.sealed)))
        transaction.keys.replace_sealed(spoilt)
    return kept


async def spoil_keys(world: World) -> list[SealedKey]:
    """The same, in a transaction of its own."""
    return await world.node.store.write(spoil)


async def mend_keys(world: World, kept: list[SealedKey]) -> None:
    """Put them back."""

    def mend(transaction: Transaction) -> None:
        for key in kept:
            transaction.keys.replace_sealed(key)

    await world.node.store.write(mend)


async def ask(world: World, app: App, **form: str) -> httpx.Response:
    """Ask for a token, once: a visitor would ask again as long as it is told to."""
    return await world.http.post("/oauth/token", data=form, auth=(app.client_id, app.secret))


def redemption(code: str) -> dict[str, str]:
    """How a code is redeemed."""
    return {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}


def refreshing(token: str) -> dict[str, str]:
    """How a refresh token is used."""
    return {"grant_type": "refresh_token", "refresh_token": token}


async def test_a_code_is_not_used_where_no_token_can_be_made(world: World) -> None:
    app, visitor = await make_app(world, **FORM), Visitor(world)
    code = (await visitor.arrive(app))["code"]
    kept = await spoil_keys(world)
    for _ in range(2):
        answer = await ask(world, app, **redemption(code))
        oauth_refused(answer, 503, "temporarily_unavailable")
        assert answer.headers["retry-after"]
    await mend_keys(world, kept)
    answer = await ask(world, app, **redemption(code))
    assert answer.status_code == 200, answer.text
    assert await visitor.use(answer.json()["access_token"]) == 200


async def test_a_refresh_token_is_not_replaced_where_no_token_can_be_made(world: World) -> None:
    app, visitor = await make_app(world, **FORM), Visitor(world)
    refresh_token = (await visitor.tokens(app))["refresh_token"]
    kept = await spoil_keys(world)
    oauth_refused(
        await ask(world, app, **refreshing(refresh_token)), 503, "temporarily_unavailable"
    )
    world.clock.advance(11)  # had it been replaced, this would be one that was used before
    await mend_keys(world, kept)
    answer = await ask(world, app, **refreshing(refresh_token))
    assert answer.status_code == 200, answer.text
    assert answer.json()["refresh_token"] != refresh_token


async def test_an_assertion_is_not_used_where_no_token_can_be_made(world: World) -> None:
    await world.admin.post("/api/v2/users", {"name": "Ann", "email": EMAIL})
    provider = {"name": "IdP", "issuerURI": ISSUER, "certificates": [signer().certificate]}
    await world.admin.post("/api/v2/identityproviders", provider)
    app = await make_app(world, "SAML2-BEARER", **FORM)
    here = "http://127.0.0.1:8080/oauth/token"
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:saml2-bearer",
        "orgName": "Example",
        "assertion": encoded(signed_assertion(recipient=here, audiences=(here,))),
    }
    kept = await spoil_keys(world)
    oauth_refused(await ask(world, app, **form), 503, "temporarily_unavailable")
    await mend_keys(world, kept)
    answer = await ask(world, app, **form)
    assert answer.status_code == 200, answer.text
    assert (await ask(world, app, **form)).status_code == 400, "it is good once"


async def test_what_was_used_up_in_vain_all_the_same_is_told_as_unknown(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, visitor = await make_app(world, **FORM), Visitor(world)
    refresh_token = (await visitor.tokens(app))["refresh_token"]
    write = world.node.store.write

    async def write_and_spoil(work: Callable[[Transaction], T]) -> T:
        """As if another process made the keys unreadable in just this moment."""
        done = await write(work)
        await write(spoil)
        await world.application._reads.catch_up()
        return done

    with monkeypatch.context() as patch:
        patch.setattr(world.node.store, "write", write_and_spoil)
        assert_unknown(await ask(world, app, **refreshing(refresh_token)))
