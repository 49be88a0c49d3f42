"""The SAML bearer grant beside the assertion: organisation, user, scopes, and how many at once."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from grantory.domain.client import ClientRecord
from grantory.domain.organization import UserState
from grantory.domain.token import CLOCK_SLACK_SECONDS
from grantory.errors import ApiError, OAuthError
from grantory.protocol.client_auth.caller import Caller
from grantory.protocol.grants.saml2_bearer import Saml2Bearer
from grantory.protocol.saml import reading
from grantory.protocol.saml.refused import AssertionRefused
from grantory.protocol.saml.threads import AT_ONCE, MOST_WAITING, AssertionThreads
from grantory.protocol.token_request import TokenRequest
from grantory.registry.upkeep import Upkeep
from tests.support.entities import an_organization
from tests.support.saml import PUBLIC_URL, assertion, signed_assertion
from tests.support.saml_grant import SamlGrant, saml_grant
from tests.support.soak import databases


@pytest.fixture(params=databases())
async def grant(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SamlGrant]:
    async with saml_grant(tmp_path, request.param) as made:
        yield made


async def test_the_user_is_found_whatever_the_case_of_the_address(grant: SamlGrant) -> None:
    decision = await grant.ask(signed_assertion(email="ANN@Example.COM"))
    assert decision.user == grant.user
    assert (decision.family, decision.refresh_token) == (None, None)


async def test_the_organisation_may_be_named(grant: SamlGrant) -> None:
    organization = an_organization(1, name="Example Ltd", domain="example.com")
    for number, name in enumerate(
        ("Example Ltd", "EXAMPLE LTD ", "example.com", organization.id, organization.id.upper())
    ):
        taken = await grant.ask(signed_assertion(id=f"_{number}"), orgName=name)
        assert taken.user == grant.user
    for name in ("Other", "Example", " ", "example.com.evil.test", an_organization(2).id):
        said = await grant.refused(signed_assertion(id="_x"), orgName=name)
        assert said == "orgName is not that of the client's organisation"
    # A name that is empty in the store is nobody's.
    await grant.store.write(lambda t: t.organizations.replace(an_organization(1)))
    said = await grant.refused(signed_assertion(id="_x"), orgName=" ")
    assert said == "orgName is not that of the client's organisation"


async def test_scopes_are_those_of_the_client_or_fewer(grant: SamlGrant) -> None:
    assert (await grant.ask(signed_assertion(id="_1"))).scopes == ("users", "oauth")
    assert (await grant.ask(signed_assertion(id="_2"), scope="oauth")).scopes == ("oauth",)
    with pytest.raises(OAuthError) as caught:
        await grant.ask(signed_assertion(id="_3"), scope="oauth routing")
    assert caught.value.error == "invalid_scope"
    # What was refused for another reason is not used up.
    assert (await grant.ask(signed_assertion(id="_3"))).user == grant.user


async def test_without_an_assertion_the_request_is_malformed(grant: SamlGrant) -> None:
    request = TokenRequest({"orgName": "Example Ltd"}, None, "192.0.2.1")
    caller = Caller(ClientRecord(grant.client, {}, bytes(16)), is_authenticated=True)
    with pytest.raises(OAuthError) as caught:
        await grant.grant.decide(request, caller)
    assert caught.value.error == "invalid_request"
    assert "assertion" in caught.value.description


async def test_a_user_who_may_not_log_in_is_refused(grant: SamlGrant) -> None:
    inactive = msgspec.structs.replace(grant.user, state=UserState.INACTIVE)
    await grant.store.write(lambda transaction: transaction.users.replace(inactive))
    assert await grant.refused(signed_assertion()) == "the user is inactive"
    await grant.store.write(lambda transaction: transaction.users.replace(grant.user))
    assert (await grant.ask(signed_assertion())).user == grant.user
    await grant.store.write(lambda transaction: transaction.users.delete(grant.user, 1))
    assert await grant.refused(signed_assertion(id="_2")) == "no user has the e-mail address"


async def test_what_was_used_is_remembered_for_as_long_as_it_would_count(grant: SamlGrant) -> None:
    upkeep = Upkeep(grant.store, grant.clock)
    element = signed_assertion()
    await grant.ask(element)
    grant.clock.advance(359)
    await upkeep.finish()
    assert await grant.refused(element) == "it was used before"
    grant.clock.advance(2)
    await upkeep.finish()
    assert await grant.refused(element) == "NotOnOrAfter has passed"
    grant.clock.advance(CLOCK_SLACK_SECONDS)
    assert await upkeep.finish() == 1


async def test_so_many_are_read_at_once_and_so_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Semaphore(0), threading.Event()
    read = reading.claimed_issuer

    def read_late(data: bytes) -> Any:
        begun.release()
        assert go_on.wait(60)
        return read(data)

    monkeypatch.setattr(reading, "claimed_issuer", read_late)
    threads = AssertionThreads()
    try:
        tasks = [
            asyncio.create_task(threads.claimed_issuer(b"<x/>"))
            for _ in range(AT_ONCE + MOST_WAITING)
        ]
        for _ in range(AT_ONCE):
            assert await asyncio.to_thread(begun.acquire, timeout=60)
        with pytest.raises(ApiError) as caught:
            await threads.claimed_issuer(b"<x/>")
        assert (caught.value.status, caught.value.retry_after) == (503, 1)
        assert not begun.acquire(blocking=False)
        go_on.set()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(each) for each in done} == {AssertionRefused}
        with pytest.raises(AssertionRefused):
            await threads.claimed_issuer(b"<x/>")
    finally:
        go_on.set()
        threads.close()


async def test_an_assertion_that_is_not_signed_is_never_noted_as_used(grant: SamlGrant) -> None:
    assert await grant.refused(assertion()) == "it is not signed"
    assert (await grant.ask(signed_assertion())).user == grant.user


async def test_an_assertion_may_be_for_the_address_behind_a_gateways_prefix(
    grant: SamlGrant,
) -> None:
    url = f"{PUBLIC_URL}/genesys/login/oauth/token"
    element = signed_assertion(recipient=url, audiences=(url,))
    await grant.refused(element)
    behind = Saml2Bearer(grant.store, grant.clock, PUBLIC_URL, grant.threads, "/genesys/login")
    grant.grant = behind
    assert (await grant.ask(element)).user == grant.user
    assert (await grant.ask(signed_assertion(id="_2"))).user == grant.user
