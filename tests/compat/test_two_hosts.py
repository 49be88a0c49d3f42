"""The official SDKs with ``https://api.NAME`` and ``https://login.NAME``, as the platform is."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.compat.sdk import LOOPBACK, RefusedError, Sdk, javascript_sdk, python_sdk
from tests.support.tls_server import NAME, TlsServer

pytestmark = pytest.mark.compat


@pytest.fixture(scope="module")
def secure() -> Iterator[TlsServer]:
    with TlsServer("--workers", "2") as running:
        yield running


@pytest.fixture(params=["python", "javascript"])
def by_names(request: pytest.FixtureRequest, secure: TlsServer) -> Iterator[Sdk]:
    """Each of the newest SDKs in turn, in a process that trusts the server's authority."""
    with ExitStack() as stack:
        if request.param == "python":
            sdk = stack.enter_context(python_sdk())
        else:
            trust = {"NODE_EXTRA_CA_CERTS": str(secure.authority)}
            trust["NODE_OPTIONS"] = f"--require {LOOPBACK}"
            sdk = stack.enter_context(javascript_sdk(trust))
        sdk.connect_by_names(f"{NAME}:{secure.port}", secure.authority)
        yield sdk


def test_login_and_calls_by_their_two_names(by_names: Sdk, secure: TlsServer) -> None:
    by_names.login(secure.client_id, secure.client_secret)
    assert by_names.sent == [("POST", "/oauth/token")]
    me = by_names.call("OAuthApi", "get_oauth_client", secure.client_id)
    assert me.value["id"] == secure.client_id
    assert me.value["selfUri"] == f"/api/v2/oauth/clients/{secure.client_id}"
    for _ in range(5):
        assert by_names.call("TokensApi", "get_tokens_me").status == 200


def test_errors_are_what_they_are_without_tls(by_names: Sdk, secure: TlsServer) -> None:
    with pytest.raises(RefusedError) as refused:
        by_names.login(secure.client_id, "wrong")
    assert (refused.value.status, refused.value.document["error"]) == (401, "invalid_client")
    by_names.use_token("gat_x")
    with pytest.raises(RefusedError) as unknown:
        by_names.call("OAuthApi", "get_oauth_client", secure.client_id)
    assert (unknown.value.status, unknown.value.code) == (401, "bad.credentials")
