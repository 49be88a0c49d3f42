"""The password grant (RFC 6749 section 4.3), for deployments whose settings allow it.

RFC 9700 section 2.4 says not to use it: the client sees the password. The platform's model has a
value for it, and old programs know nothing else.
"""

from typing import ClassVar

from grantory.domain.client import GrantType
from grantory.errors import OAuthError, RefusalReason
from grantory.protocol.client_auth.caller import Caller
from grantory.protocol.grants.decision import Decision
from grantory.protocol.people import LoginRefused, PeopleAuthenticator
from grantory.protocol.scopes import granted_scopes
from grantory.protocol.token_request import TokenRequest


class PasswordGrant:
    """Acts for whoever's password the client sends; there is no refresh token.

    Args:
        people: tells who that is.
        is_allowed: what the settings say.
    """

    name: ClassVar = "password"
    grant_type: ClassVar = GrantType.PASSWORD
    admits_public: ClassVar = False
    uses_up: ClassVar = False

    def __init__(self, people: PeopleAuthenticator, is_allowed: bool) -> None:
        self._people = people
        self._is_allowed = is_allowed

    async def decide(self, request: TokenRequest, caller: Caller) -> Decision:
        """Allows what the client is registered for.

        Raises:
            OAuthError: ``unauthorized_client`` where the settings do not allow the grant;
                ``invalid_grant`` for a wrong user or password; ``invalid_request`` with ``rate
                limit exceeded;`` after too many of those.
        """
        if not self._is_allowed:
            raise OAuthError(
                "unauthorized_client",
                "the password grant is turned off on this server",
                reason=RefusalReason.GRANT_TURNED_OFF,
            )
        email, password = request.required("username"), request.required("password")
        client = caller.record.client
        scopes = granted_scopes(request.form.get("scope"), client)
        try:
            user = await self._people.authenticate(
                client.organization_id, email, password, request.address
            )
        except LoginRefused as refused:
            raise _refusal(refused.retry_after) from None
        return Decision(scopes, user)


def _refusal(wait: int | None) -> OAuthError:
    if wait is not None:
        return OAuthError(
            "invalid_request",
            f"rate limit exceeded; too many failed attempts, try again in {wait} seconds",
            retry_after=wait,
            detail="throttled",
            reason=RefusalReason.THROTTLED,
        )
    return OAuthError(
        "invalid_grant",
        "the user name or password is wrong",
        reason=RefusalReason.WRONG_PASSWORD,
    )
