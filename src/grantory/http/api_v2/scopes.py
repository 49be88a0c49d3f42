"""``/api/v2/oauth/scopes``: the platform's scopes."""

from grantory.domain.scopes import SCOPES, Scope
from grantory.errors import not_found
from grantory.http.api_v2 import schemas
from grantory.http.operation import Call, Operation
from grantory.http.response import Response, json_response

SCOPES_PATH = "/api/v2/oauth/scopes"


class ScopeResource:
    """The operations on scopes; whoever has a token may look."""

    def operations(self) -> tuple[Operation, ...]:
        """Declares the operations."""
        return (
            Operation(
                id="getOauthScopes",
                method="GET",
                path=SCOPES_PATH,
                scope="oauth",
                handler=self.list_scopes,
                answer=schemas.OAuthScopeListing,
                summary="The list of OAuth scopes",
            ),
            Operation(
                id="getOauthScope",
                method="GET",
                path=SCOPES_PATH + "/{scopeId}",
                scope="oauth",
                handler=self.get,
                answer=schemas.OAuthScope,
                summary="An OAuth scope",
            ),
        )

    async def list_scopes(self, call: Call) -> Response:  # noqa: ARG002 - every handler takes it
        """Answers every scope; the listing has no pages."""
        return json_response(
            schemas.OAuthScopeListing(
                total=len(SCOPES),
                entities=[scope_of(scope) for scope in SCOPES.values()],
                self_uri=SCOPES_PATH,
            )
        )

    async def get(self, call: Call) -> Response:
        """Answers one scope."""
        scope = SCOPES.get(call.path["scopeId"])
        if scope is None:
            raise not_found("scope", call.path["scopeId"])
        return json_response(scope_of(scope))


def scope_of(scope: Scope) -> schemas.OAuthScope:
    """Writes a scope; its name is its id."""
    return schemas.OAuthScope(
        id=scope.name,
        description=scope.description,
        self_uri=f"{SCOPES_PATH}/{scope.name}",
    )
