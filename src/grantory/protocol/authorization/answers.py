"""The address to which a browser is sent back (RFC 6749 sections 4.1.2 and 4.2.2, RFC 9207).

A client may choose where the answer stands (OAuth 2.0 Multiple Response Type Encoding Practices).
"""

from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import quote, urlencode

from grantory.domain.client import GrantType
from grantory.errors import GrantoryError


class ResponseType(StrEnum):
    """What a client asks the authorization endpoint for."""

    CODE = "code"
    TOKEN = "token"

    @property
    def grant_type(self) -> GrantType:
        """What a client must be registered for."""
        return GrantType.AUTHORIZATION_CODE if self is ResponseType.CODE else GrantType.IMPLICIT

    @property
    def default_mode(self) -> "ResponseMode":
        """Where an answer stands unless the client says otherwise."""
        return ResponseMode.QUERY if self is ResponseType.CODE else ResponseMode.FRAGMENT


class ResponseMode(StrEnum):
    """In what part of the address an answer stands."""

    QUERY = "query"
    FRAGMENT = "fragment"


class SentBack(GrantoryError):
    """A request is refused, and the client is told at its own address.

    Args:
        location: that address, with the error.
        error: the RFC's code, for the log.
    """

    def __init__(self, location: str, error: str) -> None:
        super().__init__(error)
        self.location = location
        self.error = error


class NowhereToGo(GrantoryError):
    """A request is refused, and no address in it can be trusted: the person is told.

    Args:
        description: one sentence for the person, who passes it on to the client's developer.
    """

    error = "invalid_request"

    def __init__(self, description: str) -> None:
        super().__init__(description)
        self.description = description


class ReturnAddress:
    """Where the answer of a request goes, and what goes with every answer.

    Args:
        redirect_uri: one that is registered.
        mode: in what part of it the answer stands.
        state: what the client wants to have back, if anything.
        issuer: the server's address.
    """

    def __init__(
        self, redirect_uri: str, mode: ResponseMode, state: str | None, issuer: str
    ) -> None:
        self.redirect_uri = redirect_uri
        self._mode = mode
        self._state = state
        self._issuer = issuer

    def with_answer(self, values: Mapping[str, str]) -> str:
        """Adds parameters to the address: to the query, or in a fragment.

        Official clients decode a fragment twice and take a plus for a space, so that nothing
        here is written with one.
        """
        given = dict(values)
        if self._state is not None:
            given["state"] = self._state
        given["iss"] = self._issuer
        text = urlencode(given, quote_via=quote)
        if self._mode is ResponseMode.FRAGMENT:
            return f"{self.redirect_uri}#{text}"
        return f"{self.redirect_uri}{'&' if '?' in self.redirect_uri else '?'}{text}"

    def refusal(self, error: str, description: str) -> SentBack:
        """Makes the refusal that the client is told (section 4.1.2.1)."""
        location = self.with_answer({"error": error, "error_description": description})
        return SentBack(location, error)
