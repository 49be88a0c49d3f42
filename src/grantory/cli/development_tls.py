"""TLS for development: a certificate of an authority that is made on this machine."""

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import typer

from grantory.cli.whole_file import written_whole
from grantory.crypto.local_authority import (
    Pair,
    UnusablePair,
    is_good,
    make_authority,
    make_certificate,
    may_vouch,
    names_of,
)
from grantory.errors import SetupError
from grantory.http.tls import server_context
from grantory.settings import Settings

FOLDER: Final = "dev-tls"
AUTHORITY: Final = "ca"
SERVER: Final = "server"


def development_context(settings: Settings) -> ssl.SSLContext:
    """Makes what the listener needs for TLS, and the authority and certificate where missing.

    Args:
        settings: ``tls_dev`` is the name that the certificate is for.

    Raises:
        SetupError: when the files cannot be kept, or are no good.
    """
    folder, name, now = settings.data_dir / FOLDER, settings.tls_dev, datetime.now(UTC)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"cannot make {folder}: {error.strerror}") from None
    authority = _found(folder, AUTHORITY)
    is_known = authority is not None and _may_vouch(authority, name, now)
    if authority is None or not is_known:
        authority = make_authority(name, now)
        _keep(folder, AUTHORITY, authority)
    pair = _found(folder, SERVER)
    if pair is None or not _is_good(pair, authority, name, now):
        _keep(folder, SERVER, make_certificate(authority, name, now))
    context = server_context(_certificate(folder, SERVER), _key(folder, SERVER))
    typer.echo(_advice(_certificate(folder, AUTHORITY).resolve(), settings, is_new=not is_known))
    return context


def _may_vouch(authority: Pair, name: str, now: datetime) -> bool:
    try:
        return may_vouch(authority, name, now)
    except UnusablePair:  # a start was cut short between the two files
        return False


def _is_good(pair: Pair, authority: Pair, name: str, now: datetime) -> bool:
    try:
        return is_good(pair, authority, name, now)
    except UnusablePair:
        return False


def _certificate(folder: Path, which: str) -> Path:
    return folder / f"{which}.pem"


def _key(folder: Path, which: str) -> Path:
    return folder / f"{which}.key"


def _found(folder: Path, which: str) -> Pair | None:
    try:
        return Pair(_certificate(folder, which).read_bytes(), _key(folder, which).read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SetupError(f"cannot read {error.filename}: {error.strerror}") from None


def _keep(folder: Path, which: str, pair: Pair) -> None:
    with written_whole(_key(folder, which), replace=True) as file:
        file.write(pair.key)
    with written_whole(_certificate(folder, which), replace=True) as file:
        file.write(pair.certificate)
    _certificate(folder, which).chmod(0o644)


def _advice(authority: Path, settings: Settings, *, is_new: bool) -> str:
    name = settings.tls_dev
    made = "made just now: it has to be trusted anew" if is_new else "the one of earlier starts"
    return f"""
  TLS for development: {", ".join(names_of(name))}, 127.0.0.1 and [::1]
  The authority is this machine's own, {made}; it can vouch for these names alone:
    {authority}

  To trust it:
    curl               --cacert {authority}
    Python             SSL_CERT_FILE={authority}
    Python, requests   REQUESTS_CA_BUNDLE={authority}
    Node               NODE_EXTRA_CA_CERTS={authority}
    Debian, Ubuntu     cp {authority} /usr/local/share/ca-certificates/grantory-dev.crt
                       update-ca-certificates
    macOS              security add-trusted-cert -k ~/Library/Keychains/login.keychain-db \\
                         {authority}
    a browser          import it among the authorities that identify web sites

  Browsers and curl find names under localhost on this machine; for other programs, and other
  names, /etc/hosts needs: 127.0.0.1 {name} api.{name} login.{name}
"""
