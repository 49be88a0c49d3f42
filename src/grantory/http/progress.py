"""How far the reader of a connection has come, by what its system has acknowledged.

What the server's own buffer holds says too little: the system takes the next piece of it only
once a third of its own buffer, which grows to megabytes, is free again. That may be minutes.
"""

import asyncio
import socket
import struct
from typing import Final

_TCP_INFO: Final = getattr(socket, "TCP_INFO", None)
"""Not every system tells it."""
_ACKNOWLEDGED: Final = struct.Struct("Q")
_AT: Final = 120
"""Where Linux's ``struct tcp_info`` has ``tcpi_bytes_acked`` (4.1 and newer)."""


def progress(transport: asyncio.Transport) -> tuple[int, int]:
    """Tells how far a connection's reader has come.

    Args:
        transport: on which nothing is written meanwhile.

    Returns:
        What changes whenever the reader takes something, and else stays as it is: the bytes that
        its system has acknowledged, and those that this one has not taken over yet.
    """
    return _acknowledged(transport.get_extra_info("socket")), transport.get_write_buffer_size()


def _acknowledged(connection: socket.socket | None) -> int:
    if connection is None or _TCP_INFO is None:
        return 0
    try:
        told = connection.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _AT + _ACKNOWLEDGED.size)
    except OSError:  # it is no TCP, or gone
        return 0
    if len(told) < _AT + _ACKNOWLEDGED.size:
        return 0
    found: tuple[int] = _ACKNOWLEDGED.unpack_from(told, _AT)
    return found[0]
