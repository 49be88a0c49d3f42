"""All clients of a large store, listed by iteration in flat memory, by both halves of the SDK."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.support.databases import fresh_postgres
from tests.support.halves import HALVES, Half
from tests.support.server import RunningServer
from tests.support.soak import databases, rounds

COUNT = rounds(4_000, 100_000)
MOST_GROWTH = rounds(1_500_000, 8_000_000)
"""In bytes. Clients that are kept take 900 each: nearly 3 MB and 90 MB."""

pytestmark = pytest.mark.timeout(rounds(120, 1_800))


def python(*arguments: str, **environment: str) -> str:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("GRANTORY_")}
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        env={**kept, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module", params=databases())
def large(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    """A server on a store that was filled with clients."""
    with ExitStack() as stack:
        environment = {}
        if request.param == "postgresql":
            environment["GRANTORY_DATABASE_URL"] = stack.enter_context(fresh_postgres())
        server = stack.enter_context(RunningServer(environment=environment))
        seed = ("grantory", "dev", "seed", "--clients", str(COUNT))
        python(*seed, "--data-dir", str(server.data_dir), **environment)
        yield server


@pytest.mark.parametrize("half", HALVES)
def test_all_clients_are_listed_in_flat_memory(
    half: Half,
    large: RunningServer,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    told = json.loads(
        python(
            *("tests.support.lister", half),
            GRANTORY_URL=large.url,
            GRANTORY_CLIENT_ID=large.client_id,
            GRANTORY_CLIENT_SECRET=large.client_secret,
        )
    )
    kind = request.node.callspec.params["large"]
    for name, value in told.items():
        record_property(name, value)
    print(
        f"{kind}, {half}: {told['count']:,} clients in {told['seconds']:.1f} s; "
        f"{told['resident'] / 1e6:.1f} MB resident, {told['growth'] / 1e6:+.1f} MB in the end"
    )
    assert told["count"] == COUNT + 1
    assert told["growth"] < MOST_GROWTH
