"""Terraform against a real server; ``tests/compat/conftest.py`` starts one for each database."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import pytest

from tests.compat.arrange import make_client, unique
from tests.compat.sdk import Document
from tests.compat.terraform.working_folder import WorkingFolder
from tests.support.server import RunningServer

PERMISSIONS = [
    f"{kind}:{action}"
    for kind in ("oauth:client", "authorization:role")
    for action in ("view", "add", "edit", "delete")
]
"""What the provider's own client holds, and no more: the guide tells it to users."""


class NewFolder(Protocol):
    """Makes a working folder, pointed at the server, that is gone after the test."""

    def __call__(self, *configurations: str, **variables: Any) -> WorkingFolder: ...


@pytest.fixture(scope="module")
def terraform_client(server: RunningServer) -> Document:
    """The client as whom the provider calls."""
    return make_client(server, *PERMISSIONS)


@pytest.fixture(scope="module")
def applied(server: RunningServer, terraform_client: Document) -> Iterator[WorkingFolder]:
    """All that the configurations name, for tests that leave it as it is."""
    names = ("clients.tf", "exporter.tf")
    variables = {"prefix": unique("terraform")}
    with WorkingFolder(server.port, terraform_client, *names, variables=variables) as folder:
        folder.apply()
        yield folder
        folder.destroy()


@pytest.fixture
def new_folder(server: RunningServer, terraform_client: Document) -> Iterator[NewFolder]:
    """A factory of working folders."""
    with ExitStack() as stack:

        def make(*configurations: str, **variables: Any) -> WorkingFolder:
            folder = WorkingFolder(
                server.port, terraform_client, *configurations, variables=variables
            )
            return stack.enter_context(folder)

        yield make
