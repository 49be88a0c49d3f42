"""A program in a terminal of its own, to be read and written to as a person does."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

SECONDS = 60.0
_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>]")
_CHILD = (
    "import fcntl, os, signal, sys, termios\n"
    "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"  # a run in the background ignores it
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execv(sys.executable, [sys.executable, '-m', 'grantory', *sys.argv[1:]])\n"
)


class Terminal:
    """``grantory`` in a terminal; a context manager.

    Args:
        arguments: of the command.
        environment: variables to add; no other ``GRANTORY_*`` is there.
        folder: where it runs, which is its home, too.
        columns: of the terminal.
    """

    def __init__(
        self, *arguments: str, environment: Mapping[str, str], folder: Path, columns: int = 80
    ) -> None:
        self.seen = ""
        self._read_to = 0
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("GRANTORY_", "NO_COLOR"))}
        self._own, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CHILD, *arguments],
            stdin=other,
            stdout=other,
            stderr=other,
            cwd=folder,
            env={**kept, "TERM": "xterm-256color", "HOME": str(folder), **environment},
            start_new_session=True,
        )
        os.close(other)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._own)

    def answer(self, question: str, text: str) -> None:
        """Waits for a question, and writes a line."""
        self.expect(question)
        self.write(text + "\n")

    def expect(self, text: str) -> None:
        """Waits until a text was shown, after those that were waited for."""
        end = time.monotonic() + SECONDS
        while text not in self.seen[self._read_to :]:
            assert time.monotonic() < end, f"{text!r} did not come in {self.seen!r}"
            assert self._read(), f"{text!r} did not come in {self.seen!r}"
        self._read_to = self.seen.index(text, self._read_to) + len(text)

    def write(self, text: str) -> None:
        """Presses keys."""
        os.write(self._own, text.encode())

    def interrupt(self) -> None:
        """Presses Ctrl-C, once the program waits for something.

        A signal between what a question shows and the call that reads its answer is heard only
        after that call: nobody is that quick, but a test is.
        """
        end = time.monotonic() + SECONDS
        stat = Path(f"/proc/{self._process.pid}/stat")
        while stat.read_text().rpartition(")")[2].split()[0] != "S":
            assert time.monotonic() < end, f"it does not come to rest after {self.seen!r}"
            time.sleep(0.005)
        self.write("\x03")

    def end(self) -> int:
        """Waits for the end; returns the exit status."""
        while self._read():
            pass
        return self._process.wait(SECONDS)

    @property
    def screen(self) -> str:
        """What was shown, without colours and the like."""
        text = _CODES.sub("", self.seen).replace("\r\n", "\n")
        return "\n".join(line.rstrip() for line in text.split("\n"))

    def _read(self) -> bool:
        """Reads on; tells whether more can come."""
        ready, _, _ = select.select([self._own], [], [], SECONDS)
        assert ready, f"nothing comes after {self.seen!r}"
        try:
            got = os.read(self._own, 65536)
        except OSError:  # how Linux tells that nobody has the other end any more
            return False
        self.seen += got.decode("utf-8", "replace")
        return bool(got)


def gate(path: Path) -> int:
    """Makes what a command waits at by ``read x < path``, until a line is written to it.

    Returns:
        A descriptor to write to, which waits for no reader.
    """
    os.mkfifo(path)
    return os.open(path, os.O_RDWR)
