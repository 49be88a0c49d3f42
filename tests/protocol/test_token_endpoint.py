"""Every refusal of the token endpoint (RFC 6749 section 5.2), as a client sees it."""

import base64
import string
from typing import Any

import httpx2 as httpx
import pytest

from grantory.domain.secret import Secret, compose_client_secret
from tests.support.world import CLIENTS, World

FORM = "application/x-www-form-urlencoded"
UNKNOWN = "6a3f0f5e-8e0e-4d6c-9a55-1f8c0b9d7e21"


def a_secret() -> str:
    """A secret of the right form that nobody has."""
    secret: Secret = compose_client_secret(bytes(6), bytes(32))[1]
    return secret.reveal()


async def post(world: World, body: str | bytes, **headers: str) -> httpx.Response:
    content = body.encode() if isinstance(body, str) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await world.http.post(
        "/oauth/token", content=content, headers={"content-type": FORM, **named}
    )


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def refused(answer: httpx.Response, status: int, error: str) -> str:
    """Check the three fields and the headers of a refusal; returns the description."""
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert body.keys() == {"error", "description", "error_description"}
    assert body["error"] == error
    assert body["description"] == body["error_description"]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["ININ-Correlation-Id"]
    challenged = answer.headers.get("www-authenticate", "")
    assert challenged.startswith("Basic realm=") is (status == 401)
    description: str = body["description"]
    assert description
    return description


async def test_the_answer_is_200_with_just_what_rfc_6749_says(world: World) -> None:
    answer = await world.ask_token(world.admin.client_id, world.admin.secret)
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() == {"access_token", "token_type", "expires_in"}
    assert body["token_type"] == "bearer"
    assert body["expires_in"] == 86_400
    assert type(body["expires_in"]) is int
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"


async def test_the_lifetime_is_the_clients(world: World) -> None:
    role_id = await world.admin.make_role("oauth:client:view")
    member = await world.admin.make_client(role_id, accessTokenValiditySeconds=301)
    answer = await world.ask_token(member.client_id, member.secret)
    assert answer.json()["expires_in"] == 301


async def test_id_and_secret_may_come_in_the_form(world: World) -> None:
    form = f"grant_type=client_credentials&client_id={world.admin.client_id}"
    answer = await post(world, f"{form}&client_secret={world.admin.secret}")
    assert answer.status_code == 200


async def test_the_client_id_beside_basic_must_be_the_same(world: World) -> None:
    own, secret = world.admin.client_id, world.admin.secret
    same = await world.ask_token(own, secret, {"client_id": own.upper()})
    assert same.status_code == 200
    other = await world.ask_token(own, secret, {"client_id": UNKNOWN})
    assert "client_id differs" in refused(other, 400, "invalid_request")


async def test_two_methods_at_once_are_an_invalid_request(world: World) -> None:
    own, secret = world.admin.client_id, world.admin.secret
    for form in ({"client_id": own, "client_secret": secret}, {"client_secret": secret}):
        answer = await world.ask_token(own, secret, form)
        assert "more than one way" in refused(answer, 400, "invalid_request")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "grant_type is missing"),
        ("grant_type=", "grant_type is missing"),
        ("grant_type=client_credentials&grant_type=client_credentials", "more than once"),
        ("grant_type=client_credentials&a=%00", "NUL"),
        ("grant_type=client_credentials&a=%ff", "UTF-8"),
        ("&".join(f"a{n}=1" for n in range(70)), "more than 64"),
        ("grant_type=client_credentials&client_secret=x", "without client_id"),
    ],
)
async def test_a_broken_form_is_an_invalid_request(world: World, body: str, said: str) -> None:
    assert said in refused(await post(world, body), 400, "invalid_request")


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", "multipart/form-data"])
async def test_another_content_type_is_an_invalid_request(world: World, media_type: str) -> None:
    answer = await post(
        world,
        "grant_type=client_credentials",
        authorization=basic(world.admin.client_id, world.admin.secret),
        content_type=media_type,
    )
    assert FORM in refused(answer, 400, "invalid_request")


async def test_the_content_types_parameters_and_case_do_not_matter(world: World) -> None:
    answer = await post(
        world,
        "grant_type=client_credentials",
        authorization=basic(world.admin.client_id, world.admin.secret),
        content_type="Application/X-WWW-Form-URLEncoded; charset=UTF-8",
    )
    assert answer.status_code == 200


async def test_parameters_in_the_address_are_refused(world: World) -> None:
    answer = await world.http.post(
        "/oauth/token?client_id=x",
        data={"grant_type": "client_credentials"},
        auth=(world.admin.client_id, world.admin.secret),
    )
    assert "not in the address" in refused(answer, 400, "invalid_request")


async def test_an_encoded_body_is_refused(world: World) -> None:
    answer = await post(world, "grant_type=client_credentials", content_encoding="gzip")
    assert "encoded body" in refused(answer, 400, "invalid_request")


async def test_a_repeated_header_is_refused(world: World) -> None:
    header = basic(world.admin.client_id, world.admin.secret)
    answer = await world.http.post(
        "/oauth/token",
        content=b"grant_type=client_credentials",
        headers=[("content-type", FORM), ("authorization", header), ("authorization", header)],
    )
    assert "header" in refused(answer, 400, "invalid_request")


async def test_a_form_beyond_the_limit_is_refused_and_one_within_is_read(world: World) -> None:
    start = "grant_type=client_credentials&padding="
    header = basic(world.admin.client_id, world.admin.secret)
    answer = await post(world, start.ljust(262_144, "a"), authorization=header)
    assert answer.status_code == 200
    answer = await post(world, start.ljust(262_145, "a"), authorization=header)
    assert "larger than" in refused(answer, 413, "invalid_request")


@pytest.mark.parametrize(
    "grant_type",
    ["device_code", "CLIENT_CREDENTIALS", "client-credentials", "none", "authorization_code "],
)
async def test_an_unknown_grant_type_is_unsupported(world: World, grant_type: str) -> None:
    form = {"grant_type": grant_type}
    answer = await world.ask_token(world.admin.client_id, world.admin.secret, form)
    refused(answer, 400, "unsupported_grant_type")


async def test_no_authentication_is_an_invalid_client(world: World) -> None:
    answer = await post(world, "grant_type=client_credentials")
    assert "missing" in refused(answer, 401, "invalid_client")
    answer = await post(world, f"grant_type=client_credentials&client_id={UNKNOWN}")
    refused(answer, 401, "invalid_client")


async def test_another_scheme_is_an_invalid_client(world: World) -> None:
    header = f"Bearer {await world.admin.log_in()}"
    answer = await post(world, "grant_type=client_credentials", authorization=header)
    assert "must be Basic" in refused(answer, 401, "invalid_client")


async def test_a_wrong_secret_and_an_unknown_client_are_told_alike(world: World) -> None:
    own, right = world.admin.client_id, world.admin.secret
    tries = [
        (own, a_secret()),
        (own, right[:-1] + ("0" if right[-1] != "0" else "1")),
        (own, "short"),
        (own, right.upper()),
        (UNKNOWN, right),
        (UNKNOWN, a_secret()),
        ("x" * 300, right),
        ("not an id", "not a secret"),
    ]
    answers = [await world.ask_token(*pair) for pair in tries]
    for answer in answers:
        assert refused(answer, 401, "invalid_client") == "authentication failed"
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers)) for answer in answers}) == 1


async def test_a_well_formed_secret_with_the_right_key_id_is_not_enough(world: World) -> None:
    digits = string.digits + string.ascii_uppercase + string.ascii_lowercase
    right = world.admin.secret
    number = 0
    for digit in right[4:12]:
        number = number * 62 + digits.index(digit)
    key_id, forged = compose_client_secret(number.to_bytes(6, "big"), bytes(32))
    assert forged.reveal()[:12] == right[:12] == f"gcs_{key_id}"
    answer = await world.ask_token(world.admin.client_id, forged.reveal())
    refused(answer, 401, "invalid_client")


async def test_another_clients_secret_is_wrong(world: World) -> None:
    member = await world.admin.make_member("oauth:client:view")
    refused(await world.ask_token(member.client_id, world.admin.secret), 401, "invalid_client")


async def test_a_clients_id_is_the_same_in_any_case(world: World) -> None:
    answer = await world.ask_token(world.admin.client_id.upper(), world.admin.secret)
    assert answer.status_code == 200


@pytest.mark.parametrize("state", ["inactive", "disabled"])
async def test_a_client_that_is_not_active_is_unauthorized(world: World, state: str) -> None:
    member = await world.admin.make_member("oauth:client:view")
    path = f"{CLIENTS}/{member.client_id}"
    await world.admin.put(path, {**await world.admin.get(path), "state": state})
    answer = await world.ask_token(member.client_id, member.secret)
    assert state in refused(answer, 400, "unauthorized_client")


async def test_a_client_that_will_be_deleted_is_unauthorized(world: World) -> None:
    role_id = await world.admin.make_role("oauth:client:view")
    member = await world.admin.make_client(role_id, dateToDelete="2090-01-01T00:00:00.000Z")
    answer = await world.ask_token(member.client_id, member.secret)
    assert "scheduled for deletion" in refused(answer, 400, "unauthorized_client")


async def test_a_client_of_another_grant_type_is_unauthorized(world: World) -> None:
    member = await world.admin.make_client(authorizedGrantType="CODE")
    answer = await world.ask_token(member.client_id, member.secret)
    assert "not registered" in refused(answer, 400, "unauthorized_client")


async def test_an_inactive_client_learns_so_only_with_its_secret(world: World) -> None:
    member = await world.admin.make_member("oauth:client:view")
    path = f"{CLIENTS}/{member.client_id}"
    await world.admin.put(path, {**await world.admin.get(path), "state": "disabled"})
    refused(await world.ask_token(member.client_id, a_secret()), 401, "invalid_client")


async def test_a_scope_that_is_not_registered_is_an_invalid_scope(world: World) -> None:
    own, secret = world.admin.client_id, world.admin.secret
    refused(await world.ask_token(own, secret, {"scope": "oauth"}), 400, "invalid_scope")
    assert (await world.ask_token(own, secret, {"scope": ""})).status_code == 200


async def test_the_old_secret_stops_and_the_new_one_works_at_once(world: World) -> None:
    member = await world.admin.make_member("oauth:client:view")
    old_token = await member.log_in()
    made = await world.admin.post(f"{CLIENTS}/{member.client_id}/secret")
    refused(await world.ask_token(member.client_id, member.secret), 401, "invalid_client")
    assert (await world.ask_token(member.client_id, made["secret"])).status_code == 200
    still = await world.http.head(
        "/api/v2/tokens/me", headers={"authorization": f"Bearer {old_token}"}
    )
    assert still.status_code == 200


async def test_too_many_wrong_secrets_are_told_as_official_clients_wait_for(world: World) -> None:
    own = world.admin.client_id
    for _ in range(20):
        refused(await world.ask_token(own, a_secret()), 401, "invalid_client")
    world.clock.advance(15)
    for secret in (a_secret(), world.admin.secret):
        answer = await world.ask_token(own, secret)
        said = refused(answer, 400, "invalid_request")
        assert said.startswith("rate limit exceeded;")
        assert answer.headers["retry-after"] == "45"
    world.clock.advance(45)
    assert (await world.ask_token(own, world.admin.secret)).status_code == 200


async def test_writing_the_client_id_otherwise_does_not_get_round_the_throttle(
    world: World,
) -> None:
    own = world.admin.client_id
    for number in range(20):
        name = own.upper() if number % 2 else own
        refused(await world.ask_token(name, a_secret()), 401, "invalid_client")
    said = refused(await world.ask_token(own, a_secret()), 400, "invalid_request")
    assert said.startswith("rate limit exceeded;")


async def test_right_secrets_are_never_counted(world: World) -> None:
    for _ in range(40):
        answer = await world.ask_token(world.admin.client_id, world.admin.secret)
        assert answer.status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
async def test_only_post_is_taken(world: World, method: str) -> None:
    answer = await world.http.request(method, "/oauth/token")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
