"""From a client's request to its answer: who is it, do they consent, and back.

Nothing is kept between the steps but in the pages themselves: each form carries the request that
it goes on with, which is read anew each time.
"""

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote, unquote_plus, urlsplit

from grantory.domain.scopes import SCOPES
from grantory.errors import ApiError, OAuthError, RefusalReason
from grantory.http.login.cookies import CookieJar, Cookies, Header
from grantory.http.login.forms import ForeignForm, Form, form_token, read_form
from grantory.http.login.pages import NO_REFERRER, Pages
from grantory.http.login.sources import source_of
from grantory.http.login.views import ConsentView, ErrorView, LoginView
from grantory.http.request import Request
from grantory.http.response import NO_STORE, Response
from grantory.ports.runtime import Random
from grantory.protocol.authorization.answers import NowhereToGo, ResponseType, SentBack
from grantory.protocol.authorization.consent import Consents
from grantory.protocol.authorization.issuing import AnswerIssuer, LoginEnded
from grantory.protocol.authorization.request import AuthorizationRequest, RequestReader
from grantory.protocol.logins import Login, Logins
from grantory.protocol.people import LoginRefused, PeopleAuthenticator

AUTHORIZE: Final = "/oauth/authorize"
LOGIN: Final = "/oauth/login"
CONSENT: Final = "/oauth/consent"
MOST_SOURCES: Final = 20
FORM_COOKIE_BYTES: Final = 32
SEE_OTHER: Final = 303
"""After a form was sent, and never 307, which would send the password on (RFC 9700 4.12)."""
_WRONG: Final = "The e-mail address or the password is wrong."
_REASONS: Final = {False: RefusalReason.WRONG_PASSWORD, True: RefusalReason.THROTTLED}
_ASK_FOR_LOGIN: Final = "login"
_ASK_NOTHING: Final = "none"

Step = Callable[[Request], Awaitable[Response]]


class LoginFlow:
    """Answers at ``/oauth/authorize``, ``/oauth/login`` and ``/oauth/consent``.

    ``refused`` is told of each login that is refused, as of a token request.
    """

    def __init__(
        self,
        *,
        reader: RequestReader,
        people: PeopleAuthenticator,
        logins: Logins,
        consents: Consents,
        issuer: AnswerIssuer,
        pages: Pages,
        jar: CookieJar,
        random: Random,
        refused: Callable[[OAuthError, str, str], None],
    ) -> None:
        self._refused = refused
        self._reader = reader
        self._people = people
        self._logins = logins
        self._consents = consents
        self._issuer = issuer
        self._pages = pages
        self._jar = jar
        self._random = random

    def routes(self) -> tuple[tuple[str, str, Step], ...]:
        """Lists methods, addresses and what answers them."""
        return (
            ("GET", AUTHORIZE, self._guarded(self._authorize)),
            ("POST", LOGIN, self._guarded(self._log_in)),
            ("POST", CONSENT, self._guarded(self._consent)),
            ("GET", LOGIN, self._guarded(self._astray)),
            ("GET", CONSENT, self._guarded(self._astray)),
        )

    def _guarded(self, step: Step) -> Step:
        async def answer(request: Request) -> Response:
            try:
                return await step(request)
            except SentBack as error:
                return _seen(error.location, error.error)
            except NowhereToGo as error:
                return self._error(request, 400, error.description, error.error)
            except ForeignForm as error:
                advice = "Go back to the application and start again."
                return self._error(request, 403, str(error), "foreign_form", advice)
            except ApiError as error:
                return self._unavailable(request, error)

        return answer

    async def _authorize(self, request: Request) -> Response:
        if request.method == "HEAD":  # a code is for whoever can read the answer
            raise NowhereToGo("the method must be GET")
        query = request.scope["query_string"].decode("latin-1")
        asked = await self._reader.read(query)
        cookies = self._jar.read(request)
        login = await self._logins.find(cookies.session)
        if login is not None and login.user.organization_id != asked.client.organization_id:
            login = None
        if _ASK_NOTHING in asked.prompt and len(asked.prompt) > 1:
            raise asked.address.refusal("invalid_request", "prompt none goes with no other")
        if _ASK_NOTHING in asked.prompt:
            return await self._without_asking(request, asked, login)
        if login is None or _ASK_FOR_LOGIN in asked.prompt:
            return self._login_page(asked, query, cookies, asked.login_hint)
        return await self._go_on(request, asked, query, login, cookies)

    async def _astray(self, request: Request) -> Response:
        """Answers whoever opens the address of a form again, which has nothing to show."""
        text = "This page was part of a login, which has to be begun again."
        advice = "Go back to the application and start again."
        return self._error(request, 404, text, "astray", advice)

    async def _without_asking(
        self, request: Request, asked: AuthorizationRequest, login: Login | None
    ) -> Response:
        if login is None:
            raise asked.address.refusal("login_required", "nobody is logged in")
        if not await self._consents.is_given(asked, login):
            raise asked.address.refusal("consent_required", "the user has not consented")
        try:
            return await self._answer(request, asked, login)
        except LoginEnded:
            raise asked.address.refusal("login_required", "nobody is logged in") from None

    async def _go_on(
        self,
        request: Request,
        asked: AuthorizationRequest,
        query: str,
        login: Login,
        cookies: Cookies,
    ) -> Response:
        if not await self._consents.is_given(asked, login):
            return self._consent_page(asked, query, login, cookies)
        try:
            return await self._answer(request, asked, login)
        except LoginEnded:
            return self._login_page(asked, query, cookies, login.user.email)

    async def _log_in(self, request: Request) -> Response:
        cookies = self._jar.read(request)
        values = await read_form(Form.LOGIN, request, cookies)
        query = values.get("request", "")
        asked = await self._reader.read(query)
        email, password = values.get("email", "").strip(), values.get("password", "")
        if not email or not password:
            text = "Enter your e-mail address and your password."
            return self._login_page(asked, query, cookies, email, text, 400)
        organization_id = asked.client.organization_id
        try:
            user = await self._people.authenticate(
                organization_id, email, password, request.address
            )
        except LoginRefused as refused:
            return self._refused_login(request, asked, query, cookies, email, refused.retry_after)
        cookie = await self._logins.begin(
            user, cookies.session, request.address, request.correlation_id
        )
        asked_once = _prompted(query, asked.prompt - {_ASK_FOR_LOGIN})
        response = _seen(f"authorize?{asked_once}")
        response.headers += (self._jar.of_session(cookie),)
        return response

    async def _consent(self, request: Request) -> Response:
        cookies = self._jar.read(request)
        values = await read_form(Form.CONSENT, request, cookies)
        query = values.get("request", "")
        asked = await self._reader.read(query)
        login = await self._logins.find(cookies.session)
        if login is None or login.user.organization_id != asked.client.organization_id:
            return _seen(f"authorize?{query}")
        if values.get("decision") != "allow":
            raise asked.address.refusal("access_denied", "the user has refused")
        await self._consents.give(asked, login, request.address, request.correlation_id)
        try:
            return await self._answer(request, asked, login)
        except LoginEnded:
            return _seen(f"authorize?{query}")

    async def _answer(
        self, request: Request, asked: AuthorizationRequest, login: Login
    ) -> Response:
        location = await self._issuer.answer(asked, login)
        if asked.response_type is ResponseType.TOKEN:
            request.grant_type = asked.client.grant_type.value
        response = _seen(location)
        response.client_id = asked.client.id
        response.organization_id = asked.client.organization_id
        return response

    def _login_page(
        self,
        asked: AuthorizationRequest,
        query: str,
        cookies: Cookies,
        email: str,
        problem: str = "",
        status: int = 200,
        retry_after: int = 0,
    ) -> Response:
        cookie = cookies.form or self._random.token_bytes(FORM_COOKIE_BYTES).hex()
        response = self._pages.login(
            LoginView(
                organization=asked.organization.name,
                client=asked.client.name,
                client_description=asked.client.description or "",
                request=query,
                csrf=form_token(Form.LOGIN, cookie, query),
                email=email[:254],
                problem=problem,
                status=status,
                retry_after=retry_after,
                sources=_sources(asked),
            )
        )
        if cookies.form is None:
            response.headers += (self._jar.of_form(cookie),)
        return response

    def _refused_login(
        self,
        request: Request,
        asked: AuthorizationRequest,
        query: str,
        cookies: Cookies,
        email: str,
        retry_after: int | None,
    ) -> Response:
        if retry_after is None:
            response = self._login_page(asked, query, cookies, email, _WRONG, 403)
            response.error_code = "login.refused"
        else:
            text = f"There were too many attempts. Try again in {retry_after} seconds."
            response = self._login_page(asked, query, cookies, email, text, 429, retry_after)
            response.error_code = "login.throttled"
        response.client_id = asked.client.id
        response.organization_id = asked.client.organization_id
        self._refused(
            OAuthError(
                "access_denied",
                "wrong e-mail address or password",
                reason=_REASONS[retry_after is not None],
                client_id=asked.client.id,
                organization_id=asked.client.organization_id,
            ),
            request.address,
            request.correlation_id,
        )
        return response

    def _consent_page(
        self, asked: AuthorizationRequest, query: str, login: Login, cookies: Cookies
    ) -> Response:
        redirect_uri = asked.address.redirect_uri
        return self._pages.consent(
            ConsentView(
                organization=asked.organization.name,
                client=asked.client.name,
                client_description=asked.client.description or "",
                user_name=login.user.name,
                user_email=login.user.email,
                scopes=tuple(
                    (name, SCOPES[name].description if name in SCOPES else "")
                    for name in asked.scopes
                ),
                request=query,
                csrf=form_token(Form.CONSENT, cookies.session or "", query),
                other_user=f"authorize?{_prompted(query, asked.prompt | {_ASK_FOR_LOGIN})}",
                redirect_host=urlsplit(redirect_uri).netloc or redirect_uri.partition(":")[0],
                sources=_sources(asked),
            )
        )

    def _error(
        self, request: Request, status: int, text: str, code: str, advice: str = ""
    ) -> Response:
        response = self._pages.error(
            ErrorView(
                status=status,
                title="This request cannot go on",
                message=text,
                what_to_do=advice
                or f"Tell the people who run the application; the error is {code}.",
                correlation_id=request.correlation_id,
            )
        )
        response.error_code = code
        return response

    def _unavailable(self, request: Request, error: ApiError) -> Response:
        response = self._pages.error(
            ErrorView(
                status=error.status,
                title="Not now",
                message=error.message,
                what_to_do="Try again in a moment.",
                correlation_id=request.correlation_id,
                retry_after=error.retry_after or 0,
            )
        )
        response.error_code, response.detail = error.code, error.detail
        return response


def _sources(asked: AuthorizationRequest) -> tuple[str, ...]:
    """Tells where the answer may lead: browsers look at the whole chain of redirects.

    A callback that sends people on to another origin can have that registered, too.
    """
    uris = (asked.address.redirect_uri, *asked.client.redirect_uris)
    return tuple(dict.fromkeys(map(source_of, uris)))[:MOST_SOURCES]


def _seen(location: str, error_code: str = "") -> Response:
    headers: tuple[Header, ...] = (
        (b"location", location.encode("ascii")),
        NO_STORE,
        NO_REFERRER,
    )
    response = Response(SEE_OTHER, b"", headers)
    response.error_code = error_code
    return response


def _prompted(query: str, prompt: frozenset[str]) -> str:
    """Gives a request another prompt; the rest stays as it came, and so as long as it was."""
    kept = [part for part in query.split("&") if unquote_plus(part.partition("=")[0]) != "prompt"]
    if prompt:
        kept.append(f"prompt={quote(' '.join(sorted(prompt)))}")
    return "&".join(kept)
