"""``/api/v2/identityproviders``: whose assertions the organisation believes."""

from typing import Final, cast

from grantory.domain.trust import IdentityProvider
from grantory.http.api_v2 import identity_provider_schemas as schemas
from grantory.http.api_v2.dates import date_text
from grantory.http.operation import PAGING, Call, Operation
from grantory.http.paging import Page, listing, read_page
from grantory.http.response import Response, empty_response, json_response
from grantory.registry.identity_providers import MOST_PROVIDERS, IdentityProviderRegistry
from grantory.registry.provider_draft import ProviderDraft

PROVIDERS: Final = "/api/v2/identityproviders"


class IdentityProviderResource:
    """The operations on identity providers."""

    def __init__(self, providers: IdentityProviderRegistry) -> None:
        self._providers = providers

    def operations(self) -> tuple[Operation, ...]:
        """Declares the operations."""
        one = PROVIDERS + "/{providerId}"
        return (
            Operation(
                id="getIdentityproviders",
                method="GET",
                path=PROVIDERS,
                scope="identity-providers",
                handler=self.list_providers,
                permissions=("sso:provider:view",),
                query=PAGING,
                answer=schemas.CustomProvider,
                listed=True,
                summary="The list of identity providers",
            ),
            Operation(
                id="postIdentityproviders",
                method="POST",
                path=PROVIDERS,
                scope="identity-providers",
                handler=self.create,
                permissions=("sso:provider:add",),
                body=schemas.CustomProviderRequest,
                answer=schemas.CustomProvider,
                summary="Register an identity provider",
            ),
            Operation(
                id="getIdentityprovider",
                method="GET",
                path=one,
                scope="identity-providers",
                handler=self.get,
                permissions=("sso:provider:view",),
                answer=schemas.CustomProvider,
                summary="Get an identity provider",
            ),
            Operation(
                id="putIdentityprovider",
                method="PUT",
                path=one,
                scope="identity-providers",
                handler=self.replace,
                permissions=("sso:provider:edit",),
                body=schemas.CustomProviderRequest,
                answer=schemas.CustomProvider,
                summary="Replace an identity provider",
            ),
            Operation(
                id="deleteIdentityprovider",
                method="DELETE",
                path=one,
                scope="identity-providers",
                handler=self.delete,
                permissions=("sso:provider:delete",),
                status=204,
                summary="Delete an identity provider",
            ),
        )

    async def list_providers(self, call: Call) -> Response:
        """Answers one page; every provider where no paging is asked for."""
        query = call.request.query()
        page = read_page(query) or Page(MOST_PROVIDERS, 1)
        found = await self._providers.all(call.actor)
        entities = [provider_of(each) for each in found[page.offset : page.offset + page.size]]
        return json_response(listing(entities, page, len(found), PROVIDERS, {}))

    async def create(self, call: Call) -> Response:
        """Answers the new provider."""
        draft = _draft_of(cast(schemas.CustomProviderRequest, call.body))
        return json_response(provider_of(await self._providers.create(call.actor, draft)))

    async def get(self, call: Call) -> Response:
        """Answers one provider."""
        return json_response(provider_of(await self._providers.get(call.actor, _id(call))))

    async def replace(self, call: Call) -> Response:
        """Answers the provider as it is now."""
        draft = _draft_of(cast(schemas.CustomProviderRequest, call.body))
        found = await self._providers.replace(call.actor, _id(call), draft)
        return json_response(provider_of(found))

    async def delete(self, call: Call) -> Response:
        """Answers 204."""
        await self._providers.delete(call.actor, _id(call))
        return empty_response(204)


def provider_of(provider: IdentityProvider) -> schemas.CustomProvider:
    """Writes an identity provider."""
    return schemas.CustomProvider(
        id=provider.id,
        name=provider.name,
        issuer_uri=provider.issuer,
        certificate=provider.certificates[0],
        certificates=list(provider.certificates),
        relying_party_identifier=next(iter(provider.audiences), None),
        audiences=list(provider.audiences),
        recipients=list(provider.recipients),
        email_attribute=provider.email_attribute or None,
        disabled=not provider.enabled,
        date_created=date_text(provider.created_at),
        date_modified=date_text(provider.modified_at),
        version=provider.version,
        self_uri=f"{PROVIDERS}/{provider.id}",
    )


def _draft_of(body: schemas.CustomProviderRequest) -> ProviderDraft:
    return ProviderDraft(
        name=body.name,
        issuer=body.issuer_uri,
        certificates=_listed(body.certificates, body.certificate),
        audiences=_listed(body.audiences, body.relying_party_identifier),
        recipients=tuple(body.recipients or ()),
        email_attribute=body.email_attribute or "",
        enabled=not body.disabled,
        version=body.version,
    )


def _listed(texts: list[str] | None, one: str | None) -> tuple[str, ...]:
    """Gives the list, or the one text that stands for it where it is left out."""
    if texts is None:
        return () if one is None else (one,)
    return tuple(texts)


def _id(call: Call) -> str:
    return call.path["providerId"].lower()
