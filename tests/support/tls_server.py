"""A real server that speaks TLS, with the authority of ``--dev-tls``."""

import contextlib
import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.support.server import HOST, Reply, RunningServer

NAME = "grantory.localhost"


class TlsServer(RunningServer):
    """``grantory serve`` with TLS; its requests trust one authority and no other.

    Args:
        arguments: what follows ``serve`` besides.
        tls: the flags for TLS.
        authority: the file to be trusted; by default what ``--dev-tls`` makes.
        environment: as ``RunningServer``.
    """

    def __init__(
        self,
        *arguments: str,
        tls: Sequence[str] = ("--dev-tls", NAME),
        authority: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(*tls, *arguments, environment=environment)
        self.authority = authority or self.data_dir / "dev-tls" / "ca.pem"

    @property
    def url(self) -> str:
        """The address, by an IP address that the certificate is for, too."""
        return f"https://{HOST}:{self.port}"

    def context(self) -> ssl.SSLContext:
        """What a client needs that trusts the authority and no other."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.authority)
        return context

    @contextlib.contextmanager
    def line(
        self, name: str = NAME, context: ssl.SSLContext | None = None
    ) -> Iterator[ssl.SSLSocket]:
        """A connection by a name, which need not resolve."""
        chosen = context or self.context()
        with (
            socket.create_connection((HOST, self.port), timeout=30) as plain,
            chosen.wrap_socket(plain, server_hostname=name) as secure,
        ):
            yield secure

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One HTTP request on a connection of its own, exactly as given."""
        connection = http.client.HTTPSConnection(
            HOST, self.port, timeout=30, context=self.context()
        )
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            response = connection.getresponse()
            fields = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, fields, response.read())
        finally:
            connection.close()
