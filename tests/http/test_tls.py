"""Taking connections over TLS, and reading the files for it."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509 import load_pem_x509_certificate

from grantory.cli.event_loop import run
from grantory.crypto.local_authority import Pair, make_authority, make_certificate
from grantory.errors import SetupError
from grantory.http import acceptor
from grantory.http.acceptor import HANDSHAKE_SECONDS, Acceptor
from grantory.http.tls import expiry_warning, server_context
from tests.http.test_acceptor import Guest, listening, until

NAME = "localhost"
NOW = datetime.now(UTC).replace(microsecond=0)


class Files:
    """A certificate with its key, and the authority that signed it, as files."""

    def __init__(self, folder: Path) -> None:
        authority = make_authority(NAME, NOW)
        self.authority = folder / "ca.pem"
        self.authority.write_bytes(authority.certificate)
        self.certificate, self.key = folder / "server.pem", folder / "server.key"
        self.pair = make_certificate(authority, NAME, NOW)
        self.certificate.write_bytes(self.pair.certificate)
        self.key.write_bytes(self.pair.key)

    def client(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.authority)
        return context


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


async def connect(
    port: int, context: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    name = None if context is None else NAME
    return await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_it_speaks_tls_1_2_and_1_3_and_names_http_1_1(files: Files, version: str) -> None:
    async def work() -> None:
        made: list[Guest] = []
        client = files.client()
        client.set_alpn_protocols(["h2", "http/1.1"])
        client.maximum_version = ssl.TLSVersion[version.replace(".", "_")]
        with listening() as listener:
            context = server_context(files.certificate, files.key)
            taking = Acceptor(listener, lambda: Guest(made), context)
            reader, writer = await connect(listener.getsockname()[1], client)
            agreed = writer.get_extra_info("ssl_object")
            assert (agreed.version(), agreed.selected_alpn_protocol()) == (version, "http/1.1")
            assert "GCM" in agreed.cipher()[0] or "CHACHA20" in agreed.cipher()[0]
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
            writer.close()
            taking.close()
            await taking.wait_closed()

    run(work())


def test_older_versions_and_weak_ciphers_are_refused(files: Files) -> None:
    context = server_context(files.certificate, files.key)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    old = [each["name"] for each in context.get_ciphers() if each["protocol"] == "TLSv1.2"]
    assert old
    assert all(name.startswith("ECDHE-") and "SHA1" not in name for name in old)
    assert context.options & ssl.OP_NO_RENEGOTIATION


def test_whoever_speaks_no_tls_harms_nobody(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptor, "HANDSHAKE_SECONDS", 0.2)

    async def work() -> None:
        made: list[Guest] = []
        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: told.append(what))
        with listening() as listener:
            context = server_context(files.certificate, files.key)
            taking = Acceptor(listener, lambda: Guest(made), context)
            port = listener.getsockname()[1]
            for words in (
                b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                b"\x16\x03\x01\xff\xff",
                b"\x00",
                b"",
            ):
                reader, writer = await connect(port, None)
                writer.write(words)
                answer = await reader.read()  # until it is closed, at the latest after its time
                assert answer == b"" or answer[0] == 0x15, "an alert of TLS or nothing"
                writer.close()
            strict = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody
            with pytest.raises(ssl.SSLCertVerificationError):
                await connect(port, strict)
            _, gone = await connect(port, None)
            gone.transport.abort()
            assert not made
            _, writer = await connect(port, files.client())
            await until(lambda: len(made) == 1)
            writer.close()
            taking.close()
            await taking.wait_closed()
        assert not told

    run(work())


def test_the_end_does_not_wait_for_those_who_have_not_agreed(files: Files) -> None:
    async def work() -> None:
        made: list[Guest] = []
        with listening() as listener:
            context = server_context(files.certificate, files.key)
            taking = Acceptor(listener, lambda: Guest(made), context)
            reader, writer = await connect(listener.getsockname()[1], None)
            await until(lambda: bool(taking._tasks))
            taking.close()
            async with asyncio.timeout(HANDSHAKE_SECONDS / 2):
                await taking.wait_closed()
                assert await reader.read() == b""
            assert not made
            writer.close()

    run(work())


def refusal(certificate: Path, key: Path) -> str:
    with pytest.raises(SetupError) as caught:
        server_context(certificate, key)
    return str(caught.value)


def test_what_is_wrong_with_a_file_is_said(files: Files, tmp_path: Path) -> None:
    certificate, key, missing = files.certificate, files.key, tmp_path / "missing"
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    large = tmp_path / "large"
    large.write_bytes(b"x" * 1_048_577)
    assert (
        refusal(missing, key)
        == f"cannot read the certificate in {missing}: No such file or directory"
    )
    assert (
        refusal(certificate, missing)
        == f"cannot read the key in {missing}: No such file or directory"
    )
    assert refusal(tmp_path, key) == f"cannot read the certificate in {tmp_path}: Is a directory"
    assert refusal(empty, key) == f"{empty} holds no certificate in PEM"
    assert refusal(key, key) == f"{key} holds no certificate in PEM"
    assert refusal(certificate, empty) == f"{empty} holds no private key in PEM"
    assert refusal(certificate, certificate) == f"{certificate} holds no private key in PEM"
    assert refusal(large, key) == f"the certificate in {large} is larger than 1048576 bytes"
    assert refusal(files.authority, key) == (
        f"the key in {key} is not that of the first certificate in {files.authority}"
    )


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_an_encrypted_key_is_refused_and_says_what_to_do(files: Files, form: PrivateFormat) -> None:
    key = load_pem_private_key(files.pair.key, None)
    locked = key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"password"))
    files.key.write_bytes(locked)
    said = refusal(files.certificate, files.key)
    assert said.startswith(f"the key in {files.key} is encrypted")
    assert "openssl pkey" in said
    assert "password" not in said.replace("its password", "")


def test_a_chain_is_sent_whole(files: Files) -> None:
    files.certificate.write_bytes(files.pair.certificate + files.authority.read_bytes())
    client = files.client()
    client.maximum_version = ssl.TLSVersion.TLSv1_2  # which shows certificates in clear
    into, out_of = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        client.wrap_bio(ssl.MemoryBIO(), into, server_hostname=NAME).do_handshake()
    context = server_context(files.certificate, files.key)
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(into, out_of, server_side=True).do_handshake()
    sent = out_of.read()
    for pem in (files.pair.certificate, files.authority.read_bytes()):
        assert load_pem_x509_certificate(pem).public_bytes(Encoding.DER) in sent


def test_a_date_that_is_wrong_is_told(tmp_path: Path) -> None:
    def said(made: datetime) -> str:
        file = tmp_path / "one.pem"
        pair: Pair = make_certificate(make_authority(NAME, made), NAME, made)
        file.write_bytes(pair.certificate)
        return expiry_warning(file, NOW)

    assert said(NOW) == ""
    assert "is not valid yet" in said(NOW + timedelta(days=3))
    assert "expired on" in said(NOW - timedelta(days=400))
