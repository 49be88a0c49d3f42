"""Metadata, introspection and revocation, as a strict OAuth library of nobody's here uses them."""

from collections.abc import Iterator
from typing import Any

import pytest
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session

from tests.compat.arrange import make_client
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat
SECONDS = 30


@pytest.fixture
def machine() -> Iterator[OAuth2Session]:
    """A session of a client that acts for itself, with no token yet."""
    with OAuth2Session(client=BackendApplicationClient("")) as session:
        session.trust_env = False
        yield session


def log_in(session: OAuth2Session, metadata: dict[str, Any], client: dict[str, Any]) -> str:
    """Get a token with the first method that the server names and the library knows."""
    assert metadata["token_endpoint_auth_methods_supported"][0] == "client_secret_basic"
    token = session.fetch_token(
        metadata["token_endpoint"], auth=(client["id"], client["secret"]), timeout=SECONDS
    )
    return str(token["access_token"])


def test_all_is_found_by_the_issuers_address(
    server: RunningServer, machine: OAuth2Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # it insists on TLS
    well_known = f"{server.url}/.well-known/oauth-authorization-server"
    metadata = machine.request("GET", well_known, withhold_token=True, timeout=SECONDS).json()
    assert metadata["issuer"] == server.url
    client = make_client(server, "routing:queue:view")
    token = log_in(machine, metadata, client)
    with OAuth2Session(client=BackendApplicationClient("")) as api:
        api.trust_env = False
        own = make_client(server, "oauth:token:introspect")
        log_in(api, metadata, own)

        def told() -> dict[str, Any]:
            endpoint, form = metadata["introspection_endpoint"], {"token": token}
            answer = api.post(endpoint, data=form, timeout=SECONDS)  # with its own token
            assert answer.status_code == 200, answer.text
            body: dict[str, Any] = answer.json()
            return body

        body = told()
        assert body["active"] is True
        assert body["client_id"] == client["id"]
        assert body["iss"] == metadata["issuer"]
        address, headers, form = BackendApplicationClient(
            client["id"]
        ).prepare_token_revocation_request(metadata["revocation_endpoint"], token)
        answer = machine.request(
            "POST",
            address,
            data=form,
            headers=headers,
            auth=(client["id"], client["secret"]),
            withhold_token=True,
            timeout=SECONDS,
        )
        assert answer.status_code == 200, answer.text
        # On SQLite the other worker knows it, too; on PostgreSQL there is but one.
        assert [told() for _ in range(4)] == [{"active": False}] * 4
