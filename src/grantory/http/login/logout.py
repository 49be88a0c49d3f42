"""``/logout``: ends the session of a browser and the tokens that it has led to."""

from typing import Final

from grantory.errors import ApiError
from grantory.http.login.cookies import CookieJar
from grantory.http.login.pages import NO_REFERRER, Pages
from grantory.http.login.views import ErrorView, SignedOutView
from grantory.http.request import Request
from grantory.http.response import NO_STORE, Response
from grantory.ports.hot_reads import HotReads
from grantory.protocol.logins import Logins

LOGOUT: Final = "/logout"
MAX_CLIENT_ID: Final = 64
SEE_OTHER: Final = 303


class LogoutResource:
    """Answers whoever wants to be logged out.

    It takes a plain link, as the platform's does. Another site can send a browser here then,
    which costs the person a login; it cannot load it unseen, for the cookie is sent with
    nothing but a visit.

    Args:
        logins: ends sessions.
        reads: knows the clients.
        pages: what a person sees.
        jar: the browser's cookies.
    """

    def __init__(self, logins: Logins, reads: HotReads, pages: Pages, jar: CookieJar) -> None:
        self._logins = logins
        self._reads = reads
        self._pages = pages
        self._jar = jar

    async def answer(self, request: Request) -> Response:
        """Logs out, and sends the browser to the client where it has said a registered address."""
        cookie = self._jar.read(request).session
        try:
            await self._logins.end(cookie, request.address, request.correlation_id)
        except ApiError as error:
            return self._unavailable(request, error)
        try:
            response = await self._next(request)
        except ApiError as error:
            response = self._unavailable(request, error)
        response.headers += (self._jar.without_session(),)
        return response

    async def _next(self, request: Request) -> Response:
        query = request.query()
        client_ids, targets = query.get("client_id", []), query.get("redirect_uri", [])
        known: tuple[str, ...] = ()
        name = ""
        if len(client_ids) == 1 and len(client_ids[0]) <= MAX_CLIENT_ID:
            await self._reads.refresh()
            record = await self._reads.client(client_ids[0].lower())
            if record is not None:
                known, name = record.client.redirect_uris, record.client.name
        if not targets or not targets[0]:
            return self._pages.signed_out(SignedOutView(client=name))
        if len(targets) != 1 or targets[0] not in known:
            text = "You are logged out. The address to go on to is not registered for this client."
            return self._page(request, 400, text)
        location = (b"location", targets[0].encode("ascii"))
        return Response(SEE_OTHER, b"", (location, NO_STORE, NO_REFERRER))

    def _unavailable(self, request: Request, error: ApiError) -> Response:
        return self._page(request, error.status, error.message, error.retry_after or 0)

    def _page(self, request: Request, status: int, message: str, retry_after: int = 0) -> Response:
        return self._pages.error(
            ErrorView(
                status=status,
                title="Logging out",
                message=message,
                what_to_do="You can close this page.",
                correlation_id=request.correlation_id,
                retry_after=retry_after,
            )
        )
