"""Two nodes that start at once on one empty database: it is set up once."""

import base64
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.postgres import shared_cluster
from tests.support.server import RunningServer, ServerFailedError
from tests.support.soak import rounds


def start_both(nodes: list[RunningServer]) -> list[str]:
    """Start them at one moment; what each said where it did not start."""

    def start(node: RunningServer) -> str:
        try:
            node.start()
        except ServerFailedError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(len(nodes)) as threads:
        return list(threads.map(start, nodes))


def two_nodes(url: str, key: str = "") -> list[RunningServer]:
    """Nodes with a data directory each."""
    environment = {"GRANTORY_DATABASE_URL": url}
    if key:
        environment["GRANTORY_MASTER_KEY"] = key
    return [RunningServer(environment=environment) for _ in range(2)]


def counted(url: str) -> list[str]:
    """How often each thing of a set-up is there."""
    database = url.rpartition("/")[2]
    tables = ("installation", "organizations", "keys", "users", "clients", "roles")
    sql = ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)
    return shared_cluster().psql(f"SELECT {sql}", database).split("|")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_case_85_nodes_with_one_master_key_set_a_database_up_once() -> None:
    cluster = shared_cluster()
    for _ in range(rounds(2, 40)):
        url = cluster.url(cluster.create_database())
        key = base64.b64encode(secrets.token_bytes(32)).decode()
        nodes = two_nodes(url, key)
        try:
            assert start_both(nodes) == ["", ""]
            assert counted(url) == ["1"] * 6
            shown = [node for node in nodes if (node.data_dir / "first-start.json").exists()]
            assert len(shown) == 1, "the first credentials were shown twice, or to nobody"
            token = shown[0].token()
            for node in nodes:
                answer = node.call("GET", "/api/v2/oauth/clients", token=token)
                assert answer.json()["total"] == 1
                node.stop()
        finally:
            for node in nodes:
                node.close()
        cluster.drop_database(url)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_case_85_of_nodes_with_keys_of_their_own_one_wins() -> None:
    cluster = shared_cluster()
    for _ in range(rounds(2, 40)):
        url = cluster.url(cluster.create_database())
        nodes = two_nodes(url)
        try:
            said = start_both(nodes)
            assert sorted(bool(text) for text in said) == [False, True], said
            loser, winner = nodes if said[0] else reversed(nodes)
            assert counted(url) == ["1"] * 6
            assert loser.exit_status == 1
            # It had made a key of its own, or the other was done before that.
            reasons = ("another master key", "the master key is missing")
            assert any(reason in loser.log_text() for reason in reasons)
            assert "Traceback" not in loser.log_text()
            assert not key_of(loser).exists(), "its key opens nothing"
            # With the key of the other it serves, too.
            key_of(loser).write_bytes(key_of(winner).read_bytes())
            loser.start()
            assert loser.call("GET", "/api/v2/oauth/clients", token=winner.token()).status == 200
            for node in nodes:
                node.stop()
        finally:
            for node in nodes:
                node.close()
        cluster.drop_database(url)


def key_of(node: RunningServer) -> Path:
    """Where its master key is."""
    return node.data_dir / "master.key"
