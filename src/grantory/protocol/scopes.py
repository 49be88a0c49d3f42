"""Which scopes a client that acts for people gets (RFC 6749 section 3.3)."""

from grantory.domain.client import Client
from grantory.errors import OAuthError, RefusalReason


def granted_scopes(asked: str | None, client: Client) -> tuple[str, ...]:
    """Tells which scopes a token gets.

    Args:
        asked: the parameter ``scope``; the official clients send none, and get all.
        client: registered for some; for none where it is not limited.

    Raises:
        OAuthError: ``invalid_scope`` for a scope that the client is not registered for.
    """
    wanted = tuple(dict.fromkeys((asked or "").split()))
    if any(scope not in client.scopes for scope in wanted):
        raise OAuthError(
            "invalid_scope",
            "the client is not registered for this scope",
            reason=RefusalReason.SCOPE,
        )
    return wanted or client.scopes


def remaining_scopes(allowed: tuple[str, ...], client: Client) -> tuple[str, ...] | None:
    """Tells what is left of the scopes that were once allowed.

    Args:
        allowed: empty for no limit.
        client: as it is registered now; likewise.

    Returns:
        The scopes, empty for no limit; None where nothing is left.
    """
    if not client.scopes or not allowed:
        return allowed or client.scopes
    return tuple(scope for scope in allowed if scope in client.scopes) or None
