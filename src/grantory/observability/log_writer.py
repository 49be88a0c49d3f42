"""The log's way out of the process, which neither stops it nor makes it fail.

Whoever reads the log may stand still, be gone, or have no room left. A write to a pipe that is
full lasts until somebody reads, and a descriptor cannot be made non-blocking for one process
alone: all that share standard error would find it changed. So a thread writes.
"""

import os
import select
import stat
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Protocol, Self

import msgspec

MOST_BYTES: Final = 4 * 1024 * 1024
"""What may wait to be written: more than a second of lines of a process that does its utmost."""
PIECE_BYTES: Final = 4096
"""What several processes write to one pipe stays whole up to here (POSIX's PIPE_BUF on Linux)."""
FILE_PIECE_BYTES: Final = 262_144
"""In a file anything does, and each piece costs the event loop a change of the interpreter."""
GATHER_SECONDS: Final = 0.01
"""Waking the thread costs a request more than its line does, so one waking serves many."""
PATIENCE_SECONDS: Final = 0.2
STOP_SECONDS: Final = 2.0


class LogStream(Protocol):
    """Where lines of the log go, each with its end of line."""

    def write(self, text: str, /) -> object:
        """Takes one line or several."""

    def flush(self) -> object:
        """Sends them on."""


class Outlet:
    """Writes lines to a file descriptor; tells how many it could not write once it can.

    Args:
        descriptor: None where there is nothing to write to.
    """

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        is_file = descriptor is not None and stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._piece_bytes = FILE_PIECE_BYTES if is_file else PIECE_BYTES
        self._torn = False
        self.lost = 0

    def put(self, lines: bytes, patience: float | None) -> None:
        """Writes lines.

        Args:
            lines: whole ones.
            patience: seconds for a reader that stands still; None waits for as long as it takes.
        """
        for piece in _pieces(lines, self._piece_bytes):
            if not self._write(piece, patience):
                self.lost += piece.count(b"\n")
                patience = patience and 0.0
            elif self.lost and self._write(_told(self.lost), patience):
                self.lost = 0

    def _write(self, piece: bytes, patience: float | None) -> bool:
        rest = b"\n" + piece if self._torn else piece
        descriptor = self._descriptor
        if descriptor is None:
            return False
        whole = len(rest)
        while rest and (patience is None or _has_room(descriptor, patience)):
            try:
                rest = rest[os.write(descriptor, rest) :]
            except BlockingIOError:  # it was handed over as non-blocking
                _has_room(descriptor, patience)
            except OSError:
                break
        if len(rest) < whole:
            self._torn = bool(rest)
        return not rest


class LogWriter:
    """Takes lines at once, and writes them in a thread for as long as it is entered.

    Outside of ``with`` lines are written where they arise, after a short wait at most: the parent
    of workers has no threads when it forks. What does not fit is dropped and counted.

    Args:
        descriptor: None where there is nothing to write to.
        most_bytes: how much may wait to be written.
    """

    def __init__(self, descriptor: int | None, most_bytes: int = MOST_BYTES) -> None:
        self._outlet = Outlet(descriptor)
        self._most = most_bytes
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._waiting: list[bytes] = []
        self._held = 0
        self._dropped = 0
        self._ending = False
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        thread = threading.Thread(target=self._write_until_the_end, name="log", daemon=True)
        self._ending = False
        try:
            thread.start()
        except RuntimeError:  # no thread to be had: lines are written where they arise
            return self
        self._thread = thread
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            self._ending = True
            self._wake.set()
            thread.join(STOP_SECONDS)

    def write(self, text: str, /) -> int:
        """Takes one line or several, and never raises."""
        lines = text.encode("utf-8", "backslashreplace")
        if self._thread is None:
            self._outlet.put(lines, PATIENCE_SECONDS)
            return len(text)
        with self._lock:
            if self._held + len(lines) > self._most:
                self._dropped += lines.count(b"\n")
                return len(text)
            is_first = not self._waiting
            self._waiting.append(lines)
            self._held += len(lines)
        if is_first:
            self._wake.set()
        return len(text)

    def flush(self) -> None:
        """Does nothing: lines are on their way."""

    def _write_until_the_end(self) -> None:
        ending = False
        while not ending:
            self._wake.wait()
            self._wake.clear()
            ending = self._ending
            if not ending:
                time.sleep(GATHER_SECONDS)
            with self._lock:
                lines, self._waiting = b"".join(self._waiting), []
                self._outlet.lost += self._dropped
                self._dropped = 0
            self._outlet.put(lines, None)
            with self._lock:
                self._held -= len(lines)


def descriptor_of(stream: object) -> int | None:
    """Finds the descriptor of a stream; ``sys.stderr`` may be none, or stand for no file."""
    try:
        return int(stream.fileno())  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):
        return None


def _has_room(descriptor: int, patience: float | None) -> bool:
    waiting = select.poll()
    waiting.register(descriptor, select.POLLOUT)
    return bool(waiting.poll(None if patience is None else patience * 1000))


def _pieces(lines: bytes, size: int) -> Iterator[bytes]:
    begin = 0
    while begin < len(lines):
        end = begin + size
        if end < len(lines):
            end = (lines.rfind(b"\n", begin, end) + 1) or end
        yield lines[begin:end]
        begin = end


def _told(lost: int) -> bytes:
    return (
        msgspec.json.encode(
            {
                "lines": lost,
                "event": "lines of this log were lost",
                "level": "warning",
                "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            }
        )
        + b"\n"
    )
