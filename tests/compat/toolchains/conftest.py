"""The Java SDK in one process for the whole run, behind names of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compat.sdk import Sdk
from tests.compat.toolchains.java_sdk import JavaSdk
from tests.compat.toolchains.tls_front import TlsFront
from tests.support.server import RunningServer

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsFront]:
    with TlsFront(tmp_path_factory.mktemp("front")) as running:
        yield running


@pytest.fixture(scope="session")
def database_url() -> str:
    """The database file: the newest SDKs tell whether another database answers otherwise."""
    return ""


@pytest.fixture(scope="session")
def java_process(front: TlsFront) -> Iterator[JavaSdk]:
    with JavaSdk(front) as process:
        yield process


@pytest.fixture
def process(java_process: JavaSdk) -> Sdk:
    """The SDK, pointed nowhere yet."""
    return java_process


@pytest.fixture
def sdk(process: Sdk, server: RunningServer) -> Sdk:
    """The SDK, with a new token of the first client."""
    process.connect(server.port)
    process.use_token(server.token())
    return process
