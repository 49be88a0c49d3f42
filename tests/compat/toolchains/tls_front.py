"""What stands before a server that is reached by names over TLS: api.NAME and login.NAME."""

import asyncio
import contextlib
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PKCS12Certificate,
    serialize_java_truststore,
)
from cryptography.x509.oid import NameOID

from tests.support.ports import HOST

NAME = "grantory.test"
TRUST_PASSWORD = "changeit"
CHUNK = 65_536
SECONDS = 30.0


class TlsFront:
    """Takes TLS on a port of its own and hands the bytes on to a server, in its own thread.

    Args:
        folder: for the files that a client needs: ``hosts``, which says where the two names are,
            and ``trust.p12``, which says whom to trust.
    """

    def __init__(self, folder: Path) -> None:
        self.hosts = folder / "hosts"
        self.trust = folder / "trust.p12"
        self.port = 0
        self.target = 0
        self._chain = folder / "front.pem"
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._write_files()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(SECONDS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)
        self._loop.close()

    def point_at(self, port: int) -> str:
        """Hand on to the server at this port from now on; answers the API's address."""
        self.target = port
        return f"https://api.{NAME}:{self.port}"

    async def _listen(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._chain)
        self._server = await asyncio.start_server(self._accept, HOST, 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            from_server, to_server = await asyncio.open_connection(HOST, self.target)
            try:
                await asyncio.gather(_hand_on(reader, to_server), _hand_on(from_server, writer))
            finally:
                to_server.close()
                writer.close()

    def _write_files(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
        names = [f"api.{NAME}", f"login.{NAME}"]
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([*map(x509.DNSName, names)]), critical=False)
            .sign(key, hashes.SHA256())
        )
        pem = certificate.public_bytes(Encoding.PEM)
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._chain.write_bytes(secret + pem)
        trusted = [PKCS12Certificate(certificate, NAME.encode())]
        encryption = BestAvailableEncryption(TRUST_PASSWORD.encode())
        self.trust.write_bytes(serialize_java_truststore(trusted, encryption))
        self.hosts.write_text(f"{HOST} {' '.join(names)}\n", encoding="ascii")


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
        writer.close()  # TLS has no half-closed connections
