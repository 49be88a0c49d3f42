"""What stands in ``deploy/``, as far as it can be tried without a container."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.barred import barred
from tests.support.server import RunningServer, _free_port

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
CONTAINERFILE = (DEPLOY / "Containerfile").read_text("utf-8")


def probe(port: str) -> int:
    """The exit status of the container's health check; port 8080 stands for the server's."""
    (command,) = re.findall(r"^HEALTHCHECK .* CMD (\[.*\])$", CONTAINERFILE, re.MULTILINE)
    _python, *arguments = json.loads(command)
    environment = {**os.environ, "GRANTORY_PORT": port}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, timeout=30, check=False
    ).returncode


def test_the_container_is_healthy_while_its_server_is(server: RunningServer) -> None:
    assert probe(str(server.port)) == 0
    assert probe(str(_free_port())) != 0


@pytest.mark.parametrize("injected", ["tcp://10.0.0.7:8080", ""])
def test_a_port_that_a_platform_injects_stands_for_the_default(injected: str) -> None:
    (command,) = re.findall(r"^HEALTHCHECK .* CMD (\[.*\])$", CONTAINERFILE, re.MULTILINE)
    asked = json.loads(command)[2].replace("r.urlopen(", "print(").replace(", timeout=2", "")
    environment = {**os.environ, "GRANTORY_PORT": injected}
    said = subprocess.run(
        [sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "http://127.0.0.1:8080/health/ready"


def test_the_build_gets_what_it_copies_and_nothing_else() -> None:
    lines = (ROOT / ".containerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    stage = CONTAINERFILE.split("\nFROM ")[1]
    copied = {
        source
        for line in re.findall(r"^COPY (.*)$", stage, re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == copied


def test_systemd_takes_every_word_of_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        barred("systemd is not installed")
    unit = (DEPLOY / "grantory.service").read_text("utf-8")
    program = re.compile("^(ExecStart=)/opt/grantory/.venv/bin/grantory (?=serve$)", re.MULTILINE)
    assert len(program.findall(unit)) == 1
    installed = program.sub(rf"\g<1>{sys.executable} -m grantory ", unit)

    def said(text: str) -> list[str]:
        file = tmp_path / "grantory.service"
        file.write_text(text, "utf-8")
        done = subprocess.run(
            [analyze, "verify", "--man=no", str(file)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return [line for line in done.stderr.splitlines() if file.name in line]

    assert said(installed) == []
    assert said(installed.replace("PrivateTmp=", "PrivateTemp="))


@pytest.mark.parametrize("name", ["grantory", "install"])
def test_scripts_can_be_run(name: str) -> None:
    script = DEPLOY / name
    assert os.access(script, os.X_OK)
    assert script.read_text("utf-8").startswith("#!/bin/sh\n")
    subprocess.run(["/bin/sh", "-n", str(script)], check=True)
