"""What ``/openapi.json`` says of each field and of each id in an address.

A field is described by its name, wherever it is; ``Model.field`` stands for that model alone. The
names of models are those of the document. A test fails while a field has no text, or a text no
field.
"""

from typing import Any, Final

_FIELDS: Final[dict[str, str]] = {
    # what entities have in common
    "id": "Its id, a UUID in lower case",
    "name": "What people call it",
    "description": "A text for people",
    "selfUri": "Its address on this server",
    "state": "Whether it may be used: active, inactive, or, of clients, disabled",
    "version": "A number that grows with every change",
    "dateCreated": "When it was made (UTC)",
    "dateModified": "When it was changed last (UTC)",
    "createdBy": "The client or user that made it; left out where the command line did",
    "modifiedBy": "The client or user that changed it last; left out where the command line did",
    # lists
    "entities": "What is on this page",
    "pageSize": "How many entities a page has",
    "pageNumber": "Of this page, counted from 1",
    "pageCount": "How many pages there are, at least 1",
    "total": "How many entities there are on all pages",
    "firstUri": "The address of the first page",
    "lastUri": "The address of the last page",
    "nextUri": "The address of the next page; left out on the last one",
    "previousUri": "The address of the page before; left out on the first one",
    # clients
    "authorizedGrantType": "How the client gets tokens",
    "accessTokenValiditySeconds": "For how many seconds an access token is good; 86400 if left out",
    "accessTokenFormat": "What access tokens are; left out, or OPAQUE, where only this server can "
    "read them",
    "registeredRedirectUri": "Where people may be sent back to, each compared letter by letter",
    "scope": "The names of scopes that tokens for people are limited to",
    "roleIds": "The ids of the roles that the client holds; roleDivisions wins over them",
    "roleDivisions": "The roles that the client holds, and in which divisions",
    "dateToDelete": "From when on the client gets no tokens (UTC)",
    "secret": "The client's secret, told once: when it is made, and when it is made anew",
    "OAuthClient": "The client that the token was issued to",
    # roles, divisions and grants
    "roleId": "The id of a role",
    "divisionId": "The id of a division, or * for every division",
    "divisionIds": "The ids of divisions; * is every division",
    "subjectId": "The id of the client or user that holds the role",
    "subjectIds": "The ids of clients and users",
    "role": "The role that is held",
    "division": "The division that it belongs to",
    "roles": "The roles",
    "unusedRoles": "Empty: there are no licences that a role could lack",
    "grants": "Which roles are held, and in which divisions",
    "grantMadeAt": "Since when the role is held (UTC)",
    "permissions": "Permissions as texts, domain:entity:action; * stands for every one of a kind",
    "permissionPolicies": "Permissions by domain and entity",
    "policies": "What the role allows",
    "domain": "The first part of a permission, such as oauth",
    "entityName": "The second part of a permission, such as client; * is every one",
    "entityType": "The second part of a permission, such as client",
    "action": "The last part of a permission, such as view",
    "actionSet": "The last parts of permissions, such as view; * is every one",
    "actions": "The last parts of permissions, such as view; * is every one",
    "label": "The permission for people",
    "permissionMap": "The permissions of the domain, by entity",
    "allowsConditions": "False: no permission here is limited by conditions",
    "allowConditions": "Whether conditions are asked for, which domains that count here refuse",
    "condition": "The conditions that were kept with the policy, as a text",
    "resourceConditionNode": "Conditions, kept as they are; nothing here enforces them",
    "namedResources": "Kept as they are; nothing here enforces them",
    "policyName": "Kept as it is",
    "policyDescription": "Kept as it is",
    "divisionAware": "Always false",
    "defaultRoleId": "The platform's name of a role that comes with it; kept as it is",
    "default": "Whether the role comes with the server, and cannot be changed",
    "base": "False: there are no roles of this kind",
    "roleNeedsUpdate": "False: there are no licences that could need it",
    "userCount": "How many users hold the role",
    "homeDivision": "Whether it is the division of what was given no other",
    "objectCounts": "Empty, and only where it was asked for: no objects are counted",
    # authorizations
    "client": "The client that was allowed something",
    "resourceOwner": "The person who has consented; left out where the organisation has approved",
    "pending": "False: nobody can ask for an approval",
    # tokens
    "organization": "The organisation",
    "homeOrganization": "The same organisation",
    "authorizedScope": "The scopes that the token is limited to; empty for a client's own",
    "enableIdleTokenTimeout": "False: tokens do not end because nobody uses them",
    "idleTokenTimeoutSeconds": "Whatever is asked for is refused",
    "inactivityTimeoutGroupsEnabled": "False, likewise",
    # lists of changes
    "applied": "Whether the changes were made, and not only tried",
    "modified": "The client's dateModified as it was read; another one than the present is refused",
    "body": "What the operation takes; not for what deletes",
    "operation": "The id of an operation in this document; the caller needs what that one needs",
    "ChangeRequest.key": "A name in this list for what is made: # and the key stand for its id in "
    "roleIds, roleId and divisionId of later changes",
    "ChangeRequest.id": "The id of what is replaced or deleted",
    "MadeChange.key": "The key that was sent with it",
    "MadeChange.id": "The id of what was made, replaced or deleted",
    "ChangesRequest.changes": "What is to be done, in this order",
    "MadeChanges.changes": "What was done, in the same order",
    # the organisation
    "defaultLanguage": "A language tag such as en-us",
    "defaultCountryCode": "A country's code of two letters",
    "thirdPartyOrgName": "The organisation's name once more",
    "productPlatform": "Always PureCloud",
    "features": "The platform's features, none of which is here",
    "scopeEnforcement": "Whether scopes limit the tokens of users; left out where they do not",
    # users
    "email": "The e-mail address, by which a user logs in",
    "username": "The e-mail address once more",
    "password": "The first password; without one the user cannot log in",
    "newPassword": "The password that is to be set",
    "oldPassword": "The password so far",
    "title": "What the user is",
    "department": "Where the user works",
    "authorization": "The user's roles, and what they allow",
    "lastTokenIssued": "When the user was last given a token",
    "dateIssued": "When it was (UTC)",
    "token": "The token that is asked with",
    # identity providers
    "issuerURI": "Who issues the assertions: the text of their element Issuer",
    "certificate": "The first of certificates",
    "certificates": "Those that may have signed an assertion, in PEM or as base64 alone",
    "relyingPartyIdentifier": "The first of audiences",
    "audiences": "What an assertion may name as its audience, besides this server",
    "recipients": "What an assertion may name as its recipient, besides this server",
    "emailAttribute": "The attribute that holds the e-mail address; without it the subject does",
    "disabled": "Whether no assertion of this provider counts",
    # errors
    "message": "A sentence for people",
    "code": "What programs tell errors apart by",
    "status": "The HTTP status once more",
    "messageParams": "What the sentence has in it, by name",
    "contextId": "The id of the request, as in ININ-Correlation-Id",
    "details": "The bad fields and parameters, each by name",
    "errors": "Empty",
    "limit": "The limit that was exceeded",
    "errorCode": "What is wrong with the field",
    "fieldName": "The field or parameter",
    "key": "The limit's name",
    "namespace": "What the limit is about",
    "value": "How much the limit is",
    # OAuth's own
    "access_token": "The token, to be sent as Authorization: Bearer",
    "token_type": "How it is sent",
    "grant_type": "How the client asks for the token",
    "error": "The error's name (RFC 6749 section 5.2)",
    "error_description": "The same sentence, by its name in RFC 6749",
    "active": "Whether the token is good, and the caller may know of it",
    "keys": "The public keys",
    "alg": "The algorithm that the key signs with",
    "use": "What the key is for: signatures",
    "kty": "The kind of the key",
    "crv": "The curve, of keys that are on one",
    "issuer": "This server's address",
    "authorization_endpoint": "Where people are sent to log in",
    "token_endpoint": "Where tokens are got",
    "jwks_uri": "Where the keys of JWT access tokens are",
    "introspection_endpoint": "Where it is told what a token is for",
    "revocation_endpoint": "Where tokens are ended",
    "service_documentation": "Where the API is described for people",
    "scopes_supported": "The names of the scopes",
    "response_types_supported": "What a request of /oauth/authorize may ask for",
    "response_modes_supported": "How its answer comes",
    "grant_types_supported": "How tokens are got",
    "token_endpoint_auth_methods_supported": "How clients say there who they are",
    "introspection_endpoint_auth_methods_supported": "How callers say there who they are",
    "revocation_endpoint_auth_methods_supported": "How clients say there who they are",
    "code_challenge_methods_supported": "How a code is bound to its verifier (RFC 7636)",
    "authorization_response_iss_parameter_supported": "That answers name this server (RFC 9207)",
    # what a name means in one model alone
    "ApprovalRequest.scope": "Those of the client's scopes that are allowed; all where left out",
    "AuthzGrant.division": "The division in which the role is held",
    "AuthzGrantRole.default": "Whether the role comes with the server",
    "CreateUser.divisionId": "The id of the division that the user is in; the home division if "
    "left out",
    "DomainOrganizationProduct.id": "The product's name",
    "DomainPermissionCollection.id": "The domain",
    "DomainPermissionCollection.name": "The domain",
    "OAuthAuthorization.roles": "Empty: what a token may do are the person's own rights",
    "OAuthAuthorization.scope": "The scopes that were allowed; empty for whatever one may do",
    "OAuthAuthorization.state": "Authorized, or Revoked",
    "OAuthError.description": "A sentence for people",
    "OAuthScope.id": "The scope's name",
    "OAuthScope.description": "What the scope admits",
    "Organization.domain": "A short name that the organisation may be called by, or nothing",
    "Organization.state": "Always active",
    "OrgOAuthClient.organization": "The organisation that the client belongs to",
    "UpdateUser.version": "As it was read; another one than the present is refused",
    "User.state": "active or inactive",
    "UserMe.state": "active or inactive",
    "CreateUser.state": "active or inactive; active if left out",
    "UpdateUser.state": "active or inactive",
    "OrganizationRequest.version": "As it was read; another one than the present is refused",
    "CustomProviderRequest.version": "As it was read; another one than the present is refused",
}
IDS: Final = {
    "clientId": "The id of a client",
    "divisionId": "The id of a division, or * where every division is meant",
    "organizationId": "The id of an organisation",
    "providerId": "The id of an identity provider",
    "roleId": "The id of a role",
    "scopeId": "The name of a scope",
    "subjectId": "The id of a client or user",
    "userId": "The id of a user",
}
"""The ids in addresses."""


def describe_fields(models: dict[str, Any]) -> dict[str, Any]:
    """Says of every field what it is, but for those of which something is said already.

    Args:
        models: JSON Schemas by their names; they stay as they are.

    Raises:
        KeyError: for a field that the table does not name.
    """
    return {name: _described(name, model) for name, model in models.items()}


def untold(models: dict[str, Any]) -> list[str]:
    """Lists the texts that no field of the models needs."""
    needed = {
        key for name, model in models.items() for each in _bare(model) for key in _keys(name, each)
    }
    return sorted(_FIELDS.keys() - needed)


def _described(name: str, model: dict[str, Any]) -> dict[str, Any]:
    if "properties" not in model:
        return model
    told = {field: {"description": _text(name, field)} for field in _bare(model)}
    return {
        **model,
        "properties": {
            field: {**schema, **told.get(field, {})}
            for field, schema in model["properties"].items()
        },
    }


def _bare(model: dict[str, Any]) -> list[str]:
    properties = model.get("properties", {})
    return [field for field, schema in properties.items() if "description" not in schema]


def _keys(name: str, field: str) -> tuple[str, ...]:
    own = f"{name}.{field}"
    return (own,) if own in _FIELDS else (field,)


def _text(name: str, field: str) -> str:
    (key,) = _keys(name, field)
    return _FIELDS[key]
