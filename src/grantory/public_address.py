"""The address under which a server is reached, as its settings tell it."""

from grantory.settings import Settings


def public_url(settings: Settings) -> str:
    """Tells the address under which the server is reached."""
    if settings.public_url:
        return settings.public_url
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    if settings.tls_dev:
        return f"https://{settings.tls_dev}:{settings.port}"
    return f"{'https' if settings.tls_cert else 'http'}://{host}:{settings.port}"


def issues_jwts(settings: Settings) -> bool:
    """Tells whether every node knows one and the same address for the server, as JWTs need it.

    Where it is not set, each takes the one that it listens on.
    """
    on_any = settings.host.strip("[]") in ("0.0.0.0", "::", "0", "*")  # noqa: S104
    on_several = settings.database_url.startswith("postgres")
    return bool(settings.public_url or settings.tls_dev) or not (on_any or on_several)
