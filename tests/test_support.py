"""What the tests of storage and failure stand on: real PostgreSQL servers, and a bad network."""

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from tests.support.postgres import Cluster, fresh_database, shared_cluster
from tests.support.swallowing_proxy import SwallowingProxy

SILENCE_SECONDS = 0.15


async def fetch(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def with_a_number(url: str) -> None:
    asyncio.run(fetch(url, "CREATE TABLE numbers AS SELECT 42 AS number"))


@contextmanager
def echo_server() -> Iterator[int]:
    """The port of a server that says everything back."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection = listener.accept()[0]
                except OSError:
                    return
                threading.Thread(target=echo, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def echo(connection: socket.socket) -> None:
    with connection:
        try:
            while data := connection.recv(1024):
                connection.sendall(data)
        except ConnectionError:
            return


@contextmanager
def client_of(proxy: SwallowingProxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client:
        yield client


def says_back(client: socket.socket, text: bytes) -> bool:
    client.sendall(text)
    return client.recv(1024) == text


def is_silent(client: socket.socket) -> bool:
    client.settimeout(SILENCE_SECONDS)
    try:
        return client.recv(1024) == b"never"
    except TimeoutError:
        return True
    finally:
        client.settimeout(10)


def test_a_database_is_a_copy_of_a_template_that_is_filled_once() -> None:
    made = []
    for _ in range(2):
        with fresh_database("a number", with_a_number) as url:
            assert asyncio.run(fetch(url, "DELETE FROM numbers RETURNING number")) == 42
            made.append(url.rpartition("/")[2])

    left = shared_cluster().psql("SELECT datname FROM pg_database").splitlines()
    assert not {*made} & {*left}
    assert len([name for name in left if name.endswith("a_number")]) == 1


def test_a_template_that_could_not_be_filled_is_tried_again() -> None:
    def fail(url: str) -> None:
        raise ValueError(url)

    with pytest.raises(ValueError, match="postgresql://"):
        shared_cluster().template_of("failing", fail)

    assert shared_cluster().template_of("failing", with_a_number)


async def test_the_owner_is_no_superuser() -> None:
    cluster = shared_cluster()
    database = cluster.create_database()

    assert await fetch(cluster.url(database), "SHOW is_superuser") == "off"
    assert await fetch(cluster.admin_url(database), "SHOW is_superuser") == "on"

    cluster.drop_database(database)


def test_what_was_committed_survives_a_kill() -> None:
    with Cluster(durable=True, settings={"work_mem": "5MB"}) as cluster:
        cluster.psql("CREATE TABLE kept AS SELECT 7 AS number")
        cluster.kill()
        assert not cluster.running

        cluster.start()

        assert cluster.psql("SELECT number FROM kept") == "7"
        assert cluster.psql("SHOW fsync; SHOW work_mem").split() == ["on", "5MB"]
        assert "not properly shut down" in cluster.log_text()


def test_a_synchronous_standby_takes_over_with_all_that_was_acknowledged() -> None:
    with Cluster() as primary, primary.standby() as standby:
        primary.wait_for_commits_by(standby)
        primary.psql("CREATE TABLE kept AS SELECT 7 AS number")
        standby.pause()
        with pytest.raises(AssertionError, match="more than"):
            primary.psql("INSERT INTO kept VALUES (8)", seconds=0.5)
        standby.resume()
        primary.kill()

        standby.promote()

        assert standby.psql("SELECT number FROM kept").split()[0] == "7"
        standby.psql("INSERT INTO kept VALUES (9)")


async def test_a_paused_server_goes_on_where_it_was() -> None:
    cluster = shared_cluster()
    cluster.pause()
    asking = asyncio.create_task(fetch(cluster.url("postgres"), "SELECT 1"))
    done, _ = await asyncio.wait([asking], timeout=SILENCE_SECONDS)
    assert not done

    cluster.resume()

    assert await asking == 1


def test_a_server_does_not_outlive_a_killed_test() -> None:
    program = (
        "import os, signal\n"
        "from tests.support.postgres import shared_cluster\n"
        "cluster = shared_cluster()\n"
        "print(cluster.process_id, cluster.folder, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    process_id, folder = done.stdout.split()

    deadline = time.monotonic() + 10
    while Path(f"/proc/{process_id}/cwd").exists() or Path(folder).exists():
        assert time.monotonic() < deadline, "the server is still there"
        time.sleep(0.02)


async def test_a_proxy_stands_in_front_of_a_database() -> None:
    cluster = shared_cluster()
    with SwallowingProxy(cluster.port) as proxy:
        assert await fetch(proxy.url(cluster.url("postgres")), "SELECT 1") == 1

        proxy.cut()

        with pytest.raises(ConnectionRefusedError):
            await fetch(proxy.url(cluster.url("postgres")), "SELECT 1")


def test_a_proxy_replaces_the_hosts_of_a_url() -> None:
    proxy = SwallowingProxy(1)
    url = proxy.url("postgresql://role:p%40%2F@one:1,two:2/name?sslmode=disable")

    assert url == f"postgresql://role:p%40%2F@127.0.0.1:{proxy.port}/name?sslmode=disable"


def test_swallowed_bytes_can_come_late() -> None:
    with echo_server() as port, SwallowingProxy(port) as proxy, client_of(proxy) as old:
        assert says_back(old, b"before")
        proxy.swallow(deliver_later=True)
        with client_of(proxy) as new:
            old.sendall(b"from old")
            new.sendall(b"from new")
            assert is_silent(old)
            assert is_silent(new)

            proxy.pass_on()

            assert old.recv(1024) == b"from old"
            assert new.recv(1024) == b"from new"


def test_swallowed_connections_stay_silent_for_good() -> None:
    with echo_server() as port, SwallowingProxy(port) as proxy, client_of(proxy) as old:
        assert says_back(old, b"before")
        proxy.swallow()
        old.sendall(b"lost")
        assert is_silent(old)

        proxy.pass_on()

        with client_of(proxy) as new:
            assert says_back(new, b"after")
            assert is_silent(old)
            assert proxy.connections == 2


def test_a_cut_resets_connections_and_refuses_new_ones() -> None:
    with echo_server() as port, SwallowingProxy(port) as proxy, client_of(proxy) as client:
        assert says_back(client, b"before")

        proxy.cut()

        with pytest.raises(ConnectionResetError):
            client.recv(1024)
        with pytest.raises(ConnectionRefusedError), client_of(proxy):
            pass
        proxy.pass_on()
        with client_of(proxy) as after:
            assert says_back(after, b"after")


def test_a_delay_holds_what_comes_in_one_direction() -> None:
    with echo_server() as port, SwallowingProxy(port) as proxy, client_of(proxy) as client:
        proxy.delay(to_client=0.2)
        started = time.monotonic()

        assert says_back(client, b"slow")

        assert time.monotonic() - started >= 0.2


def test_a_target_that_is_down_resets_its_clients() -> None:
    with echo_server() as port:
        pass
    with (
        SwallowingProxy(port) as proxy,
        pytest.raises(ConnectionResetError),  # by the time it is connected, or later
        client_of(proxy) as client,
    ):
        client.recv(1024)
