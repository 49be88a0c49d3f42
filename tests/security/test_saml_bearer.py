"""Attack case 56: SAML assertions that are forged, altered, stolen, stale or used before.

Each begins with an assertion that is genuine and would be taken (``test_case_56_the_genuine…``).
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from signxml.algorithms import SignatureMethod

from grantory.errors import OAuthError, StorageUnavailable
from grantory.protocol.grants.decision import Decision
from tests.support.entities import OTHER_ORG, an_id
from tests.support.saml import (
    Element,
    How,
    a_provider,
    assertion,
    encoded,
    response,
    signed_assertion,
    signer,
)
from tests.support.saml_attacks import (
    CONDITIONS,
    DOCUMENTS,
    SIGNATURES,
    WRAPPED,
    altered,
    set_attribute,
)
from tests.support.saml_grant import SamlGrant, saml_grant
from tests.support.soak import databases


@pytest.fixture
async def grant(tmp_path: Path) -> AsyncIterator[SamlGrant]:
    """For attacks that end before the store is asked for more than the provider."""
    async with saml_grant(tmp_path) as made:
        yield made


@pytest.fixture(params=databases())
async def stored(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SamlGrant]:
    """On each kind of database in turn."""
    async with saml_grant(tmp_path, request.param) as made:
        yield made


async def test_case_56_the_genuine_assertions_that_the_attacks_start_from_are_taken(
    grant: SamlGrant,
) -> None:
    for number, genuine in enumerate(
        (
            signed_assertion(id="_1"),
            response(signed_assertion(id="_2")),
            response(assertion(id="_3"), by=signer()),
            response(signed_assertion(id="_4"), by=signer()),
        )
    ):
        assert (await grant.ask(genuine)).user == grant.user, number


@pytest.mark.parametrize("build", WRAPPED)
async def test_case_56_a_wrapped_signature(grant: SamlGrant, build: Callable[[], Element]) -> None:
    said = await grant.refused(build())

    assert said in ("it does not hold exactly one Assertion", "an ID comes twice")


@pytest.mark.parametrize("name", SIGNATURES)
async def test_case_56_a_signature_that_does_not_count(grant: SamlGrant, name: str) -> None:
    build, said = SIGNATURES[name]

    assert await grant.refused(build()) == said


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_case_56_a_document_that_is_not_read(grant: SamlGrant, name: str) -> None:
    build, said = DOCUMENTS[name]

    assert await grant.refused(build()) == said


@pytest.mark.parametrize("name", CONDITIONS)
async def test_case_56_a_condition_that_does_not_hold(grant: SamlGrant, name: str) -> None:
    fields, said = CONDITIONS[name]

    assert await grant.refused(signed_assertion(**fields)) == said


@pytest.mark.parametrize("text", ["%%%", "=", "A", "ä" * 8, " \n", "AAAA=AAA", "A" * 1_000_000])
async def test_case_56_base64_junk(grant: SamlGrant, text: str) -> None:
    said = await grant.refused(text)

    assert said.startswith(("it is not base64", "it is larger than", "it is no well-formed XML"))


async def test_case_56_an_id_that_is_replayed(stored: SamlGrant) -> None:
    text = encoded(signed_assertion())
    assert (await stored.ask(text)).user == stored.user

    again = [
        text,
        base64.urlsafe_b64encode(base64.b64decode(text)).decode().rstrip("="),
        encoded(response(signed_assertion())),
        encoded(signed_assertion(how=How(method=SignatureMethod.RSA_SHA512))),
    ]
    for each in again:
        assert await stored.refused(each) == "it was used before"
    stored.clock.advance(299)
    assert await stored.refused(text) == "it was used before"
    stored.clock.advance(61)
    assert await stored.refused(text) == "NotOnOrAfter has passed"


async def test_case_56_an_id_that_is_used_20_times_at_once(stored: SamlGrant) -> None:
    text = encoded(signed_assertion())

    done = await asyncio.gather(*(stored.ask(text) for _ in range(20)), return_exceptions=True)

    assert [each.user for each in done if isinstance(each, Decision)] == [stored.user]
    others = [each for each in done if not isinstance(each, Decision)]
    assert len(others) == 19
    for each in others:  # a store that is asked too much at once may say that it is busy
        assert isinstance(each, OAuthError | StorageUnavailable), each
        assert isinstance(each, StorageUnavailable) or each.detail.endswith("it was used before")


async def test_case_56_signed_by_another_tenants_provider(stored: SamlGrant) -> None:
    """Each organisation has a provider of its own; one says that it is the other's."""
    theirs = a_provider(
        signer("theirs"),
        id=an_id(7002),
        organization_id=OTHER_ORG,
        issuer="https://theirs.example.com",
    )
    await stored.store.write(lambda transaction: transaction.trust.add(theirs))
    forged = signed_assertion(signer("theirs"))
    foreign = signed_assertion(signer("theirs"), issuer=theirs.issuer, id="_2")

    assert await stored.refused(forged) == "no certificate fits the signature"
    said = "the Issuer is not trusted by the client's organisation"
    assert await stored.refused(foreign) == said
    assert await stored.refused(signed_assertion(), stored.others_client) == said
    # Where it is trusted, it speaks for that organisation's users alone.
    assert (await stored.ask(foreign, stored.others_client)).user == stored.others_user


async def test_case_56_a_provider_that_is_disabled(stored: SamlGrant) -> None:
    disabled = a_provider(enabled=False, version=2)
    await stored.store.write(lambda transaction: transaction.trust.replace(disabled))

    assert await stored.refused(signed_assertion()) == "the identity provider is disabled"


@pytest.mark.parametrize("change", ["disabled", "deleted", "other certificate"])
async def test_case_56_a_provider_that_changes_while_its_assertion_is_read(
    stored: SamlGrant, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    read = stored.grant._threads.read

    async def read_slowly(*arguments: Any) -> Any:
        found = await read(*arguments)
        if change == "deleted":
            await stored.store.write(lambda transaction: transaction.trust.delete(a_provider()))
        else:
            after = (
                a_provider(enabled=False)
                if change == "disabled"
                else a_provider(signer("attacker"), version=2)
            )
            await stored.store.write(lambda transaction: transaction.trust.replace(after))
        return found

    monkeypatch.setattr(stored.grant._threads, "read", read_slowly)
    said = await stored.refused(signed_assertion())

    assert said == "the identity provider was changed in this moment"


async def test_case_56_a_certificate_out_of_its_time(tmp_path: Path) -> None:
    old, new = signer("idp", first=2000, last=2010), signer("idp", first=2035, last=2040)
    provider = a_provider(certificates=(old.certificate, new.certificate))
    async with saml_grant(tmp_path, "sqlite", provider) as grant:
        said = await grant.refused(signed_assertion())
    assert said == "no certificate that is valid now fits the signature"


async def test_case_56_letters_that_only_look_alike(grant: SamlGrant) -> None:
    """``K`` (U+212A) becomes ``k`` when case does not count: it is another address."""
    kate = msgspec.structs.replace(grant.user, email="kate@example.com")
    await grant.store.write(lambda transaction: transaction.users.replace(kate))

    said = await grant.refused(signed_assertion(email="\u212aate@example.com"))

    assert said == "no user has the e-mail address"
    assert (await grant.ask(signed_assertion(email="Kate@example.com"))).user == kate


async def test_case_56_a_refusal_tells_nobody_what_the_assertion_holds(grant: SamlGrant) -> None:
    marks = ["SECRET-MARK", "secret-mark@example.com"]
    odd: list[Element | bytes] = [
        signed_assertion(id="_SECRET-MARK", email=marks[1]),
        signed_assertion(issuer="SECRET-MARK"),
        signed_assertion(audiences=("SECRET-MARK",)),
        signed_assertion(recipient="SECRET-MARK"),
        signed_assertion(version="SECRET-MARK"),
        signed_assertion(method="SECRET-MARK"),
        signed_assertion(conditions="<saml:SECRET-MARK/>"),
        altered(set_attribute(".//ds:DigestMethod", "Algorithm", "SECRET-MARK")),
        b"<SECRET-MARK>",
    ]
    for each in odd:
        said = await grant.refused(each)
        assert not [mark for mark in marks if mark.lower() in said.lower()]
