"""glewlwyd, taken out of Debian's packages, on SQLite; set up through its own API."""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2 as httpx

from benchmarks.callers import MACHINE_FORM, ask, basic, post_form
from benchmarks.servers import ROOT, Server
from benchmarks.wrk import Target

PREFIX = ROOT / ".bench" / "glewlwyd"
PROGRAM = PREFIX / "usr" / "bin" / "glewlwyd"
SCHEMA = PREFIX / "usr" / "share" / "dbconfig-common" / "data" / "glewlwyd" / "install" / "sqlite3"
MODULES = PREFIX / "usr" / "lib" / "glewlwyd"
ADMINISTRATOR = {"username": "admin", "password": "password"}
"""As its first start has it."""
CLIENT_ID, CLIENT_SECRET = "bench", "a-secret-of-the-benchmark-0123456789abcdef"
SETTINGS = """
port={port}
bind_address="127.0.0.1"
external_url="http://127.0.0.1:{port}"
login_url="login.html"
api_prefix="api"
static_files_path="{folder}"
log_mode="console"
log_level="ERROR"
cookie_domain="127.0.0.1"
cookie_secure=0
session_expiration=86400
session_key="GLEWLWYD2_SESSION_ID"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="{modules}/user"
user_middleware_module_path="{modules}/user_middleware"
client_module_path="{modules}/client"
user_auth_scheme_module_path="{modules}/scheme"
plugin_module_path="{modules}/plugin"
hash_algorithm="SHA512"
database = {{ type = "sqlite3"; path = "{folder}/glewlwyd.db"; }};
"""
PLUGIN = {
    "module": "oauth2-glewlwyd",
    "name": "oauth",
    "display_name": "OAuth 2",
    "parameters": {
        "jwt-type": "sha",
        "jwt-key-size": "256",
        "key": "a key of the benchmark alone, and long enough to be one",
        "access-token-duration": 3600,
        "refresh-token-duration": 1209600,
        "code-duration": 600,
        "refresh-token-rolling": True,
        "auth-type-code-enabled": False,
        "auth-type-implicit-enabled": False,
        "auth-type-password-enabled": False,
        "auth-type-client-enabled": True,
        "auth-type-refresh-enabled": False,
        "introspection-revocation-allowed": True,
        "introspection-revocation-allow-target-client": True,
    },
}
SCOPE = {"name": "read", "display_name": "Read", "password_required": False}
CLIENT = {
    "client_id": CLIENT_ID,
    "name": "nightly export",
    "confidential": True,
    "client_secret": CLIENT_SECRET,  # kept plain; a "password", which is digested, is far slower
    "enabled": True,
    "authorization_type": ["client_credentials"],
    "scope": ["read"],
}


def start(stack: ExitStack, folder: Path, core: int | None) -> tuple[Server, Mapping[str, Target]]:
    """Starts it with one client, and answers what that client asks for.

    Args:
        stack: ends it.
        folder: where its store and its log go.
        core: the core that it is pinned to.
    """
    folder.mkdir()
    with sqlite3.connect(folder / "glewlwyd.db") as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.executescript(SCHEMA.read_text("utf-8"))
    path = os.pathsep.join(map(str, PREFIX.glob("**/lib/*-linux-gnu")))
    file = folder / "glewlwyd.conf"
    server = Server(
        "glewlwyd",
        ["--config-file", str(file)],
        folder,
        core,
        program=str(PROGRAM),
        environment={"LD_LIBRARY_PATH": path},
        ready="",
    )
    file.write_text(SETTINGS.format(port=server.port, folder=folder, modules=MODULES), "utf-8")
    stack.enter_context(server)
    with httpx.Client(base_url=f"{server.url}/api", trust_env=False) as api:
        _send(api, "/auth/", ADMINISTRATOR)
        _send(api, "/mod/plugin/", PLUGIN)
        _send(api, "/scope/", SCOPE)
        _send(api, "/client/?source=database", CLIENT)
    client = basic(CLIENT_ID, CLIENT_SECRET)
    asked = post_form(f"{server.url}/api/oauth/token", f"{MACHINE_FORM}&scope=read", client)
    token = ask(asked).raise_for_status().json()["access_token"]
    about = post_form(f"{server.url}/api/oauth/introspect", f"token={token}", client)
    return server, {"token": asked, "introspection": about}


def _send(api: httpx.Client, path: str, document: dict[str, Any]) -> None:
    answer = api.post(path, json=document)
    if answer.status_code != httpx.codes.OK:
        raise RuntimeError(f"glewlwyd answers {path} with {answer.status_code}: {answer.text}")


def installed_version() -> dict[str, str]:
    """Its version, where it is there."""
    package = PREFIX / "version"
    return {"glewlwyd": package.read_text("utf-8").strip()} if package.exists() else {}
