"""The servers under load, and the requests that are sent to them."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import msgspec

from benchmarks.callers import (
    CLIENTS,
    INTROSPECT,
    JSON,
    MACHINE_FORM,
    ROLES,
    TOKEN,
    Caller,
    ask,
    basic,
    post_form,
)
from benchmarks.goals import MULTIPLES, SHARES
from benchmarks.key import FLOOR, GRANTORY, PLAIN_UVICORN, Key
from benchmarks.peers.works import peer_works
from benchmarks.pinning import Cores
from benchmarks.servers import Server
from benchmarks.site import STORES, Site, new_site
from benchmarks.supply import REDIRECT, codes, refresh_tokens
from benchmarks.work import Scene, Work
from benchmarks.wrk import Target

FEW_CLIENTS = 10
FEW_CONNECTIONS = {"SQLite": 24, "PostgreSQL": 8}
"""For creates: of more that wait at once some are refused early on a slow machine (ADR 9)."""
IN_EVERY_ROUND = ("token", "JWT token", "introspection", "read one")
"""Of ours: what is nearest to its goals, and asked for most."""


@contextmanager
def scene(
    folder: Path,
    cores: Cores,
    stores: tuple[str, ...] = STORES,
    *,
    peers: bool = True,
    floor_app: Path | None = None,
) -> Iterator[Scene]:
    """Starts the floor, for each store a Grantory with everything on, and the peers that there are.

    Clients are created in an organisation of their own, so that the list stays short.

    Args:
        folder: for stores and logs.
        cores: which the servers and the load are pinned to.
        stores: those of Grantory.
        peers: whether to start them.
        floor_app: a file whose ``asgi`` is the floor; None for the benchmarks' own.
    """
    floor = ["-m", "benchmarks.floor_server", "{port}"]
    given = [str(floor_app.resolve())] if floor_app else []
    with ExitStack() as stack:
        bounded, bare = (
            stack.enter_context(Server(name, [*floor, kind, *given], folder, cores.server))
            for name, kind in (("floor", "grantory"), ("uvicorn", "uvicorn"))
        )
        works: list[Work] = []
        sites: list[Site] = []
        makers: dict[str, Caller] = {}
        missing: dict[Key, str] = {}
        for store in stores:
            site = stack.enter_context(new_site(store, cores))
            sites.append(site)
            server = stack.enter_context(site.server(cores.server))
            subject = f"Grantory, {store}"
            reader, makers[subject] = (
                site.caller(server),
                Caller(server.url, site.further_organization()),
            )
            if not works:
                request = reader.token_request
                works += (
                    _constant(FLOOR, bounded, request),
                    _constant(PLAIN_UVICORN, bare, request),
                )
            found, lacking = grantory_works(subject, site, server, reader, makers[subject])
            works += found
            missing |= lacking
        if peers:
            found, lacking = peer_works(stack, folder, cores.server)
            missing |= lacking
            works += found
        for work in works:
            _try(work)
        timed = (
            msgspec.structs.replace(work, every=every(work.key), paired=has_share(work.key))
            for work in works
        )
        yield Scene(tuple(timed), makers, tuple(sites), missing)


def has_share(key: Key) -> bool:
    """Tells whether it is one of ours that must reach a share of the floor."""
    return key.subject.startswith(GRANTORY) and key.work in SHARES


def every(key: Key) -> int:
    """In which rounds a work is measured: in those whose number this divides.

    What has a goal, or is what one compares with, is measured more often than the rest.
    """
    if key == FLOOR or (has_share(key) and key.work in IN_EVERY_ROUND):
        return 1
    compared = any(key == multiple.than for multiple in MULTIPLES)
    return 2 if compared or has_share(key) else 4


def _constant(key: Key, server: Server, request: Target) -> Work:
    target = msgspec.structs.replace(request, url=server.url + TOKEN)
    return Work(key, server, target)


def grantory_works(
    subject: str, site: Site, server: Server, reader: Caller, maker: Caller
) -> tuple[list[Work], dict[Key, str]]:
    """Prepares what a Grantory is asked for; answers besides what it does not have."""
    documents = [_new_client(caller) for caller in (reader, maker)]
    for _ in range(FEW_CLIENTS - 4):  # with the reader, and those that are made below
        reader.call("POST", CLIENTS, documents[0])
    one = reader.call("POST", CLIENTS, documents[0])
    app = reader.call("POST", CLIENTS, new_app())
    form = post_form(server.url + TOKEN, "", basic(app["id"], app["secret"]))
    url = server.url + CLIENTS
    read = Target(url=f"{url}/{one['id']}", authorization=reader.bearer)
    introspect = post_form(server.url + INTROSPECT, f"token={reader.token}", reader.basic)
    found = {
        "token": reader.token_request,
        "read one": read,
        "list of 10": Target(url=url, authorization=reader.bearer),
        "create": _creation(server.url, maker, documents[1]),
    }
    missing = {}
    jwt = _jwt_request(server, reader, documents[0])
    if jwt is None:
        missing[Key(subject, "JWT token")] = "the server makes none"
    else:
        found["JWT token"] = jwt
    if ask(introspect).status_code == httpx.codes.OK:
        found["introspection"] = introspect
    else:
        missing[Key(subject, "introspection")] = "the server answers none"
    supplies = {
        "refresh": refresh_tokens(site, app["id"]),
        "code exchange": codes(site, app["id"]),
    }
    found |= dict.fromkeys(supplies, form)
    works = [
        Work(
            Key(subject, name),
            server,
            target,
            supplies.get(name),
            connections=FEW_CONNECTIONS[site.store] if name == "create" else 0,
        )
        for name, target in found.items()
    ]
    return works, missing


def _jwt_request(server: Server, reader: Caller, document: dict[str, Any]) -> Target | None:
    """Asks for a client whose tokens are JWTs; None where the server knows of no such thing."""
    try:
        made = reader.call("POST", CLIENTS, {**document, "accessTokenFormat": "JWT_ES256"})
    except httpx.HTTPStatusError:
        return None
    target = post_form(server.url + TOKEN, MACHINE_FORM, basic(made["id"], made["secret"]))
    token: str = ask(target).raise_for_status().json()["access_token"]
    return target if token.count(".") == 2 else None


def creation(url: str, caller: Caller) -> Target:
    """Makes the request that registers a client, with a role."""
    return _creation(url, caller, _new_client(caller))


def _creation(url: str, caller: Caller, document: dict[str, Any]) -> Target:
    return Target(
        url=url + CLIENTS,
        method="POST",
        body=json.dumps(document),
        content_type=JSON,
        authorization=caller.bearer,
    )


def _new_client(caller: Caller) -> dict[str, Any]:
    policy = {"domain": "oauth", "entityName": "client", "actionSet": ["view"]}
    role = caller.call("POST", ROLES, {"name": f"viewer {uuid4()}", "permissionPolicies": [policy]})
    return {
        "name": "nightly export",
        "description": "Takes the day's figures to the warehouse",
        "authorizedGrantType": "CLIENT-CREDENTIALS",
        "accessTokenValiditySeconds": 86_400,
        "roleIds": [role["id"]],
    }


def new_app() -> dict[str, Any]:
    """Describes a client that acts for people."""
    return {
        "name": "wallboard",
        "authorizedGrantType": "CODE",
        "registeredRedirectUri": [REDIRECT],
    }


def _try(work: Work) -> None:
    target = work.target
    if work.supply is not None:
        target = msgspec.structs.replace(target, body=work.supply.make(1)[0])
    answer = ask(target)
    if not answer.is_success:
        raise RuntimeError(f"{work.key} is answered {answer.status_code}: {answer.text[:500]}")
