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

    def get_for_change(self, organization_id: str) -> Organization | None:
        """Returns an organisation and locks it until the end."""
        ...

    def add(self, organization: Organization) -> None:
        """Adds an organisation.

        Raises:
            Conflict: when its name is taken.
        """
        ...

    def replace(self, organization: Organization) -> None:
        """Writes every field of an organisation that exists.

        Raises:
            Conflict: when its new name is taken.
        """
        ...
