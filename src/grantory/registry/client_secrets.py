"""Making client secrets: shown once, kept as a digest."""

from grantory.domain.secret import (
    KEY_ID_ENTROPY_BYTES,
    SECRET_ENTROPY_BYTES,
    ClientSecret,
    Secret,
    compose_client_secret,
    digest_of,
)
from grantory.ports.runtime import Random


def new_client_secret(
    random: Random, organization_id: str, client_id: str, now: int
) -> tuple[ClientSecret, Secret]:
    """Makes a secret for a client.

    Args:
        random: where the bytes come from.
        organization_id: the client's organisation.
        client_id: the client.
        now: milliseconds since 1970.

    Returns:
        What is stored, and the secret for the one answer that shows it.
    """
    key_id, secret = compose_client_secret(
        random.token_bytes(KEY_ID_ENTROPY_BYTES), random.token_bytes(SECRET_ENTROPY_BYTES)
    )
    stored = ClientSecret(
        key_id=key_id,
        client_id=client_id,
        organization_id=organization_id,
        digest=digest_of(secret.reveal()),
        created_at=now,
    )
    return stored, secret
