"""Ports for listeners that tests close and open again."""

import random
import socket
from pathlib import Path

HOST = "127.0.0.1"
_RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """A port below those that the kernel gives to outgoing connections.

    Of those, one could be taken while its listener is down; or a client that tries again and
    again could, in the end, connect to itself.
    """
    end = int(_RANGE_FILE.read_text("ascii").split()[0]) if _RANGE_FILE.exists() else 32768
    while True:
        port = random.randrange(min(15_000, end - 1_000), end)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
