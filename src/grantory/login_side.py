"""What people log in with, wired together: the grants that act for them, and the pages."""

from collections.abc import Awaitable, Callable

from grantory.errors import OAuthError
from grantory.http.login.cookies import CookieJar
from grantory.http.login.flow import LoginFlow
from grantory.http.login.logout import LOGOUT, LogoutResource
from grantory.http.login.pages import Pages
from grantory.http.request import Request
from grantory.http.response import Response
from grantory.ports.hot_reads import HotReads
from grantory.ports.runtime import Clock, PasswordHasher, Random
from grantory.ports.storage import Store
from grantory.protocol.access_tokens import TokenIssuer
from grantory.protocol.authorization.consent import Consents
from grantory.protocol.authorization.issuing import AnswerIssuer
from grantory.protocol.authorization.request import RequestReader
from grantory.protocol.grants.authorization_code import AuthorizationCodeGrant
from grantory.protocol.grants.client_credentials import ClientCredentials
from grantory.protocol.grants.grant import Grant
from grantory.protocol.grants.password import PasswordGrant
from grantory.protocol.grants.refresh_token import RefreshTokenGrant
from grantory.protocol.grants.saml2_bearer import Saml2Bearer
from grantory.protocol.logins import Logins
from grantory.protocol.people import PeopleAuthenticator
from grantory.protocol.refresh_tokens import RefreshTokens
from grantory.protocol.saml.threads import AssertionThreads
from grantory.protocol.throttle import FailureThrottle, ThrottleLimits
from grantory.settings import Settings

DAY_SECONDS = 86_400

Route = tuple[str, str, Callable[[Request], Awaitable[Response]]]


class LoginSide:
    """Grants and pages over one store.

    Args:
        store: holds people, sessions and codes.
        reads: what every request asks for.
        clock: the time.
        random: for credentials.
        passwords: compares them.
        assertions: reads those of SAML.
        settings: what the deployment allows.
        public_url: the server's address, which is the issuer's name.
    """

    def __init__(
        self,
        *,
        store: Store,
        reads: HotReads,
        clock: Clock,
        random: Random,
        passwords: PasswordHasher,
        assertions: AssertionThreads,
        settings: Settings,
        public_url: str,
    ) -> None:
        self._store = store
        self._reads = reads
        self._clock = clock
        self._random = random
        self._assertions = assertions
        self._settings = settings
        self._public_url = public_url
        limits = ThrottleLimits(
            settings.throttle_logins_per_user_and_address,
            settings.throttle_logins_per_address,
            settings.throttle_logins_per_user,
        )
        self._people = PeopleAuthenticator(store, passwords, FailureThrottle(limits, clock))

    def grants(self) -> tuple[Grant, ...]:
        """Makes the grants that the token endpoint knows."""
        refresh_tokens = RefreshTokens(self._reads)
        seconds = self._settings.tokens_refresh_days * DAY_SECONDS
        return (
            ClientCredentials(),
            AuthorizationCodeGrant(self._store, refresh_tokens, self._clock, self._random, seconds),
            RefreshTokenGrant(self._store, refresh_tokens, self._clock, seconds),
            PasswordGrant(self._people, self._settings.grants_password),
            Saml2Bearer(
                self._store,
                self._clock,
                self._public_url,
                self._assertions,
                self._settings.http_login_prefix,
            ),
        )

    def routes(
        self, tokens: TokenIssuer, refused: Callable[[OAuthError, str, str], None]
    ) -> tuple[Route, ...]:
        """Makes the pages.

        Args:
            tokens: issues the tokens of the implicit grant.
            refused: told of each login that is refused, with address and correlation id.
        """
        pages = Pages()
        jar = CookieJar(secure=self._public_url.startswith("https://"))
        logins = Logins(self._store, self._clock, self._random)
        flow = LoginFlow(
            reader=RequestReader(
                self._reads, self._public_url, implicit_is_allowed=self._settings.grants_implicit
            ),
            people=self._people,
            logins=logins,
            consents=Consents(self._store, self._clock),
            issuer=AnswerIssuer(self._store, tokens, self._clock, self._random),
            pages=pages,
            jar=jar,
            random=self._random,
            refused=refused,
        )
        logout = LogoutResource(logins, self._reads, pages, jar)
        return (*flow.routes(), ("GET", LOGOUT, logout.answer))
