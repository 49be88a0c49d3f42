"""Where the SDK finds the address and the credentials, and that it never mixes two places."""

from pathlib import Path
from typing import Any

import pytest

from grantory_sdk import AccessToken, ClientCredentials, ConfigurationError, Grantory
from grantory_sdk.addresses import is_of_this_machine
from grantory_sdk.configuration import Connection, resolve

OURS = {
    "GRANTORY_URL": "https://ours.example",
    "GRANTORY_CLIENT_ID": "ours",
    "GRANTORY_CLIENT_SECRET": "s-ours",
}
VENDORS = {
    "GENESYSCLOUD_REGION": "eu-central-1",
    "GENESYSCLOUD_OAUTHCLIENT_ID": "vendors",
    "GENESYSCLOUD_OAUTHCLIENT_SECRET": "s-vendors",
}
PROFILES = """
default = "local"

[profiles.local]
url = "http://127.0.0.1:8080/"
client_id = "local"
client_secret = "s-local"

[profiles.cloud]
region = "mypurecloud.ie"
client_id = "cloud"
client_secret_file = "cloud-secret"

[profiles.token]
url = "https://token.example/prefix"
login_url = "https://login.token.example"
access_token = "t"
"""


@pytest.fixture
def profiles(tmp_path: Path) -> dict[str, str]:
    """A file with profiles; returns the variables that lead to it."""
    file = tmp_path / "profiles.toml"
    file.write_text(PROFILES, encoding="utf-8")
    file.chmod(0o600)
    (tmp_path / "cloud-secret").write_text("s-cloud\n", encoding="utf-8")
    return {"GRANTORY_PROFILES_FILE": str(file)}


@pytest.fixture
def nothing(tmp_path: Path) -> dict[str, str]:
    """Variables that lead to no file."""
    return {"XDG_CONFIG_HOME": str(tmp_path)}


def told(connection: Connection) -> tuple[str, str, str]:
    """Address, client and secret; or address, nobody and token."""
    auth = connection.auth
    if isinstance(auth, AccessToken):
        return connection.url, "", auth.access_token
    assert isinstance(auth, ClientCredentials)
    return connection.url, auth.client_id, str(auth.client_secret)


def test_arguments_are_all_that_is_needed(nothing: dict[str, str]) -> None:
    found = resolve("https://a.example/", client_id="a", client_secret="s", environment=nothing)
    assert told(found) == ("https://a.example", "a", "s")
    assert found.login_url == "https://a.example"


def test_arguments_count_before_everything_else(profiles: dict[str, str]) -> None:
    environment = {**OURS, **VENDORS, **profiles}
    found = resolve("https://a.example", access_token="t", environment=environment)
    assert told(found) == ("https://a.example", "", "t")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({**OURS, **VENDORS}, ("https://ours.example", "ours", "s-ours")),
        (VENDORS, ("https://api.mypurecloud.de", "vendors", "s-vendors")),
        ({}, ("http://127.0.0.1:8080", "local", "s-local")),
        ({**OURS, "GRANTORY_PROFILE": "token"}, ("https://token.example/prefix", "", "t")),
        (
            {"GRANTORY_URL": "https://ours.example", "GRANTORY_ACCESS_TOKEN": "t"},
            ("https://ours.example", "", "t"),
        ),
        (
            {"GENESYSCLOUD_REGION": "us_west_2", "GENESYSCLOUD_ACCESS_TOKEN": "t"},
            ("https://api.usw2.pure.cloud", "", "t"),
        ),
    ],
)
def test_the_first_place_that_says_anything_counts(
    profiles: dict[str, str], variables: dict[str, str], expected: tuple[str, str, str]
) -> None:
    assert told(resolve(environment={**profiles, **variables})) == expected


def test_a_profile_that_is_named_counts_before_the_environment(profiles: dict[str, str]) -> None:
    found = resolve(profile="cloud", environment={**OURS, **profiles})
    assert told(found) == ("https://api.mypurecloud.ie", "cloud", "s-cloud")
    assert found.login_url == "https://login.mypurecloud.ie"
    assert resolve(profile="token", environment=profiles).login_url == "https://login.token.example"


def test_an_address_alone_takes_credentials_that_stand_beside_no_other(
    nothing: dict[str, str],
) -> None:
    credentials = {name: value for name, value in OURS.items() if name != "GRANTORY_URL"}
    found = resolve("https://a.example", environment={**credentials, **nothing})
    assert told(found) == ("https://a.example", "ours", "s-ours")
    found = resolve("https://ours.example/", environment={**OURS, **nothing})
    assert told(found) == ("https://ours.example", "ours", "s-ours")


@pytest.mark.parametrize("variables", [OURS, VENDORS, {}])
@pytest.mark.parametrize("given", [{"url": "https://a.example"}, {"region": "us-east-1"}])
def test_credentials_go_to_their_own_address_alone(
    profiles: dict[str, str], variables: dict[str, str], given: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError, match="As whom"):
        resolve(**given, environment={**profiles, **variables})


def test_the_vendors_credentials_without_a_region_go_nowhere(nothing: dict[str, str]) -> None:
    variables = {name: value for name, value in VENDORS.items() if "REGION" not in name}
    with pytest.raises(ConfigurationError, match="As whom"):
        resolve("https://a.example", environment={**variables, **nothing})


def test_a_secret_is_not_sent_with_another_clients_id(nothing: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="As whom"):
        resolve(client_id="other", environment={**OURS, **nothing})
    found = resolve(client_secret="given", environment={**OURS, **nothing})
    assert told(found) == ("https://ours.example", "ours", "given")
    found = resolve(client_id="ours", environment={**OURS, **nothing})
    assert told(found) == ("https://ours.example", "ours", "s-ours")


@pytest.mark.parametrize(
    ("url", "login_url"),
    [
        ("https://api.mypurecloud.com", "https://login.mypurecloud.com"),
        ("https://api.grantory.localhost:8443", "https://login.grantory.localhost:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://example.com/api.v2", "https://example.com/api.v2"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
    ],
)
def test_the_login_side_follows_from_the_address(url: str, login_url: str) -> None:
    assert resolve(url, access_token="t", environment={}).login_url == login_url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com",
        "https://",
        "https://u:pw@example.com",
        "https://u:pw@example.com:70000",
        "http://[::1",
        "http://a?b=c",
    ],
)
def test_an_address_that_is_none_is_refused_without_showing_a_password(
    nothing: dict[str, str], url: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        resolve(url, access_token="t", environment=nothing)
    assert "pw" not in str(caught.value)


def test_what_is_said_twice_or_not_at_all_is_refused(nothing: dict[str, str]) -> None:
    auth = AccessToken("t")
    for wrong in (
        lambda: resolve("https://a.example", region="us-east-1", auth=auth, environment=nothing),
        lambda: resolve(region="nowhere", auth=auth, environment=nothing),
        lambda: resolve(auth=auth, environment=nothing),
        lambda: resolve("https://a.example", environment=nothing),
        lambda: resolve(profile="missing", environment=nothing),
        lambda: Grantory("https://a.example", auth=auth, client_id="a", client_secret="b"),
        lambda: Grantory("https://a.example", auth=auth, timeout=0),
        lambda: Grantory("https://a.example", auth=auth, max_retries=-1),
    ):
        with pytest.raises(ConfigurationError):
            wrong()


@pytest.mark.parametrize(
    ("url", "direct"),
    [
        ("http://127.0.0.1:8080", True),
        ("https://[::1]", True),
        ("http://localhost:8080", True),
        ("https://api.grantory.localhost", True),
        ("https://127.0.0.1.example.com", False),
        ("https://localhost.example.com", False),
        ("https://10.0.0.1", False),
    ],
)
def test_no_proxy_is_asked_for_what_is_on_this_machine(url: str, direct: bool) -> None:
    assert is_of_this_machine(url) is direct


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        (PROFILES, 0o640, "chmod 600"),
        ("default = 'x'", 0o600, "no profile 'x'"),
        ("[profiles.x", 0o600, "no TOML"),
        ("default = 'x'\n[profiles.x]\nurl = 3", 0o600, "url must be a text"),
        ("default = 'x'\n[profiles.x]\nadress = 'a'", 0o600, "adress is none of"),
        ("default = 'x'\n[profiles.x]\nclient_secret_file = 'none'", 0o600, "cannot be read"),
        ("default = 'x'\n[profiles]\nx = 'a'", 0o600, "no profile 'x'"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, mode: int, says: str) -> None:
    file = tmp_path / "profiles.toml"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    with pytest.raises(ConfigurationError, match=says) as caught:
        resolve(environment={"GRANTORY_PROFILES_FILE": str(file)})
    assert "s-local" not in str(caught.value)


def test_a_client_is_made_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OURS.items():
        monkeypatch.setenv(name, value)
    with Grantory() as grantory:
        shown = repr(grantory)
    assert shown == (
        "Grantory(url='https://ours.example', "
        "auth=ClientCredentials(client_id='ours', client_secret='***'))"
    )
