"""docs/guides/jwt-access-tokens.md, as it stands."""

import json
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from tests.compat.guides.guide import Guide, own_program, shell
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat
GUIDE = Guide("jwt-access-tokens")
CLIENT, TOKEN = GUIDE.block("sh", 1), GUIDE.block("sh", 2)
VERIFIER = GUIDE.block("python")
CLAIMS = json.loads(GUIDE.block("json"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guide")


@pytest.fixture(scope="module")
def organization_id(server: RunningServer) -> str:
    return str(server.call("GET", "/api/v2/organizations/me").json()["id"])


@pytest.fixture(scope="module")
def client(server: RunningServer, folder: Path) -> Iterator[dict[str, str]]:
    """The client that the guide registers."""
    role = {"name": "guide", "permissionPolicies": []}
    role_id = server.call("POST", "/api/v2/authorization/roles", role).json()["id"]
    said = shell(CLIENT, server, folder, ROLE_ID=role_id)
    made = dict(line.split(maxsplit=1) for line in said.splitlines())
    assert made["accessTokenFormat"] == "JWT_EDDSA"
    yield {"CLIENT_ID": made["id"], "CLIENT_SECRET": made["secret"]}
    assert server.call("DELETE", f"/api/v2/oauth/clients/{made['id']}").status == 204
    assert server.call("DELETE", f"/api/v2/authorization/roles/{role_id}").status == 204


def test_no_block_is_left_out() -> None:
    assert GUIDE.left() == []


def test_the_token_is_as_it_is_described_and_the_program_verifies_it(
    server: RunningServer, client: dict[str, str], organization_id: str, folder: Path
) -> None:
    token = json.loads(shell(TOKEN, server, folder, **client))["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert set(claims) == set(CLAIMS)
    assert {key: type(value) for key, value in claims.items()} == {
        key: type(value) for key, value in CLAIMS.items()
    }
    said = own_program(VERIFIER, server, folder, ORGANIZATION_ID=organization_id, TOKEN=token)
    assert said.strip() == client["CLIENT_ID"]


def test_the_refusals_are_those_of_the_table(server: RunningServer) -> None:
    body = {
        "name": "n",
        "authorizedGrantType": "CODE",
        "accessTokenFormat": "JWT_ES256",
        "accessTokenValiditySeconds": 172_801,
    }
    answer = server.call("POST", "/api/v2/oauth/clients", body).json()
    assert GUIDE.names(answer["code"], answer["details"][0]["fieldName"])
