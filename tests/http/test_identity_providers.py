"""``/api/v2/identityproviders`` as a caller sees it."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx2 as httpx
import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from grantory.domain.audit import AuditEvent
from grantory.domain.organization import User
from grantory.registry.identity_providers import MOST_PROVIDERS
from tests.support.saml import Signer, encoded, rsa_key, signed_assertion, signer
from tests.support.subjects import done, refused
from tests.support.world import CLIENTS, Member, World

PROVIDERS = "/api/v2/identityproviders"
UNKNOWN = "6a3f0f5e-8e0e-4d6c-9a55-1f8c0b9d7e21"
PEM = signer().certificate
BARE = "".join(PEM.splitlines()[1:-1])
BODY = {"name": "Example IdP", "issuerURI": "https://idp.example.com", "certificates": [PEM]}
YEARS = datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)


async def events(world: World, entity_id: str) -> list[AuditEvent]:
    organization = world.founding.organization.id
    found = await world.node.store.read(lambda s: s.audit.of_entity(organization, entity_id, 100))
    return found[::-1]


async def rows(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await world.admin.get(PROVIDERS))["entities"]
    return found


async def test_a_provider_is_registered_read_listed_replaced_and_deleted(world: World) -> None:
    created = await world.admin.post(PROVIDERS, BODY)
    path = f"{PROVIDERS}/{created['id']}"
    assert created == {
        "id": created["id"],
        "name": "Example IdP",
        "issuerURI": "https://idp.example.com",
        "certificate": PEM,
        "certificates": [PEM],
        "audiences": [],
        "recipients": [],
        "disabled": False,
        "dateCreated": "2027-01-15T08:00:00.000Z",
        "dateModified": "2027-01-15T08:00:00.000Z",
        "version": 1,
        "selfUri": path,
    }
    assert await world.admin.get(path) == created
    assert await world.admin.get(path.replace(created["id"], created["id"].upper())) == created
    assert await rows(world) == [created]
    world.clock.advance(1)
    full = {
        **created,
        "audiences": ["urn:a", "urn:b", "urn:a"],
        "recipients": ["https://login.mypurecloud.com/saml"],
        "emailAttribute": "mail",
        "disabled": True,
    }
    replaced = await world.admin.put(path, full)
    assert replaced == {
        **full,
        "audiences": ["urn:a", "urn:b"],
        "relyingPartyIdentifier": "urn:a",
        "dateModified": "2027-01-15T08:00:01.000Z",
        "version": 2,
    }
    assert await world.admin.get(path) == replaced
    # What was read can be put back: it is the same again.
    again = await world.admin.put(path, replaced)
    assert again == {**replaced, "version": 3, "dateModified": again["dateModified"]}
    # What is left out goes.
    bare = await world.admin.put(path, BODY)
    assert bare == {**created, "version": 4, "dateModified": again["dateModified"]}
    done(await world.admin.call("DELETE", path))
    refused(await world.admin.call("GET", path), 404, "not.found")
    assert await rows(world) == []


async def test_single_values_stand_for_lists_that_are_left_out(world: World) -> None:
    single = {"name": "a", "issuerURI": "a", "certificate": PEM, "relyingPartyIdentifier": "urn:x"}
    created = await world.admin.post(PROVIDERS, single)
    assert (created["certificates"], created["audiences"]) == ([PEM], ["urn:x"])
    both = {**single, "certificates": [signer("next").certificate], "audiences": []}
    changed = await world.admin.put(created["selfUri"], both)
    assert changed["certificates"] == [signer("next").certificate]
    assert changed["audiences"] == []
    assert "relyingPartyIdentifier" not in changed


@pytest.mark.parametrize("text", [PEM, f"\n{PEM}\n", BARE, f" {BARE[:64]}\r\n{BARE[64:]}"])
async def test_a_certificate_is_kept_in_one_form(world: World, text: str) -> None:
    created = await world.admin.post(PROVIDERS, {**BODY, "certificates": [text, PEM]})
    assert created["certificates"] == [PEM]


@pytest.mark.parametrize("curve", ["SECP256R1", "SECP384R1", "SECP521R1"])
async def test_elliptic_curves_are_taken(world: World, curve: str) -> None:
    certificate = signer(curve=curve).certificate
    created = await world.admin.post(PROVIDERS, {**BODY, "certificates": [certificate]})
    assert created["certificates"] == [certificate]


def private_key() -> str:
    key = rsa_key("idp")
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_key() -> str:
    public = rsa_key("idp").public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize(
    ("change", "fields", "said"),
    [
        ({"name": None}, ["name"], "is required"),
        ({"issuerURI": None, "name": ""}, ["name", "issuerURI"], "is required"),
        ({"name": " x"}, ["name"], "1 to 100 printable"),
        ({"name": "x" * 101}, ["name"], "1 to 100 printable"),
        ({"name": "a\nb"}, ["name"], "control characters"),
        ({"issuerURI": "a\x00b"}, ["issuerURI"], "control characters"),
        ({"issuerURI": "x" * 1_025}, ["issuerURI"], "length <= 1024"),
        ({"certificates": []}, ["certificates"], "length >= 1"),
        ({"certificates": None}, ["certificates"], "1 to 10 certificates"),
        ({"certificates": [PEM] * 11}, ["certificates"], "length <= 10"),
        ({"certificates": ["x"]}, ["certificates"], "one X.509 certificate in PEM (1)"),
        ({"certificates": [PEM, PEM + PEM]}, ["certificates"], "in PEM (2)"),
        ({"certificates": [private_key()]}, ["certificates"], "in PEM (1)"),
        ({"certificates": [public_key()]}, ["certificates"], "in PEM (1)"),
        ({"certificates": [PEM[:400]]}, ["certificates"], "in PEM (1)"),
        ({"certificates": ["x" * 16_385]}, ["certificates"], "length <= 16384"),
        (
            {"certificates": [Signer(rsa_key("weak", 1024), *YEARS).certificate]},
            ["certificates"],
            "2048 bits",
        ),
        ({"certificates": [signer(curve="SECP256K1").certificate]}, ["certificates"], "P-256"),
        (
            {"certificates": [PEM, signer(first=2010, last=2025).certificate]},
            ["certificates"],
            "must not hold an expired one (2)",
        ),
        ({"audiences": ["x"] * 21}, ["audiences"], "length <= 20"),
        ({"recipients": ["x" * 2_049]}, ["recipients"], "length <= 2048"),
        ({"recipients": ["a b\n"]}, ["recipients"], "control characters"),
        ({"audiences": [" "], "recipients": ["\xa0x"]}, ["audiences", "recipients"], "printable"),
        ({"emailAttribute": "x" * 257}, ["emailAttribute"], "length <= 256"),
        ({"emailAttribute": "a "}, ["emailAttribute"], "at most 256 printable"),
        ({"disabled": "yes", "version": 0}, ["disabled", "version"], "true or false"),
    ],
)
async def test_a_bad_provider_is_refused_and_every_bad_field_named(
    world: World, change: dict[str, Any], fields: list[str], said: str
) -> None:
    path = (await world.admin.post(PROVIDERS, BODY))["selfUri"]
    before = await rows(world)
    bad = {**BODY, "name": "another", "issuerURI": "urn:another", **change}
    for method, where in (("POST", PROVIDERS), ("PUT", path)):
        answer = await world.admin.call(method, where, bad)
        assert said in refused(answer, 400, "invalid.value", *fields)
    assert await rows(world) == before


async def test_a_certificate_that_is_not_valid_yet_may_wait(world: World) -> None:
    both = [PEM, signer("next", first=2035).certificate]
    created = await world.admin.post(PROVIDERS, {**BODY, "certificates": both})
    assert created["certificates"] == both


async def test_names_and_issuers_are_taken_once(world: World) -> None:
    await world.admin.post(PROVIDERS, BODY)
    other = await world.admin.post(PROVIDERS, {**BODY, "name": "other", "issuerURI": "urn:other"})
    for change, field in (
        ({"name": "EXAMPLE idp", "issuerURI": "urn:new"}, "name"),
        ({"name": "new"}, "issuerURI"),
    ):
        for method, path in (("POST", PROVIDERS), ("PUT", other["selfUri"])):
            answer = await world.admin.call(method, path, {**BODY, **change})
            assert "taken" in refused(answer, 409, "general.conflict", field)
    elsewhere = world.member(await world.found("Elsewhere"))
    assert (await elsewhere.post(PROVIDERS, BODY))["name"] == BODY["name"]


async def test_of_two_alike_at_once_one_is_registered(world: World) -> None:
    await world.admin.log_in()
    answers = await asyncio.gather(*(world.admin.call("POST", PROVIDERS, BODY) for _ in range(8)))
    assert [answer.status_code for answer in answers].count(200) == 1
    assert {answer.status_code for answer in answers} <= {200, 409, 503}
    assert len(await rows(world)) == 1


async def test_a_stale_version_is_refused(world: World) -> None:
    created = await world.admin.post(PROVIDERS, BODY)
    path = created["selfUri"]
    await world.admin.put(path, {**BODY, "version": 1})
    answer = await world.admin.call("PUT", path, {**BODY, "version": 1})
    assert "is 2 by now" in refused(answer, 409, "general.conflict", "version")
    assert (await world.admin.put(path, BODY))["version"] == 3


async def test_an_organisation_has_a_limit(world: World) -> None:
    for number in range(MOST_PROVIDERS):
        body = {**BODY, "name": f"p{number:02d}", "issuerURI": f"urn:{number}"}
        await world.admin.post(PROVIDERS, body)
    answer = await world.admin.call("POST", PROVIDERS, BODY)
    assert "limit" in refused(answer, 400, "bad.request")
    everything = await world.admin.get(PROVIDERS)
    assert [each["name"] for each in everything["entities"]] == [
        f"p{number:02d}" for number in range(MOST_PROVIDERS)
    ]
    assert (everything["total"], everything["pageCount"]) == (MOST_PROVIDERS, 1)
    page = await world.admin.get(f"{PROVIDERS}?pageSize=20&pageNumber=3")
    assert [each["name"] for each in page["entities"]] == [f"p{n}" for n in range(40, 50)]
    assert (page["total"], page["pageCount"]) == (MOST_PROVIDERS, 3)


async def test_whoever_lacks_anything_cannot_decide_whom_to_trust(world: World) -> None:
    """An identity provider can become any user: it takes every right in every division."""
    path = (await world.admin.post(PROVIDERS, BODY))["selfUri"]
    before = await rows(world)
    home = (await world.admin.get("/api/v2/authorization/divisions/home"))["id"]
    everything = await world.admin.make_role("*:*:*")
    few: list[Member] = [
        await world.admin.make_member("sso:*:*", "oauth:*:*", "authorization:*:*", "directory:*:*"),
        await world.admin.make_client(everything, division=home),
    ]
    for member in few:
        for method, where in (("POST", PROVIDERS), ("PUT", path)):
            answer = await member.call(method, where, {**BODY, "name": "mine"})
            assert "*:*:* in division *" in refused(answer, 403, "missing.permissions")
        assert await member.get(PROVIDERS) == await world.admin.get(PROVIDERS)
    assert await rows(world) == before
    whole = await world.admin.make_client(everything)
    assert (await whole.put(path, {**BODY, "name": "theirs"}))["name"] == "theirs"
    # Nobody gains anything by trusting less.
    less = await world.admin.make_member("sso:provider:delete")
    done(await less.call("DELETE", path))


async def test_every_change_is_audited_with_fingerprints(world: World) -> None:
    created = await world.admin.post(PROVIDERS, BODY)
    await world.admin.put(created["selfUri"], {**BODY, "disabled": True})
    await world.admin.call("DELETE", created["selfUri"])
    found = await events(world, created["id"])
    assert [event.action for event in found] == ["Create", "Update", "Delete"]
    assert {event.entity_type for event in found} == {"IdentityProvider"}
    changes = [{change.property: change for change in event.changes} for event in found]
    (fingerprint,) = changes[0]["certificates"].new_values
    assert len(fingerprint) == 64
    assert int(fingerprint, 16)
    assert set(changes[1]) == {"enabled"}
    assert changes[2]["certificates"].old_values == [fingerprint]
    assert "BEGIN" not in str(found)


async def test_a_user_logs_in_with_an_assertion(world: World) -> None:
    """Through the token endpoint, as an official client does it."""
    await add_user(world, "ann@example.com")
    provider = {**BODY, "issuerURI": "https://idp.example.com/metadata"}
    recipient = "http://127.0.0.1:8080/oauth/token"
    await world.admin.post(PROVIDERS, provider)
    client = await world.admin.post(
        CLIENTS, {"name": "saml", "authorizedGrantType": "SAML2-BEARER", "scope": ["users"]}
    )

    async def ask(element: Any, **form: str) -> httpx.Response:
        data = {
            "grant_type": "urn:ietf:params:oauth:grant-type:saml2-bearer",
            "orgName": "Example",
            "assertion": encoded(element),
            **form,
        }
        return await world.ask_token(client["id"], client["secret"], data)

    answer = await ask(signed_assertion(recipient=recipient, audiences=(recipient,)))
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"access_token", "token_type", "expires_in"}
    token = {"authorization": f"Bearer {answer.json()['access_token']}"}
    info = (await world.http.get("/api/v2/tokens/me", headers=token)).json()
    assert info["OAuthClient"]["id"] == client["id"]
    for element, form in (
        (signed_assertion(recipient=recipient, audiences=(recipient,)), {}),
        (signed_assertion(id="_2"), {}),
        (signed_assertion(id="_3", recipient=recipient, audiences=(recipient,)), {"orgName": "x"}),
        (b"<x/>", {}),
    ):
        bad = await ask(element, **form)
        assert (bad.status_code, bad.json()["error"]) == (400, "invalid_grant")
        assert bad.json()["description"] == bad.json()["error_description"]
    assert "assertion: it was used before" in world.log.getvalue()
    assert encoded(signed_assertion())[:60] not in world.log.getvalue()
    too_large = await ask(b"x" * 1_048_576)
    assert (too_large.status_code, too_large.json()["error"]) == (413, "invalid_request")


async def add_user(world: World, email: str) -> User:
    user = User(
        id=world.node.random.uuid(),
        organization_id=world.founding.organization.id,
        name="Ann",
        email=email,
        created_at=world.clock.now_ms(),
    )
    await world.node.store.write(lambda transaction: transaction.users.add(user, None))
    return user
