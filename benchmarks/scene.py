"""The servers under load, and the requests that are sent to them."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import msgspec

from benchmarks.servers import Server
from benchmarks.wrk import Target

FEW_CLIENTS = 10
CLIENTS = "/api/v2/oauth/clients"
ROLES = "/api/v2/authorization/roles"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
FLOORS = ("floor F", "bare uvicorn")


class Work(msgspec.Struct, frozen=True):
    """A kind of request, and the server it goes to."""

    name: str
    server: Server
    target: Target


class Scene(msgspec.Struct, frozen=True):
    """What is measured, the floor first."""

    works: tuple[Work, ...]
    grantory: Server
    maker: "Caller"
    """Belongs to the organisation in which clients are created."""


class Caller:
    """A client that holds every permission of an organisation, with a token."""

    def __init__(self, url: str, credentials: dict[str, str]) -> None:
        pair = f"{credentials['id']}:{credentials['secret']}"
        self.id = credentials["id"]
        self.basic = "Basic " + base64.b64encode(pair.encode()).decode()
        self._url = url
        answer = httpx.post(
            f"{url}/oauth/token",
            data={"grant_type": "client_credentials"},
            headers={"Authorization": self.basic},
        )
        self.bearer = "Bearer " + answer.raise_for_status().json()["access_token"]

    def call(self, method: str, path: str, document: Any = None) -> Any:
        """One call of the management API that must succeed; returns its JSON."""
        answer = httpx.request(
            method, self._url + path, json=document, headers={"Authorization": self.bearer}
        )
        return answer.raise_for_status().json()

    def count_clients(self) -> int:
        """How many clients the organisation has."""
        return int(self.call("GET", f"{CLIENTS}?pageSize=1")["total"])


@contextmanager
def scene(folder: Path, core: int | None) -> Iterator[Scene]:
    """Starts the floor and a Grantory with everything on, and prepares the requests.

    Clients are created in an organisation of their own, so that the list stays short.
    """
    data_dir = folder / "data"
    floor = ["-m", "benchmarks.floor_server", "{port}"]
    serve = ["-m", "grantory", "serve", "--port", "{port}", "--data-dir", str(data_dir)]
    with ExitStack() as stack:
        bounded = stack.enter_context(Server("floor", [*floor, "grantory"], folder, core))
        bare = stack.enter_context(Server("uvicorn", [*floor, "uvicorn"], folder, core))
        grantory = stack.enter_context(Server("grantory", serve, folder, core))
        first = json.loads((data_dir / "first-start.json").read_text("utf-8"))
        reader = Caller(grantory.url, first["client"])
        maker = Caller(grantory.url, _found_organization(data_dir)["client"])
        works = (
            Work(FLOORS[0], bounded, _token(bounded.url, reader)),
            Work(FLOORS[1], bare, _token(bare.url, reader)),
            Work("token", grantory, _token(grantory.url, reader)),
            *_management(grantory, reader, maker),
        )
        for work in works:
            _try(work)
        yield Scene(works, grantory, maker)


def _management(grantory: Server, reader: Caller, maker: Caller) -> tuple[Work, ...]:
    documents = [_new_client(caller) for caller in (reader, maker)]
    for _ in range(FEW_CLIENTS - 2):
        reader.call("POST", CLIENTS, documents[0])
    one = reader.call("POST", CLIENTS, documents[0])  # the tenth: the reader is one itself
    url = grantory.url + CLIENTS
    return (
        Work("read one", grantory, Target(url=f"{url}/{one['id']}", authorization=reader.bearer)),
        Work("list of 10", grantory, Target(url=url, authorization=reader.bearer)),
        Work(
            "create",
            grantory,
            Target(
                url=url,
                method="POST",
                body=json.dumps(documents[1]),
                content_type=JSON,
                authorization=maker.bearer,
            ),
        ),
    )


def _new_client(caller: Caller) -> dict[str, Any]:
    policy = {"domain": "oauth", "entityName": "client", "actionSet": ["view"]}
    role = caller.call("POST", ROLES, {"name": "viewer", "permissionPolicies": [policy]})
    return {
        "name": "nightly export",
        "description": "Takes the day's figures to the warehouse",
        "authorizedGrantType": "CLIENT-CREDENTIALS",
        "accessTokenValiditySeconds": 86_400,
        "roleIds": [role["id"]],
    }


def _token(url: str, caller: Caller) -> Target:
    return Target(
        url=f"{url}/oauth/token",
        method="POST",
        body="grant_type=client_credentials",
        content_type=FORM,
        authorization=caller.basic,
    )


def _found_organization(data_dir: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "grantory", "org", "create", "makers", "--json"]
    done = subprocess.run(
        [*command, "--data-dir", str(data_dir)], capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _try(work: Work) -> None:
    target = work.target
    headers = {"Authorization": target.authorization}
    if target.content_type:
        headers["Content-Type"] = target.content_type
    answer = httpx.request(target.method, target.url, content=target.body, headers=headers)
    if answer.status_code != httpx.codes.OK:
        raise RuntimeError(f"{work.name} is answered {answer.status_code}: {answer.text[:500]}")
