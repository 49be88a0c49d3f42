"""Stands for systemctl in a test: does with a unit what the page rests on, and starts one process.

It takes the user, the environment and the program from the unit that the page has installed. What
systemd keeps a service from is not tried here.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from configparser import ConfigParser
from pathlib import Path

UNITS = Path("/etc/systemd/system")
STATE = Path("/var/lib")
GONE_WITHIN = 30.0


def main() -> None:
    """Do what systemctl's arguments say."""
    match sys.argv[1:]:
        case ["daemon-reload"]:
            return
        case ["enable", "--now", name]:
            start(name)
        case ["restart", name]:
            stop(name)
            start(name)
        case arguments:
            raise SystemExit(f"systemctl {shlex.join(arguments)} is not understood")


def start(name: str) -> None:
    """Start a service as its user, in its folder and with its variables alone."""
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string((UNITS / f"{name}.service").read_text("utf-8"))
    service = unit["Service"]
    user, group = service["User"], service["Group"]
    folder = STATE / service["StateDirectory"]
    folder.mkdir(exist_ok=True)
    folder.chmod(int(service["StateDirectoryMode"], 8))
    shutil.chown(folder, user, group)
    variables = dict(text.split("=", 1) for text in shlex.split(service["Environment"]))
    with Path(os.environ["SERVICE_LOG"]).open("ab") as log:
        process = subprocess.Popen(
            shlex.split(service["ExecStart"]),
            env={"PATH": "/usr/bin:/bin", "GRANTORY_PORT": os.environ["SERVICE_PORT"], **variables},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            user=user,
            group=group,
            extra_groups=[],
            umask=int(service["UMask"], 8),
            start_new_session=True,
        )
    number_of(name).write_text(str(process.pid))


def stop(name: str) -> None:
    """End a service with SIGTERM, and wait until it is gone."""
    process_id = int(number_of(name).read_text())
    os.kill(process_id, signal.SIGTERM)
    deadline = time.monotonic() + GONE_WITHIN
    while Path(f"/proc/{process_id}").exists():
        if time.monotonic() > deadline:
            raise SystemExit(f"{name} does not end")
        time.sleep(0.02)


def number_of(name: str) -> Path:
    """The file with the process id of a service."""
    return Path(os.environ["SERVICE_LOG"]).with_name(f"{name}.pid")


if __name__ == "__main__":
    main()
