"""Ways to an access token: what is sent to the token endpoint, and what is kept of its answer."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from grantory_sdk.errors import ConfigurationError
from grantory_sdk.masking import shown
from grantory_sdk.models.tokens import TokenAnswer

CLIENT_CREDENTIALS = "client_credentials"
SAML_GRANT = "urn:ietf:params:oauth:grant-type:saml2-bearer"


def can_be_sent(token: str) -> bool:
    """Whether a text can stand in a header as a token: printable ASCII without spaces."""
    return bool(token) and token.isascii() and token.isprintable() and " " not in token


class TokenRequest:
    """What is sent to the token endpoint.

    Args:
        form: the fields.
        client_id: the client that asks.
        client_secret: its secret, sent as Basic; None for a client that has none.
    """

    def __init__(self, form: dict[str, str], client_id: str, client_secret: str | None) -> None:
        named = {} if client_secret is not None else {"client_id": client_id}
        self.form: dict[str, str] = {**form, **named}
        self.client_id = client_id
        self.client_secret = client_secret

    @property
    def counts_once(self) -> bool:
        """Whether what is in it is used up by it: its answer must not be missed."""
        return self.form.get("grant_type") != CLIENT_CREDENTIALS

    def __repr__(self) -> str:
        return shown("TokenRequest", {"client_id": self.client_id})


@runtime_checkable
class TokenSource(Protocol):
    """Where access tokens come from. Its methods are never called twice at once."""

    @property
    def waits_for_people(self) -> bool:
        """Whether the next ``request`` takes long, and is to be made on a thread of its own."""
        ...

    def request(self, login_url: str) -> TokenRequest | TokenAnswer:
        """Makes the next request for a token; may wait for somebody to log in.

        Args:
            login_url: the address of the login side.

        Returns:
            What is to be sent; or what would be answered, where that is there already.

        Raises:
            LoginFailed: if nobody did.
        """
        ...

    def accept(self, answer: TokenAnswer) -> None:
        """Keeps what the next request will need, such as the next refresh token."""
        ...

    def refused(self) -> bool:
        """Is told that the request was refused; answers whether another one may do better."""
        ...

    def settled(self) -> None:
        """Is told that the request that it made has come to its end, whichever that is."""
        ...

    def give_up(self) -> None:
        """Ends a wait for people, from another thread."""
        ...


class _WithClient:
    """A source that asks as a client."""

    def __init__(self, client_id: str, client_secret: str | None) -> None:
        if not client_id:
            raise ConfigurationError("The client's id is missing.")
        if client_secret == "":
            raise ConfigurationError("The client's secret is empty.")
        self.client_id = client_id
        self.client_secret = client_secret

    @property
    def waits_for_people(self) -> bool:
        """No: it has all that it needs."""
        return False

    def accept(self, answer: TokenAnswer) -> None:
        """Keeps nothing."""

    def refused(self) -> bool:
        """No: the same would be refused again."""
        return False

    def settled(self) -> None:
        """Holds nothing."""

    def give_up(self) -> None:
        """Nothing is waited for."""

    def __repr__(self) -> str:
        fields = {"client_id": self.client_id, "client_secret": self.client_secret}
        return shown(type(self).__name__, fields)


class ClientCredentials(_WithClient):
    """A client that acts for itself (RFC 6749 section 4.4).

    Args:
        client_id: its id.
        client_secret: its secret.
    """

    def __init__(self, client_id: str, client_secret: str) -> None:
        super().__init__(client_id, client_secret)

    def request(self, login_url: str) -> TokenRequest:  # noqa: ARG002 - of the protocol
        """Asks with id and secret."""
        form = {"grant_type": CLIENT_CREDENTIALS}
        return TokenRequest(form, self.client_id, self.client_secret)


class RefreshToken(_WithClient):
    """Goes on with a login that was made before (RFC 6749 section 6).

    Args:
        client_id: the client that has the refresh token.
        client_secret: its secret; None where it has none.
        refresh_token: the newest one: each is good for one use.
        on_renewed: is told each new refresh token, to keep it for the next start.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str | None,
        refresh_token: str,
        *,
        on_renewed: Callable[[str], object] | None = None,
    ) -> None:
        super().__init__(client_id, client_secret)
        if not refresh_token:
            raise ConfigurationError("The refresh token is missing.")
        self._refresh_token = refresh_token
        self._on_renewed = on_renewed

    def request(self, login_url: str) -> TokenRequest:  # noqa: ARG002 - of the protocol
        """Asks with the refresh token."""
        form = {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
        return TokenRequest(form, self.client_id, self.client_secret)

    def accept(self, answer: TokenAnswer) -> None:
        """Keeps the next refresh token."""
        if answer.refresh_token and answer.refresh_token != self._refresh_token:
            self._refresh_token = answer.refresh_token
            if self._on_renewed is not None:
                self._on_renewed(answer.refresh_token)


class SamlBearer(_WithClient):
    """Acts for somebody whom an identity provider has logged in (RFC 7522).

    Args:
        client_id: the client.
        client_secret: its secret.
        organization: the name, id or domain of the organisation.
        assertion: the assertion in base64. Each is good for one token, so that a function, which
            gets a new one, is what a program needs that runs longer than its first token.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        *,
        organization: str,
        assertion: str | Callable[[], str],
    ) -> None:
        super().__init__(client_id, client_secret)
        self.organization = organization
        self._assertion = assertion

    @property
    def waits_for_people(self) -> bool:
        """A function that gets an assertion may take its time."""
        return callable(self._assertion)

    def request(self, login_url: str) -> TokenRequest:  # noqa: ARG002 - of the protocol
        """Asks with an assertion."""
        given = self._assertion
        form = {
            "grant_type": SAML_GRANT,
            "orgName": self.organization,
            "assertion": given() if callable(given) else given,
        }
        return TokenRequest(form, self.client_id, self.client_secret)


class AccessToken:
    """A token that was got elsewhere; there is no other when it has expired.

    Args:
        access_token: the token.
    """

    def __init__(self, access_token: str) -> None:
        if not can_be_sent(access_token):
            raise ConfigurationError("The access token is empty, or has spaces or the like in it.")
        self._text = access_token

    @property
    def access_token(self) -> str:
        """The token."""
        return self._text

    def __repr__(self) -> str:
        return shown("AccessToken", {"access_token": self.access_token})


Auth = TokenSource | AccessToken
"""What a client takes as ``auth``."""
