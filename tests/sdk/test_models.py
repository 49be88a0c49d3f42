"""The SDK's models: tolerant of what they do not know, and silent about secrets."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from rich.pretty import pretty_repr

from grantory_sdk import (
    AccessToken,
    Answer,
    AuthorizationCode,
    BadRequest,
    ClientCredentials,
    Grantory,
    RefreshToken,
    SamlBearer,
    UnreadableAnswer,
    compat,
    models,
)
from grantory_sdk.client_fields import body_of, changed_body
from grantory_sdk.compat.configuration import Configuration
from grantory_sdk.configuration import _Place
from grantory_sdk.requests import date_text
from grantory_sdk.token_sources import TokenRequest
from tests.support.scripted import URL, Scripted, refused, token

EVERY_MODEL = [
    kind
    for kind in vars(models).values()
    if isinstance(kind, type) and issubclass(kind, models.Model) and kind is not models.Model
]
ANSWERED = [
    kind
    for kind in EVERY_MODEL
    if kind not in (models.Change, models.OAuthClientRequest, models.RoleDivision)
]
SECRET = "the-secret-itself"


@pytest.mark.parametrize("kind", ANSWERED)
def test_a_model_reads_what_it_does_not_know_and_misses_nothing(kind: type[models.Model]) -> None:
    whole = b'{"id": "1", "name": "n", "access_token": "t", "a.field": {"of": ["tomorrow"]}}'
    assert msgspec.json.decode(whole, type=kind) is not None
    if kind is not models.TokenAnswer:
        assert msgspec.json.decode(b"{}", type=kind) is not None


def test_what_is_null_is_taken_for_missing() -> None:
    text = b'{"id": null, "permissionPolicies": [{"domain": "oauth", "actionSet": null}], "x": 1}'
    read = Answer(200, {}, text, "GET", "/").read(models.Role)
    assert read == models.Role(permission_policies=[models.PermissionPolicy(domain="oauth")])
    with pytest.raises(UnreadableAnswer):
        Answer(200, {}, b'{"id": 1, "name": null}', "GET", "/").read(models.Role)


def test_dates_are_times_with_a_zone() -> None:
    read = msgspec.json.decode(b'{"dateCreated": "2026-01-02T03:04:05.678Z"}', type=models.User)
    assert read == models.User()
    client = msgspec.json.decode(
        b'{"dateCreated": "2026-01-02T03:04:05.678Z"}', type=models.OAuthClient
    )
    assert client.date_created == datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)


def test_a_time_is_sent_in_utc_and_needs_a_zone() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678_901, timezone(timedelta(hours=2)))
    assert date_text(moment) == "2026-01-02T01:04:05.678Z"
    with pytest.raises(ValueError, match="zone"):
        date_text(datetime(2026, 1, 2))


@pytest.mark.parametrize(
    "shown",
    [
        models.OAuthClient(secret=SECRET),
        models.Page[models.OAuthClient](entities=[models.OAuthClient(secret=SECRET)]),
        models.OAuthAuthorization(client=models.OAuthClient(secret=SECRET)),
        models.TokenAnswer(access_token=SECRET, refresh_token=SECRET),
        compat.OAuthClient(secret=SECRET),
        compat.OAuthClientEntityListing(entities=[compat.OAuthClient(secret=SECRET)]),
        ClientCredentials("id", SECRET),
        RefreshToken("id", SECRET, SECRET),
        SamlBearer("id", SECRET, organization="o", assertion=SECRET),
        AuthorizationCode("id", SECRET),
        AccessToken(SECRET),
        TokenRequest({"assertion": SECRET}, "id", SECRET),
    ],
    ids=lambda shown: type(shown).__name__,
)
def test_no_secret_is_shown(shown: object) -> None:
    assert SECRET not in f"{shown!r} {shown} {pretty_repr(shown)}"
    assert type(shown).__name__ in repr(shown)


def held(start: object) -> Iterator[object]:
    """Every object of the SDK that can be reached from one."""
    seen, left = set[int](), [start]
    while left:
        each = left.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if type(each).__module__.startswith("grantory_sdk"):
            yield each
        if isinstance(each, dict):
            left += each.values()
        elif isinstance(each, list | tuple):
            left += each
        left += getattr(each, "__dict__", {}).values()


def test_nothing_that_a_client_is_made_of_shows_a_secret() -> None:
    refusal = refused(400, "bad", ININ_Correlation_Id="c")
    tokens = [token(SECRET, refresh_token=SECRET)]
    for auth in (
        ClientCredentials("id", SECRET),
        RefreshToken("id", SECRET, SECRET),
        SamlBearer("id", SECRET, organization="o", assertion=SECRET),
        AccessToken(SECRET),
    ):
        server = Scripted(refusal, tokens=tokens)
        with Grantory(URL, auth=auth, transport=server.transport) as grantory:
            with pytest.raises(BadRequest) as caught:
                grantory.oauth_clients.get("1")
            assert grantory.access_token() == SECRET
            parts = [*held(grantory), caught.value]
            assert len(parts) > 10
            assert not [part for part in parts if SECRET in f"{part!r} {part}"]
    place = _Place("GRANTORY_*", {"client_secret": SECRET, "access_token": SECRET})
    assert SECRET not in repr(place)


def test_the_configuration_of_the_generated_sdk_shows_no_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compat.configuration, "access_token", SECRET)
    assert Configuration() is compat.configuration
    client = compat.ApiClient("http://127.0.0.1:1")
    client.access_token = SECRET
    assert SECRET not in f"{compat.configuration!r} {client!r}"


def test_a_body_has_the_platforms_names_and_nothing_that_is_none() -> None:
    body = body_of(
        {
            "name": "n",
            "authorized_grant_type": "CODE",
            "registered_redirect_uri": ("https://a.example",),
            "role_divisions": [models.RoleDivision("r")],
            "date_to_delete": datetime(2030, 1, 2, tzinfo=UTC),
            "description": None,
        }
    )
    assert body == {
        "name": "n",
        "authorizedGrantType": "CODE",
        "registeredRedirectUri": ["https://a.example"],
        "roleDivisions": [{"roleId": "r", "divisionId": "*"}],
        "dateToDelete": "2030-01-02T00:00:00.000Z",
    }
    with pytest.raises(TypeError, match="there is no 'nam'"):
        body_of({"nam": "n"})


FOUND = {
    "id": "1",
    "name": "n",
    "description": "d",
    "roleIds": ["r"],
    "roleDivisions": [{"roleId": "r", "divisionId": "d"}],
    "dateCreated": "2026-01-02T03:04:05.678Z",
    "selfUri": "/x",
    "newerField": {"kept": True},
}


def test_a_change_keeps_what_it_does_not_name() -> None:
    assert changed_body(FOUND, {"name": "m"}) == {
        "name": "m",
        "description": "d",
        "roleDivisions": [{"roleId": "r", "divisionId": "d"}],
        "newerField": {"kept": True},
    }
    assert "description" not in changed_body(FOUND, {"description": None})


def test_a_change_of_roles_is_not_undone_by_their_other_form() -> None:
    changed = changed_body(FOUND, {"role_ids": ["s"]})
    assert (changed["roleIds"], "roleDivisions" in changed) == (["s"], False)
    changed = changed_body(FOUND, {"role_divisions": [models.RoleDivision("s", "e")]})
    assert changed["roleDivisions"] == [{"roleId": "s", "divisionId": "e"}]
    assert "roleIds" not in changed


def test_a_change_keeps_roles_that_are_told_in_one_form_alone() -> None:
    found = {"name": "n", "roleIds": ["r"], "roleDivisions": []}
    assert changed_body(found, {"description": "d"})["roleIds"] == ["r"]
    assert "roleIds" not in changed_body(found, {"role_divisions": None})
