"""One machine of docs/operations.md, installed and upgraded as it stands there, but for systemd.

A soak run fetches the packages as ``deploy/install`` does; others take those of the run.
"""

import json
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.operations.machine import Machine, a_machine
from tests.operations.page import INSTALL, TRACES, UPGRADE
from tests.support.page import ROOT
from tests.support.processes import wait_until
from tests.support.server import basic
from tests.support.soak import soaking

SHORT = ("rev-parse", "--short", "HEAD")
AUTHOR = ("-c", "user.name=a", "-c", "user.email=a@example.com")


def git(*arguments: str, folder: Path) -> str:
    """What git prints."""
    done = subprocess.run(
        ["git", *AUTHOR, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def ask(machine: Machine, path: str, authorization: str = "", form: str = "") -> Any:
    """The JSON that the service answers."""
    request = urllib.request.Request(f"{machine.url}{path}", form.encode() or None)
    if authorization:
        request.add_header("Authorization", authorization)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def ready(machine: Machine) -> bool:
    """Whether the service serves."""
    try:
        return bool(ask(machine, "/health/ready")["status"] == "up")
    except (OSError, urllib.error.URLError):
        return False


def service(machine: Machine) -> str:
    """The service's process, its user, and the folder of its version."""
    number = machine.run("cat grantory.pid").strip()
    return machine.run(f"echo {number} $(stat -c %U /proc/{number}) $(readlink /opt/grantory)")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_machine_is_installed_and_upgraded(tmp_path: Path) -> None:
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    git("clone", "--quiet", str(ROOT), str(origin), folder=tmp_path)
    git("checkout", "--quiet", "-B", "main", folder=origin)
    git("clone", "--quiet", str(origin), str(clone), folder=tmp_path)
    with a_machine(tmp_path / "machine") as machine:
        machine.run(INSTALL, clone)
        wait_until(lambda: ready(machine), "the service")
        first = service(machine).split()
        assert first[1:] == ["grantory", f"/opt/grantory-{git(*SHORT, folder=clone)}"]
        told = "/var/lib/grantory/first-start.json"
        shown = machine.run(f"stat -c '%a %U' {told}; stat -c '%a %G' /etc/grantory/grantory.toml")
        assert shown.split() == ["600", "grantory", "640", "grantory"]
        client = json.loads(machine.run(f"cat {told}; rm {told}"))["client"]
        found = ask(machine, "/.well-known/oauth-authorization-server")
        assert found["issuer"] == "https://auth.example.com"

        if soaking():
            machine.run(TRACES)
        git("commit", "--quiet", "--allow-empty", "-m", "Do more", folder=origin)
        machine.run(UPGRADE, clone)
        wait_until(lambda: ready(machine), "the service")
        second = service(machine).split()
        assert second[0] != first[0]
        assert second[1:] == ["grantory", f"/opt/grantory-{git(*SHORT, folder=origin)}"]
        assert second[2] != first[2]
        form = urlencode({"grant_type": "client_credentials"})
        login = basic(client["id"], client["secret"])
        assert ask(machine, "/oauth/token", login, form)["access_token"]
        machine.run("test -s /var/lib/grantory/before-upgrade.backup")
        assert "Traceback" not in machine.log_text()
