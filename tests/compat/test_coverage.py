"""Every operation that the server declares, driven by both of the newest SDKs.

The table of calls is fixed, each entry is run by a test, and what the SDK sent is held against
the declaration: an operation that is added without a call fails here.
"""

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from grantory.http.routing import Router
from tests.compat.arrange import make_client, user_token
from tests.compat.every_operation import CASES, PASSWORD, Operation, Stage
from tests.compat.sdk import PYTHON_SDK, Answer, RefusedError, Sdk, assert_platform_error
from tests.compat.test_models import OWN_FIELDS
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat

OF_OAUTH = {
    *("postOauthToken", "postOauthIntrospect", "postOauthRevoke"),
    *("getOauthAuthorizationServer", "getJwks", "getOauthJwks"),
    *("getOauthAuthorize", "getLogout"),
}
"""OAuth's own: the SDKs' logins ask for tokens, in test_client_credentials, and send people to the
last two, in tests/browser; they have no calls for the others, which other libraries make in
test_resource_side and in the guides."""
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ADDRESSES = {"firstUri", "lastUri", "nextUri", "previousUri", "selfUri"}
"""Every list has them here; the SDK's models of lists do not all know them."""

Operations = dict[str, Operation]


@pytest.fixture(scope="module")
def declared(server: RunningServer) -> Operations:
    """What the server says that it has."""
    paths = server.call("GET", "/openapi.json").json()["paths"]
    found = [
        Operation(
            described["operationId"],
            method.upper(),
            path,
            tuple(described.get("x-permissions", ())),
            min(int(status) for status in described["responses"]),
        )
        for path, methods in paths.items()
        for method, described in methods.items()
    ]
    return {operation.id: operation for operation in found}


@pytest.fixture
def asked(declared: Operations, sdk: Sdk) -> Callable[[], list[str]]:
    """Tells by which operations the server answers what the SDK sent last."""
    router = Router((each.method, each.path, each.id) for each in declared.values())

    def find() -> list[str]:
        matches = [(method, router.find(path)) for method, path in sdk.sent]
        return [match.methods[method] for method, match in matches if match is not None]

    return find


def test_every_operation_is_driven_and_no_other(declared: Operations) -> None:
    assert declared.keys() == CASES.keys() | OF_OAUTH


@pytest.mark.parametrize("operation_id", CASES)
def test_operation(
    operation_id: str,
    sdk: Sdk,
    server: RunningServer,
    user: str,
    declared: Operations,
    asked: Callable[[], list[str]],
) -> None:
    operation, case = declared[operation_id], CASES[operation_id]
    stage = Stage(server, user)
    if case.refusal:
        assert refusal(operation, sdk, stage) == (400, case.refusal)
        assert asked() == [operation_id]
        return
    if case.by_user:
        sdk.use_token(user_token(server, PASSWORD))
    answer = operation.call(sdk, stage)
    assert asked() == [operation_id]
    assert (answer.status, bool(answer.headers["inin-correlation-id"])) == (operation.status, True)
    for path in case.never_null:
        assert looked_up(answer.value, path) is not None, path
    assert_whole(answer)


def assert_whole(answer: Answer) -> None:
    """What the SDK made of an answer is all that was in it."""
    if answer.body == "":
        assert answer.value is None
    else:
        assert answer.headers["content-type"] == "application/json"
        assert_same(answer.value, answer.sent_value, "answer")


def assert_same(made: Any, sent: Any, where: str) -> None:
    """A decoded value holds every field that its model has, as it was sent; none is null."""
    assert sent is not None, f"{where} is null"
    if isinstance(sent, dict):
        kind = "CustomProvider" if "issuerURI" in sent else "Organization"
        unknown = sent.keys() - made.keys() - OWN_FIELDS[kind]
        assert unknown <= (ADDRESSES if "entities" in sent else set()), f"{where}: {unknown}"
        for key, value in made.items():
            assert_same(value, sent[key], f"{where}.{key}")
    elif isinstance(sent, list):
        assert len(made) == len(sent), where
        for index, (value, other) in enumerate(zip(made, sent, strict=True)):
            assert_same(value, other, f"{where}.{index}")
    elif isinstance(sent, str) and DATE.fullmatch(sent):
        assert datetime.fromisoformat(made) == datetime.fromisoformat(sent), where
    else:
        assert (type(made), made) == (type(sent), sent), where


def looked_up(value: Any, path: str) -> Any:
    """What is at a path such as ``entities.0.id``."""
    for part in path.split("."):
        value = value[int(part) if part.isdigit() else part]
    return value


def test_no_sdk_has_a_method_for_what_is_called_by_its_path(declared: Operations) -> None:
    folder = next((PYTHON_SDK.parents[1] / "lib").glob("*/site-packages/PureCloudPlatformClientV2"))
    apis = [Path(file).read_text("utf-8") for file in sorted(folder.glob("apis/*_api.py"))]
    assert any("'/api/v2/oauth/clients/{clientId}/secret'" in text for text in apis)
    for operation_id, case in CASES.items():
        if not case.api:
            path = re.sub(r"\\\{\w+\\\}", r"\\{\\w+\\}", re.escape(declared[operation_id].path))
            method = declared[operation_id].method
            call = rf"'{path}'(?:(?!call_api).)*call_api\(resource_path, '{method}'"
            assert not any(re.search(call, text, re.DOTALL) for text in apis), operation_id


# ------------------------------------------------------------------------------ refusals


def refusal(operation: Operation, sdk: Sdk, stage: Stage) -> tuple[int, str]:
    """The status and code with which it is refused; a HEAD tells no code."""
    with pytest.raises(RefusedError) as refused:
        operation.call(sdk, stage)
    error = refused.value
    if operation.method == "HEAD":
        assert error.body == ""
        return error.status, ""
    assert_platform_error(error, error.status, error.code)
    return error.status, error.code


def test_what_a_path_names_must_exist(sdk: Sdk, declared: Operations) -> None:
    found = {
        operation_id: refusal(declared[operation_id], sdk, Stage(None))
        for operation_id, case in CASES.items()
        if case.ids
    }
    assert len(found) > 20
    assert found == dict.fromkeys(found, (404, "not.found"))


def test_whoever_lacks_the_permission_is_refused(
    sdk: Sdk, server: RunningServer, declared: Operations
) -> None:
    client = make_client(server, "routing:queue:view")
    sdk.use_token(server.token(client["id"], client["secret"]))
    found = {
        operation_id: refusal(declared[operation_id], sdk, Stage(None))
        for operation_id in CASES
        if declared[operation_id].permissions
    }
    assert len(found) > 20
    assert found == dict.fromkeys(found, (403, "missing.any.permissions"))


def test_what_asks_no_permission_needs_none(
    sdk: Sdk, server: RunningServer, user: str, declared: Operations
) -> None:
    client = make_client(server, "routing:queue:view")
    for operation_id, case in CASES.items():
        if declared[operation_id].permissions or case.refusal:
            continue
        if case.by_user:
            assert refusal(declared[operation_id], sdk, Stage(server, user)) == (400, "not.a.user")
            continue
        sdk.use_token(server.token(client["id"], client["secret"]))  # one of them ends it
        if case.by_parts:
            lacking = (403, "missing.any.permissions")
            assert refusal(declared[operation_id], sdk, Stage(server, user)) == lacking
            continue
        answer = declared[operation_id].call(sdk, Stage(server, user))
        assert answer.status == declared[operation_id].status, operation_id


def test_without_a_token_nothing_is_told(sdk: Sdk, declared: Operations) -> None:
    for token, code in (("", "authentication.required"), ("bad", "bad.credentials")):
        sdk.use_token(token)
        for operation_id in CASES:
            operation = declared[operation_id]
            expected = (401, "" if operation.method == "HEAD" else code)
            assert refusal(operation, sdk, Stage(None)) == expected, operation_id
