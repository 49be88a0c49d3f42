"""What holds for every operation: errors, prefixes, correlation ids, tokens, bodies."""

import asyncio
import re
import uuid
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from grantory.app import build_operations
from grantory.http.health import LOOK_SECONDS, REMEMBERED_SECONDS
from tests.support.world import CLIENTS, ROLES, World, new_world

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
BODY = {"name": "x", "authorizedGrantType": "CODE"}


def error_of(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check the platform's error body, as every SDK reads it."""
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert body["code"] == code
    assert body["status"] == status
    assert body["message"]
    assert body["contextId"] == answer.headers["ININ-Correlation-Id"]
    assert isinstance(body["messageParams"], dict)
    assert isinstance(body["details"], list)
    assert isinstance(body["errors"], list)
    return body


async def admin_send(world: World, method: str, path: str, **options: Any) -> httpx.Response:
    token = world.admin.token or await world.admin.log_in()
    headers = {"authorization": f"Bearer {token}", **options.pop("headers", {})}
    return await world.http.request(method, path, headers=headers, **options)


@pytest.mark.parametrize(
    "path",
    [
        *("/api/v2/nothing", "/api/v2/oauth/clients/", "/api/v2//oauth/clients", "/nothing"),
        *("/API/V2/oauth/clients", "/api/v2/oauth/clients/a/b", "/api/v2/oauth/clients/a/secret/"),
    ],
)
async def test_an_unknown_address_is_404(world: World, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        error_of(await admin_send(world, method, path), 404, "not.found")
        error_of(await world.http.request(method, path), 404, "not.found")


async def test_a_parameter_that_takes_one_value_is_refused_two(world: World) -> None:
    """The last of them would have been taken, and the caller not told."""
    with_query = [o for o in build_operations(world.node, world.settings) if o.query]
    assert len(with_query) > 10
    for operation in with_query:
        path = re.sub(r"\{\w+\}", str(uuid.UUID(int=1)), operation.path)
        single = [p.name for p in operation.query if not p.repeated]
        query = "&".join(f"{p.name}=1&{p.name}=2" for p in operation.query)
        answer = await admin_send(world, operation.method, f"{path}?{query}")
        if not single:  # whatever else it is, a list of values is no fault
            assert "must be given once" not in answer.text
            continue
        details = error_of(answer, 400, "invalid.value")["details"]
        assert [detail["fieldName"] for detail in details] == single
        assert {detail["errorCode"] for detail in details} == {"invalid.value"}


@pytest.mark.parametrize("query", ["state=active&state=inactive", "state=active&state=active"])
async def test_even_alike_values_are_two(world: World, query: str) -> None:
    answer = await admin_send(world, "GET", f"{CLIENTS}?{query}")
    (detail,) = error_of(answer, 400, "invalid.value")["details"]
    assert detail["fieldName"] == "state"
    assert "must be given once" in answer.text


async def test_lists_of_values_and_unknown_parameters_may_be_repeated(world: World) -> None:
    roles = (await world.admin.get(ROLES))["entities"][:2]
    found = await world.admin.get(f"{ROLES}?" + "&".join(f"id={role['id']}" for role in roles))
    assert len(found["entities"]) == len(roles)
    assert (await world.admin.get(f"{CLIENTS}?expand=a&expand=b&x=1&x=2"))["total"] == 1


@pytest.mark.parametrize("path", [CLIENTS, ROLES, "/api/v2/organizations/me", "/health/live", "/"])
async def test_head_answers_as_get_without_a_body(world: World, path: str) -> None:
    got, headed = [await admin_send(world, method, path) for method in ("GET", "HEAD")]
    assert (headed.status_code, headed.content) == (got.status_code, b"")
    assert headed.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", CLIENTS, "GET, HEAD, POST"),
        ("PATCH", f"{CLIENTS}/x", "DELETE, GET, HEAD, PUT"),
        ("GET", f"{CLIENTS}/x/secret", "POST"),
        ("POST", "/api/v2/tokens/me", "DELETE, GET, HEAD"),
        ("HEAD", f"{CLIENTS}/x/secret", "POST"),
        ("OPTIONS", "/health/live", "GET, HEAD"),
        ("POST", "/health/live", "GET, HEAD"),
    ],
)
async def test_another_method_is_405_and_names_those_allowed(
    world: World, method: str, path: str, allowed: str
) -> None:
    answer = await admin_send(world, method, path)
    assert answer.headers["allow"] == allowed
    if method != "HEAD":
        error_of(answer, 405, "method.not.allowed")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/jsonp"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
@pytest.mark.parametrize("path", [CLIENTS, ROLES])
async def test_another_media_type_is_415(world: World, path: str, headers: dict[str, str]) -> None:
    answer = await admin_send(world, "POST", path, content=b'{"name": "x"}', headers=headers)
    error_of(answer, 415, "unsupported.media.type")


async def test_the_media_types_parameters_and_case_do_not_matter(world: World) -> None:
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    content = b'{"name": "x", "authorizedGrantType": "CODE"}'
    answer = await admin_send(world, "POST", CLIENTS, content=content, headers=headers)
    assert answer.status_code == 200


async def test_a_body_beyond_the_limit_is_413_and_one_within_is_read(world: World) -> None:
    headers = {"content-type": "application/json"}
    text = b'{"name": "x", "authorizedGrantType": "CODE", "unknown": "'
    within = text.ljust(1_048_574, b"a") + b'"}'
    answer = await admin_send(world, "POST", CLIENTS, content=within, headers=headers)
    assert answer.status_code == 200
    answer = await admin_send(world, "POST", CLIENTS, content=within + b" ", headers=headers)
    error_of(answer, 413, "request.entity.too.large")

    async def chunks() -> Any:
        for _ in range(5):
            yield b" " * 300_000

    answer = await admin_send(world, "POST", CLIENTS, content=chunks(), headers=headers)
    error_of(answer, 413, "request.entity.too.large")


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"  ", b"{", b"null", b"[]", b'"x"', b"5", b"{'name': 'x'}", b'{"name": "x",}'),
        *(b"\xff\xfe", b'{"name": "\xff"}', b'{"name": "\\ud800"}', b"[" * 100_000),
    ],
)
async def test_what_is_no_json_object_is_400(world: World, content: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = await admin_send(world, "POST", CLIENTS, content=content, headers=headers)
    error_of(answer, 400, "bad.request")


async def test_each_bad_field_has_its_detail(world: World) -> None:
    answer = await world.admin.call("POST", CLIENTS, {"name": "", "scope": "x"})
    body = error_of(answer, 400, "invalid.value")
    assert [(d["fieldName"], d["errorCode"]) for d in body["details"]] == [
        ("name", "invalid.value"),
        ("authorizedGrantType", "grant.type.required"),
        ("scope", "invalid.value"),
    ]
    assert body["message"].startswith("name")


@pytest.mark.parametrize("authorization", [None, "", "Basic eDp5", "Bearer", "gat_x"])
async def test_no_bearer_token_is_authentication_required(
    world: World, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    answer = await world.http.get(CLIENTS, headers=headers)
    error_of(answer, 401, "authentication.required")
    assert answer.headers["www-authenticate"].startswith('Bearer realm="grantory"')


async def test_a_bad_token_is_bad_credentials(world: World) -> None:
    for token in ("gat_x", "gcs_x", world.admin.secret, await world.admin.log_in() + "A"):
        answer = await world.http.get(CLIENTS, headers={"authorization": f"Bearer {token}"})
        error_of(answer, 401, "bad.credentials")
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
        assert token not in answer.text


async def test_the_scheme_is_read_in_any_case(world: World) -> None:
    token = await world.admin.log_in()
    for scheme in ("bearer", "BEARER"):
        answer = await world.http.get(CLIENTS, headers={"authorization": f"{scheme} {token}"})
        assert answer.status_code == 200


async def test_a_header_sent_twice_is_400(world: World) -> None:
    header = f"Bearer {await world.admin.log_in()}"
    twice = [("authorization", header), ("authorization", header)]
    error_of(await world.http.get(CLIENTS, headers=twice), 400, "bad.request")


async def test_permission_is_asked_before_the_body_is_looked_at(world: World) -> None:
    member = await world.admin.make_member("routing:queue:view")
    body = error_of(await member.call("POST", CLIENTS, {"name": 5}), 403, "missing.any.permissions")
    assert "[oauth:client:add]" in body["message"]


async def test_every_operation_asks_for_a_token(world: World) -> None:
    operations = build_operations(world.node, world.settings)
    assert len(operations) > 20
    for operation in operations:
        path = re.sub(r"\{\w+\}", str(uuid.uuid4()), operation.path)
        answer = await world.http.request(operation.method, path, json=BODY)
        assert answer.status_code == 401, operation.id
        if operation.method != "HEAD":
            error_of(answer, 401, "authentication.required")


async def test_every_operation_with_permissions_refuses_who_has_none(world: World) -> None:
    member = await world.admin.make_member("routing:queue:view")
    for operation in build_operations(world.node, world.settings):
        if operation.permissions:
            path = re.sub(r"\{\w+\}", str(uuid.uuid4()), operation.path)
            answer = await member.call(operation.method, path)
            error_of(answer, 403, "missing.any.permissions")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("a=" + "x" * 8192, "bad.request"),
        ("&".join(f"a{n}=1" for n in range(101)), "bad.request"),
        ("a=%ff", "bad.request"),
        ("pageSize=%00", "invalid.value"),
    ],
)
async def test_a_query_beyond_its_limits_is_400(world: World, query: str, code: str) -> None:
    error_of(await world.admin.call("GET", f"{CLIENTS}?{query}"), 400, code)


async def test_an_unexpected_failure_is_500_without_its_text(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await world.admin.log_in()

    async def fail(_work: object) -> None:
        raise ZeroDivisionError("inner text of the failure")

    monkeypatch.setattr(world.node.store, "scan", fail)
    answer = await world.admin.call("GET", CLIENTS)
    error_of(answer, 500, "internal.server.error")
    assert "inner text" not in answer.text
    assert "ZeroDivision" not in answer.text


async def test_a_store_that_cannot_answer_is_503_with_a_time_to_wait(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from grantory.errors import StorageUnavailable

    await world.admin.log_in()

    async def fail(_work: object) -> None:
        raise StorageUnavailable("inner text of the failure")

    monkeypatch.setattr(world.node.store, "write", fail)
    answer = await world.admin.call("POST", CLIENTS, BODY)
    error_of(answer, 503, "service.unavailable")
    assert answer.headers["retry-after"] == "1"
    assert "inner text" not in answer.text


async def test_every_answer_has_a_correlation_id_of_its_own(world: World) -> None:
    token = await world.admin.log_in()
    headers = {"authorization": f"Bearer {token}", "ININ-Correlation-Id": "chosen"}
    answers = [
        *[await world.http.get(CLIENTS, headers=headers) for _ in range(300)],
        await world.http.get("/"),
        await world.http.get("/health/live"),
        await world.http.get("/nothing"),
        await world.ask_token("x", "y"),
        await world.ask_token(world.admin.client_id, world.admin.secret),
    ]
    ids = [answer.headers["ININ-Correlation-Id"] for answer in answers]
    assert all(UUID.fullmatch(correlation_id) for correlation_id in ids)
    assert len(set(ids)) == len(ids)


async def test_prefixes_are_taken_beside_the_plain_addresses(tmp_path: Path) -> None:
    async with new_world(
        tmp_path / "data", http_api_prefix="/api", http_login_prefix="/login"
    ) as world:
        form = {"grant_type": "client_credentials"}
        own = (world.admin.client_id, world.admin.secret)
        for path in ("/login/oauth/token", "/oauth/token"):
            assert (await world.http.post(path, data=form, auth=own)).status_code == 200
        for path in ("/api/api/v2/oauth/clients", CLIENTS):
            answer = await world.admin.call("GET", path)
            assert answer.json()["selfUri"] == CLIENTS
        wrong = ("/api/api/api/v2/oauth/clients", "/login/api/v2/oauth/clients", "/api/oauth")
        for path in (*wrong, "/login/docs", "/loginx/oauth/token", "/api/.well-known/jwks.json"):
            error_of(await world.admin.call("GET", path), 404, "not.found")
        error_of(await world.http.post("/api/oauth/token", data=form), 404, "not.found")


async def test_prefixes_are_unknown_by_default(world: World) -> None:
    error_of(await world.http.post("/login/oauth/token"), 404, "not.found")
    error_of(await world.admin.call("GET", "/api" + CLIENTS), 404, "not.found")


async def test_grant_types_are_answered_in_the_spelling_of_the_setting(tmp_path: Path) -> None:
    async with new_world(tmp_path / "data", api_grant_type_style="underscore") as world:
        page = await world.admin.get(CLIENTS)
        assert page["entities"][0]["authorizedGrantType"] == "CLIENT_CREDENTIALS"
        made = await world.admin.make_client(authorizedGrantType="SAML2-BEARER")
        found = await world.admin.get(f"{CLIENTS}/{made.client_id}")
        assert found["authorizedGrantType"] == "SAML2BEARER"


async def test_health_tells_alive_and_ready(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from grantory.errors import StorageUnavailable

    assert (await world.http.get("/health/live")).json() == {"status": "up"}
    assert (await world.http.get("/health/ready")).json() == {"status": "up", "store": "up"}
    assert (await world.http.head("/health/ready")).content == b""

    asked: list[object] = []

    async def fail(*work: object) -> None:
        asked.append(work)
        raise StorageUnavailable("gone")

    monkeypatch.setattr(world.node.store, "require_answer", fail)
    assert (await world.http.get("/health/ready")).status_code == 200  # as a moment ago
    assert not asked
    world.clock.advance(REMEMBERED_SECONDS)
    error_of(await world.http.get("/health/ready"), 503, "service.unavailable")
    assert (await world.http.get("/health/live")).status_code == 200
    answers = await asyncio.gather(*(world.http.get("/health/ready") for _ in range(10)))
    assert {answer.status_code for answer in answers} == {503}
    assert len(asked) < len(answers)


async def test_a_store_with_too_much_to_do_is_ready(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from grantory.errors import StorageUnavailable

    async def busy(_work: object) -> None:
        raise StorageUnavailable("too many wait")

    with monkeypatch.context() as patch:
        patch.setattr(world.node.store, "read", busy)
        error_of(await world.http.get("/health/ready"), 503, "service.unavailable")
    world.clock.advance(REMEMBERED_SECONDS)
    assert (await world.http.get("/health/ready")).status_code == 200
    world.clock.advance(REMEMBERED_SECONDS)
    monkeypatch.setattr(world.node.store, "read", busy)
    assert (await world.http.get("/health/ready")).status_code == 200


async def test_a_store_that_keeps_a_look_waiting_is_ready_soon(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await world.http.get("/health/ready")).status_code == 200
    release = asyncio.Event()
    looks: list[object] = []

    async def locked(work: object) -> bytes:
        looks.append(work)
        await release.wait()
        return b"another" * 8

    monkeypatch.setattr(world.node.store, "read", locked)
    for _ in range(2):
        world.clock.advance(REMEMBERED_SECONDS)
        async with asyncio.timeout(10 * LOOK_SECONDS):
            assert (await world.http.get("/health/ready")).status_code == 200
    assert len(looks) == 1
    release.set()
    world.clock.advance(REMEMBERED_SECONDS)
    error_of(await world.http.get("/health/ready"), 503, "service.unavailable")


async def test_a_store_under_another_master_key_is_not_ready(world: World) -> None:
    assert (await world.http.get("/health/ready")).status_code == 200
    await world.node.store.write(lambda t: t.installation.replace_master_key_check(b"another" * 8))
    world.clock.advance(REMEMBERED_SECONDS)
    error_of(await world.http.get("/health/ready"), 503, "service.unavailable")


async def test_the_landing_page_runs_no_script_and_names_the_public_address(
    tmp_path: Path,
) -> None:
    async with new_world(tmp_path / "data", public_url="https://auth.example.com") as world:
        answer = await world.http.get("/", headers={"host": "evil.example"})
        assert answer.status_code == 200
        assert "https://auth.example.com/oauth/token" in answer.text
        assert "evil.example" not in answer.text
        assert "<script" not in answer.text
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    ("trusted", "forwarded", "address"),
    [
        ((), "203.0.113.9", "127.0.0.1"),
        (("127.0.0.0/8",), "203.0.113.9", "203.0.113.9"),
        (("127.0.0.0/8",), "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (("127.0.0.0/8", "203.0.113.0/24"), "198.51.100.1, 203.0.113.9", "198.51.100.1"),
        (("127.0.0.0/8",), "nonsense", "127.0.0.1"),
        (("127.0.0.0/8",), "", "127.0.0.1"),
        (("192.0.2.0/24",), "203.0.113.9", "127.0.0.1"),
    ],
)
async def test_an_address_is_believed_from_trusted_proxies_only(
    tmp_path: Path, trusted: tuple[str, ...], forwarded: str, address: str
) -> None:
    import json

    assert all(ip_network(network) for network in trusted)
    async with new_world(tmp_path / "data", trusted_proxies=trusted) as world:
        await world.http.get("/health/live", headers={"x-forwarded-for": forwarded})
        await asyncio.sleep(0)  # lines are written when the turn ends
        (line,) = world.log.getvalue().splitlines()
        assert json.loads(line)["address"] == address


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2/oauth/clients/%00",
        "/api/v2/authorization/roles/%00",
        "/api/v2/authorization/subjects/a%00b",
        "/api/v2/authorization/divisions/%00",
    ],
)
async def test_an_id_with_a_nul_is_nowhere(world: World, path: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert (await world.admin.call(method, path)).status_code in (404, 405)
