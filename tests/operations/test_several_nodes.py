"""Several nodes, metrics and failover of docs/operations.md, as they stand there."""

import os
import secrets
import shlex
import shutil
import subprocess
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from tests.operations.page import (
    BOTH_HOSTS,
    MAKE_DATABASE,
    METRICS_FILE,
    NEW_SECRET,
    NODE_FILE,
    PAGE,
    REFUSALS,
    SCRAPES,
    WAIT_FOR_STANDBY,
    commands,
)
from tests.support.command import quick_command
from tests.support.ports import HOST
from tests.support.postgres import OWNER, Cluster
from tests.support.postgres_process import USER, wait_for
from tests.support.processes import wait_until
from tests.support.server import Reply, RunningServer
from tools.system_packages import postgresql_programs

CLIENTS = "/api/v2/oauth/clients"
NEW = {"name": "a", "authorizedGrantType": "CODE"}
STANDBY = "standby"
BALANCER = "https://auth.example.com"
ORGANIZATION = "Example Ltd"
PROMOTE = "pg_ctl promote"


def hosts(*clusters: Cluster) -> str:
    """Where they are, as in an address."""
    return ",".join(f"{HOST}:{cluster.port}" for cluster in clusters)


def program(name: str) -> str:
    """A program of PostgreSQL."""
    folder = postgresql_programs()
    assert folder is not None
    return str(folder / name)


def make_database(cluster: Cluster, folder: Path) -> None:
    """What the page says, typed by the superuser; nobody has a password but PASSWORD."""
    cluster.psql(f"DROP ROLE {OWNER}")
    who = urlsplit(cluster.admin_url())
    subprocess.run(
        ["bash", "-euc", MAKE_DATABASE],
        env={
            "PATH": f"{Path(program('psql')).parent}:{os.environ['PATH']}",
            **{"PGHOST": HOST, "PGPORT": str(cluster.port), "PGUSER": str(who.username)},
            "PGPASSWORD": unquote(str(who.password)),
        },
        input="PASSWORD\nPASSWORD\n",
        cwd=folder,
        text=True,
        capture_output=True,
        check=True,
        start_new_session=True,  # without a terminal it reads the password from its input
    )


class Node(RunningServer):
    """A node whose settings are in a file, as the page has it."""

    def __init__(self, folder: Path, settings: str, **environment: str) -> None:
        folder.mkdir(exist_ok=True)
        file = folder / "grantory.toml"
        file.write_text(settings)
        self._folder_of_commands = folder
        self._variables = {"GRANTORY_CONFIG": str(file), **environment}
        super().__init__(environment=self._variables, data_dir=folder / "data")

    def command(self, line: str, **environment: str) -> str:
        """What a command of the page prints on this node."""
        given = {**self._variables, "GRANTORY_DATA_DIR": str(self.data_dir), **environment}
        done = quick_command(
            *shlex.split(line)[1:], environment=given, folder=self._folder_of_commands
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def copy_master_key(source: Node, target: Node) -> None:
    """What the page says of a node that comes second."""
    target.data_dir.mkdir(mode=0o700)
    copied = shutil.copy(source.data_dir / "master.key", target.data_dir)
    Path(copied).chmod(0o600)


def wait_for_the_standby(primary: Cluster) -> None:
    """Name it, and look whether it is what the page says."""
    primary.psql(WAIT_FOR_STANDBY)
    state = "SELECT application_name, sync_state FROM pg_stat_replication"
    assert f"`{state}`" in PAGE.text.replace("\n", " ")
    wait_for(lambda: primary.psql(state) == f"{STANDBY}|sync", "the standby")


def look_at_metrics(node: Node, credentials: Path) -> None:
    """Ask as Prometheus does by the page's file, and without the token."""
    [job] = yaml.safe_load(SCRAPES)["scrape_configs"]
    assert set(job) == {"job_name", "authorization", "static_configs"}
    assert set(job["authorization"]) == {"credentials_file"}
    bearer = {"Authorization": f"Bearer {credentials.read_text()}"}
    told = node.request("GET", "/metrics", headers=bearer)
    assert told.status == 200
    assert b"grantory_lease_age_seconds" in told.body
    assert node.request("GET", "/metrics").status == 401


def look_at_refusals(node: Node, organization: str, client_id: str) -> None:
    """A wrong secret is shown by both of the page's commands."""
    shown, of_one = commands(REFUSALS)
    assert node.ask_token(client_id, "x" * 43).status == 401
    wait_until(lambda: "wrong_secret" in node.command(shown), "the refusal")
    assert ORGANIZATION in of_one
    assert client_id in node.command(of_one.replace(ORGANIZATION, organization))


def look_at_a_new_secret(node: Node, administrator: dict[str, str], client_id: str) -> None:
    """The secret in doubt is replaced."""
    said = node.command(
        f"{NEW_SECRET.replace('CLIENT_ID', client_id)} --yes --show-secret --query secret",
        GRANTORY_URL=node.url,
        GRANTORY_CLIENT_ID=administrator["id"],
        GRANTORY_CLIENT_SECRET=administrator["secret"],
    )
    refusal = node.ask_token(client_id, said.strip())
    assert refusal.json()["error"] == "unauthorized_client", "its secret was right"


def promote(standby: Cluster) -> None:
    """Let the standby take writes."""
    assert f"`{PROMOTE}`" in PAGE.text
    name, word = PROMOTE.split()
    command = [program(name), word, "-s", "-D", str(standby.folder / "data")]
    subprocess.run(command, user=USER, cwd=standby.folder, check=True)


def changed(node: Node, token: str) -> str:
    """The id of a client, as soon as the node can make one."""
    answers: list[Reply] = []

    def made() -> bool:
        answers.append(node.call("POST", CLIENTS, NEW, token=token))
        assert answers[-1].status in (200, 503), answers[-1]
        return answers[-1].status == 200

    wait_until(made, "a change")
    return str(answers[-1].json()["id"])


def served(node: Node, path: str, token: str) -> bool:
    """Whether the node shows a client; until it has found the standby, it answers 503."""
    answer = node.call("GET", path, token=token)
    assert answer.status in (200, 503), answer
    return answer.status == 200


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nodes_are_set_up_and_outlive_the_primary(tmp_path: Path) -> None:
    with Cluster() as primary:
        make_database(primary, tmp_path)
        credentials = tmp_path / "metrics.token"
        credentials.write_text(secrets.token_hex(32))
        settings = NODE_FILE.replace("db.example.com:5432", hosts(primary))
        settings += f'public_url = "{BALANCER}"\n'
        settings += METRICS_FILE.replace("/etc/grantory/metrics.token", str(credentials))
        with Node(tmp_path / "first", settings) as alone:
            token = alone.token()
        with primary.standby(STANDBY) as standby:
            wait_for_the_standby(primary)
            line = BOTH_HOSTS.strip().replace("one:5432,two:5432", hosts(primary, standby))
            variable = dict([line.split("=", 1)])
            first = Node(tmp_path / "first", settings, **variable)
            second = Node(tmp_path / "second", settings, **variable)
            copy_master_key(first, second)
            with first, second:
                look_at_metrics(second, credentials)
                client_id = changed(first, token)
                look_at_refusals(second, first.first_start["organization"]["name"], client_id)
                look_at_a_new_secret(second, first.first_start["client"], client_id)
                primary.kill()
                promote(standby)
                for maker, other in ((first, second), (second, first)):
                    path = f"{CLIENTS}/{changed(maker, token)}"
                    wait_until(partial(served, other, path, token), "the client")
