"""The address of a PostgreSQL database, as libpq writes it, several hosts included.

It is taken apart by hand, by libpq's rules: urllib knows but one host, and what it thinks of
brackets depends on the version of Python.
"""

import re
from collections.abc import Mapping
from ipaddress import IPv6Address
from typing import Final, NamedTuple
from urllib.parse import quote, unquote, urlencode

from grantory.errors import SetupError

SCHEMES: Final = ("postgresql", "postgres")
TARGETS: Final = ("read-write", "primary", "any")
"""All mean a server that takes writes: one that only follows another answers with what was."""
MOST_HOSTS: Final = 16
LAST_PORT: Final = 65_535
_DEFAULT_PORT: Final = "5432"
_SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_OURS: Final = frozenset({"user", "password", "host", "port", "dbname", "target_session_attrs"})
_PASSED_ON: Final = frozenset(
    {"sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslpassword", "sslnegotiation"}
    | {"ssl_min_protocol_version", "ssl_max_protocol_version", "passfile"}
)
_LEFT_ASIDE: Final = frozenset(
    {"application_name", "fallback_application_name", "client_encoding", "connect_timeout"}
    | {"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"}
    | {"tcp_user_timeout", "load_balance_hosts", "sslcompression"}
)
"""They have no bearing here: names and time limits are ours."""
_PROOF: Final = "write sslmode=verify-full and sslrootcert, which prove who the server is"
_LOGIN: Final = "log in with a password or, by sslcert and sslkey, with a certificate"
_WRITE_OUT: Final = "write what it stands for into the address itself"
_NOT_HERE: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "channel_binding": (("disable", "prefer"), _PROOF),
    "gssencmode": (("disable", "prefer"), _PROOF),
    "gssdelegation": (("0",), _LOGIN),
    "gsslib": ((), _LOGIN),
    "hostaddr": ((), "write the IP address as the host, or leave it out"),
    "krbsrvname": ((), _LOGIN),
    "options": ((), "give the user the setting (ALTER ROLE … IN DATABASE … SET …)"),
    "replication": (("0", "off", "no", "false"), "leave it out"),
    "require_auth": ((), f"ask for it in the server's pg_hba.conf, and {_PROOF}"),
    "requirepeer": ((), "put the socket into a folder that only the server can write to"),
    "service": ((), _WRITE_OUT),
    "servicefile": ((), _WRITE_OUT),
    "sslcertmode": (("allow",), "name sslcert and sslkey, or leave them out"),
    "sslcrldir": ((), "name one file in sslcrl"),
    "sslsni": (("1",), "leave it out: over TLS the driver always names the host"),
}
"""What the driver cannot do: the values that ask nothing of it, and what to write instead."""

_LISTED: Final = re.compile(r"(?:\[([^\[\]]+)\]|([^:\[\]]*))(?::(.*))?")
_LABEL: Final = "[A-Za-z0-9_-]{1,63}"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_PORT: Final = re.compile("[0-9]{1,5}")
_BAD_PERCENT: Final = re.compile("%(?![0-9A-Fa-f]{2})|%00")
_ENCODE: Final = (
    "the database address cannot be read: write what is special in a user's name or password "
    "as %40 for @, %2F for /, %3A for :, %3F for ?, %23 for #, %5B for [, %5D for ], %26 for &, "
    "%3D for = and %25 for %"
)


class PostgresAddress(NamedTuple):
    """Where a database is.

    Attributes:
        hosts: one address for the driver for each host, in the order in which they are tried.
        shown: the address without its password, for people.
    """

    hosts: tuple[str, ...]
    shown: str

    def __repr__(self) -> str:
        return f"PostgresAddress({self.shown})"


def read_address(url: str) -> PostgresAddress:
    """Reads an address such as ``postgresql://user:password@one:5432,two:5432/grantory``.

    Of several hosts the one that takes writes is meant, also where ``target_session_attrs``
    is left out or ``any``; libpq would take whichever answers.

    Raises:
        SetupError: with what is wrong; the text holds no password.
    """
    scheme, slashes, rest = url.strip().partition("://")
    if not slashes or scheme.lower().partition("+")[0] not in SCHEMES:
        raise SetupError("the database address must begin with postgresql:// or sqlite:///")
    before, _, query = rest.partition("?")
    authority, _, database = before.partition("/")
    login, _, listed = authority.rpartition("@")
    if "#" in rest or "@" in login + database + query or not rest.isprintable():
        # Of such a password a part would be taken for a host, a database or an option, and shown.
        raise SetupError(_ENCODE)
    user, _, password = login.partition(":")
    names, ports = _as_options(listed)
    given = {"user": _decoded(user), "password": _decoded(password), "dbname": _decoded(database)}
    given |= {"host": names, "port": ports} | _options(query)
    hosts = _hosts(given["host"], given["port"])
    user = quote(given["user"], safe="")
    database = quote(given["dbname"], safe="")
    login = f"{user}:{quote(given['password'], safe='')}" if given["password"] else user
    options = [(name, value) for name, value in given.items() if name in _PASSED_ON]
    shown = ",".join(host.shown for host in hosts)
    return PostgresAddress(
        hosts=tuple(host.address(login, database, options) for host in hosts),
        shown=f"postgresql://{user + '@' if user else ''}{shown}/{database}",
    )


class _Host(NamedTuple):
    """A name, an IP address, or the folder of a local socket; empty for what is usual."""

    name: str
    port: str
    default_port: str

    @property
    def shown(self) -> str:
        name = f"[{self.name}]" if ":" in self.name and not self.is_socket else self.name
        return quote(name, safe="/:[]%") + (f":{self.port}" if self.port else "")

    @property
    def is_socket(self) -> bool:
        return self.name.startswith("/")

    def address(self, login: str, database: str, options: list[tuple[str, str]]) -> str:
        """Gives its address for the driver, in which all that is special is quoted."""
        port = self.port or self.default_port
        where = ""
        if self.is_socket or not self.name:
            there = [("host", self.name), ("port", port)]
            options = [(name, value) for name, value in there if value] + options
        else:
            where = f"[{quote(self.name, safe=':')}]" if ":" in self.name else self.name
            where += f":{port}" if port else ""
        query = urlencode(options, quote_via=quote, safe="")
        login = f"{login}@" if login else ""
        database = f"/{database}" if database else ""  # an empty path would hide PGDATABASE
        return f"postgresql://{login}{where}{database}{'?' + query if query else ''}"


def _as_options(listed: str) -> tuple[str, str]:
    """Gives what stands for the hosts as values of the options ``host`` and ``port``."""
    names, ports = [], []
    for number, item in enumerate(listed.split(","), 1):
        match = _LISTED.fullmatch(item)
        if not match:
            raise _bad_host(number)
        names.append(_decoded(match[1] or match[2]))
        ports.append(_decoded(match[3] or ""))
    return ",".join(names), ",".join(ports)


def _options(query: str) -> dict[str, str]:
    found = {}
    for part in filter(None, query.split("&")):
        name, equals, value = part.partition("=")
        if not equals or "=" in value:
            raise SetupError(
                "an option in the database address must be name=value, and within the value "
                "%26 stands for &, %3D for ="
            )
        name, value = _decoded(name), _decoded(value)
        if (name, value) == ("ssl", "true"):  # as libpq does, for those who come from JDBC
            name, value = "sslmode", "require"
        _require_known(name, value)
        if value:
            found[name] = value
    return found


def _require_known(name: str, value: str) -> None:
    accepted, instead = _NOT_HERE.get(name, ((), ""))
    if instead and value and value not in accepted:
        raise SetupError(
            f"the option {name} in the database address cannot be honoured as it is: {instead}"
        )
    if name == "target_session_attrs" and value and value not in TARGETS:
        raise SetupError(
            f"{name} in the database address must be one of {', '.join(TARGETS)}, or be left "
            "out: every node changes the store, so a server that only reads is of no use"
        )
    if name == "sslmode" and value and value not in _SSL_MODES:
        raise SetupError(f"sslmode in the database address must be one of {', '.join(_SSL_MODES)}")
    if (name, value) == ("sslrootcert", "system"):
        raise SetupError(
            "sslrootcert=system in the database address cannot be honoured: name the system's "
            "file, such as /etc/ssl/certs/ca-certificates.crt"
        )
    if name not in _OURS | _PASSED_ON | _LEFT_ASIDE | _NOT_HERE.keys():
        raise SetupError(f"unknown option in the database address: {name[:64]}")


def _hosts(listed: str, ports: str) -> list[_Host]:
    names = listed.split(",")
    given = ports.split(",")
    if len(names) > MOST_HOSTS:
        raise SetupError(f"the database address names more than {MOST_HOSTS} hosts")
    if len(given) not in (1, len(names)):
        raise SetupError("the database address must name one port, or one for each host")
    # As in libpq: only where no port at all is named, the environment's PGPORT holds.
    default = _DEFAULT_PORT if len(given) > 1 else ""
    each = given if len(given) > 1 else given * len(names)
    found = []
    for number, (name, port) in enumerate(zip(names, each, strict=True), 1):
        if port and not (_PORT.fullmatch(port) and 1 <= int(port) <= LAST_PORT):
            raise _bad_host(number)
        usual = not name and len(names) == 1
        found.append(_Host("" if usual else _checked(name, number), port, default))
    return found


def _checked(name: str, number: int) -> str:
    if name.startswith("@"):
        raise SetupError(
            f"host {number} of the database address is an abstract socket, which the driver "
            "does not know: let the server listen on a socket in a folder, and name the folder"
        )
    if name.startswith("/") or _NAME.fullmatch(name):
        return name
    bare = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    try:
        IPv6Address(bare)
    except ValueError:
        raise _bad_host(number) from None
    return bare


def _bad_host(number: int) -> SetupError:
    return SetupError(
        f"host {number} of the database address must be host:port with a name or an address, "
        "IPv6 in brackets; in the option host it stands without its port, which the option "
        "port names"
    )


def _decoded(text: str) -> str:
    """Decodes %40 and the like; unlike in a form, + is a plain character."""
    if _BAD_PERCENT.search(text):
        raise SetupError(_ENCODE)
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise SetupError(_ENCODE) from None
