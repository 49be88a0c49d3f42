"""Real PostgreSQL servers for the tests: private, on a free port, gone when the tests are."""

import atexit
import contextlib
import re
import secrets
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import quote, urlsplit

from tests.support.ports import HOST, free_port
from tests.support.postgres_process import Postmaster, wait_for

ADMINISTRATOR = "postgres"
OWNER = "grantory"  # who the tests log in as: owns the databases, is no superuser
STOPPING = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}

BASE_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "dynamic_shared_memory_type": "mmap",  # in the data folder: a killed server leaves nothing
    "shared_buffers": "32MB",
    # Two sites of four processes each may be up while a test starts a third one.
    "max_connections": "250",
    "wal_retrieve_retry_interval": "100ms",
}
DATA, PASSWORD = "data", "password"
FAST_SETTINGS = {"fsync": "off", "full_page_writes": "off"}


class Cluster:
    """One PostgreSQL server with a data folder of its own.

    As a context manager it starts on entry and vanishes on exit. The roles are ``grantory``,
    which ``url`` names, and the superuser of ``psql``; both log in with a password.

    Args:
        durable: write to disk what is committed, for tests of power cuts.
        settings: lines of postgresql.conf.
        initdb: further arguments of initdb, such as another locale.
        kept: what ``keep`` has left of another server, to begin with a copy of it.
    """

    def __init__(
        self,
        *,
        durable: bool = False,
        settings: Mapping[str, str] | None = None,
        initdb: Sequence[str] = (),
        kept: Path | None = None,
        _primary: "Cluster | None" = None,
        _name: str = "primary",
    ) -> None:
        self.name = _name
        self.durable = durable
        self.settings = dict(settings or {})
        self.port = free_port()
        self._initdb = tuple(initdb)
        self._primary = _primary
        self._kept = kept
        # Needs to be quoted in a URL, as a password may.
        self._password: str = _primary._password if _primary else f"@:/%{secrets.token_urlsafe(12)}"
        self._templates: dict[str, str] = {}
        self._server = Postmaster()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def running(self) -> bool:
        """Whether the server lives."""
        return self._server.running

    @property
    def process_id(self) -> int:
        """The process id of the postmaster."""
        return self._server.process_id

    @property
    def folder(self) -> Path:
        """Where its data, its log and nothing else are, until it is closed."""
        return self._server.folder

    def start(self) -> None:
        """Start the server, the first time with a new data folder, and wait until it is ready."""
        first = not self._server.data.exists()
        if first and self._primary:
            self._copy_primary(self._primary)
        elif first and self._kept:
            self._copy_kept(self._kept)
        elif first:
            self._make_data_folder()
        self._server.start()
        if first and not self._primary and not self._kept:
            self.psql(f"CREATE ROLE {OWNER} LOGIN PASSWORD '{self._password}'")

    def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """Shut the server down, and wait until it is gone."""
        self._server.stop(STOPPING[mode])

    def kill(self) -> None:
        """End all processes with SIGKILL; when this returns, ``start`` works at once."""
        self._server.kill()

    def restart(self) -> None:
        """Stop the server if it runs, and start it on the same port and data folder."""
        if self.running:
            self.stop()
        self.start()

    def pause(self) -> None:
        """Make all processes stand still: connections stay open, nobody answers."""
        self._server.pause()

    def resume(self) -> None:
        """Let a server that was paused go on."""
        self._server.resume()

    def keep(self, folder: Path) -> None:
        """Stop the server, and leave all it has in a new folder, for a later one to begin with."""
        self.stop()
        shutil.copytree(self._server.data, folder / DATA)
        file = folder / PASSWORD
        file.touch(mode=0o600)
        file.write_text(self._password, encoding="utf-8")

    def close(self) -> None:
        """Leave nothing behind, whatever state the server is in."""
        self._server.close()

    def log_text(self) -> str:
        """All that the server has logged."""
        return self._server.log_text()

    def url(self, database: str, *, hosts: Sequence[str] | None = None) -> str:
        """The URL of a database, for its owner; ``hosts`` are ``host:port``, tried in turn."""
        return self._url(OWNER, database, hosts)

    def admin_url(self, database: str = "postgres") -> str:
        """The URL of a database for the superuser."""
        return self._url(ADMINISTRATOR, database)

    def psql(self, sql: str, database: str = "postgres", *, seconds: float = 60) -> str:
        """Run SQL as superuser, each statement by itself; rows are lines, columns lie between |."""
        return self._server.run(
            "psql",
            *("-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.admin_url(database)),
            text=sql,
            seconds=seconds,
        )

    def create_database(self, name: str | None = None, template: str | None = None) -> str:
        """Make a database, by default empty and with a name of its own; answers the name."""
        made = name or f"test_{secrets.token_hex(6)}"
        source = f' TEMPLATE "{template}"' if template else ""
        self.psql(f'CREATE DATABASE "{made}" OWNER {OWNER}{source}')
        return made

    def drop_database(self, database: str) -> None:
        """Remove a database, given by name or URL, and end its connections."""
        name = urlsplit(database).path.lstrip("/") if "://" in database else database
        self.psql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def template_of(self, key: str, fill: Callable[[str], None]) -> str:
        """A database that ``fill`` was given the URL of, once for a key; answers its name."""
        if key not in self._templates:
            plain = re.sub(r"\W+", "_", key.lower())
            name = self.create_database(f"template_{len(self._templates)}_{plain}"[:60])
            try:
                fill(self.url(name))
            except BaseException:
                self.drop_database(name)
                raise
            # It can be copied only while nobody is connected, so nobody may connect any more.
            self.psql(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            self._templates[key] = name
        return self._templates[key]

    def copy_of(self, template: str) -> str:
        """The URL of a new database that holds what a template holds."""
        return self.url(self.create_database(template=template))

    def standby(
        self, name: str = "standby", settings: Mapping[str, str] | None = None
    ) -> "Cluster":
        """A second server, to be started as this one is, that follows this one."""
        return Cluster(
            durable=self.durable,
            settings={**self.settings, **(settings or {})},
            _primary=self,
            _name=name,
        )

    def wait_for_commits_by(self, standby: "Cluster") -> None:
        """From now on a commit is acknowledged only when a standby has it, too."""
        self._set_synchronous_standbys(f'FIRST 1 ("{standby.name}")')
        state = (
            f"SELECT sync_state FROM pg_stat_replication WHERE application_name='{standby.name}'"
        )
        wait_for(lambda: self.psql(state) == "sync", f"{standby.name} to be synchronous")
        self.psql("CHECKPOINT")  # the process that does it is the one that makes commits wait

    def wait_for_no_standby(self) -> None:
        """From now on a commit is acknowledged by this server alone."""
        self._set_synchronous_standbys("")

    def promote(self) -> None:
        """Make a standby take writes, and wait until it does."""
        self.psql("SELECT pg_promote()")
        wait_for(lambda: self.psql("SELECT pg_is_in_recovery()") == "f", "the promotion")

    def _url(self, role: str, database: str, hosts: Sequence[str] | None = None) -> str:
        where = ",".join(hosts or [f"{HOST}:{self.port}"])
        return f"postgresql://{role}:{quote(self._password, safe='')}@{where}/{database}"

    def _make_data_folder(self) -> None:
        password_file = self._server.folder / "password"
        password_file.write_text(f"{self._password}\n", encoding="utf-8")
        self._server.hand_over(password_file)
        self._server.run(
            "initdb",
            *("-D", str(self._server.data), "-U", ADMINISTRATOR, f"--pwfile={password_file}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"),
            *("--no-sync", *self._initdb),
        )
        password_file.unlink()
        speed = {} if self.durable else FAST_SETTINGS
        self._configure({**BASE_SETTINGS, **speed, **self.settings})

    def _copy_primary(self, primary: "Cluster") -> None:
        # With -R it writes standby.signal, and this URL as the address to follow.
        address = f"{primary.admin_url()}?application_name={self.name}"
        self._server.run(
            "pg_basebackup",
            *("-D", str(self._server.data), "-d", address),
            *("-R", "-X", "stream", "--checkpoint=fast", "--no-sync"),
        )
        self._configure(self.settings)
        # Once promoted it would wait for the standbys of its primary, so for itself.
        file = self._server.data / "postgresql.auto.conf"
        lines = file.read_text("utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith("synchronous_standby_names")]
        file.write_text("".join(kept), encoding="utf-8")

    def _copy_kept(self, folder: Path) -> None:
        self._password = (folder / PASSWORD).read_text("utf-8")
        data = self._server.data
        shutil.copytree(folder / DATA, data)
        for path in (data, *data.rglob("*")):
            self._server.hand_over(path)
        self._configure(self.settings)

    def _configure(self, settings: Mapping[str, str]) -> None:
        with (self._server.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            for name, value in {**settings, "port": str(self.port)}.items():
                quoted = value.replace("'", "''")
                file.write(f"{name} = '{quoted}'\n")

    def _set_synchronous_standbys(self, names: str) -> None:
        self.psql(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        self.psql("SELECT pg_reload_conf()")


@cache
def shared_cluster() -> Cluster:
    """The server that all tests of this process share; it starts when it is first asked for."""
    cluster = Cluster()
    atexit.register(cluster.close)
    cluster.start()
    return cluster


@contextlib.contextmanager
def fresh_database(key: str, fill: Callable[[str], None]) -> Iterator[str]:
    """The URL of a database on the shared server, copied from the template of a key.

    The first time, ``fill`` is given the URL of the template to be. On exit it is dropped.
    """
    cluster = shared_cluster()
    url = cluster.copy_of(cluster.template_of(key, fill))
    try:
        yield url
    finally:
        cluster.drop_database(url)
