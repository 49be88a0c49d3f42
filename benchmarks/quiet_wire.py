"""A connection without a network behind it, for what is counted in process."""

import asyncio

from grantory.http.exchange import Exchange

DEFAULT_HEADERS = b"date: Sat, 28 Nov 2026 12:00:00 GMT\r\n"


class QuietWire:
    """What an exchange needs of its connection; keeps what is sent."""

    default_headers = DEFAULT_HEADERS
    login_prefix = ""
    write_paused = False

    def __init__(self) -> None:
        self.transport = asyncio.Transport()
        self.sent = b""

    def write(self, data: bytes) -> None:
        """Keeps it."""
        self.sent += data

    write_soon = write

    def take_more(self) -> None:
        """Does nothing: all is here."""

    def close(self) -> None:
        """Does nothing."""

    async def drain(self) -> None:
        """Does nothing: nothing is ever held up."""

    def answered(self, exchange: Exchange) -> None:
        """Does nothing: nothing comes behind it."""

    def began(self, exchange: Exchange) -> None:
        """Does nothing: nobody waits."""

    def ended(self, exchange: Exchange) -> None:
        """Does nothing: there is no task."""
