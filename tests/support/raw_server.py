"""A server that sends any bytes, or none, or hangs up: what no HTTP library would."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

from tests.support.ports import HOST

END_OF_HEAD = b"\r\n\r\n"
SILENCE = None
"""An answer that does not come before the server is closed."""


class RawServer:
    """Answers one connection after the other as the script says, the last step again and again.

    Args:
        steps: what is sent on each connection once its request is there; then it is closed.
    """

    def __init__(self, *steps: bytes | None) -> None:
        self._steps = list(steps)
        self._closed = threading.Event()
        self._listener = socket.create_server((HOST, 0))
        self._thread = threading.Thread(target=self._serve)
        self.requests: list[bytes] = []

    @property
    def url(self) -> str:
        """The address."""
        return f"http://{HOST}:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()
        with contextlib.suppress(OSError):
            socket.create_connection(self._listener.getsockname()).close()
        self._thread.join(30)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                if self._closed.is_set():
                    return
                connection.settimeout(30)
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            request = _whole_request(connection)
            step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
            self.requests.append(request)
            if step is SILENCE:
                self._closed.wait(30)
            else:
                connection.sendall(step)


def _whole_request(connection: socket.socket) -> bytes:
    received = b""
    while END_OF_HEAD not in received:
        received += _more(connection)
    head, _, body = received.partition(END_OF_HEAD)
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
            while len(body) < length:
                body += _more(connection)
    return head + END_OF_HEAD + body


def _more(connection: socket.socket) -> bytes:
    received = connection.recv(65_536)
    if not received:
        raise ConnectionError("whoever asks is gone")
    return received
