"""The official SDKs, each in one process for the whole run."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.compat.arrange import make_user
from tests.compat.sdk import Sdk, javascript_sdk, python_sdk
from tests.support.databases import fresh_postgres
from tests.support.server import HOST, RunningServer


@pytest.fixture(scope="session")
def python_process() -> Iterator[Sdk]:
    with python_sdk() as process:
        yield process


@pytest.fixture(scope="session")
def javascript_process() -> Iterator[Sdk]:
    with javascript_sdk() as process:
        yield process


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of each kind: its address; nothing for the file in the data directory."""
    with ExitStack() as stack:
        yield "" if request.param == "sqlite" else stack.enter_context(fresh_postgres())


@pytest.fixture(scope="session")
def server(database_url: str) -> Iterator[RunningServer]:
    """One server for the whole run on each kind of database, on SQLite with several workers."""
    arguments = () if database_url else ("--workers", "2")
    environment = {}
    if database_url:  # where JWTs need an address that every node has
        address = f"http://{HOST}:{{port}}"
        environment = {"GRANTORY_DATABASE_URL": database_url, "GRANTORY_PUBLIC_URL": address}
    with RunningServer(*arguments, environment=environment) as running:
        yield running


@pytest.fixture(scope="session")
def user(server: RunningServer) -> str:
    """The id of a user who holds nothing, which a test leaves that way."""
    return make_user(server)


@pytest.fixture(params=["python", "javascript"])
def process(request: pytest.FixtureRequest) -> Sdk:
    """Each of the newest SDKs in turn, pointed nowhere yet."""
    running = request.getfixturevalue(f"{request.param}_process")
    assert isinstance(running, Sdk)
    return running


@pytest.fixture
def sdk(process: Sdk, server: RunningServer) -> Sdk:
    """Each of the newest SDKs in turn, with a new token of the first client."""
    process.connect(server.port)
    process.use_token(server.token())
    return process


@pytest.fixture
def python(python_process: Sdk, server: RunningServer) -> Sdk:
    """The Python SDK, with a new token of the first client."""
    python_process.connect(server.port)
    python_process.use_token(server.token())
    return python_process


@pytest.fixture
def javascript(javascript_process: Sdk, server: RunningServer) -> Sdk:
    """The JavaScript SDK, with a new token of the first client."""
    javascript_process.connect(server.port)
    javascript_process.use_token(server.token())
    return javascript_process
