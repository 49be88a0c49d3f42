"""docs/guides/client-credentials.md, as it stands."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compat.arrange import make_client, make_code_client, token_with, unique
from tests.compat.guides.guide import Guide, node_program, python_program, shell
from tests.support.server import Reply, RunningServer, basic

pytestmark = pytest.mark.compat
GUIDE = Guide("client-credentials")
ROLE, CLIENT, TOKEN = (GUIDE.block("sh", number) for number in (1, 2, 3))
PYTHON, JAVASCRIPT = GUIDE.block("python"), GUIDE.block("js")
NAME = "nightly export"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guide")


@pytest.fixture(scope="module")
def client(server: RunningServer, folder: Path) -> Iterator[dict[str, str]]:
    """The client that the guide registers: what its programs find in their environment."""
    role_id = json.loads(shell(ROLE, server, folder))["id"]
    said = shell(CLIENT, server, folder, ROLE_ID=role_id)
    made = dict(line.split(maxsplit=1) for line in said.splitlines())
    assert made["name"] == NAME
    yield {"CLIENT_ID": made["id"], "CLIENT_SECRET": made["secret"]}
    assert server.call("DELETE", f"/api/v2/oauth/clients/{made['id']}").status == 204


def test_no_block_is_left_out() -> None:
    assert GUIDE.left() == []


def test_the_token(server: RunningServer, client: dict[str, str], folder: Path) -> None:
    answer = json.loads(shell(TOKEN, server, folder, **client))
    assert set(answer) == {"access_token", "token_type", "expires_in"}
    assert answer["expires_in"] == 86_400
    info = server.call("GET", "/api/v2/tokens/me", token=answer["access_token"])
    assert info.json()["OAuthClient"]["id"] == client["CLIENT_ID"]


def test_the_programs(server: RunningServer, client: dict[str, str], folder: Path) -> None:
    in_python = python_program(PYTHON, server, folder, **client)
    in_javascript = node_program(JAVASCRIPT, server, folder, **client)
    assert in_python.splitlines().count(NAME) == 1
    assert sorted(in_javascript.splitlines()) == sorted(in_python.splitlines())


def ask(server: RunningServer, client_id: str, secret: str, form: str, query: str = "") -> Reply:
    return server.request(
        "POST",
        f"/oauth/token{query}",
        body=form.encode(),
        headers={
            "Authorization": basic(client_id, secret),
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )


def test_the_refusals_are_those_of_the_table(server: RunningServer, client: dict[str, str]) -> None:
    own = client["CLIENT_ID"], client["CLIENT_SECRET"]
    code = make_code_client(server)
    fields = {"name": "n", "authorizedGrantType": "CODE", "state": "inactive"}
    off = make_code_client(server)
    path = f"/api/v2/oauth/clients/{off['id']}"
    assert server.call("PUT", path, fields).status == 200
    form = "grant_type=client_credentials"
    for reply in (
        ask(server, own[0], "wrong", form),
        ask(server, code["id"], code["secret"], form),
        ask(server, off["id"], off["secret"], form),
        ask(server, *own, f"{form}&scope=oauth"),
        ask(server, *own, "", f"?{form}"),
    ):
        answer = reply.json()
        assert GUIDE.names(answer["error"], answer["error_description"]), answer


def test_the_other_refusals_are_those_of_the_table(server: RunningServer) -> None:
    clients = "/api/v2/oauth/clients"
    body = {"name": unique("n"), "authorizedGrantType": "CLIENT-CREDENTIALS"}
    weak = token_with(server, "oauth:client:add")
    strong = make_client(server, "oauth:client:delete")
    greedy = {**body, "roleDivisions": strong["roleDivisions"]}
    for reply in (
        server.call("POST", clients, body),
        server.call("POST", clients, greedy, token=weak),
        server.call("GET", clients, token=weak),
    ):
        assert GUIDE.names(reply.json()["code"]), reply.body
