"""TLS of the listener; what reads certificates is loaded where there is one."""

import ssl
from datetime import UTC, datetime
from typing import Final

import typer

from grantory.errors import SetupError
from grantory.settings import Settings

BARE_FLAG: Final = "localhost"
"""What ``--dev-tls`` stands for without a name."""


def listener_context(settings: Settings) -> ssl.SSLContext | None:
    """Makes what the listener needs for TLS, and the certificate where that is wished for.

    Returns:
        None when it speaks plain HTTP.

    Raises:
        SetupError: for settings that contradict each other, and files that are no good.
    """
    certificate, key = settings.tls_cert, settings.tls_key
    if settings.tls_dev:
        if certificate or key:
            raise SetupError("tls.dev stands in for tls.cert and tls.key: set one or the other")
        from grantory.cli.development_tls import development_context

        return development_context(settings)
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise SetupError("tls.cert and tls.key go together: set both, or neither")
    from grantory.http.tls import expiry_warning, server_context

    context = server_context(certificate, key)
    if warning := expiry_warning(certificate, datetime.now(UTC)):
        typer.echo(f"grantory: warning: {warning}", err=True)
    return context
