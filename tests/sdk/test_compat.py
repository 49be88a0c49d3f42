"""The generated SDK's names, without a server; tests/sdk/test_running_server.py has one."""

import subprocess
import sys

import pytest

from grantory_sdk import compat
from grantory_sdk.compat import api_client, rest

PROGRAM = """
import grantory_sdk.compat as PureCloudPlatformClientV2
from grantory_sdk.compat.rest import ApiException

PureCloudPlatformClientV2.configuration.host = "http://127.0.0.1:1"
PureCloudPlatformClientV2.configuration.access_token = "t"
try:
    PureCloudPlatformClientV2.OAuthApi().get_oauth_client("1")
except ApiException as error:
    print(error.status)
"""


def test_a_program_changes_its_import_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "0\n"


def test_what_programs_name_is_where_it_was() -> None:
    assert compat.Configuration() is compat.configuration
    assert compat.api_client.ApiClient is compat.ApiClient is api_client.ApiClient
    assert compat.rest.ApiException is compat.ApiException is rest.ApiException
    hosts = compat.PureCloudRegionHosts
    assert hosts.eu_central_1.get_api_host() == "https://api.mypurecloud.de"
    assert len(hosts) == 18


def test_a_setting_that_does_nothing_cannot_be_set() -> None:
    with pytest.raises(AttributeError, match="no attribute 'verify_ssl'"):
        compat.configuration.verify_ssl = False  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="no attribute 'proxy'"):
        compat.configuration.proxy = "http://proxy.example"  # type: ignore[attr-defined]


def test_models_are_set_and_told_by_attribute() -> None:
    body = compat.OAuthClient()
    assert body.name is None
    body.name = "app"
    division = compat.RoleDivision()
    division.role_id, division.division_id = "r", "*"
    body.role_divisions = [division]
    assert body.to_dict()["role_divisions"] == [{"role_id": "r", "division_id": "*"}]
    assert body.to_json() == '{"name":"app","roleDivisions":[{"roleId":"r","divisionId":"*"}]}'
    assert "app" in body.to_str()


def test_what_is_missing_is_told_as_before() -> None:
    api = compat.OAuthApi(api_client.ApiClient("http://127.0.0.1:1"))
    for name in ("get_oauth_client", "delete_oauth_client", "post_oauth_client_secret"):
        with pytest.raises(ValueError, match=f"`client_id` when calling `{name}`"):
            getattr(api, name)(None)
    with pytest.raises(ValueError, match="`body` when calling `post_oauth_clients`"):
        api.post_oauth_clients(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        api.get_oauth_clients(page_size=1)  # type: ignore[call-arg]
