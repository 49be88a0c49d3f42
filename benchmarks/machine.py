"""Where a run took place: the machine and the versions."""

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import apsw
import msgspec

from benchmarks.wrk import wrk_version


class Machine(msgspec.Struct, frozen=True):
    """What a figure cannot be read without."""

    cores: int
    processor: str
    system: str
    versions: dict[str, str]


def look_around(wrk: str) -> Machine:
    """Describes this machine as it is before a run."""
    versions = {"grantory": version("grantory"), "python": platform.python_version()}
    versions |= {name: version(name) for name in ("uvicorn", "uvloop", "httptools")}
    versions |= {"SQLite": apsw.sqlite_lib_version(), "wrk": wrk_version(wrk)}
    return Machine(
        cores=os.cpu_count() or 1,
        processor=_processor(),
        system=f"{platform.system()} {platform.machine()}",
        versions=versions,
    )


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    return platform.processor() or platform.machine()
