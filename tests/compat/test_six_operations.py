"""The six operations of the OAuth API, with the newest Python and JavaScript SDKs."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.compat.arrange import (
    EVERY_DIVISION,
    UNKNOWN_ID,
    home_division,
    make_client,
    make_code_client,
    make_role,
    stored,
    token_with,
    unique,
)
from tests.compat.sdk import Answer, Document, RefusedError, Sdk, model
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
GRANT_TYPES = ["CODE", "TOKEN", "SAML2-BEARER", "PASSWORD", "CLIENT-CREDENTIALS"]
REDIRECTING = ["CODE", "TOKEN", "SAML2-BEARER"]
URIS = ["https://app.example/callback", "http://127.0.0.1:8123/cb"]


def create(sdk: Sdk, **fields: Any) -> Answer:
    return sdk.call("OAuthApi", "post_oauth_clients", model("OAuthClientRequest", **fields))


def get(sdk: Sdk, client_id: str) -> Document:
    value = sdk.call("OAuthApi", "get_oauth_client", client_id).value
    assert isinstance(value, dict)
    return value


def put(sdk: Sdk, client_id: str, **fields: Any) -> Answer:
    body = model("OAuthClientRequest", **fields)
    return sdk.call("OAuthApi", "put_oauth_client", client_id, body)


def minimal(server: RunningServer, grant_type: str) -> Document:
    """The least that a client of this grant type is made of."""
    fields: Document = {"name": unique(grant_type), "authorizedGrantType": grant_type}
    if grant_type == "CLIENT-CREDENTIALS":
        role_id = make_role(server, "oauth:client:view")
        fields["roleDivisions"] = [{"roleId": role_id, "divisionId": EVERY_DIVISION}]
    return fields


def assert_just_now(text: str) -> None:
    assert abs(datetime.now(UTC) - datetime.fromisoformat(text)) < timedelta(seconds=60)


def assert_gone(sdk: Sdk, client_id: str) -> None:
    with pytest.raises(RefusedError) as refused:
        get(sdk, client_id)
    assert (refused.value.status, refused.value.code) == (404, "not.found")


# ------------------------------------------------------------------------------- create


def test_create_answers_every_field(sdk: Sdk, server: RunningServer) -> None:
    role_id = make_role(server, "oauth:client:view")
    sent = {
        "name": unique("Every field \N{SNOWMAN} é"),
        "description": "With a line\nbreak",
        "accessTokenValiditySeconds": 600,
        "authorizedGrantType": "CLIENT-CREDENTIALS",
        "roleDivisions": [{"roleId": role_id, "divisionId": EVERY_DIVISION}],
        "state": "active",
    }
    answer = create(sdk, **sent)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["inin-correlation-id"]
    assert answer.headers["cache-control"] == "no-store"

    client = answer.value
    assert {key: client[key] for key in sent} == sent
    assert client["roleIds"] == [role_id]
    assert UUID.fullmatch(client["id"])
    assert len(client["secret"]) >= 40
    assert client["selfUri"] == f"/api/v2/oauth/clients/{client['id']}"
    for key in ("createdBy", "modifiedBy"):
        assert client[key]["id"] == server.client_id
    for key in ("dateCreated", "dateModified"):
        assert DATE.fullmatch(json.loads(answer.body)[key])
        assert_just_now(client[key])
    assert "dateToDelete" not in client
    assert not client.get("scope")
    assert not client.get("registeredRedirectUri")


@pytest.mark.parametrize("grant_type", GRANT_TYPES)
def test_create_for_each_grant_type(sdk: Sdk, server: RunningServer, grant_type: str) -> None:
    sent = minimal(server, grant_type)
    client = create(sdk, **sent).value
    assert {key: client[key] for key in sent} == sent
    assert client["accessTokenValiditySeconds"] == 86400
    assert client["state"] == "active"
    assert client["secret"]
    assert not client.get("registeredRedirectUri")
    assert not client.get("scope")
    assert bool(client.get("roleIds")) is ("roleDivisions" in sent)
    assert bool(client.get("roleDivisions")) is ("roleDivisions" in sent)


@pytest.mark.parametrize("grant_type", GRANT_TYPES)
def test_fields_that_the_grant_does_not_use_are_dropped(
    sdk: Sdk, server: RunningServer, grant_type: str
) -> None:
    role_id = make_role(server, "oauth:client:view")
    everything = {
        "registeredRedirectUri": URIS,
        "scope": ["oauth", "users:readonly"],
        "roleDivisions": [{"roleId": role_id, "divisionId": EVERY_DIVISION}],
    }
    fields = {"name": unique("all"), "authorizedGrantType": grant_type, **everything}
    client = create(sdk, **fields).value
    machine = grant_type == "CLIENT-CREDENTIALS"
    expected: Document = {
        "registeredRedirectUri": URIS if grant_type in REDIRECTING else [],
        "scope": [] if machine else everything["scope"],
        "roleDivisions": everything["roleDivisions"] if machine else [],
        "roleIds": [role_id] if machine else [],
    }
    assert {key: client.get(key, []) for key in expected} == expected
    assert {key: get(sdk, client["id"]).get(key, []) for key in expected} == expected


@pytest.mark.parametrize(
    ("written", "answered"),
    [
        ("client-credentials", "CLIENT-CREDENTIALS"),
        ("CLIENT_CREDENTIALS", "CLIENT-CREDENTIALS"),
        ("ClientCredentials", "CLIENT-CREDENTIALS"),
        ("SAML2BEARER", "SAML2-BEARER"),
        ("saml2_bearer", "SAML2-BEARER"),
        ("Code", "CODE"),
        ("token", "TOKEN"),
    ],
)
def test_every_spelling_of_a_grant_type_is_understood(
    javascript: Sdk, server: RunningServer, written: str, answered: str
) -> None:
    fields = {**minimal(server, answered), "authorizedGrantType": written}
    client = create(javascript, **fields).value
    assert client["authorizedGrantType"] == answered


def test_role_ids_alone_mean_the_home_division(sdk: Sdk, server: RunningServer) -> None:
    role_ids = sorted(make_role(server, "oauth:client:view") for _ in range(2))
    client = create(
        sdk, name=unique("roles"), authorizedGrantType="CLIENT-CREDENTIALS", roleIds=role_ids
    ).value
    home = home_division(server)
    assert sorted(client["roleIds"]) == role_ids
    held = sorted((pair["roleId"], pair["divisionId"]) for pair in client["roleDivisions"])
    assert held == [(role_id, home) for role_id in role_ids]


def test_a_secret_in_the_request_is_ignored(sdk: Sdk, server: RunningServer) -> None:
    chosen = "chosen-by-the-caller-0123456789-0123456789-0123456789"
    body = model("OAuthClient", **minimal(server, "CLIENT-CREDENTIALS"), secret=chosen)
    client = sdk.call("OAuthApi", "post_oauth_clients", body).value
    assert client["secret"] != chosen
    with pytest.raises(RefusedError) as refused:
        sdk.login(client["id"], chosen)
    assert refused.value.status == 401
    assert sdk.login(client["id"], client["secret"])["token"]


# --------------------------------------------------------------------------------- read


@pytest.mark.parametrize("grant_type", GRANT_TYPES)
def test_get_answers_what_create_answered_without_the_secret(
    sdk: Sdk, server: RunningServer, grant_type: str
) -> None:
    answer = create(sdk, **minimal(server, grant_type))
    read = sdk.call("OAuthApi", "get_oauth_client", answer.value["id"])
    created = json.loads(answer.body)
    secret = created.pop("secret")
    assert json.loads(read.body) == created
    assert secret not in read.body


def test_list_answers_every_client_in_one_page(sdk: Sdk, server: RunningServer) -> None:
    made = [create(sdk, **minimal(server, grant_type)).value for grant_type in GRANT_TYPES * 6]
    answer = sdk.call("OAuthApi", "get_oauth_clients")
    listing = answer.value
    assert (listing["pageNumber"], listing["pageCount"]) == (1, 1)
    assert listing["total"] == len(listing["entities"]) > 30
    assert listing["selfUri"].startswith("/api/v2/oauth/clients")
    assert "nextUri" not in listing
    by_id = {entity["id"]: entity for entity in listing["entities"]}
    assert len(by_id) == len(listing["entities"])
    for client in made:
        secret = client.pop("secret")
        assert by_id[client["id"]] == client
        assert secret not in answer.body
    assert server.client_id in by_id


# ------------------------------------------------------------------------------ replace


def test_put_replaces(sdk: Sdk, server: RunningServer) -> None:
    client = create(
        sdk,
        name=unique("before"),
        authorizedGrantType="CODE",
        description="before",
        accessTokenValiditySeconds=900,
        registeredRedirectUri=URIS,
        scope=["oauth"],
    ).value
    name = unique("after")
    sdk.use_token(token_with(server, "oauth:client:*"))
    answer = put(
        sdk,
        client["id"],
        name=name,
        authorizedGrantType="CODE",
        registeredRedirectUri=["https://other.example/cb"],
    )
    changed = answer.value
    assert answer.status == 200
    assert changed["name"] == name
    assert changed["registeredRedirectUri"] == ["https://other.example/cb"]
    assert changed["accessTokenValiditySeconds"] == 86400
    assert not changed.get("description")
    assert not changed.get("scope")
    assert "secret" not in changed
    assert changed["id"] == client["id"]
    assert changed["dateCreated"] == client["dateCreated"]
    assert changed["createdBy"]["id"] == server.client_id
    modifier = sdk.call("TokensApi", "get_tokens_me").value["OAuthClient"]["id"]
    assert changed["modifiedBy"]["id"] == modifier != server.client_id
    before, after = (datetime.fromisoformat(c["dateModified"]) for c in (client, changed))
    assert before < after
    assert get(sdk, client["id"]) == changed


def test_put_leaves_the_secret_and_an_omitted_state_alone(sdk: Sdk, server: RunningServer) -> None:
    fields = minimal(server, "CLIENT-CREDENTIALS")
    client = create(sdk, **fields, state="inactive").value
    assert put(sdk, client["id"], **fields).value["state"] == "inactive"
    assert put(sdk, client["id"], **fields, state="active").value["state"] == "active"
    assert sdk.login(client["id"], client["secret"])["token"]


def test_what_was_read_can_be_put_back(sdk: Sdk, server: RunningServer) -> None:
    client = make_client(server, description="kept", accessTokenValiditySeconds=700)
    read = get(sdk, client["id"])
    forged = {"id": UNKNOWN_ID, "secret": "x" * 60, "selfUri": "/elsewhere"}
    forged["dateCreated"] = "2001-02-03T04:05:06.000+00:00"
    body = model("OAuthClient", **{**read, **forged, "createdBy": {"id": UNKNOWN_ID}})
    put_back = sdk.call("OAuthApi", "put_oauth_client", client["id"], body).value
    moving = ("dateModified",)
    assert {k: v for k, v in put_back.items() if k not in moving} == {
        k: v for k, v in read.items() if k not in moving
    }
    assert sdk.login(client["id"], client["secret"])["token"]


def test_what_was_read_and_put_back_keeps_a_form_of_tokens_that_the_sdk_does_not_know(
    sdk: Sdk, server: RunningServer
) -> None:
    client = make_client(server, accessTokenFormat="JWT_ES256")
    read = get(sdk, client["id"])
    body = model("OAuthClient", **{**read, "description": "changed"})
    assert sdk.call("OAuthApi", "put_oauth_client", client["id"], body).value["description"]
    assert sdk.login(client["id"], client["secret"])["token"].startswith("eyJ")


def test_null_resets_a_field(sdk: Sdk, server: RunningServer) -> None:
    client = make_client(server, description="to go", accessTokenValiditySeconds=700)
    kept = {key: client[key] for key in ("name", "authorizedGrantType", "roleDivisions")}
    nulls = {"description": None, "accessTokenValiditySeconds": None, "registeredRedirectUri": None}
    changed = put(sdk, client["id"], **kept, **nulls).value
    assert not changed.get("description")
    assert changed["accessTokenValiditySeconds"] == 86400
    assert changed["roleDivisions"] == client["roleDivisions"]


def test_a_null_state_counts_as_omitted(javascript: Sdk, server: RunningServer) -> None:
    client = make_client(server, state="inactive")
    kept = {key: client[key] for key in ("name", "authorizedGrantType", "roleDivisions")}
    assert put(javascript, client["id"], **kept, state=None).value["state"] == "inactive"


def test_put_from_client_credentials_to_code_takes_the_roles(
    sdk: Sdk, server: RunningServer
) -> None:
    client = make_client(server)
    token = sdk.login(client["id"], client["secret"])["token"]
    sdk.use_token(server.token())
    changed = put(
        sdk,
        client["id"],
        name=client["name"],
        authorizedGrantType="CODE",
        registeredRedirectUri=URIS,
        roleDivisions=client["roleDivisions"],
    ).value
    assert changed["authorizedGrantType"] == "CODE"
    assert changed["registeredRedirectUri"] == URIS
    assert not changed.get("roleDivisions")
    assert not changed.get("roleIds")
    assert get(sdk, client["id"]) == changed
    with pytest.raises(RefusedError) as refused:
        sdk.login(client["id"], client["secret"])
    assert refused.value.document["error"] == "unauthorized_client"
    sdk.use_token(token)
    with pytest.raises(RefusedError) as ended:
        sdk.call("TokensApi", "get_tokens_me")
    assert (ended.value.status, ended.value.code) == (401, "bad.credentials")


def test_put_from_code_to_client_credentials_takes_the_redirect_uris(
    sdk: Sdk, server: RunningServer
) -> None:
    client = make_code_client(server, registeredRedirectUri=URIS, scope=["oauth"])
    fields = {"name": client["name"], "authorizedGrantType": "CLIENT-CREDENTIALS"}
    with pytest.raises(RefusedError) as refused:
        put(sdk, client["id"], **fields)
    assert (refused.value.status, refused.value.code) == (400, "missing.client.roles")
    assert stored(server, client["id"])["authorizedGrantType"] == "CODE"

    pair = {"roleId": make_role(server, "oauth:client:view"), "divisionId": EVERY_DIVISION}
    changed = put(sdk, client["id"], **fields, roleDivisions=[pair]).value
    assert changed["authorizedGrantType"] == "CLIENT-CREDENTIALS"
    assert changed["roleDivisions"] == [pair]
    assert not changed.get("registeredRedirectUri")
    assert not changed.get("scope")
    assert sdk.login(client["id"], client["secret"])["token"]


def test_a_state_is_understood_in_any_case(sdk: Sdk) -> None:
    fields = {"name": unique("state"), "authorizedGrantType": "CODE", "state": "Inactive"}
    assert create(sdk, **fields).value["state"] == "inactive"


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ("2040-01-02T03:04:05.678000+00:00", "2040-01-02T03:04:05.678Z"),
        ("2038-09-20T04:46:56.601000+00:00", "2038-09-20T04:46:56.601Z"),
        ("2040-01-02T03:04:05+02:00", "2040-01-02T01:04:05.000Z"),
        # A Python datetime without a zone: the platform's dates are UTC.
        ("2040-01-02T03:04:05", "2040-01-02T03:04:05.000Z"),
    ],
)
def test_date_to_delete_is_kept(sdk: Sdk, server: RunningServer, sent: str, answered: str) -> None:
    client = make_code_client(server)
    fields = {"name": client["name"], "authorizedGrantType": "CODE", "state": "inactive"}
    changed = put(sdk, client["id"], **fields, dateToDelete=sent)
    assert json.loads(changed.body)["dateToDelete"] == answered
    assert stored(server, client["id"])["dateToDelete"] == answered
    assert "dateToDelete" not in put(sdk, client["id"], **fields, dateToDelete=None).value


# --------------------------------------------------------------------- secret and delete


@pytest.mark.parametrize("grant_type", GRANT_TYPES)
def test_regenerating_answers_another_secret(
    sdk: Sdk, server: RunningServer, grant_type: str
) -> None:
    client = create(sdk, **minimal(server, grant_type)).value
    answer = sdk.call("OAuthApi", "post_oauth_client_secret", client["id"])
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert len(answer.value["secret"]) >= 40
    assert answer.value["secret"] != client["secret"]
    moving = ("secret", "dateModified", "modifiedBy")
    assert {k: v for k, v in answer.value.items() if k not in moving} == {
        k: v for k, v in client.items() if k not in moving
    }
    assert "secret" not in get(sdk, client["id"])


def test_only_the_regenerated_secret_works(sdk: Sdk, server: RunningServer) -> None:
    client = make_client(server)
    earlier = sdk.login(client["id"], client["secret"])["token"]
    sdk.use_token(server.token())
    secret = sdk.call("OAuthApi", "post_oauth_client_secret", client["id"]).value["secret"]
    with pytest.raises(RefusedError) as refused:
        sdk.login(client["id"], client["secret"])
    assert refused.value.status == 401
    assert refused.value.document["error"] == "invalid_client"
    assert sdk.login(client["id"], secret)["token"]
    # What runs keeps running until it next asks for a token.
    sdk.use_token(earlier)
    assert get(sdk, client["id"])["id"] == client["id"]


def test_deleted_client_is_gone(sdk: Sdk, server: RunningServer) -> None:
    client = make_client(server)
    token = sdk.login(client["id"], client["secret"])["token"]
    sdk.use_token(server.token())
    answer = sdk.call("OAuthApi", "delete_oauth_client", client["id"])
    assert (answer.status, answer.body, answer.value) == (204, "", None)
    assert_gone(sdk, client["id"])
    kept = {key: client[key] for key in ("name", "authorizedGrantType", "roleDivisions")}
    again: list[Callable[[], Answer]] = [
        lambda: sdk.call("OAuthApi", "delete_oauth_client", client["id"]),
        lambda: sdk.call("OAuthApi", "post_oauth_client_secret", client["id"]),
        lambda: put(sdk, client["id"], **kept),
    ]
    for call in again:
        with pytest.raises(RefusedError) as refused:
            call()
        assert (refused.value.status, refused.value.code) == (404, "not.found")
    listing = sdk.call("OAuthApi", "get_oauth_clients").value
    assert client["id"] not in [entity["id"] for entity in listing["entities"]]
    with pytest.raises(RefusedError) as no_login:
        sdk.login(client["id"], client["secret"])
    assert no_login.value.status == 401
    sdk.use_token(token)
    with pytest.raises(RefusedError) as ended:
        sdk.call("TokensApi", "get_tokens_me")
    assert (ended.value.status, ended.value.code) == (401, "bad.credentials")


def test_javascript_gets_undefined_for_a_delete(javascript: Sdk, server: RunningServer) -> None:
    client = make_client(server)
    done = javascript.call_plainly("OAuthApi", "delete_oauth_client", client["id"])
    assert done["is_undefined"] is True
    assert_gone(javascript, client["id"])
