"""The provider's gateway block, and settings of Grantory that change what the provider meets."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.compat.arrange import make_client, stored, unique
from tests.compat.guides.guide import Guide, at_ports
from tests.compat.sdk import Document
from tests.compat.terraform.conftest import PERMISSIONS, NewFolder
from tests.compat.terraform.working_folder import NOTHING_TO_DO, WorkingFolder
from tests.support.databases import fresh_postgres
from tests.support.server import RunningServer

pytestmark = pytest.mark.timeout(900)

PATHS = {"api": "genesys/api", "login": "genesys/login"}
SETTINGS = {
    "GRANTORY_HTTP_API_PREFIX": "/genesys/api",
    "GRANTORY_HTTP_LOGIN_PREFIX": "/genesys/login",
    "GRANTORY_CLIENTS_DELETE_REQUIRES_INACTIVE": "true",
}
PORTAL = "genesyscloud_oauth_client.portal"
HOME = "genesyscloud_oauth_client.home"


@pytest.fixture(params=["sqlite", "postgresql"])
def strict_server(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    """A server behind prefixes that deletes no active client."""
    with ExitStack() as stack:
        environment = dict(SETTINGS)
        if request.param == "postgresql":
            environment["GRANTORY_DATABASE_URL"] = stack.enter_context(fresh_postgres())
        yield stack.enter_context(RunningServer(environment=environment))


def with_paths(guide: Guide, server: RunningServer) -> str:
    """The guide's provider, with what it says of prefixes inside its gateway block."""
    whole, end = at_ports(guide.block("hcl", 1), server), "  }\n}\n"
    assert whole.endswith(end)
    return whole.removesuffix(end) + guide.block("hcl", 2) + end


def test_prefixes_and_clients_that_must_be_inactive(strict_server: RunningServer) -> None:
    client = make_client(strict_server, *PERMISSIONS)
    variables: Document = {"prefix": unique("terraform"), "paths": PATHS}
    with WorkingFolder(strict_server.port, client, "clients.tf", variables=variables) as folder:
        folder.apply()
        assert folder.plan(status=NOTHING_TO_DO) == []
        folder.write("provider.tf", with_paths(Guide("terraform"), strict_server))
        assert folder.plan(status=NOTHING_TO_DO) == []
        address = f"/api/v2/oauth/clients/{folder.resources()[HOME]['id']}"
        assert stored(strict_server, folder.resources()[HOME]["id"])["state"] == "active"
        assert strict_server.call("DELETE", address).status == 400

        folder.destroy()

        assert strict_server.call("GET", address).status == 404


def test_the_provider_calls_under_the_paths_that_it_is_given(new_folder: NewFolder) -> None:
    folder = new_folder("clients.tf", prefix=unique("terraform"), paths=PATHS)

    printed = folder.run("plan", "-input=false", status=1)

    assert "failed to authorize" in " ".join(printed.split())  # nothing is there
    assert "Auth Error: 404" in " ".join(printed.split())


def test_a_wrong_secret_is_told_plainly(server: RunningServer, terraform_client: Document) -> None:
    wrong = {**terraform_client, "secret": "wrong"}
    variables = {"prefix": unique("terraform")}
    with WorkingFolder(server.port, wrong, "clients.tf", variables=variables) as folder:
        printed = folder.run("plan", "-input=false", status=1)

    assert "Auth Error: 401 - invalid_client" in " ".join(printed.split())


def test_a_missing_permission_is_told_plainly(server: RunningServer) -> None:
    held = [permission for permission in PERMISSIONS if permission != "authorization:role:add"]
    variables = {"prefix": unique("terraform")}
    client = make_client(server, *held)
    with WorkingFolder(server.port, client, "clients.tf", variables=variables) as folder:
        printed = folder.run("apply", "-auto-approve", "-input=false", status=1)

    said = " ".join(printed.split())
    assert "API Error: 403" in said
    assert "following permissions assigned: [authorization:role:add]" in said
