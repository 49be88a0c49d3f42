"""Organisations in the store."""

from typing import Protocol

from grantory.domain.organization import Organization


class OrganizationReader(Protocol):
    """Looks organisations up."""

    def get(self, organization_id: str) -> Organization | None:
        """Returns an organisation by id."""
        ...

    def all(self) -> list[Organization]:
        """Returns every organisation, oldest first."""
        ...


class OrganizationWriter(OrganizationReader, Protocol):
    """Changes organisations."""

    def add(self, organization: Organization) -> None:
        """Adds an organisation.

        Raises:
            Conflict: when its name is taken.
        """
        ...
