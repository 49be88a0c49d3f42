"""OAuth clients and their secrets in the store."""

from typing import NamedTuple, Protocol

from grantory.domain.client import Client
from grantory.domain.secret import ClientSecret


class ClientPosition(NamedTuple):
    """Where a listing stands: the last client seen, in creation order."""

    created_at: int
    client_id: str


LISTING_START = ClientPosition(-1, "")


class ClientReader(Protocol):
    """Looks clients up. A deleted client is not there."""

    def get(self, client_id: str) -> Client | None:
        """Returns a client of any organisation, by id."""
        ...

    def secrets_of(self, client_id: str) -> list[ClientSecret]:
        """Returns the secrets of a client that were not ended, expired ones included."""
        ...

    def count(self, organization_id: str) -> int:
        """Counts the clients of an organisation."""
        ...

    def page(self, organization_id: str, offset: int, limit: int) -> list[Client]:
        """Returns one page in creation order."""
        ...

    def after(self, organization_id: str, position: ClientPosition, limit: int) -> list[Client]:
        """Returns the clients that follow a position in creation order."""
        ...


class ClientWriter(ClientReader, Protocol):
    """Changes clients."""

    def get_for_change(self, organization_id: str, client_id: str) -> Client | None:
        """Returns a client of one organisation and locks it until the end."""
        ...

    def add(self, client: Client) -> None:
        """Adds a client."""
        ...

    def replace(self, client: Client) -> None:
        """Writes every field of a client that exists."""
        ...

    def delete(self, client: Client, deleted_at: int) -> None:
        """Deletes a client with its secrets and ends its tokens; its id stays taken."""
        ...

    def add_secret(self, secret: ClientSecret) -> None:
        """Adds a secret beside those there are."""
        ...

    def end_secrets(self, client_id: str, ended_at: int) -> int:
        """Ends every live secret of a client; returns how many."""
        ...
