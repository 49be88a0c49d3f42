"""The generated SDK's client, as far as OAuth's API needs it."""

import ssl
import threading
from typing import Any

import httpx2

from grantory_sdk._sync.client import Grantory
from grantory_sdk.answers import Answer
from grantory_sdk.compat.configuration import Configuration
from grantory_sdk.compat.rest import ApiException
from grantory_sdk.errors import GrantoryError
from grantory_sdk.masking import shown
from grantory_sdk.token_sources import (
    AccessToken,
    Auth,
    ClientCredentials,
    SamlBearer,
    can_be_sent,
)


class ApiClient:
    """Makes calls.

    Args:
        host: the address of the API; by default the configuration's.
    """

    def __init__(self, host: str | None = None) -> None:
        self.host: str = Configuration().host if host is None else host
        self.access_token: str = ""
        self._lock = threading.Lock()
        self._grantory: Grantory | None = None

    def get_client_credentials_token(self, client_id: str, client_secret: str) -> "ApiClient":
        """Gets a token for a client that acts for itself, and makes calls with it.

        Raises:
            ApiException: if there is none.
        """
        return self._log_in(ClientCredentials(client_id, client_secret))

    def get_saml2bearer_token(
        self, client_id: str, client_secret: str, org_name: str, assertion: str
    ) -> "ApiClient":
        """Gets a token for whom an assertion names, and makes calls with it.

        Raises:
            ApiException: if there is none.
        """
        source = SamlBearer(client_id, client_secret, organization=org_name, assertion=assertion)
        return self._log_in(source)

    def call(self, method: str, path: str, body: Any = None) -> Answer:
        """Makes a call with the token of this client, or else of the configuration.

        Raises:
            ApiException: if it fails.
        """
        try:
            return self._client().request(method, path, body=body)
        except GrantoryError as error:
            raise ApiException.of(error) from error

    def close(self) -> None:
        """Closes the connections; the next call opens new ones."""
        with self._lock:
            if self._grantory is not None:
                self._grantory.close()
            self._grantory = None

    def _client(self) -> Grantory:
        with self._lock:
            if self._grantory is None or self._grantory.url != self.host.rstrip("/"):
                if self._grantory is not None:
                    self._grantory.close()
                self._grantory = self._connect(_TokenOf(self))
            return self._grantory

    def _log_in(self, source: Auth) -> "ApiClient":
        try:
            with self._connect(source) as grantory:
                self.access_token = grantory.access_token()
        except GrantoryError as error:
            raise ApiException.of(error) from error
        return self

    def _connect(self, auth: Auth) -> Grantory:
        authorities = Configuration().ssl_ca_cert
        if authorities is None:
            return Grantory(self.host, auth=auth)
        context = ssl.create_default_context(cafile=authorities)
        return Grantory(self.host, auth=auth, transport=httpx2.HTTPTransport(verify=context))

    def __repr__(self) -> str:
        return shown("ApiClient", {"host": self.host, "access_token": self.access_token})


class _TokenOf(AccessToken):
    """The token that is set when a call is made."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    @property
    def access_token(self) -> str:
        """The client's, or else the configuration's."""
        token = self._client.access_token or Configuration().access_token
        if not token:
            raise ApiException(401, "There is no access token: set configuration.access_token")
        if not can_be_sent(token):
            raise ApiException(401, "The access token has spaces or the like in it")
        return token

    def __repr__(self) -> str:
        return "AccessToken('***')"
