"""Attack cases 35, 36, 38 to 40, 43 and 44: proving who a client is."""

import base64
import hashlib
import json
from typing import Any

import msgspec
import pytest

from grantory.domain.secret import digest_of
from grantory.registry.client_secrets import new_client_secret
from grantory.storage.sqlite.store import SqliteStore
from tests.security.answers import log_of, oauth_refused, refused
from tests.support.world import CLIENTS, Member, World

FORM = "application/x-www-form-urlencoded"


def basic(pair: bytes) -> str:
    return "Basic " + base64.b64encode(pair).decode()


async def machine(world: World, **fields: Any) -> Member:
    return await world.admin.make_client(
        await world.admin.make_role("routing:queue:view"), **fields
    )


async def test_case_35_basic_of_one_client_and_body_of_another(world: World) -> None:
    first, second = await machine(world), await machine(world)

    mixed = await world.ask_token(first.client_id, first.secret, {"client_id": second.client_id})
    oauth_refused(mixed, 400, "invalid_request")

    crossed = await world.ask_token(first.client_id, second.secret)
    oauth_refused(crossed, 401, "invalid_client")
    crossed = await world.ask_token(first.client_id, second.secret, {"client_id": second.client_id})
    oauth_refused(crossed, 400, "invalid_request")


async def test_case_35_rights_are_those_of_the_authenticated_client(world: World) -> None:
    weak = await machine(world)
    answer = await world.http.post(
        "/oauth/token",
        data={
            "grant_type": "client_credentials",
            "client_id": weak.client_id,
            "client_secret": weak.secret,
            "username": "admin@example.com",
            "user_id": world.admin.client_id,
            "subject": world.admin.client_id,
            "organization_id": "x",
        },
    )
    weak.token = answer.json()["access_token"]

    refused(await weak.call("GET", CLIENTS), 403, "missing.any.permissions")
    me = await weak.get("/api/v2/tokens/me")
    assert me["OAuthClient"]["id"] == weak.client_id


async def test_case_36_two_secrets_at_once(world: World) -> None:
    one = await machine(world)
    both = {"client_id": one.client_id, "client_secret": one.secret}

    oauth_refused(await world.ask_token(one.client_id, one.secret, both), 400, "invalid_request")
    oauth_refused(
        await world.ask_token(one.client_id, one.secret, {"client_secret": one.secret}),
        400,
        "invalid_request",
    )
    oauth_refused(await world.ask_token(one.client_id, "wrong", both), 400, "invalid_request")
    # The same client id in both places is what one official client sends.
    same = await world.ask_token(one.client_id, one.secret, {"client_id": one.client_id.upper()})
    assert same.status_code == 200


async def test_case_36_the_header_twice(world: World) -> None:
    one, other = await machine(world), await machine(world)
    values = [basic(f"{m.client_id}:{m.secret}".encode()) for m in (one, other)]

    answer = await world.http.post(
        "/oauth/token",
        content=b"grant_type=client_credentials",
        headers=[("content-type", FORM), *(("authorization", value) for value in values)],
    )

    oauth_refused(answer, 400, "invalid_request")


@pytest.mark.parametrize("scheme", ["Bearer", "Digest", "Negotiate", "basicx", ""])
async def test_case_36_another_scheme_beside_a_secret_in_the_body(
    world: World, scheme: str
) -> None:
    one = await machine(world)
    answer = await world.http.post(
        "/oauth/token",
        data={
            "grant_type": "client_credentials",
            "client_id": one.client_id,
            "client_secret": one.secret,
        },
        headers={"authorization": f"{scheme} abc"},
    )

    oauth_refused(answer, 401, "invalid_client")


async def test_case_38_a_secret_in_the_address(world: World) -> None:
    one = await machine(world)
    query = f"client_id={one.client_id}&client_secret={one.secret}"

    for path in (
        f"/oauth/token?{query}",
        f"/oauth/token?grant_type=client_credentials&{query}",
        f"/oauth/token?{query.replace('_', '%5F')}",
    ):
        answer = await world.http.post(path, data={"grant_type": "client_credentials"})
        oauth_refused(answer, 400, "invalid_request")
        # Not even beside a right secret in the header.
        answer = await world.http.post(
            path,
            data={"grant_type": "client_credentials"},
            auth=(one.client_id, one.secret),
        )
        oauth_refused(answer, 400, "invalid_request")
    assert one.secret not in await log_of(world)


async def test_case_38_a_token_in_the_address(world: World) -> None:
    token = await world.admin.log_in()

    for path in (
        f"{CLIENTS}?access_token={token}",
        f"{CLIENTS}/{token}?access_token={token}",
        f"/{token}",
        f"/oauth/{token}?token={token}",
    ):
        answer = await world.http.get(path)
        assert answer.status_code in (401, 404)
        await world.admin.call("GET", path)
    log = await log_of(world)
    assert log.count('"event":"request"') >= 8
    assert token not in log
    assert token[4:40] not in log


async def test_case_39_the_stored_digest_is_no_secret(world: World) -> None:
    one = await machine(world)
    stored = await world.node.store.read(
        lambda snapshot: snapshot.clients.secrets_of(one.client_id)
    )
    digest = stored[0].digest
    assert digest == digest_of(one.secret)
    plain = hashlib.sha256(one.secret.encode())

    for presented in (
        digest.hex(),
        base64.b64encode(digest).decode(),
        base64.urlsafe_b64encode(digest).decode(),
        digest.decode("latin-1"),
        "sha256:" + digest.hex(),
        "gcs_" + digest.hex(),
        "gcs_" + stored[0].key_id,
        stored[0].key_id,
        plain.hexdigest(),
    ):
        answer = await world.ask_token(one.client_id, presented)
        oauth_refused(answer, 401, "invalid_client")
        answer = await world.http.post(
            "/oauth/token",
            data={
                "grant_type": "client_credentials",
                "client_id": one.client_id,
                "client_secret": presented,
            },
        )
        assert answer.status_code in (400, 401)
    assert (await world.ask_token(one.client_id, one.secret)).status_code == 200


BAD_PAIRS = {
    "empty": b"%(id)s:",
    "no colon": b"%(id)s",
    "no id": b":%(secret)s",
    "nothing": b"",
    "NUL": b"%(id)s:\x00",
    "secret and NUL": b"%(id)s:%(secret)s\x00",
    "escaped NUL": b"%(id)s:%(secret)s%%00",
    "NUL and secret": b"%(id)s:\x00%(secret)s",
    "not UTF-8": b"%(id)s:\xff\xfe%(secret)s",
    "escaped, not UTF-8": b"%(id)s:%(secret)s%%ff",
    "UTF-16": "a:b".encode("utf-16"),
    "overlong": b"%(id)s:\xc0\xaf",
    "surrogate": b"%(id)s:\xed\xa0\x80",
    "space": b"%(id)s: %(secret)s",
    "trailing space": b"%(id)s:%(secret)s ",
    "newline": b"%(id)s:%(secret)s\n",
    "id with NUL": b"%(id)s\x00:%(secret)s",
    "id with space": b"%(id)s :%(secret)s",
    "two colons": b"%(id)s:%(secret)s:%(secret)s",
    "upper case": b"%(id)s:%(upper)s",
    "full-width": "%(id)s:\uff47cs_".encode(),
    "long id": b"%(id)s" * 30 + b":%(secret)s",
    "SQL": b"%(id)s' OR '1'='1:%(secret)s",
}


@pytest.mark.parametrize("name", BAD_PAIRS)
async def test_case_40_odd_secrets_in_the_header(world: World, name: str) -> None:
    one = await machine(world)
    pair = BAD_PAIRS[name] % {
        b"id": one.client_id.encode(),
        b"secret": one.secret.encode(),
        b"upper": one.secret.upper().encode(),
    }

    answer = await world.http.post(
        "/oauth/token",
        data={"grant_type": "client_credentials"},
        headers={"authorization": basic(pair)},
    )

    oauth_refused(answer, 401, "invalid_client")


@pytest.mark.parametrize(
    "value",
    [
        "Basic",
        "Basic ",
        "Basic =",
        "Basic ====",
        "Basic a",
        "Basic a:b",
        "Basic \u00e9",
        "basic\tx",
    ],
)
async def test_case_40_a_broken_header(world: World, value: str) -> None:
    answer = await world.http.post(
        "/oauth/token",
        data={"grant_type": "client_credentials"},
        headers={b"authorization": value.encode("latin-1")},
    )

    oauth_refused(answer, 401, "invalid_client")


async def test_case_40_odd_secrets_in_the_body(world: World) -> None:
    one = await machine(world)
    start = b"grant_type=client_credentials&client_id=" + one.client_id.encode()
    for rest, status in (
        (b"", 401),
        (b"&client_secret=", 401),
        (b"&client_secret", 401),
        (b"&client_secret=%00", 400),
        (b"&client_secret=" + one.secret.encode() + b"%00", 400),
        (b"&client_secret=\xff", 400),
        (b"&client_secret=%ff", 400),
        (b"&client_secret=%ed%a0%80", 400),
        (b"&client_secret=%", 401),
        (b"&client_secret=+" + one.secret.encode(), 401),
        (b"&client_secret=%F0%9F%94%91", 401),
    ):
        answer = await world.http.post(
            "/oauth/token", content=start + rest, headers={"content-type": FORM}
        )
        oauth_refused(answer, status, "invalid_client" if status == 401 else "invalid_request")
    alone = await world.http.post(
        "/oauth/token",
        data={"grant_type": "client_credentials", "client_secret": one.secret},
    )
    oauth_refused(alone, 400, "invalid_request")


async def test_case_40_a_megabyte_costs_no_digest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await machine(world)
    digests: list[str] = []

    def counted(presented: str) -> bytes:
        digests.append(presented)
        return digest_of(presented)

    monkeypatch.setattr("grantory.protocol.client_auth.authenticate.digest_of", counted)

    header = await world.ask_token(one.client_id, "a" * 1_000_000)
    oauth_refused(header, 401, "invalid_client")
    body = await world.http.post(
        "/oauth/token",
        data={
            "grant_type": "client_credentials",
            "client_id": one.client_id,
            "client_secret": "a" * 1_000_000,
        },
    )
    oauth_refused(body, 413, "invalid_request")
    fitting = await world.http.post(
        "/oauth/token",
        data={
            "grant_type": "client_credentials",
            "client_id": one.client_id,
            "client_secret": "gcs_" + "a" * 200_000,
        },
    )
    oauth_refused(fitting, 401, "invalid_client")
    assert not digests


async def test_case_40_form_encoding_of_basic_changes_nothing(world: World) -> None:
    one = await machine(world)
    encoded = "".join(f"%{byte:02X}" for byte in one.secret.encode())

    answer = await world.ask_token(one.client_id, encoded)

    assert answer.status_code == 200


async def test_case_43_a_replaced_secret_is_cut_at_once(world: World) -> None:
    one = await machine(world)
    secrets = [one.secret]
    for _ in range(4):
        # Use the live one first, so that it is remembered.
        assert (await world.ask_token(one.client_id, secrets[-1])).status_code == 200
        answer = await world.admin.post(f"{CLIENTS}/{one.client_id}/secret")
        secrets.append(answer["secret"])
        for old in secrets[:-1]:
            oauth_refused(await world.ask_token(one.client_id, old), 401, "invalid_client")
    assert (await world.ask_token(one.client_id, secrets[-1])).status_code == 200


async def test_case_43_a_secret_replaced_by_another_process_is_cut_at_once(world: World) -> None:
    one = await machine(world)
    assert (await world.ask_token(one.client_id, one.secret)).status_code == 200
    now = world.clock.now_ms()

    # As a second server or command on the same file would: nothing tells this one's memory.
    second = SqliteStore(world.file, world.clock)
    try:
        await second.write(lambda transaction: transaction.clients.end_secrets(one.client_id, now))
    finally:
        await second.close()

    oauth_refused(await world.ask_token(one.client_id, one.secret), 401, "invalid_client")


async def test_case_43_a_secret_ends_to_the_millisecond(world: World) -> None:
    one = await machine(world)
    now = world.clock.now_ms()
    organization_id = world.founding.organization.id
    stored, secret = new_client_secret(world.node.random, organization_id, one.client_id, now)
    ending = msgspec.structs.replace(stored, expires_at=now + 60_000)
    await world.node.store.write(lambda transaction: transaction.clients.add_secret(ending))

    world.clock.advance(59.999)
    assert (await world.ask_token(one.client_id, secret.reveal())).status_code == 200
    world.clock.advance(0.001)
    answer = await world.ask_token(one.client_id, secret.reveal())
    oauth_refused(answer, 401, "invalid_client")
    assert (await world.ask_token(one.client_id, one.secret)).status_code == 200


async def set_state(world: World, one: Member, **fields: Any) -> None:
    client = await world.admin.get(f"{CLIENTS}/{one.client_id}")
    client.pop("roleIds", None)
    await world.admin.put(f"{CLIENTS}/{one.client_id}", {**client, **fields})


@pytest.mark.parametrize(
    ("fields", "earlier_token_is_good"),
    [
        ({"state": "inactive"}, True),
        ({"state": "disabled"}, False),
        ({"dateToDelete": "2099-01-01T00:00:00.000Z"}, True),
        ({"state": "disabled", "dateToDelete": "2099-01-01T00:00:00.000Z"}, False),
    ],
)
async def test_case_44_no_tokens_for_a_client_that_is_not_active(
    world: World, fields: dict[str, str], earlier_token_is_good: bool
) -> None:
    one = await machine(world)
    await one.log_in()
    await one.get("/api/v2/tokens/me")

    await set_state(world, one, **fields)

    refusal = oauth_refused(
        await world.ask_token(one.client_id, one.secret), 400, "unauthorized_client"
    )
    # Who does not know the secret learns nothing of the state.
    wrong = await world.ask_token(one.client_id, world.admin.secret)
    assert oauth_refused(wrong, 401, "invalid_client") != refusal
    earlier = await one.call("GET", "/api/v2/tokens/me")
    if earlier_token_is_good:
        assert earlier.status_code == 200
    else:
        refused(earlier, 401, "bad.credentials")


async def test_case_44_enabling_again_revives_no_token(world: World) -> None:
    one = await machine(world)
    await one.log_in()
    await set_state(world, one, state="disabled")
    await set_state(world, one, state="active")

    refused(await one.call("GET", "/api/v2/tokens/me"), 401, "bad.credentials")
    await one.log_in()
    assert (await one.call("GET", "/api/v2/tokens/me")).status_code == 200


async def test_case_44_a_deleted_client_is_unknown(world: World) -> None:
    one = await machine(world)
    await one.log_in()
    assert (await world.admin.call("DELETE", f"{CLIENTS}/{one.client_id}")).status_code == 204

    deleted = await world.ask_token(one.client_id, one.secret)
    unknown = await world.ask_token("11111111-2222-4333-8444-555555555555", one.secret)

    assert oauth_refused(deleted, 401, "invalid_client") == json.loads(unknown.text)
    refused(await one.call("GET", "/api/v2/tokens/me"), 401, "bad.credentials")


async def test_case_35_a_header_that_was_good_before_is_no_pass_beside_another_name(
    world: World,
) -> None:
    first, second = await machine(world), await machine(world)
    await first.log_in()

    for form in (
        {"client_id": second.client_id},
        {"client_secret": first.secret},
        {"client_id": first.client_id, "client_secret": first.secret},
    ):
        mixed = await world.ask_token(first.client_id, first.secret, form)
        oauth_refused(mixed, 400, "invalid_request")
    same = await world.ask_token(first.client_id, first.secret, {"client_id": first.client_id})
    assert same.status_code == 200


async def test_whoever_was_let_in_before_is_held_up_by_failures_too(world: World) -> None:
    one = await machine(world)
    await one.log_in()
    for _ in range(20):
        await world.ask_token(one.client_id, world.admin.secret)

    held_up = await world.ask_token(one.client_id, one.secret)

    assert held_up.json()["error_description"].startswith("rate limit exceeded;")
    world.clock.advance(61)
    assert (await world.ask_token(one.client_id, one.secret)).status_code == 200


async def test_case_43_a_header_that_was_good_before_ends_with_its_secret(world: World) -> None:
    one, another = await machine(world), await machine(world)
    for _ in range(2):
        await one.log_in()
        await another.log_in()

    new = await world.admin.post(f"{CLIENTS}/{one.client_id}/secret")

    oauth_refused(await world.ask_token(one.client_id, one.secret), 401, "invalid_client")
    assert (await world.ask_token(one.client_id, new["secret"])).status_code == 200
    assert (await world.ask_token(another.client_id, another.secret)).status_code == 200
