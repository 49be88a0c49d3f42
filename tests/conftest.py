"""Fixtures for every test: a server in the test's process, and real ones in their own."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.support.memory_folder import make_memory_folder
from tests.support.soak import soaking
from tests.support.world import World, new_world

pytest_plugins = ["tests.support.fixtures"]

# The same examples in every run but those for hours, whose seed tools/soak.py tells; on however
# slow a machine, and no folder of examples.
settings.register_profile(
    "grantory", derandomize=not soaking(), deadline=None, database=None, print_blob=soaking()
)
settings.load_profile("grantory")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", type=Path, help="keep pictures of pages in this folder")


def pytest_configure(config: pytest.Config) -> None:
    """Lets everything temporary be in memory, unless TMPDIR says where it is to be."""
    if "TMPDIR" in os.environ or hasattr(config, "workerinput"):
        return
    folder = make_memory_folder()
    if folder is not None:
        os.environ["TMPDIR"] = str(folder)
        tempfile.tempdir = None
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A whole server on a store of its own, in this process, with a clock in hand."""
    async with new_world(tmp_path / "data") as made:
        yield made


@pytest.fixture(scope="session")
def grantory_settings() -> Mapping[str, Any]:
    """Of the server that all tests with ``grantory_server`` share."""
    return {"grants.password": True, "http.cors_origins": ["http://page.example"]}
