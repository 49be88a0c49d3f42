"""Watches one change on the embedded store with strace: is it on disk before it is answered?

By hand, on Linux with the package ``strace``, where tracing is not barred (in a container it
may need ``--cap-add SYS_PTRACE``):

    python -m tests.crashes.wal_sync

It starts a server of its own, creates one client, and prints the calls that matter. PASS says
that the file ``-wal`` was written and then synchronised, without an error, before the first
byte of the answer was given to the socket.
"""

import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.support.server import RunningServer

CALLS = "fdatasync,fsync,pwrite64,write,writev,sendto,sendmsg"
PATIENCE = 30.0
NAME = "a traced client"
WHOLE_PAGE = "8192"
"""So many bytes of each write are told, which is more than a page has."""
LINE = re.compile(r"(?P<thread>\d+) +(?P<at>\d+\.\d+) (?P<rest>.*)")
CONTENT = re.compile(r'(?<=pwrite64)(\(\d+<[^>]*>, )".*"(?:\.\.\.)?')
UNFINISHED = " <unfinished ...>"
RESUMED = re.compile(r"<\.\.\. \w+ resumed>(.*)")
ENDED = re.compile(r"(.*) = (-?\d+)(?: .*)? <(\d+\.\d+)>")


class Call(NamedTuple):
    """One call of the system, with the seconds at which it began and returned."""

    began: float
    ended: float
    text: str
    result: int
    thread: str


class Seen(NamedTuple):
    """What was seen of a change."""

    written: list[Call]
    synchronised: list[Call]
    answered: list[Call]

    @property
    def is_right(self) -> bool:
        """Whether all that was written was on disk before the answer."""
        if not (self.written and self.synchronised and self.answered):
            return False
        last_written = max(call.ended for call in self.written)
        good = [c for c in self.synchronised if c.result == 0 and c.began >= last_written]
        return bool(good) and min(c.ended for c in good) < min(c.began for c in self.answered)


def read_trace(text: str) -> list[Call]:
    """The calls in what strace -f -ttt -T has written, also those told on two lines."""
    calls: list[Call] = []
    begun: dict[str, tuple[float, str]] = {}
    for line in text.splitlines():
        match = LINE.fullmatch(line)
        if not match:
            continue
        thread, at, rest = match["thread"], float(match["at"]), match["rest"]
        if rest.endswith(UNFINISHED):
            begun[thread] = at, rest.removesuffix(UNFINISHED)
            continue
        resumed = RESUMED.fullmatch(rest)
        if resumed and thread in begun:
            at, start = begun.pop(thread)
            rest = start + resumed[1]
        ended = ENDED.fullmatch(rest)
        if ended:
            calls.append(Call(at, at + float(ended[3]), rest, int(ended[2]), thread))
    return sorted(calls)


def seen_in(calls: list[Call]) -> Seen:
    """Picks out what was done to the log by the thread that wrote the new name, and the answer.

    Other threads write to it, too: what brings the lists of clients up to date waits for nobody.
    """
    of_log = [call for call in calls if re.match(r"\w+\(\d+<[^>]*-wal>", call.text)]
    writers = [c.thread for c in of_log if c.text.startswith("pwrite64") and NAME in c.text]
    of_log = [call for call in of_log if call.thread in writers[:1]]
    return Seen(
        written=[call for call in of_log if call.text.startswith("pwrite64")],
        synchronised=[call for call in of_log if "sync(" in call.text],
        answered=[call for call in calls if "HTTP/1.1 200" in call.text],
    )


class CannotTraceError(Exception):
    """Why nothing was shown."""


def traced_create() -> str:
    """What strace has to say of one create.

    Raises:
        CannotTraceError: where it is missing or barred.
    """
    program = shutil.which("strace")
    if program is None:
        raise CannotTraceError("strace is missing")
    with RunningServer() as server, tempfile.TemporaryDirectory() as folder:
        token = server.token()
        file = Path(folder) / "trace"
        command = [program, "-f", "-ttt", "-T", "-y", "-s", WHOLE_PAGE, "-e", f"trace={CALLS}"]
        tracer = subprocess.Popen(
            [*command, "-o", str(file), "-p", str(server.process_id)],
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert tracer.stderr is not None
            if "attached" not in (said := tracer.stderr.readline()):
                raise CannotTraceError(f"tracing is barred: {said.strip()}")
            body = {"name": NAME, "authorizedGrantType": "SAML2-BEARER"}
            body["registeredRedirectUri"] = ["https://example.com/"]  # type: ignore[assignment]
            answer = server.call("POST", "/api/v2/oauth/clients", body, token=token)
            assert answer.status == 200, answer
            deadline = time.monotonic() + PATIENCE
            while not seen_in(read_trace(file.read_text("utf-8"))).answered:
                assert time.monotonic() < deadline, "the answer was not seen"
                time.sleep(0.05)
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.communicate(timeout=PATIENCE)
        return file.read_text("utf-8")


def main() -> int:
    """Trace, print, judge."""
    try:
        trace = traced_create()
    except CannotTraceError as error:
        print(f"nothing was shown: {error}")
        return 2
    seen = seen_in(read_trace(trace))
    print(f"{len(seen.written)} writes to the log; the last of them, and what came then:")
    for call in sorted([*seen.written[-1:], *seen.synchronised, *seen.answered[:1]]):
        text = CONTENT.sub(r"\1...", call.text)
        print(f"{call.began:.6f} to {call.ended:.6f}  {text}")
    print("PASS" if seen.is_right else "FAIL")
    return 0 if seen.is_right else 1


if __name__ == "__main__":
    sys.exit(main())
