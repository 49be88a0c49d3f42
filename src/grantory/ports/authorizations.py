"""Authorizations of clients in the store."""

from typing import Protocol

from grantory.domain.authorization import Authorization


class AuthorizationReader(Protocol):
    """Looks authorizations up."""

    def get(
        self, organization_id: str, client_id: str, user_id: str | None
    ) -> Authorization | None:
        """Returns what a user has said of a client; without a user, what the organisation has."""
        ...

    def of_client(self, organization_id: str, client_id: str, limit: int) -> list[Authorization]:
        """Returns what was said of a client: what counts first, then what was taken back.

        Of each, the organisation's word comes first, then the newest.
        """
        ...

    def clients(self, organization_id: str, limit: int) -> list[str]:
        """Returns the ids of clients of which something was said, in their own order."""
        ...


class AuthorizationWriter(AuthorizationReader, Protocol):
    """Changes authorizations."""

    def put(self, authorization: Authorization) -> None:
        """Writes an authorization, whether there is one already or not."""
        ...

    def revoke_all(self, authorization: Authorization) -> int:
        """Revokes every authorization of a client.

        Args:
            authorization: says whose, which client, by whom and when.

        Returns:
            How many counted before.
        """
        ...

    def remove_of_client(self, organization_id: str, client_id: str) -> None:
        """Removes whatever was said of a client."""
        ...

    def remove_of_user(self, organization_id: str, user_id: str) -> None:
        """Removes whatever a user has said."""
        ...
