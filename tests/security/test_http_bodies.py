"""Attack case 87: bodies of the wrong kind, size, depth or encoding, on every operation."""

import gzip
import json
from typing import Any

import httpx2 as httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grantory.app import build_operations
from grantory.http.api_v2 import schemas
from grantory.http.json_body import ListBody
from grantory.http.operation import Operation
from tests.security.answers import error_of, oauth_refused, refused
from tests.support.saml import signer
from tests.support.subjects import make_division, make_user
from tests.support.world import CLIENTS, ROLES, World

FORM = "application/x-www-form-urlencoded"
GOOD = b'{"name":"a","authorizedGrantType":"CODE"}'


def writing(world: World) -> list[tuple[Operation, str]]:
    """Every operation that takes a body, with a path that exists."""
    found = []
    for operation in build_operations(world.node, world.settings):
        if operation.body is not None:
            found.append((operation, operation.path))
    assert len(found) >= 5
    return found


async def send(
    world: World, method: str, path: str, content: Any, **headers: str
) -> httpx.Response:
    """Sends a body as it is."""
    token = world.admin.token or await world.admin.log_in()
    fields = {"authorization": f"Bearer {token}", "content-type": "application/json", **headers}
    return await world.http.request(method, path, content=content, headers=fields)


async def target(world: World, path: str) -> str:
    role_id = await world.admin.make_role("routing:queue:view")
    client = await world.admin.make_client(role_id)
    subject = await make_user(world) if "/users/" in path else client.client_id
    ids = {"clientId": client.client_id, "roleId": role_id, "subjectId": subject}
    ids["userId"] = subject
    ids["divisionId"] = await make_division(world)
    if "{providerId}" in path:
        provider = {"name": f"IdP {world.count()}", "issuerURI": f"urn:idp:{world.count()}"}
        made = await world.admin.post(
            "/api/v2/identityproviders", {**provider, "certificate": signer().certificate}
        )
        ids["providerId"] = made["id"]
    return path.format(**ids)


TYPES = ["", "text/plain", FORM, "multipart/form-data; boundary=a", "application/xml", "text/json"]
TYPES += ["application/json-patch+json", "application/jsonx", "*/*", "application/json, text/plain"]


async def test_case_87_another_content_type_is_415(world: World) -> None:
    for operation, path in writing(world):
        url = await target(world, path)
        for media_type in TYPES:
            answer = await send(world, operation.method, url, GOOD, **{"content-type": media_type})
            refused(answer, 415, "unsupported.media.type")
        for coding in ("gzip", "br", "deflate", "identity, gzip", "x"):
            headers = {"content-encoding": coding}
            answer = await send(world, operation.method, url, gzip.compress(GOOD), **headers)
            refused(answer, 415, "unsupported.media.type")
    good = {"content-type": "Application/JSON; charset=utf-8", "content-encoding": "identity"}
    assert (await send(world, "POST", CLIENTS, GOOD, **good)).status_code == 200


BAD_JSON: dict[str, bytes] = {
    "nothing": b"",
    "spaces": b" \n\t ",
    "null": b"null",
    "a number": b"1",
    "a text": b'"a"',
    "a list": b"[]",
    "a list of objects": b"[" + GOOD + b"]",
    "half": GOOD[:-1],
    "two": GOOD + GOOD,
    "more": GOOD + b"x",
    "a comment": b"/* */" + GOOD,
    "single quotes": b"{'name':'a'}",
    "a trailing comma": GOOD[:-1] + b",}",
    "no quotes": b"{name:1}",
    "NaN": b'{"name":"a","x":NaN}',
    "Infinity": b'{"name":"a","x":-Infinity}',
    "a number too large": b'{"name":"a","x":1e400}',
    "a number too long": b'{"name":"a","x":' + b"9" * 5000 + b"}",
    "a leading zero": b'{"name":"a","x":01}',
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-32": GOOD.decode().encode("utf-32-be"),
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "Latin-1": b'{"name":"\xe9","authorizedGrantType":"CODE"}',
    "an overlong sequence": b'{"name":"\xc0\xaf","authorizedGrantType":"CODE"}',
    "a raw surrogate": b'{"name":"\xed\xa0\x80","authorizedGrantType":"CODE"}',
    "an escaped surrogate": b'{"name":"\\ud800","authorizedGrantType":"CODE"}',
    "a surrogate in a key": b'{"\\ud800":1,"name":"a"}',
    "a raw control": b'{"name":"a\x01"}',
    "deep lists": b'{"name":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep lists without an end": b"[" * 500_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
}


@pytest.mark.parametrize("name", BAD_JSON)
async def test_case_87_what_is_no_json_object_is_400(world: World, name: str) -> None:
    for operation, path in writing(world):
        assert operation.body is not None
        if issubclass(operation.body, ListBody) and name.startswith("a list"):
            continue
        answer = await send(world, operation.method, await target(world, path), BAD_JSON[name])
        refused(answer, 400, "bad.request")
    assert '"status":500' not in world.log.getvalue()


@pytest.mark.parametrize("depth", [10, 100, 500, 900, 950, 1000, 1100, 5000])
async def test_case_87_depth_inside_a_field_is_refused_or_kept(world: World, depth: int) -> None:
    node = '{"a":' * depth + "1" + "}" * depth
    for field in ("resourceConditionNode", "unknown"):
        policy = '{"domain":"routing","entityName":"queue","actionSet":["view"],"%s":%s}'
        text = '{"name":"deep %s %s","permissionPolicies":[%s],"unknown":%s}'
        body = text % (field, depth, policy % (field, node), node)
        answer = await send(world, "POST", ROLES, body.encode())
        if answer.status_code != 200:
            error_of(answer)
            assert answer.status_code == 400
            continue
        # Whatever was kept can be read again, alone and in the list.
        path = f"{ROLES}/{answer.json()['id']}"
        assert (await world.admin.call("GET", path)).text == answer.text
    assert (await world.admin.call("GET", ROLES)).status_code == 200


WRONG: list[Any] = [
    *([], {}, "", " ", 0, -1, 1.5, True, False, [[]], [None], [{}], {"a": 1}, "a" * 3000),
    *(10**18, -(10**30), 1e308, ["a"] * 1000, [["a"]], "\x00", ["\x00"], "*", ["a" * 3000]),
]


async def test_case_87_every_field_with_every_wrong_type(world: World) -> None:
    good = {"name": "a", "authorizedGrantType": "CODE"}
    for operation, path in writing(world):
        url = await target(world, path)
        assert operation.body is not None
        for field in msgspec.structs.fields(operation.body):
            for value in WRONG:
                body = {**good, "name": f"n{world.count()}", field.encode_name: value}
                answer = await world.admin.call(operation.method, url, body)
                assert answer.status_code in (200, 204, 400, 409), f"{url} {body} {answer.text}"
                if answer.status_code >= 400:
                    details = error_of(answer)["details"]
                    assert details or answer.json()["code"] in ("bad.request", "general.conflict")


async def test_case_87_the_last_of_two_keys_counts_and_is_checked(world: World) -> None:
    for text, status in (
        (b'{"name":1,"name":"a","authorizedGrantType":"CODE"}', 200),
        (b'{"name":"a","name":1,"authorizedGrantType":"CODE"}', 400),
        (b'{"name":"a","authorizedGrantType":"CODE","authorizedGrantType":"NONE"}', 400),
    ):
        assert (await send(world, "POST", CLIENTS, text)).status_code == status


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    sorted(
        {
            field.encode_name
            for schema in (schemas.OAuthClientRequest, schemas.RoleRequest)
            for field in msgspec.structs.fields(schema)
        }
    )
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(FIELDS, JSON, max_size=6) | JSON)
async def test_case_87_any_json_is_read_or_refused(world: World, body: Any) -> None:
    text = json.dumps(body).encode()
    for method, path in (("POST", CLIENTS), ("POST", ROLES)):
        answer = await send(world, method, path, text)
        assert answer.status_code in (200, 400, 409), answer.text


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60))
async def test_case_87_any_bytes_are_read_or_refused(world: World, body: bytes) -> None:
    answer = await send(world, "POST", CLIENTS, body)
    assert answer.status_code in (200, 400)
    answer = await world.http.post("/oauth/token", content=body, headers={"content-type": FORM})
    assert answer.status_code in (400, 401)


async def test_case_87_a_body_beyond_a_megabyte_is_413(world: World) -> None:
    large = GOOD[:-1] + b',"x":"' + b"a" * 1_048_576 + b'"}'

    async def pieces() -> Any:
        for start in range(0, len(large), 65_536):
            yield large[start : start + 65_536]

    for operation, path in writing(world):
        url = await target(world, path)
        for content in (large, pieces()):
            answer = await send(world, operation.method, url, content)
            refused(answer, 413, "request.entity.too.large")
    fitting = GOOD[:-1] + b',"x":"' + b"a" * 1_000_000 + b'"}'
    assert (await send(world, "POST", CLIENTS, fitting)).status_code == 200


async def test_case_87_ten_megabytes_to_the_token_endpoint(world: World) -> None:
    taken = 0

    async def endless() -> Any:
        nonlocal taken
        while taken < 10_000_000:
            taken += 65_536
            yield b"a" * 65_536

    for content in (b"a=" + b"a" * 10_000_000, endless()):
        answer = await world.http.post(
            "/oauth/token", content=content, headers={"content-type": FORM}
        )
        oauth_refused(answer, 413, "invalid_request")


async def test_case_87_ten_thousand_parameters(world: World) -> None:
    admin = world.admin
    for text in ("&".join(f"p{n}=1" for n in range(10_000)), "&" * 10_000, "a&" * 10_000):
        answer = await world.http.post(
            "/oauth/token",
            content=f"grant_type=client_credentials&{text}".encode(),
            headers={"content-type": FORM},
            auth=(admin.client_id, admin.secret),
        )
        oauth_refused(answer, 400, "invalid_request")


@pytest.mark.parametrize(
    "media_type",
    ["application/json", "text/plain", "", "multipart/form-data; boundary=a", "application/x-www"],
)
async def test_case_87_the_token_endpoint_takes_forms_only(world: World, media_type: str) -> None:
    admin = world.admin
    body = {
        "grant_type": "client_credentials",
        "client_id": admin.client_id,
        "client_secret": admin.secret,
    }
    multipart = b"".join(
        b'--a\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (k.encode(), v.encode())
        for k, v in body.items()
    )
    for content in (
        json.dumps(body).encode(),
        b"grant_type=client_credentials",
        multipart + b"--a--",
    ):
        answer = await world.http.post(
            "/oauth/token",
            content=content,
            headers={"content-type": media_type},
            auth=(admin.client_id, admin.secret),
        )
        oauth_refused(answer, 400, "invalid_request")


async def test_case_87_the_token_endpoint_takes_post_only(world: World) -> None:
    admin = world.admin
    query = (
        f"grant_type=client_credentials&client_id={admin.client_id}&client_secret={admin.secret}"
    )
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE"):
        answer = await world.http.request(method, f"/oauth/token?{query}")
        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST"


async def test_case_87_an_operation_without_a_body_ignores_one(world: World) -> None:
    role_id = await world.admin.make_role("routing:queue:view")
    one = await world.admin.make_client(role_id)
    for content in (b"null", b"", b"{", b"\xff" * 100, b"a" * 3_000_000):
        answer = await send(world, "POST", f"{CLIENTS}/{one.client_id}/secret", content)
        assert answer.status_code == 200
        answer = await send(world, "GET", CLIENTS, content)
        assert answer.status_code == 200
