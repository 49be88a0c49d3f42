"""glewlwyd, taken out of Debian's packages."""

from contextlib import ExitStack
from pathlib import Path

from benchmarks.servers import ROOT, Server
from benchmarks.wrk import Target

PREFIX = ROOT / ".bench" / "glewlwyd"
PROGRAM = PREFIX / "usr" / "bin" / "glewlwyd-not-yet"


def start(stack: ExitStack, folder: Path, core: int | None) -> tuple[Server, Target]:
    raise NotImplementedError


def installed_version() -> dict[str, str]:
    return {}
