"""The load generator wrk: finding it, running it, reading what it says."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

from benchmarks.pinning import pinned

SCRIPT = Path(__file__).with_name("load.lua")
SCRIPT_OF_SUPPLIES = Path(__file__).with_name("load_supplies.lua")
HOW_TO_INSTALL = (
    "The benchmarks need the load generator wrk. Install it:\n"
    "  apt-get install wrk     (Debian, Ubuntu; as root)\n"
    "  brew install wrk        (macOS)\n"
    "or build it from https://github.com/wg/wrk and put it on PATH."
)


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The one request that is sent over and over."""

    url: str
    method: str = "GET"
    body: str = ""
    content_type: str = ""
    authorization: str = ""
    authorizations: Path | None = None
    """A file of such headers, one a line, that are used in turn instead."""

    def __repr__(self) -> str:
        return f"Target({self.method} {self.url})"


class Sample(msgspec.Struct, frozen=True):
    """The result of one run of wrk; latencies in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p90: float
    p99: float
    errors: int

    @property
    def served(self) -> int:
        """Requests that were answered as they should be; 1 where none was, so that ratios exist."""
        return max(1, self.requests - self.errors)

    @property
    def rate(self) -> float:
        """Requests per second that were served."""
        return self.served / self.seconds


class _Line(msgspec.Struct):
    """What load.lua prints; latencies in microseconds."""

    requests: int
    microseconds: int
    p50: int
    p90: int
    p99: int
    refused: int
    broken: int


def find_wrk() -> str:
    """The path of wrk; as root on Debian or Ubuntu it is installed where it is missing.

    Raises:
        SystemExit: where there is none.
    """
    found = shutil.which("wrk")
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        print("wrk is missing: apt-get install wrk", file=sys.stderr)
        for arguments in (["update", "-qq"], ["install", "-y", "-qq", "wrk"]):
            subprocess.run(["apt-get", *arguments], stdout=sys.stderr, check=False)
        found = shutil.which("wrk")
    if found is None:
        raise SystemExit(HOW_TO_INSTALL)
    return found


def wrk_version(wrk: str) -> str:
    """The version that wrk names; it does so in its usage text."""
    text = subprocess.run([wrk, "-v"], capture_output=True, text=True, check=False).stdout
    return " ".join(text.split()[1:2]) or "unknown"


class NoAnswerError(RuntimeError):
    """There was not a single answer."""


class Bodies(msgspec.Struct, frozen=True):
    """A file with a body for each request, one a line."""

    file: Path
    rotates: bool
    """Whether an answer holds the refresh token for the next request."""


def run_wrk(
    wrk: str,
    target: Target,
    seconds: int,
    connections: int,
    core: int | None,
    bodies: Bodies | None = None,
) -> Sample:
    """Loads a server for some seconds from one thread.

    Args:
        wrk: the program.
        target: what is asked for.
        seconds: for how long.
        connections: so many requests wait at any time.
        core: the core that it is pinned to.
        bodies: where requests must differ.

    Raises:
        NoAnswerError: when nothing was answered.
        RuntimeError: when wrk does not do its work.
    """
    command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"]
    environment = {
        **os.environ,
        "BENCH_METHOD": target.method,
        "BENCH_BODY": target.body,
        "BENCH_CONTENT_TYPE": target.content_type,
        "BENCH_AUTHORIZATION": target.authorization,
        "BENCH_AUTHORIZATIONS": str(target.authorizations or ""),
    }
    script = SCRIPT
    if bodies is not None:
        script = SCRIPT_OF_SUPPLIES
        environment |= {
            "BENCH_BODIES": str(bodies.file),
            "BENCH_ROTATES": "yes" if bodies.rotates else "",
        }
    with (
        pinned(core),
        subprocess.Popen(
            [*command, "-s", str(script), target.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        ) as process,
    ):
        output = process.communicate()[0]
    if process.returncode:
        raise RuntimeError(f"wrk ended with status {process.returncode}:\n{output}")
    return read_sample(output)


def read_sample(output: str) -> Sample:
    """Reads the line of load.lua, the last one of wrk's output.

    Raises:
        NoAnswerError: when there was not a single answer.
        RuntimeError: when the line is not there.
    """
    lines = output.strip().splitlines()
    try:
        line = msgspec.json.decode(lines[-1] if lines else "", type=_Line)
    except msgspec.DecodeError:
        raise RuntimeError(f"wrk did not say how it went:\n{output}") from None
    if not line.requests or not line.microseconds:
        raise NoAnswerError(f"wrk got no answer at all:\n{output}")
    return Sample(
        requests=line.requests,
        seconds=line.microseconds / 1e6,
        p50=line.p50 / 1000,
        p90=line.p90 / 1000,
        p99=line.p99 / 1000,
        errors=line.refused + line.broken,
    )
