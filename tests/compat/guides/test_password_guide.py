"""docs/guides/password.md, as it stands."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.compat.arrange import make_code_client
from tests.compat.guides.guide import Guide, register, shell
from tests.support.server import Reply, RunningServer, basic

GUIDE = Guide("password")
ON, REGISTER, TOKEN = GUIDE.block("toml"), GUIDE.block("sh"), GUIDE.block("sh", 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guide")


@pytest.fixture(scope="module")
def allowing(folder: Path) -> Iterator[RunningServer]:
    """A server that allows the grant as the guide says."""
    file = folder / "grantory.toml"
    file.write_text(ON)
    with RunningServer("--config", str(file)) as running:
        yield running


@pytest.fixture(scope="module")
def client(allowing: RunningServer, folder: Path) -> dict[str, str]:
    return register(REGISTER, allowing, folder, 0)


def ask(server: RunningServer, client: dict[str, str], **form: str) -> Reply:
    """Ask for a token with a password."""
    return server.request(
        "POST",
        "/oauth/token",
        body=urlencode({"grant_type": "password", **form}).encode(),
        headers={
            "Authorization": basic(client["id"], client["secret"]),
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )


def test_no_block_is_left_out() -> None:
    assert GUIDE.left() == []


def test_the_token(allowing: RunningServer, client: dict[str, str], folder: Path) -> None:
    user = allowing.first_start["admin"]
    variables = {"CLIENT_ID": client["id"], "CLIENT_SECRET": client["secret"]}
    variables |= {"EMAIL": user["email"], "PASSWORD": user["password"]}
    answer = json.loads(shell(TOKEN, allowing, folder, **variables))
    assert set(answer) == {"access_token", "token_type", "expires_in"}
    me = allowing.call("GET", "/api/v2/users/me", token=answer["access_token"])
    assert me.json()["email"] == user["email"]


def test_the_refusals_are_those_of_the_table(
    server: RunningServer, allowing: RunningServer, client: dict[str, str], folder: Path
) -> None:
    wrong = {"username": allowing.first_start["admin"]["email"], "password": "wrong"}
    turned_off = register(REGISTER, server, folder, 0)
    for reply in (
        ask(server, turned_off, **wrong),
        ask(allowing, make_code_client(allowing), **wrong),
        ask(allowing, client, **wrong),
        ask(allowing, client, **{**wrong, "username": "nobody@example.com"}),
        ask(allowing, client, password="wrong"),
    ):
        answer = reply.json()
        assert reply.status == 400
        assert GUIDE.names(answer["error"], answer["error_description"]), answer
