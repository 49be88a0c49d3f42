"""OAuth clients and their secrets in the store."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from grantory.domain.client import Client, ClientState, GrantType
from grantory.domain.secret import ClientSecret


class ClientPosition(NamedTuple):
    """Where a listing stands: the last client seen, in creation order."""

    created_at: int
    client_id: str


LISTING_START = ClientPosition(-1, "")


class ClientFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which clients are looked for; what is left out fits them all."""

    name: str = ""
    """Part of the name; case does not count, as ``str.casefold`` has it on every database."""
    grant_type: GrantType | None = None
    state: ClientState | None = None

    def fits(self, client: Client) -> bool:
        """Tells whether a client is one of them."""
        return (
            self.fits_name(client.name)
            and self.grant_type in (None, client.grant_type)
            and self.state in (None, client.state)
        )

    def fits_name(self, name: str) -> bool:
        """Tells whether a name is one of theirs."""
        return self.name.casefold() in name.casefold()


class ClientReader(Protocol):
    """Looks clients up. A deleted client is not there."""

    def get(self, client_id: str) -> Client | None:
        """Returns a client of any organisation, by id."""
        ...

    def secrets_of(self, client_id: str) -> list[ClientSecret]:
        """Returns the secrets of a client that were not ended, expired ones included."""
        ...

    def after(self, organization_id: str, position: ClientPosition, limit: int) -> list[Client]:
        """Returns the clients that follow a position in creation order."""
        ...

    def has_origin(self, origin: str) -> bool:
        """Tells whether a client of any organisation has a redirect URI of this web origin."""
        ...

    def of_ids(self, organization_id: str, client_ids: Sequence[str]) -> list[Client]:
        """Returns those of the clients that are there, in the order of the ids."""
        ...


class ClientWriter(ClientReader, Protocol):
    """Changes clients."""

    def get_for_change(self, organization_id: str, client_id: str) -> Client | None:
        """Returns a client of one organisation and locks it until the end."""
        ...

    def add(self, client: Client) -> None:
        """Adds a client."""
        ...

    def add_many(self, clients: Sequence[Client], secrets: Sequence[ClientSecret]) -> None:
        """Adds many new clients with their secrets, much faster than one by one."""
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
