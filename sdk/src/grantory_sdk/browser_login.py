"""Somebody logs in with a browser: authorization code with PKCE, then refresh tokens."""

import base64
import hashlib
import secrets
import sys
import threading
import webbrowser
from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode, urlsplit

from grantory_sdk.errors import ConfigurationError, LoginFailed
from grantory_sdk.loopback import HOST, Loopback
from grantory_sdk.masking import shown
from grantory_sdk.models.tokens import TokenAnswer
from grantory_sdk.token_sources import RefreshToken, TokenRequest

ANY_PORT: Final = f"http://{HOST}/"
_LOOPBACKS: Final = frozenset({HOST, "localhost"})


def open_browser(address: str) -> None:
    """Opens an address in the browser; where there is none, writes it to standard error."""
    if not webbrowser.open(address):
        sys.stderr.write(f"Open this address in a browser on this machine:\n{address}\n")


class AuthorizationCode:
    """Acts for whoever logs in (RFC 6749 section 4.1, with PKCE: RFC 7636).

    The browser is opened when the first token is needed, and again only when there is no good
    refresh token: clients without a secret are given none.

    Args:
        client_id: a client whose grant type is ``CODE``.
        client_secret: its secret; None for a program that cannot keep one.
        redirect_uri: one of those that the client has registered: ``http``, on ``127.0.0.1`` or
            ``localhost``. Without a port, any free one is taken, as Grantory and RFC 8252 allow.
        open_browser: opens an address.
        wait_seconds: how long to wait for the login.
        on_renewed: is told each new refresh token.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str | None = None,
        *,
        redirect_uri: str = ANY_PORT,
        open_browser: Callable[[str], object] = open_browser,
        wait_seconds: float = 300.0,
        on_renewed: Callable[[str], object] | None = None,
    ) -> None:
        if not client_id:
            raise ConfigurationError("The client's id is missing.")
        parts = urlsplit(redirect_uri)
        if parts.scheme != "http" or parts.hostname not in _LOOPBACKS or parts.query:
            raise ConfigurationError(
                f"redirect_uri must be an address such as {ANY_PORT} on this machine."
            )
        self.client_id = client_id
        self.client_secret = client_secret
        self._host, self._port, self._path = parts.hostname, parts.port or 0, parts.path or "/"
        self._open_browser = open_browser
        self._wait_seconds = wait_seconds
        self._on_renewed = on_renewed
        self._refresh: RefreshToken | None = None
        self._listener: Loopback | None = None
        self._given_up = threading.Event()

    @property
    def waits_for_people(self) -> bool:
        """As long as there is no refresh token."""
        return self._refresh is None

    def request(self, login_url: str) -> TokenRequest:
        """Asks with the refresh token, or with the code of a login, for which it waits.

        Raises:
            LoginFailed: if nobody logged in, or somebody refused.
        """
        if self._refresh is not None:
            return self._refresh.request(login_url)
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
        self._given_up.clear()
        with Loopback(state, self._port, self._path) as listener:
            self._listener = listener
            redirect_uri = f"http://{self._host}:{listener.port}{self._path}"
            self._open_browser(self._address(login_url, redirect_uri, verifier, state))
            if self._given_up.is_set():
                listener.give_up()
            try:
                told = listener.wait(self._wait_seconds)
            finally:
                self._listener = None
        if "error" in told:
            text = told.get("error_description", "")
            raise LoginFailed(f"The login was refused: {told['error']}. {text}".strip())
        form = {
            "grant_type": "authorization_code",
            "code": told["code"],
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        return TokenRequest(form, self.client_id, self.client_secret)

    def accept(self, answer: TokenAnswer) -> None:
        """Keeps the refresh token, if there is one."""
        if self._refresh is not None:
            self._refresh.accept(answer)
        elif answer.refresh_token:
            self._refresh = RefreshToken(
                self.client_id,
                self.client_secret,
                answer.refresh_token,
                on_renewed=self._on_renewed,
            )
            if self._on_renewed is not None:
                self._on_renewed(answer.refresh_token)

    def refused(self) -> bool:
        """Forgets a refresh token that is no longer good: the next request asks for a login."""
        had_one = self._refresh is not None
        self._refresh = None
        return had_one

    def settled(self) -> None:
        """Holds nothing."""

    def give_up(self) -> None:
        """Ends the wait for the login."""
        self._given_up.set()
        listener = self._listener
        if listener is not None:
            listener.give_up()

    def _address(self, login_url: str, redirect_uri: str, verifier: str, state: str) -> str:
        digest = hashlib.sha256(verifier.encode()).digest()
        parameters = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{login_url}/oauth/authorize?{urlencode(parameters)}"

    def __repr__(self) -> str:
        fields = {"client_id": self.client_id, "client_secret": self.client_secret}
        return shown("AuthorizationCode", fields)
