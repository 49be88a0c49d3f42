"""Attack cases 9, 53 and 54: what a token request may say."""

import itertools
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantory.errors import OAuthError
from grantory.protocol.token_request import MAX_PARAMETERS, parse_form
from tests.security.answers import oauth_refused
from tests.support.world import CLIENTS, Member, World

FORM = "application/x-www-form-urlencoded"
GRANT = "grant_type=client_credentials"


async def ask(world: World, form: str) -> object:
    admin = world.admin
    answer = await world.http.post(
        "/oauth/token",
        content=form.encode(),
        headers={"content-type": FORM},
        auth=(admin.client_id, admin.secret),
    )
    if answer.status_code != 200:
        oauth_refused(answer, 400, answer.json()["error"])
    return answer.json().get("error", "fine")


@pytest.mark.parametrize(
    "name",
    ["grant_type", "client_id", "client_secret", "scope", "code", "redirect_uri", "state", "x"],
)
async def test_case_09_the_same_parameter_twice(world: World, name: str) -> None:
    escaped = name.replace("_", "%5F") if "_" in name else f"%{ord(name[0]):02x}{name[1:]}"
    values = ["a", "", "b", "client_credentials"]
    for first, second in itertools.product([name, escaped], repeat=2):
        for one, other in itertools.product(values, repeat=2):
            form = f"{GRANT}&{first}={one}&{second}={other}"
            assert await ask(world, form) == "invalid_request", form
    assert await ask(world, f"{GRANT}&{name}&{name}") == "invalid_request"
    assert await ask(world, f"{name}=&{name}=&{GRANT}") == "invalid_request"


async def test_case_09_once_each_is_fine(world: World) -> None:
    assert await ask(world, f"&&{GRANT}&scope=&unknown=1&") == "fine"


def read(body: bytes) -> dict[str, str] | OAuthError:
    try:
        return parse_form(body)
    except OAuthError as error:
        return error


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=6))
def test_case_09_no_form_hides_a_second_value(pairs: list[tuple[str, str]]) -> None:
    found = read(urlencode(pairs).encode())
    names = [name for name, _ in pairs]
    if isinstance(found, OAuthError):
        assert found.error == "invalid_request"
        assert len(set(names)) < len(names) or any("\x00" in name + value for name, value in pairs)
    else:
        assert len(set(names)) == len(names)
        assert found == {name: value for name, value in pairs if value}


@given(st.binary(max_size=40))
def test_case_09_any_bytes_are_read_or_refused(body: bytes) -> None:
    found = read(body)
    if isinstance(found, OAuthError):
        assert (found.error, found.status) == ("invalid_request", 400)
    else:
        assert all(found.values())


def test_case_09_the_number_of_parameters_is_bounded() -> None:
    full = "&".join(f"p{number}=1" for number in range(MAX_PARAMETERS))
    assert len(parse_form(full.encode())) == MAX_PARAMETERS
    with pytest.raises(OAuthError):
        parse_form(f"{full}&one=more".encode())


async def test_case_53_a_scope_beyond_the_registered_ones(world: World) -> None:
    for scope in ("oauth", "oauth:readonly", "*", "admin", "openid", "a b c", "\u00e9", "offline"):
        answer = await world.ask_token(world.admin.client_id, world.admin.secret, {"scope": scope})
        oauth_refused(answer, 400, "invalid_scope")


async def test_case_53_scopes_of_a_former_grant_type_do_not_stay(world: World) -> None:
    admin = world.admin
    role_id = await admin.make_role("routing:queue:view")
    created = await admin.post(
        CLIENTS, {"name": "a", "authorizedGrantType": "CODE", "scope": ["oauth"]}
    )
    await admin.put(
        f"{CLIENTS}/{created['id']}",
        {
            "name": "a",
            "authorizedGrantType": "CLIENT-CREDENTIALS",
            "roleIds": [role_id],
            "scope": ["oauth"],
        },
    )

    answer = await world.ask_token(created["id"], created["secret"], {"scope": "oauth"})

    oauth_refused(answer, 400, "invalid_scope")


async def test_case_53_no_refresh_token(world: World) -> None:
    for scope in ("", " "):
        answer = await world.ask_token(world.admin.client_id, world.admin.secret, {"scope": scope})
        assert answer.status_code == 200
        assert set(answer.json()) == {"access_token", "token_type", "expires_in"}


async def member_of(world: World, grant: str) -> Member:
    body = {"name": grant, "authorizedGrantType": grant}
    created = await world.admin.post(CLIENTS, body)
    return Member(world, created["id"], created["secret"])


@pytest.mark.parametrize("grant", ["CODE", "TOKEN", "SAML2-BEARER", "PASSWORD"])
async def test_case_54_a_grant_that_the_client_is_not_registered_for(
    world: World, grant: str
) -> None:
    other = await member_of(world, grant)

    answer = await world.ask_token(other.client_id, other.secret)

    oauth_refused(answer, 400, "unauthorized_client")
    # Who the client is comes first: a wrong secret learns nothing of the grant.
    oauth_refused(await world.ask_token(other.client_id, "wrong"), 401, "invalid_client")


@pytest.mark.parametrize(
    "grant_type",
    [
        "code",
        "token",
        "implicit",
        "saml2-bearer",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "CLIENT_CREDENTIALS",
        "client_credentials ",
        "client-credentials",
        "client_credentials,password",
        "__class__",
    ],
)
async def test_case_54_a_grant_type_that_is_not_known(world: World, grant_type: str) -> None:
    answer = await world.ask_token(
        world.admin.client_id, world.admin.secret, {"grant_type": grant_type}
    )

    oauth_refused(answer, 400, "unsupported_grant_type")


async def test_case_54_no_grant_type_at_all(world: World) -> None:
    for form in ("", "grant_type=", "grant_type", "scope=a"):
        assert await ask(world, form) == "invalid_request"
