"""The test's side of its server: a child process, and the conversation with it."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
from typing import IO, Final, TypeVar

import msgspec

from grantory.errors import GrantoryError
from grantory.testing.messages import Answer, Command
from grantory.testing.refusals import ServerFailed

T = TypeVar("T")
ANSWER_SECONDS: Final = 60.0
END_SECONDS: Final = 20.0
LOG_BYTES: Final = 8_000
"""Of the log's end, in the text of a failure."""


class Child:
    """A process that serves. It ends when this process does, however that ends."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 -- for as long as it lives
        kept = {n: v for n, v in os.environ.items() if not n.upper().startswith("GRANTORY_")}
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 -- this program itself
                [sys.executable, "-P", "-m", "grantory.testing", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=[theirs.fileno()],
                env=kept,
                start_new_session=True,  # whoever interrupts the tests means them alone
            )
        ours.settimeout(ANSWER_SECONDS)
        self._line = ours
        self._words = ours.makefile("rwb")
        self._turn = threading.Lock()

    @property
    def process_id(self) -> int:
        """The id of the process."""
        return self._process.pid

    def tell(self, command: Command) -> None:
        """Says a command and waits until it is done.

        Raises:
            GrantoryError: as ``ask``.
        """
        self.ask(command, type(None))

    def ask(self, command: Command, kind: type[T]) -> T:
        """Says a command and waits for what it comes to.

        Args:
            command: what is to be done.
            kind: the type of what is asked for.

        Raises:
            GrantoryError: why it was not done.
            ServerFailed: when the process is gone, or does not answer within a minute.
        """
        try:
            with self._turn:
                self._words.write(msgspec.json.encode(command) + b"\n")
                self._words.flush()
                text = self._words.readline()
        except (OSError, ValueError):
            text = b""
        if not text:
            raise ServerFailed(f"the server does not answer; it wrote:\n{self.log()[-LOG_BYTES:]}")
        answer = msgspec.json.decode(text, type=Answer)
        if answer.error:
            raise GrantoryError(answer.error)
        return msgspec.json.decode(answer.value, type=kind)

    def log(self) -> str:
        """Gives all that the process has written."""
        if self._log.closed:
            return ""
        descriptor = self._log.fileno()
        size = os.fstat(descriptor).st_size
        return os.pread(descriptor, size, 0).decode("utf-8", "replace")  # and moves nothing

    def close(self) -> None:
        """Ends the process, and waits until it is gone."""
        for end in (self._words, self._line):
            try:
                end.close()
            except OSError:  # it is gone already, and what was to be sent with it
                continue
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
