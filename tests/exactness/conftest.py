"""Installations that the tests of this folder share."""

from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from tests.support.databases import fresh_postgres
from tests.support.processes import CutSite, Site, postgres_site, sqlite_site
from tests.support.swallowing_proxy import SwallowingProxy


@pytest.fixture(scope="package", params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """One server of four processes on SQLite; two nodes of two processes each on PostgreSQL."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            yield stack.enter_context(sqlite_site())
        else:
            yield stack.enter_context(postgres_site(stack.enter_context(fresh_postgres())))


@pytest.fixture(scope="package")
def cut_site() -> Iterator[CutSite]:
    """Two nodes of two processes each, the second beyond a network that can fail."""
    with (
        fresh_postgres() as url,
        SwallowingProxy(urlsplit(url).port or 5432) as network,
        postgres_site(url, network.url(url)) as site,
    ):
        yield CutSite(site, network)
