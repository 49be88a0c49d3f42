"""Whether a token's subject may call an operation, by the operation's declaration."""

from typing import Final

from grantory.domain.scopes import sufficient_scopes
from grantory.domain.token import AccessToken
from grantory.errors import lacks_permission, lacks_scope
from grantory.http.errors import unauthenticated
from grantory.http.operation import Operation
from grantory.ports.hot_reads import HotReads
from grantory.protocol.access_tokens import AccessTokens, TokenRefused

_READS: Final = ("GET", "HEAD")


class Permits:
    """Compares what operations ask for with what subjects hold.

    Args:
        reads: rights of subjects, and what organisations enforce.
        tokens: tells which were ended.
    """

    def __init__(self, reads: HotReads, tokens: AccessTokens) -> None:
        self._reads = reads
        self._tokens = tokens

    async def require(self, operation: Operation, token: AccessToken) -> None:
        """Refuses a token whose subject may not call an operation.

        Raises:
            ApiError: 403 for a permission or scope that is lacking.
        """
        if operation.permissions:
            subject_id = token.subject_id
            rights = self._reads.remembered_rights(subject_id)
            if rights is None:
                rights = await self._reads.rights(subject_id)
            if not rights.allows_any(operation.permissions):
                raise lacks_permission(operation.permissions)
        if operation.scope and token.user_id is not None:
            await self._require_scope(operation, token)

    async def require_still(self, operation: Operation, token: AccessToken) -> None:
        """Refuses a token that was ended since its call began; one that has expired may go on.

        Raises:
            ApiError: 401 for a token that was ended, 403 for what its subject lost.
        """
        await self._reads.refresh()
        try:
            await self._tokens.check_not_ended(token)
        except TokenRefused as error:
            raise unauthenticated(presented=True, detail=str(error)) from None
        await self.require(operation, token)

    async def _require_scope(self, operation: Operation, token: AccessToken) -> None:
        organization = await self._reads.organization(token.organization_id)
        # An organisation that is not there has no token that is good.
        if organization is None or not organization.enforces_scopes:
            return
        reads = operation.method in _READS
        scopes = sufficient_scopes(operation.scope, operation.narrow_scope, reads=reads)
        if not any(scope in token.scopes for scope in scopes):
            raise lacks_scope(scopes)
