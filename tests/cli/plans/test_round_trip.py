"""What is exported changes nothing when it is applied, and makes the same again elsewhere."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.plans.texts import texts
from tests.support.command import quick_command
from tests.support.databases import fresh_postgres
from tests.support.server import RunningServer
from tests.support.soak import rounds

UNSEEN = "\x7f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""What the server takes in no name."""
ROLES = "/api/v2/authorization/roles"
DIVISIONS = "/api/v2/authorization/divisions"
CLIENTS = "/api/v2/oauth/clients"


OF_JWTS = {"GRANTORY_PUBLIC_URL": "http://127.0.0.1:{port}"}
"""Without an address of its own, which JWTs name, a server makes no client that gets them."""
LISTS = (ROLES, DIVISIONS, CLIENTS)


@pytest.fixture(scope="module")
def servers() -> Iterator[list[RunningServer]]:
    with ExitStack() as stack:
        yield [stack.enter_context(RunningServer(environment=OF_JWTS)) for _ in range(2)]


@pytest.fixture(scope="module")
def on_postgresql() -> Iterator[RunningServer]:
    with fresh_postgres() as url:
        place = {"GRANTORY_DATABASE_URL": url}
        with RunningServer(environment={**OF_JWTS, **place}) as server:
            yield server


def run(server: RunningServer, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "GRANTORY_URL": server.url,
        "GRANTORY_CLIENT_ID": server.client_id,
        "GRANTORY_CLIENT_SECRET": server.client_secret,
    }
    return quick_command(*arguments, environment=environment, folder=folder)


def is_name(text: str) -> bool:
    return bool(text.strip()) and not set(text) & set(UNSEEN) and "\ufeff" not in text


names = texts(lines=False).filter(is_name)
machines = st.fixed_dictionaries({"authorizedGrantType": st.just("CLIENT-CREDENTIALS")})
for_people = st.fixed_dictionaries(
    {
        "authorizedGrantType": st.sampled_from(["CODE", "TOKEN", "SAML2BEARER", "password"]),
        "registeredRedirectUri": st.lists(
            st.sampled_from(["https://a.example/?x=1#", "http://127.0.0.1/", "https://b.example/"]),
            max_size=3,
        ).map(lambda each: [uri.rstrip("#") for uri in each]),
        "scope": st.lists(st.sampled_from(["users:readonly", "no", "1e3", "#"]), max_size=3),
    }
)
clients = st.builds(
    lambda kind, more: {**more, **kind},
    machines | for_people,
    st.fixed_dictionaries(
        {"name": names},
        optional={
            "description": names | st.just("two\nlines\t"),
            "accessTokenValiditySeconds": st.integers(300, 900),
            "state": st.sampled_from(["active", "inactive", "disabled"]),
            "dateToDelete": st.just("2035-01-02T03:04:05.678Z"),
            "accessTokenFormat": st.sampled_from(["OPAQUE", "JWT_EDDSA", "JWT_ES256"]),
        },
    ),
)
roles = st.fixed_dictionaries(
    {"name": names},
    optional={
        "description": names,
        "permissions": st.lists(st.sampled_from(["a:b:c", "group_creation"]), max_size=2),
        "permissionPolicies": st.lists(
            st.fixed_dictionaries(
                {"domain": st.just("routing"), "entityName": st.just("queue")}
                | {"actionSet": st.lists(st.sampled_from(["view", "no", "*"]), min_size=1)},
                optional={
                    "policyName": names,
                    "allowConditions": st.booleans(),
                    "resourceConditionNode": st.dictionaries(names, names | st.none(), max_size=2),
                },
            ),
            max_size=2,
        ),
    },
)


def make(server: RunningServer, path: str, body: dict[str, Any]) -> str | None:
    """Makes it, unless its name is taken."""
    answer = server.call("POST", path, body)
    if answer.status in (409, 400) and path != CLIENTS:
        return None
    assert answer.status == 200, (body, answer.body)
    return str(answer.json()["id"])


def everything(server: RunningServer) -> list[Any]:
    """All that there is, with the times of its changes."""
    found: list[Any] = []
    for path in LISTS:
        number = count = 1
        while number <= count:
            page = server.call("GET", f"{path}?pageSize=500&pageNumber={number}").json()
            found += page["entities"]
            number, count = number + 1, page["pageCount"]
    return found


def fill(data: st.DataObject, server: RunningServer) -> None:
    """Makes roles, divisions and clients of whatever kind."""
    held = [each for each in (make(server, ROLES, r)
            for r in data.draw(st.lists(roles, min_size=1, max_size=3))) if each]  # fmt: skip
    drawn = data.draw(st.lists(st.fixed_dictionaries({"name": names}, optional={
        "description": names}), max_size=3))  # fmt: skip
    places = ["*", *(each for each in (make(server, DIVISIONS, d) for d in drawn) if each)]
    first = server.call("GET", ROLES).json()["entities"][0]["id"]
    for drawn_client in data.draw(st.lists(clients, min_size=1, max_size=5)):
        body = drawn_client
        if body["authorizedGrantType"] == "CLIENT-CREDENTIALS":
            pair = st.fixed_dictionaries({"roleId": st.sampled_from([first, *held]),
                                          "divisionId": st.sampled_from(places)})  # fmt: skip
            pairs = data.draw(st.lists(pair, min_size=1, max_size=3, unique_by=str))
            body = {**body, "roleDivisions": pairs}
        make(server, CLIENTS, body)


def export_and_apply(data: st.DataObject, server: RunningServer, folder: Path) -> None:
    fill(data, server)
    before = everything(server)
    for file in ("f.yaml", "f.toml"):
        done = run(server, folder, "export", file, "--force")
        assert done.returncode == 0, done.stderr
        for command in ("plan", "apply"):
            told = run(server, folder, command, file)
            assert told.returncode == 0, (told.stdout, told.stderr, (folder / file).read_text())
            assert told.stdout.startswith("Nothing to do: ")
    assert everything(server) == before


UNHURRIED = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.timeout(rounds(120, 3_600))
@given(data=st.data())
@settings(UNHURRIED, max_examples=rounds(10, 300))
def test_an_export_is_no_change(
    data: st.DataObject, servers: list[RunningServer], tmp_path: Path
) -> None:
    export_and_apply(data, servers[0], tmp_path)


@pytest.mark.timeout(rounds(120, 3_600))
@given(data=st.data())
@settings(UNHURRIED, max_examples=rounds(2, 100))
def test_an_export_is_no_change_on_postgresql(
    data: st.DataObject, on_postgresql: RunningServer, tmp_path: Path
) -> None:
    export_and_apply(data, on_postgresql, tmp_path)


def test_it_is_made_anew_elsewhere(servers: list[RunningServer], tmp_path: Path) -> None:
    source, target = servers
    role = make(source, ROLES, {"name": "mover", "permissions": ["a:b:c"]})
    north = make(source, DIVISIONS, {"name": "moved"})
    pairs = [{"roleId": role, "divisionId": north}]
    machine = {"authorizedGrantType": "CLIENT-CREDENTIALS", "roleDivisions": pairs}
    make(source, CLIENTS, {**machine, "name": "moving", "accessTokenValiditySeconds": 400})
    assert run(source, tmp_path, "export", "m.yaml", "--client", "moving").returncode == 0
    text = (tmp_path / "m.yaml").read_text("utf-8")
    whole = "divisions: [{name: moved}]\nroles: [{name: mover, permissions: ['a:b:c']}]\n" + text
    (tmp_path / "m.yaml").write_text(whole, encoding="utf-8")
    done = run(target, tmp_path, "apply", "m.yaml", "--yes", "--discard-secrets", "--in-order")
    assert done.returncode == 0, done.stderr
    made = run(target, tmp_path, "clients", "list", "--query", "[?name=='moving'] | [0]")
    client = json.loads(made.stdout)
    assert client["accessTokenValiditySeconds"] == 400
    assert run(target, tmp_path, "plan", "m.yaml").returncode == 0
    again = run(target, tmp_path, "export", "--client", "moving")
    assert again.stdout == text
