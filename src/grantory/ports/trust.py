"""Trusted identity providers in the store, and the assertions that were used."""

from typing import Protocol

from grantory.domain.trust import IdentityProvider, UsedAssertion


class TrustReader(Protocol):
    """Looks identity providers up."""

    def get(self, organization_id: str, provider_id: str) -> IdentityProvider | None:
        """Returns a provider of one organisation."""
        ...

    def by_issuer(self, organization_id: str, issuer: str) -> IdentityProvider | None:
        """Returns the provider that an organisation knows by this issuer, enabled or not."""
        ...

    def all(self, organization_id: str) -> list[IdentityProvider]:
        """Returns every provider of an organisation, by name."""
        ...


class TrustWriter(TrustReader, Protocol):
    """Changes what an organisation trusts."""

    def get_for_change(self, organization_id: str, provider_id: str) -> IdentityProvider | None:
        """Returns a provider and locks it until the end."""
        ...

    def hold(self, organization_id: str, provider_id: str) -> IdentityProvider | None:
        """Returns a provider and keeps it from being changed; others may hold it, too."""
        ...

    def add(self, provider: IdentityProvider) -> None:
        """Adds a provider.

        Raises:
            Conflict: when its name or issuer is taken in the organisation.
        """
        ...

    def replace(self, provider: IdentityProvider) -> None:
        """Writes every field of a provider that exists.

        Raises:
            Conflict: when its new name or issuer is taken.
        """
        ...

    def delete(self, provider: IdentityProvider) -> None:
        """Deletes a provider."""
        ...

    def use(self, assertion: UsedAssertion) -> bool:
        """Notes that an assertion was used; tells whether it had not been."""
        ...
