"""The stand-in for the vendor's cloud answers in the shapes of its published models."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.cloud import Asked, Cloud
from tests.support.cloud_documents import ADA, MADE, NIGHTLY, PORTAL, ROLE
from tests.support.compatibility_record import told_models

WITHIN = {
    "AuthzGrant.division": "AuthzDivision",
    "AuthzGrant.role": "AuthzGrantRole",
    "AuthzSubject.grants": "AuthzGrant",
    "AuthzDivisionEntityListing.entities": "AuthzDivision",
    "DomainOrganizationRole.permissionPolicies": "DomainPermissionPolicy",
    "ErrorBody.limit": "Limit",
    "OAuthAuthorization.client": "OAuthClient",
    "OAuthAuthorizationListing.entities": "OAuthAuthorization",
    "OAuthClient.roleDivisions": "RoleDivision",
    "OAuthClientEntityListing.entities": "OAuthClient",
    "OrgOAuthClient.organization": "DomainEntityRef",
    "OrganizationRoleEntityListing.entities": "DomainOrganizationRole",
    "TokenInfo.OAuthClient": "OrgOAuthClient",
    "TokenInfo.homeOrganization": "DomainEntityRef",
    "TokenInfo.organization": "DomainEntityRef",
    "User.division": "DomainEntityRef",
    "UserEntityListing.entities": "User",
}
"""What a field of a model holds, where that is a model, too."""
REFERENCES = ("createdBy", "modifiedBy")
ANSWERS = {
    "GET authorization/divisions": "AuthzDivisionEntityListing",
    "GET authorization/divisions/home": "AuthzDivision",
    "GET authorization/roles": "OrganizationRoleEntityListing",
    f"GET authorization/roles/{ROLE}": "DomainOrganizationRole",
    f"GET authorization/subjects/{ADA}": "AuthzSubject",
    f"GET authorization/subjects/{NIGHTLY}": "AuthzSubject",
    "GET oauth/authorizations": "OAuthAuthorizationListing",
    f"GET oauth/authorizations/{PORTAL}": "OAuthAuthorization",
    "GET oauth/clients": "OAuthClientEntityListing",
    f"GET oauth/clients/{PORTAL}": "OAuthClient",
    f"GET oauth/clients/{MADE}": "ErrorBody",
    f"GET users/{MADE}": "ErrorBody",
    "GET nothing": "ErrorBody",
    "GET tokens/me": "TokenInfo",
    "GET users/me": "ErrorBody",
    "GET users?state=any&pageSize=1&pageNumber=2": "UserEntityListing",
    f"GET users/{ADA}": "User",
    f"DELETE oauth/clients/{PORTAL}": "ErrorBody",
    f"POST oauth/clients/{PORTAL}/secret": "OAuthClient",
    "POST users": "ErrorBody",
}
LATER = "laterField"
"""Stands for what the platform may add one day."""


def unknown_fields(model: str, document: Any, models: dict[str, Any]) -> Iterator[str]:
    """The fields of a document that its model has not, and those of what is within."""
    for each in document if isinstance(document, list) else [document]:
        for name, value in each.items():
            if name not in models[model] and name != LATER:
                yield f"{model}.{name}"
            within = "DomainEntityRef" if name in REFERENCES else WITHIN.get(f"{model}.{name}")
            if within is not None:
                yield from unknown_fields(within, value, models)


@pytest.mark.parametrize("asked", ANSWERS)
def test_an_answer_has_the_fields_of_its_model(asked: str) -> None:
    method, path = asked.split()
    with Cloud() as cloud:
        _, document, _ = cloud.answer(Asked(method, f"/api/v2/{path}", {}))
    assert document
    assert [*unknown_fields(ANSWERS[asked], document, told_models())] == []
