"""docs/guides/resource-server.md, as it stands."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.compat.arrange import make_client, make_code_client
from tests.compat.guides.guide import APPLICATION, Guide, at_ports, environment, shell
from tests.support.ports import free_port
from tests.support.server import Reply, RunningServer, basic

pytestmark = pytest.mark.compat
GUIDE = Guide("resource-server")
ROLE, CLIENT, ASK, CALL, END, FIND = (GUIDE.block("sh", number) for number in range(1, 7))
API = GUIDE.block("python")
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guide")


@pytest.fixture(scope="module")
def api(server: RunningServer, folder: Path) -> dict[str, str]:
    """The API that the guide registers: what its programs find in their environment."""
    role_id = json.loads(shell(ROLE, server, folder))["id"]
    said = shell(CLIENT, server, folder, ROLE_ID=role_id)
    made = dict(line.split(maxsplit=1) for line in said.splitlines())
    assert made["name"] == "orders API"
    return {"API_ID": made["id"], "API_SECRET": made["secret"]}


@pytest.fixture(scope="module")
def client(server: RunningServer) -> dict[str, str]:
    made = make_client(server, "routing:queue:view")
    return {"CLIENT_ID": made["id"], "CLIENT_SECRET": made["secret"]}


@pytest.fixture
def running(server: RunningServer, folder: Path, api: dict[str, str]) -> Iterator[int]:
    """The guide's program, which remembers nothing here; its port."""
    port = free_port()
    assert "GOOD_FOR = 5 " in API
    code = at_ports(API, server, port).replace("GOOD_FOR = 5 ", "GOOD_FOR = 0 ")
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(server, folder, **api),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == f"Open http://127.0.0.1:{port}/\n"
        yield port
        program.kill()


def test_no_block_is_left_out() -> None:
    assert GUIDE.left() == []


def test_what_is_told_and_what_is_ended(
    server: RunningServer,
    folder: Path,
    api: dict[str, str],
    client: dict[str, str],
    running: int,
) -> None:
    token = server.token(client["CLIENT_ID"], client["CLIENT_SECRET"])
    told = json.loads(shell(ASK, server, folder, **api, TOKEN=token))
    assert told["active"] is True
    assert told["sub"] == told["client_id"] == client["CLIENT_ID"]
    for name in told:
        assert f"`{name}`" in GUIDE.text
    call = CALL.replace(APPLICATION, str(running))
    assert shell(call, server, folder, TOKEN=token) == f"The orders of {told['sub']}\n"
    assert shell(END, server, folder, **client, TOKEN=token) == ""
    said = shell(ASK, server, folder, **api, TOKEN=token)
    assert said == '{"active":false}'
    with pytest.raises(AssertionError):  # curl fails
        shell(call, server, folder, TOKEN=token)


def test_the_metadata_names_the_endpoints(server: RunningServer, folder: Path) -> None:
    found = json.loads(shell(FIND, server, folder))
    assert found["introspection_endpoint"] == f"{server.url}/oauth/introspect"
    assert found["revocation_endpoint"] == f"{server.url}/oauth/revoke"


def ask(server: RunningServer, authorization: str, form: dict[str, str], query: str = "") -> Reply:
    headers = {"Content-Type": FORM}
    if authorization:
        headers["Authorization"] = authorization
    body = urlencode(form).encode()
    return server.request("POST", f"/oauth/introspect{query}", body=body, headers=headers)


def test_the_refusals_are_those_of_the_table(
    server: RunningServer, api: dict[str, str], client: dict[str, str]
) -> None:
    token = {"token": server.token()}
    own = basic(api["API_ID"], api["API_SECRET"])
    off = make_code_client(server)
    path = f"/api/v2/oauth/clients/{off['id']}"
    fields = {"name": "n", "authorizedGrantType": "CODE", "state": "inactive"}
    assert server.call("PUT", path, fields).status == 200
    for reply in (
        ask(server, "", token),
        ask(server, basic(api["API_ID"], "wrong"), token),
        ask(server, basic(off["id"], off["secret"]), token),
        ask(server, own, {"x": "1"}),
        ask(server, own, token, "?x=1"),
    ):
        answer = reply.json()
        assert GUIDE.names(answer["error"], answer["error_description"]), answer
    assert GUIDE.names(ask(server, "Bearer x", token).json()["error"])
    weak = ask(server, basic(client["CLIENT_ID"], client["CLIENT_SECRET"]), token)
    assert GUIDE.names(weak.body.decode())
