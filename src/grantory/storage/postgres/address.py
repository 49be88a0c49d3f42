"""The address of a PostgreSQL database, as libpq writes it, several hosts included."""

import re
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from grantory.errors import SetupError

SCHEMES: Final = ("postgresql", "postgres")
TARGETS: Final = ("read-write", "primary")
"""A server that only follows another answers with what was: it is never used."""
MOST_HOSTS: Final = 16
LAST_PORT: Final = 65_535
_PASSED_ON: Final = frozenset(
    {"sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslpassword", "passfile", "user"}
    | {"password", "ssl_min_protocol_version", "ssl_max_protocol_version", "sslnegotiation"}
)
_MEANT_FOR_LIBPQ: Final = frozenset(
    {"application_name", "connect_timeout", "keepalives", "keepalives_idle", "channel_binding"}
    | {"keepalives_interval", "keepalives_count", "tcp_user_timeout", "load_balance_hosts"}
    | {"gssencmode", "fallback_application_name", "client_encoding"}
)
"""Options that have no bearing here: timeouts and names are ours."""
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|/[^:?#@]*|[A-Za-z0-9_.%-]*)(:[0-9]{1,5})?")
_ENCODE: Final = (
    "the database address cannot be read: write what is special in a user's name or password "
    "as %40 for @, %2F for /, %3A for :, %3F for ?, %23 for #, %5B for [, %5D for ] and %25 for %"
)


class PostgresAddress(NamedTuple):
    """Where a database is.

    Attributes:
        hosts: one address for the driver for each host, in the order in which they are tried.
        target: what a host must be: ``read-write`` or ``primary``.
        shown: the address without its password, for people.
    """

    hosts: tuple[str, ...]
    target: str
    shown: str

    def __repr__(self) -> str:
        return f"PostgresAddress({self.shown})"


def read_address(url: str) -> PostgresAddress:
    """Reads an address such as ``postgresql://user:password@one:5432,two:5432/grantory``.

    Of several hosts the one that takes writes is meant, unless ``target_session_attrs`` says
    otherwise; libpq would take any.

    Raises:
        SetupError: with what is wrong; the text holds no password.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # its text may hold the password
        raise SetupError(_ENCODE) from None
    scheme = parts.scheme.partition("+")[0]
    if scheme not in SCHEMES:
        raise SetupError("the database address must begin with postgresql:// or sqlite:///")
    if "#" in url or "@" in parts.path or "@" in parts.query:
        # Of such a password a part would be taken for a database or an option, and be shown.
        raise SetupError(_ENCODE)
    login, _, listed = parts.netloc.rpartition("@")
    database = parts.path.lstrip("/")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    target = options.pop("target_session_attrs", "")
    if target and target not in TARGETS:
        raise SetupError(
            f"target_session_attrs in the database address must be one of {', '.join(TARGETS)}"
        )
    database = options.pop("dbname", database)
    hosts = _hosts(options.pop("host", "") or listed, options.pop("port", ""))
    for name in options:
        if name not in _PASSED_ON and name not in _MEANT_FOR_LIBPQ:
            raise SetupError(f"unknown option in the database address: {name[:64]}")
    query = urlencode([(n, v) for n, v in options.items() if n in _PASSED_ON])
    user = login.partition(":")[0] or quote(options.get("user", ""))
    return PostgresAddress(
        hosts=tuple(_driver_address(login, host, database, query) for host in hosts),
        target=target or "read-write",
        shown=f"postgresql://{user + '@' if user else ''}{','.join(hosts)}/{database}",
    )


def _hosts(listed: str, ports: str) -> list[str]:
    hosts = listed.split(",")
    given = ports.split(",") if ports else []
    if len(hosts) > MOST_HOSTS:
        raise SetupError(f"the database address names more than {MOST_HOSTS} hosts")
    if len(given) > 1 and len(given) != len(hosts):
        raise SetupError("the database address must name one port, or one for each host")
    found = []
    for number, named in enumerate(hosts):
        port = given[number if len(given) > 1 else 0] if given else ""
        host = f"{named}:{port}" if port else named
        match = _HOST.fullmatch(host)
        if not match or not 1 <= int((match[2] or ":5432")[1:]) <= LAST_PORT:
            raise SetupError(f"host {number + 1} of the database address must be host:port")
        found.append(host)
    return found


def _driver_address(login: str, host: str, database: str, query: str) -> str:
    if host.startswith("/"):  # the folder of a local socket
        folder, _, port = host.partition(":")
        socket = urlencode({"host": folder, "port": port or "5432"})
        query = "&".join(part for part in (socket, query) if part)
        host = ""
    login = f"{login}@" if login else ""
    return f"postgresql://{login}{host}/{database}{'?' + query if query else ''}"
