"""The six operations on a server on each store: blocking, awaited, and under the old names."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from grantory_sdk import AsyncGrantory, ClientCredentials, Grantory, NotFound, compat
from grantory_sdk.compat.rest import ApiException
from tests.support.databases import fresh_postgres
from tests.support.server import RunningServer


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    with ExitStack() as stack:
        environment = {}
        if request.param == "postgresql":
            environment["GRANTORY_DATABASE_URL"] = stack.enter_context(fresh_postgres())
        yield stack.enter_context(RunningServer(environment=environment))


@pytest.fixture
def grantory(server: RunningServer) -> Iterator[Grantory]:
    with Grantory(
        server.url, client_id=server.client_id, client_secret=server.client_secret
    ) as made:
        yield made


def test_the_six_operations(server: RunningServer, grantory: Grantory) -> None:
    role = grantory.roles.create(name="reader", permissions=["oauth:client:view"])
    made = grantory.oauth_clients.create(
        name="machine", authorized_grant_type="CLIENT-CREDENTIALS", role_ids=[role.id]
    )
    assert grantory.oauth_clients.get(made.id).name == "machine"
    assert grantory.oauth_clients.update(made.id, name="engine").role_ids == [role.id]
    assert made.id in {each.id for each in grantory.oauth_clients.list(page_size=1)}
    secret = grantory.oauth_clients.regenerate_secret(made.id).secret
    assert secret
    with Grantory(server.url, auth=ClientCredentials(made.id, secret)) as own:
        assert own.oauth_clients.get(made.id).name == "engine"
    grantory.oauth_clients.delete(made.id)
    with pytest.raises(NotFound):
        grantory.oauth_clients.get(made.id)


async def test_the_six_operations_awaited(server: RunningServer) -> None:
    async with AsyncGrantory(
        server.url, client_id=server.client_id, client_secret=server.client_secret
    ) as grantory:
        made = await grantory.oauth_clients.create(name="page", authorized_grant_type="TOKEN")
        assert (await grantory.oauth_clients.get(made.id)).name == "page"
        assert (await grantory.oauth_clients.update(made.id, name="sheet")).name == "sheet"
        assert made.id in {each.id async for each in grantory.oauth_clients.list(page_size=1)}
        assert (await grantory.oauth_clients.regenerate_secret(made.id)).secret != made.secret
        await grantory.oauth_clients.delete(made.id)
        with pytest.raises(NotFound):
            await grantory.oauth_clients.get(made.id)


def test_the_six_operations_under_the_generated_sdks_names(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compat.configuration, "host", server.url)
    monkeypatch.setattr(compat.configuration, "access_token", server.token())
    monkeypatch.setattr(compat.configuration, "api_client", None)
    api = compat.OAuthApi()
    body = compat.OAuthClient()
    body.name, body.authorized_grant_type = "app", "CODE"
    body.registered_redirect_uri, body.secret = ["https://app.example/"], "ignored"
    made = api.post_oauth_clients(body)
    assert made.id is not None
    assert made.secret not in (None, "ignored")
    listing = api.get_oauth_clients()
    assert made.id in {each.id for each in listing.entities or []}
    assert (listing.page_count, listing.page_number) == (1, 1)
    changed = compat.OAuthClientRequest()
    changed.name, changed.authorized_grant_type = "app 2", "CODE"
    assert api.put_oauth_client(made.id, changed).name == "app 2"
    read = api.get_oauth_client(made.id)
    assert read.to_dict()["authorized_grant_type"] == "CODE"
    assert read.to_dict()["created_by"]["id"] == server.client_id
    assert api.post_oauth_client_secret(made.id).secret != made.secret
    api.delete_oauth_client(made.id)
    with pytest.raises(ApiException) as caught:
        api.get_oauth_client(made.id)
    error = caught.value
    assert (error.status, error.reason) == (404, "Not Found")
    assert '"not.found"' in str(error.body)
    assert error.headers is not None
    assert error.headers["ININ-Correlation-Id"]
    assert "not.found" in str(error)
    api.api_client.close()
