"""Where a run took place: the machine and the versions, and nothing that names it."""

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import apsw
import msgspec

from benchmarks.peers.works import installed_versions
from benchmarks.wrk import wrk_version
from tools.system_packages import postgresql_programs


class Machine(msgspec.Struct, frozen=True):
    """What a figure cannot be read without."""

    cores: int
    processor: str
    system: str
    versions: dict[str, str]


def look_around(wrk: str = "") -> Machine:
    """Describes this machine as it is before a run.

    Args:
        wrk: the load generator, where one is used, and others are measured beside.
    """
    versions = {"grantory": version("grantory"), "python": platform.python_version()}
    versions |= {name: version(name) for name in ("uvicorn", "uvloop", "httptools")}
    versions |= {"SQLite": apsw.sqlite_lib_version(), "PostgreSQL": _postgresql_version()}
    if wrk:
        versions |= {"wrk": wrk_version(wrk), **installed_versions()}
    return Machine(
        cores=os.cpu_count() or 1,
        processor=_processor(),
        system=f"{platform.system()} {platform.machine()}",
        versions={name: number for name, number in versions.items() if number},
    )


def _postgresql_version() -> str:
    folder = postgresql_programs()
    if folder is None:
        return ""
    command = [str(folder / "postgres"), "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return " ".join(said.split()[2:3])


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    return platform.processor() or platform.machine()
