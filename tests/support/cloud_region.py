"""The stand-in for the vendor's cloud where commands look for one of its regions."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from grantory.crypto.local_authority import make_authority, make_certificate
from grantory.http.tls import server_context
from grantory_sdk.addresses import REGIONS
from tests.support.cloud import Cloud

REGION: Final = "eu-central-1"
DOMAIN: Final = REGIONS[REGION]


@contextmanager
def region(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Lets this process find the stand-in under the names of a region, and trust its certificate.

    Names are resolved, connections made and certificates verified as ever; the answer of the
    resolver alone is another one.
    """
    now = datetime.now(UTC)
    authority = make_authority(DOMAIN, now)
    pair = make_certificate(authority, DOMAIN, now)
    trusted, certificate, key = (folder / name for name in ("ca.pem", "server.pem", "server.key"))
    trusted.write_bytes(authority.certificate)
    certificate.write_bytes(pair.certificate)
    key.write_bytes(pair.key)
    key.chmod(0o600)
    find = socket.getaddrinfo
    with Cloud(server_context(certificate, key)) as cloud:

        def found(host: Any, port: Any, *more: Any, **named: Any) -> Any:
            if host in (f"api.{DOMAIN}", f"login.{DOMAIN}"):
                host, port = "127.0.0.1", cloud.port
            return find(host, port, *more, **named)

        monkeypatch.setattr(socket, "getaddrinfo", found)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        monkeypatch.setenv("NO_PROXY", "*")
        yield cloud
