"""Attack cases 70 and 71: token keys that are removed, and rotated under load."""

import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.security.answers import refused
from tests.support.fixtures import FreshServer
from tests.support.server import RunningServer
from tests.support.stores import STORES, NamedStore
from tests.support.world import CLIENTS, World

ME = "/api/v2/tokens/me"
JWKS = "/.well-known/jwks.json"
ROTATIONS = 5
BETWEEN_ROTATIONS = 60
"""Tokens that are taken and used."""


async def test_case_70_a_token_of_a_deleted_key_is_refused(world: World) -> None:
    other = world.member(await world.found("Other"))
    elsewhere = await other.log_in()
    early = await world.admin.log_in()
    organization_id = world.founding.organization.id
    keys = world.node.keys
    await world.node.store.write(lambda t: keys.rotate(t, organization_id, end_tokens=False))
    late = await world.admin.log_in()

    def headers(token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"}

    for token in (early, late, elsewhere):
        assert (await world.http.get(CLIENTS, headers=headers(token))).status_code == 200
    await world.node.store.write(lambda t: keys.rotate(t, organization_id, end_tokens=True))
    for token in (early, late):
        refused(await world.http.get(CLIENTS, headers=headers(token)), 401, "bad.credentials")
    assert (await world.http.get(CLIENTS, headers=headers(elsewhere))).status_code == 200
    fresh = await world.admin.log_in()
    assert (await world.http.get(CLIENTS, headers=headers(fresh))).status_code == 200


class User(threading.Thread):
    """Takes tokens, uses each at once, and goes on using earlier ones."""

    def __init__(self, server: RunningServer, client: dict[str, str], seed: int) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._client = client
        self._random = random.Random(seed)
        self.ending = threading.Event()
        self.tokens: list[str] = []
        self.failures: list[str] = []

    def run(self) -> None:
        try:
            while not self.ending.is_set():
                self._step()
        except Exception as error:
            self.failures.append(repr(error))

    def _step(self) -> None:
        asked = self._server.ask_token(self._client["id"], self._client["secret"])
        if asked.status != 200:
            self.failures.append(f"no token: {asked.status}")
            return
        token = asked.json()["access_token"]
        for used in (token, *self._random.sample(self.tokens, min(2, len(self.tokens)))):
            status = self._server.call("GET", ME, token=used).status
            if status != 200:
                self.failures.append(f"token {used == token and 'just taken'}: {status}")
        self.tokens.append(token)


def make_jwt_client(server: RunningServer, first: dict[str, str]) -> dict[str, str]:
    """A client that gets JWTs."""
    token = server.token(first["id"], first["secret"])
    roles = server.call("GET", "/api/v2/authorization/roles", token=token).json()["entities"]
    body = {
        "name": "with JWTs",
        "authorizedGrantType": "CLIENT-CREDENTIALS",
        "roleIds": [roles[0]["id"]],
        "accessTokenFormat": "JWT_ES256",
    }
    made: dict[str, str] = server.call("POST", CLIENTS, body, token=token).json()
    return made


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NamedStore]:
    with STORES[request.param](tmp_path) as made:
        yield made


def test_case_71_no_valid_token_is_refused_while_keys_rotate_under_load(
    store: NamedStore, fresh_server: FreshServer
) -> None:
    found: dict[str, Any] = json.loads(store.good("init", "--json"))
    client = found["client"]
    environment = {k: v for k, v in store.environment.items() if k != "GRANTORY_DATA_DIR"}
    environment["GRANTORY_PUBLIC_URL"] = "http://127.0.0.1"
    server = fresh_server("--workers", "2", environment=environment, data_dir=store.data)
    # Half of them get JWTs, whose next key a rotation publishes, and which signs much later.
    with_jwts = make_jwt_client(server, client)
    users = [User(server, (client, with_jwts)[seed % 2], seed) for seed in range(4)]
    for user in users:
        user.start()

    def taken() -> int:
        assert not [failure for user in users for failure in user.failures]
        return sum(len(user.tokens) for user in users)

    for _ in range(ROTATIONS):
        before, deadline = taken(), time.monotonic() + 30
        while taken() < before + BETWEEN_ROTATIONS:
            assert time.monotonic() < deadline, "no tokens are taken"
            time.sleep(0.01)
        store.good("keys", "rotate")
    for user in users:
        user.ending.set()
    for user in users:
        user.join(30)
    assert taken() > ROTATIONS * BETWEEN_ROTATIONS
    keys = json.loads(store.good("keys", "list", "--json"))
    assert len([key for key in keys if key["algorithm"] is None]) == ROTATIONS + 1
    states = [key["state"] for key in keys if key["algorithm"] == "ES256"]
    assert states == ["signing", "published"]
    published = {key["kid"] for key in server.request("GET", JWKS).json()["keys"]}
    assert published == {key["id"] for key in keys if key["algorithm"]}

    earlier = [token for user in users for token in user.tokens]
    assert {server.call("GET", ME, token=token).status for token in earlier} == {200}
    store.good("keys", "rotate", "--end-tokens")
    time.sleep(store.lag)
    assert {server.call("GET", ME, token=token).status for token in earlier} == {401}
    for each in (client, with_jwts) * 10:
        fresh = server.token(each["id"], each["secret"])
        assert server.call("GET", ME, token=fresh).status == 200
    assert "unexpected failure" not in server.log_text()
